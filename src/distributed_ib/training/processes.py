"""Several processes that train one sweep together, each with its own devices.

The processes run the same code on the same data. Whatever depends on the clock, a folder or a
signal is decided by the first process, or by all of them jointly, so that they never diverge.
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from safetensors.numpy import load, save

from distributed_ib.errors import UserError

# Index and number of this process as MPICH, Open MPI and SLURM set them.
_INDEX = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
_COUNT = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")
# If a process ends, the others notice its broken connections at once; this is for a machine that
# disappears without closing them.
_HEARTBEAT_SECONDS = 60
_START_SECONDS = 300  # as long as JAX waits for processes


class LostProcessError(UserError):
    """A process that trained together with this one has ended."""


@dataclass(frozen=True)
class Group:
    """A group of processes that train together, and the place of this process in it.

    Values that are None are taken from the environment variables of `srun` or `mpirun`.

    Attributes:
        coordinator: Address and port of the first process, such as "10.0.0.1:1234".
        n_processes: Number of processes.
        index: Index of this process, from 0.

    Raises:
        UserError: If a number is out of range, or the address has no port.

    Example:
        >>> Group("10.0.0.1", 2, 0)
        Traceback (most recent call last):
            ...
        distributed_ib.errors.UserError: --coordinator must be an address with a port, such
        as 10.0.0.1:1234, got 10.0.0.1.
    """

    coordinator: str | None = None
    n_processes: int | None = None
    index: int | None = None

    def __post_init__(self) -> None:
        if self.coordinator is not None and not self.coordinator.rpartition(":")[2].isdigit():
            raise UserError(
                "--coordinator must be an address with a port, such as 10.0.0.1:1234, got "
                f"{self.coordinator}."
            )
        if self.n_processes is not None and self.n_processes < 1:
            raise UserError(f"--processes must be at least 1, got {self.n_processes}.")
        if self.index is not None and not 0 <= self.index < (self.n_processes or self.index + 1):
            raise UserError(
                "--process must be the index of this process, from 0 to "
                f"{(self.n_processes or 1) - 1}, got {self.index}."
            )

    def join(self) -> None:
        """Join the group and wait for the other processes; call it once, before JAX starts.

        If another process doesn't join within five minutes, JAX ends this process.

        Raises:
            UserError: If the environment describes no group, or the first process doesn't respond.
        """
        count, index = self.n_processes, self.index
        if self.coordinator is not None:  # else JAX finds all values itself, or none
            count = _from_environment(_COUNT) if count is None else count
            index = _from_environment(_INDEX) if index is None else index
            if index:
                _wait_for_answer(self.coordinator)
        try:
            jax.distributed.initialize(
                self.coordinator, count, index, heartbeat_timeout_seconds=_HEARTBEAT_SECONDS
            )
        except (ValueError, TypeError):
            raise UserError(
                "--distributed found no group of processes: start them with srun or mpirun, or "
                "give each of them --coordinator HOST:PORT, --processes N and --process INDEX."
            ) from None
        except jax.errors.JaxRuntimeError as error:
            at = "" if self.coordinator is None else f" at {self.coordinator}"
            raise UserError(
                f"the processes can't be connected{at}: {_first_words(error)}."
            ) from None
        # One collective library prints a line when it connects.
        with report_lost_processes(), _without_output():
            multihost_utils.sync_global_devices("joined")
        if jax.default_backend() == "cpu":
            # All connections exist now, and a broken one is an error in Python, whereas the service
            # that made them would end this process with a stack dump.
            jax.distributed.shutdown()


def _wait_for_answer(coordinator: str) -> None:
    """Wait until the first process of a group listens.

    Otherwise, JAX would end this process with a stack dump.

    Raises:
        UserError: If it doesn't listen in time, or there is no such host.
    """
    host, _, port = coordinator.rpartition(":")
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
            return
        except OSError as error:
            if isinstance(error, socket.gaierror) or time.monotonic() > end:
                raise UserError(
                    f"--coordinator {coordinator}: no process responds there "
                    f"({error.strerror or error}); give the address of process 0."
                ) from None
        time.sleep(0.2)


@contextmanager
def _without_output() -> Iterator[None]:
    """Discard what compiled code prints to standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def is_first() -> bool:
    """Whether this process writes files: it is the first of a group, or the only one."""
    return jax.process_index() == 0


def leave_group() -> None:
    """Leave the group after training; the first process does the remaining work."""
    if jax.distributed.is_initialized():
        jax.distributed.shutdown()


@contextmanager
def report_lost_processes() -> Iterator[None]:
    """Within this context, a failed exchange is reported as the loss of a process.

    Raises:
        LostProcessError: If another process has ended.
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        # Gloo, which exchanges data between CPUs, raises ValueErrors.
        if type(error) is ValueError and "Gloo" not in str(error):
            raise
        raise LostProcessError(
            "the connection to another process of the group was lost, so this process ends. "
            "Results up to this point, if any, are kept in the run folder. To continue, start all "
            "processes again with --resume."
        ) from None


def broadcast_flag(flag: bool) -> bool:
    """The flag as passed by the first process of a group."""
    return bool(_broadcast(np.asarray(flag)))


def common_pace(steps_per_second: float, stop: bool) -> tuple[float, bool]:
    """The pace of the first process, and whether any process is to stop."""
    with report_lost_processes():
        gathered = np.asarray(
            multihost_utils.process_allgather(np.array([steps_per_second, stop], np.float32))
        )
    return float(gathered[0, 0]), bool(gathered[:, 1].any())


def arrays_of_first(arrays: dict[str, Any]) -> dict[str, Any]:
    """Named arrays as passed by the first process; those of the others are ignored."""
    content = save({name: np.asarray(array) for name, array in arrays.items()})
    size = int(_broadcast(np.asarray(len(content), np.int32)))
    padded = np.zeros(size, np.uint8)
    if is_first():
        padded[:] = np.frombuffer(content, np.uint8)
    return load(_broadcast(padded).tobytes())


def _broadcast(array: np.ndarray) -> np.ndarray:
    with report_lost_processes():
        return np.asarray(multihost_utils.broadcast_one_to_all(array))


def _from_environment(names: tuple[str, ...]) -> int | None:
    given = [os.environ[name] for name in names if os.environ.get(name, "").isdigit()]
    return int(given[0]) if given else None


def _first_words(error: Exception) -> str:
    """The first line of an error of JAX, at most 200 characters."""
    return str(error).strip().splitlines()[0].rstrip(".")[:200]
