"""A short sweep that can be stopped at any step, for tests of checkpoints."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import numpy as np

from distributed_ib.data.batches import ArrayBatches, BatchSource
from distributed_ib.training import _checkpoint_files as files
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import line_data, line_model

SCHEDULE = BetaSchedule(1e-3, 1.0, n_steps=40, n_pretraining_steps=20)
DATA = line_data()


class Killed(BaseException):
    """Simulates the end of the process."""


def stop_at(step: int) -> Callable[[SweepProgress], None]:
    """Returns a callback that ends the sweep after `step`, before its checkpoint is written."""

    def progress(now: SweepProgress) -> None:
        if now.step == step:
            raise Killed

    return progress


def line_sweep(
    folder: Path | None = None,
    batches: BatchSource | None = None,
    schedule: BetaSchedule = SCHEDULE,
    make_model: Callable[[jax.Array], Any] = line_model,
    seconds: float = 0.0,
    **options: Any,
) -> SweepResult:
    defaults: dict[str, Any] = {
        "seed": 1,
        "n_seeds": 2,
        "learning_rate": 0.05,
        "validation": DATA,
        "n_records": 8,
        "checkpoints": None if folder is None else Checkpoints(folder, seconds),
    }
    batches = batches or ArrayBatches(DATA, 16)
    return sweep(make_model, batches, schedule, **{**defaults, **options})


def assert_same(first: SweepResult, second: SweepResult) -> None:
    def content(result: SweepResult) -> Any:
        snapshots = result.snapshots
        history = [vars(result.annealing), vars(result.pretraining)]
        return history, snapshots.params, snapshots.record, snapshots.beta

    assert (first.status, first.message) == (second.status, second.message)
    for a, b in zip(jax.tree.leaves(content(first)), jax.tree.leaves(content(second)), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def newest(folder: Path) -> files.Manifest:
    return files.read_manifest(folder, files.checkpoint_numbers(folder)[0])


def resumes_at(folder: Path) -> int:
    """Returns the first step that a resumed sweep makes."""
    steps: list[int] = []

    def progress(now: SweepProgress) -> None:
        steps.append(now.step)
        raise Killed

    with suppress(Killed):
        line_sweep(folder, progress=progress, resume=True)
    return steps[0]
