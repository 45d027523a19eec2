"""Short units of work, to test where they run and what is lost with a worker.

Each unit records in a folder when it begins, with the id of its process.
"""

import os
import signal
import time
from pathlib import Path

from distributed_ib.errors import UserError


def begun(folder: Path, unit: str) -> list[int]:
    """Ids of the processes in which a unit was begun, in order."""
    path = folder / unit
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def taken(folder: Path, unit: str) -> Path:
    """Path of the file by which the client marks that it has the result of a unit."""
    return folder / f"taken {unit}"


def work(folder: Path, unit: str) -> str:
    """Return the name of the unit twice; the name also determines how the unit behaves."""
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
    """Number of threads that JAX uses in the process of a unit."""
    from distributed_ib._threads import xla_threads

    return xla_threads()
