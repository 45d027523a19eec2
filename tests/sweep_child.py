"""A sweep in a child process that a test can kill.

    python sweep_child.py RESULT.npz MODEL N_STEPS [CHECKPOINTS]

Without CHECKPOINTS it runs uninterrupted. With them it resumes from the newest one, makes single
steps with a checkpoint after each, and pauses after every step, so that it has a minimum duration.
"""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax import Array

from distributed_ib.data.batches import ArrayBatches, Batch
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training._running_sweep import Model
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from toy import line_data, line_model, xor_data, xor_model

REST_SECONDS = 0.005
MODELS: dict[str, tuple[Callable[[Array], Model], Batch]] = {
    "line": (line_model, line_data()),
    "xor": (xor_model, xor_data()),
}


def tell(now: SweepProgress) -> None:
    """Print the step that was made, and pause."""
    print(now.step, flush=True)
    time.sleep(REST_SECONDS)


def main(result_path: str, model: str, n_steps: str, folder: str | None = None) -> None:
    """Run or resume the sweep, and store all its numbers in one file."""
    jax.config.update("jax_disable_most_optimizations", True)
    warnings.filterwarnings("ignore", "skipped checkpoint|.* contains no checkpoint")
    make_model, data = MODELS[model]
    checkpoints = None
    if folder is not None:
        checkpoints = Checkpoints(Path(folder), seconds=0)
        sweep_module.SECONDS_PER_STRETCH = 0.0
    result = sweep(
        make_model,
        ArrayBatches(data, 64),
        BetaSchedule(1e-3, 1.0, n_steps=int(n_steps), n_pretraining_steps=40),
        seed=5,
        n_seeds=2,
        learning_rate=1e-2,
        validation=data,
        n_records=30,
        progress=None if checkpoints is None else tell,
        checkpoints=checkpoints,
        resume=checkpoints is not None,
    )
    leaves = jax.tree.leaves(
        (vars(result.annealing), vars(result.pretraining), result.snapshots.params)
    )
    arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
    np.savez(result_path, result.snapshots.record, result.snapshots.beta, *arrays)
    if checkpoints is not None:
        checkpoints.remove()
    print(result.status, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
