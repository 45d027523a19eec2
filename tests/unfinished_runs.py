"""Small sweeps of all commands that sweep, stopped at a given step."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from distributed_ib.studies.boolean import BooleanStudy
from distributed_ib.studies.boolean import circuit_optimality as optimality
from distributed_ib.studies.glass import GlassStudy, save_table
from distributed_ib.studies.image import ImageStudy
from distributed_ib.studies.patterns import PatternsStudy
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training._loop import run_steps
from distributed_ib.training.progress import ProgressBar, ProgressCallback, SweepProgress
from test_glass_study import SMALL, glass_like

N_BEFORE, N_STEPS = 3, 12
"""Steps of pretraining, if any, and steps while beta rises; each step is a record."""

TINY: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (
        BooleanStudy,
        {"hidden": (8,)},
        {"batch_size": 16, "learning_rate": 0.2, "n_pretraining_steps": N_BEFORE},
    ),
    (
        ImageStudy,
        {"encoder_hidden": (8,), "predictor_hidden": (8,)},
        {"batch_size": 16, "n_pretraining_steps": N_BEFORE},
    ),
    (PatternsStudy, {"hidden": (8,)}, {"batch_size": 16}),
]
"""Studies with their options and training settings."""
COMMANDS = ("boolean", "image", "patterns", "glass", "fit")


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Make all presets tiny, and train one step at a time."""
    patch.setattr(sweep_module, "SECONDS_PER_STRETCH", 0.0)
    patch.setattr(optimality, "N_BETA", 3)
    for study, options, training in TINY:
        quick = study.presets()["quick"]
        train = replace(quick.train, **{**training, "n_steps": N_STEPS})
        tiny = replace(quick, **options, train=train)
        patch.setattr(study, "presets", lambda tiny=tiny: {"quick": tiny})
    train = replace(SMALL.train, n_steps=N_STEPS, n_pretraining_steps=N_BEFORE)
    glass = {"quick": replace(SMALL, train=train)}
    patch.setattr(GlassStudy, "presets", classmethod(lambda _: glass))


def arguments(command: str, data: Path, out: Path) -> list[str]:
    """A command line that runs one tiny sweep, or two."""
    ladder = ["--starts", "2", "--resamples", "2", "--no-evidence"]
    made_from = {
        "boolean": ["boolean", "--expression", "a & b"],
        "image": ["image", str(data / "picture.png")],
        "patterns": ["patterns", "--pattern", "circle"],
        "glass": ["glass", "analyse", str(data / "glasses" / "gradual.npz")],
        "glasses": ["glass", "analyse", str(data / "glasses")],
        "fit": ["fit", str(data / "table.csv"), "--target", "y", "--steps", "40", *ladder],
    }
    return [*made_from[command], "--out", str(out)]


def write_data(folder: Path) -> None:
    """Write a picture, a table and two glasses."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (6, 9, 3), dtype=np.uint8)).save(folder / "picture.png")
    a, b = rng.normal(size=(2, 60))
    pd.DataFrame({"a": a, "b": b, "y": np.where(a > 0, "yes", "no")}).to_csv(
        folder / "table.csv", index=False
    )
    (folder / "glasses").mkdir()
    for name in ("gradual", "rapid"):
        save_table(glass_like(name=name), folder / "glasses" / f"{name}.npz")


def press_ctrl_c(step: int) -> ProgressCallback:
    """A progress callback that sends Ctrl-C after a number of steps."""
    n_made = 0

    def progress(now: SweepProgress) -> None:
        nonlocal n_made
        n_made += 1
        if n_made == step:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def interrupt_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Send Ctrl-C after a number of steps of a command, counted over all its sweeps."""
    shown, press = ProgressBar.__call__, press_ctrl_c(step)

    def show(bar: ProgressBar, now: SweepProgress) -> None:
        shown(bar, now)
        press(now)

    patch.setattr(ProgressBar, "__call__", show)


def diverge_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Make the loss of every sweep not finite from a step on."""

    def run_and_fail(*given: Any) -> Any:
        state = run_steps(*given)
        bad = int(state.step) >= step
        return state._replace(finite=jnp.zeros_like(state.finite)) if bad else state

    patch.setattr(sweep_module, "run_steps", run_and_fail)
