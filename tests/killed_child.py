"""The command `dib` in a child process that kills itself, for tests of what it leaves behind.

    python killed_child.py STEP ARGUMENT...

It makes single training steps with a checkpoint after each, and sends itself SIGKILL after STEP
of them, which may be spread over several sweeps.
"""

import os
import signal
import sys

from distributed_ib.cli.main import run
from distributed_ib.scheme.fitting import SweepStore
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import ProgressBar, SweepProgress
from quick_compilation import compiled_quickly


def kill_at(step: int) -> None:
    """Make the progress bar kill the process after `step` training steps."""
    n_made = 0

    def tell(bar: ProgressBar, now: SweepProgress) -> None:
        nonlocal n_made
        n_made += 1
        if n_made == step:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(ProgressBar, "__call__", tell)  # noqa: B010


def checkpoints_at_every_step() -> None:
    """Write a checkpoint after every step."""
    placed = SweepStore.checkpoints

    def checkpoints(store: SweepStore, name: str) -> Checkpoints:
        return Checkpoints(placed(store, name).folder, seconds=0)

    setattr(SweepStore, "checkpoints", checkpoints)  # noqa: B010
    sweep_module.SECONDS_PER_STRETCH = 0.0


if __name__ == "__main__":
    kill_at(int(sys.argv[1]))
    checkpoints_at_every_step()
    sys.argv = ["dib", *sys.argv[2:]]
    with compiled_quickly():
        run()
