"""Units of work that take no time, for tests of where they run and what is lost with a worker.

Each notes in a folder that it was begun, with the process that it ran in.
"""

import os
import signal
import time
from pathlib import Path

from distributed_ib.errors import UserError


def begun(folder: Path, unit: str) -> list[int]:
    """The processes in which a unit was begun, in order."""
    path = folder / unit
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def taken(folder: Path, unit: str) -> Path:
    """The note of the client that it has the result of a unit."""
    return folder / f"taken {unit}"


def work(folder: Path, unit: str) -> str:
    """The unit twice; what it does meanwhile stands in its name."""
    with (folder / unit).open("a") as notes:
        notes.write(f"{os.getpid()}\n")
    n_tries = len(begun(folder, unit))
    _, _, other = unit.partition(" after ")
    while other and not taken(folder, other).exists():
        time.sleep(0.01)
    if unit.startswith("dies") or (unit.startswith("lost") and n_tries == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if unit.startswith("terminated") and n_tries == 1:
        raise KeyboardInterrupt
    if unit.startswith("wrong"):
        raise UserError(f"{unit} is wrong.")
    if unit.startswith("long"):
        time.sleep(60)
    if unit.startswith("waits"):
        time.sleep(0.3)
    return 2 * unit


def threads(_: None, unit: str) -> int:
    """Threads that JAX uses where a unit runs."""
    from distributed_ib._threads import xla_threads

    return xla_threads()
