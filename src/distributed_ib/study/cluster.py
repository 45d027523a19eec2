"""Units of work on a Dask cluster.

They are submitted with Dask's own client. joblib's Dask backend does not report a task that was
lost with its worker (joblib 1.6 calls back for results only), and would wait forever.
"""

import ctypes
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from distributed_ib._threads import XLA_THREADS, use_xla_threads, xla_threads
from distributed_ib.errors import UserError, first_line
from distributed_ib.study.workers import versions
from distributed_ib.training.progress import SweepProgress

S = TypeVar("S")
R = TypeVar("R")

CONNECT_SECONDS = 30
_TRIM_THRESHOLD = "MALLOC_TRIM_THRESHOLD_"
# M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h, in bytes: the largest values that glibc
# reaches by itself.
_MALLOC_LIMITS = {-1: 64 << 20, -3: 32 << 20}
# Each has its own level.
_LOGGERS = ("distributed", "distributed.client", "tornado.application")
_KEPT = "Finished parts are kept, and the run can be resumed."


def results_of_cluster(
    address: str, work: Callable[[S, str], R], shared: S, units: Sequence[str]
) -> Iterator[tuple[str, R]]:
    """Run units on a cluster and yield their results as they arrive.

    A unit whose worker is lost is run again on another one, as often as Dask allows
    (`distributed.scheduler.allowed-failures`, by default 3 times).

    Raises:
        UserError: If the scheduler can't be reached or is lost, a unit was lost too often, or a
            worker has other versions of the packages that determine the bits of the results.
    """
    import cloudpickle
    import dask
    from distributed import Client, as_completed

    settings = {"distributed.admin.large-graph-warning-threshold": "1TB"}
    with _quiet_client(), dask.config.set(settings):
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UserError(
                f"--dask: no scheduler responds at {address} ({first_line(error)}); check the "
                "address, and that the scheduler is running."
            ) from None
        try:
            # As a task and not with `scatter`, so that it outlives the workers that hold it.
            data = client.submit(_identity, cloudpickle.dumps((work, shared)), pure=False)
            about = (versions(), xla_threads())
            futures = {client.submit(_work, data, unit, about, pure=False): unit for unit in units}
            for future in as_completed(list(futures), loop=client.loop):
                unit = futures.pop(future)
                yield unit, _result(future, unit, address)
        finally:
            # Otherwise workers would go on with units whose results are no longer wanted.
            if client.status == "running":
                client.cancel([*futures])
            client.close(timeout=2)


def _result(future: Any, unit: str, address: str) -> Any:
    from distributed import KilledWorker

    if future.status == "cancelled":
        raise UserError(f"--dask: the connection to the scheduler at {address} was lost. {_KEPT}")
    try:
        return future.result()
    except KilledWorker as error:
        raise UserError(
            f"--dask: {unit} was tried {error.allowed_failures + 1} times, and each time the "
            "connection to its worker was lost; the most common cause is too little memory. "
            f"{_KEPT}"
        ) from None
    except ImportError as error:
        raise UserError(
            f"--dask: a worker can't run the task ({first_line(error)}); install the same version "
            "of distributed-ib on the workers."
        ) from None


def _identity(content: bytes) -> bytes:
    return content


def _work(content: bytes, unit: str, about: tuple[Mapping[str, str], int]) -> Any:
    """Run a unit in a worker's process."""
    import cloudpickle
    from distributed import get_worker

    wanted, n_threads = about
    worker = get_worker()
    for name, version in versions().items():
        if version != wanted[name]:
            raise UserError(
                f"--dask: the worker {worker.address} has {name} {version}, but this process has "
                f"{wanted[name]}, so results might differ in the last bits; install the same "
                "version."
            )
    _take_threads(n_threads, worker.address)
    _keep_freed_memory()
    work, shared = cloudpickle.loads(content)
    return work(shared, unit)


def stop_if_cancelled(now: SweepProgress) -> None:
    """Progress callback that ends a unit whose client has disconnected or has cancelled it.

    Raises:
        UserError: To end the unit; no client receives it.
    """
    from distributed.utils import thread_state  # type: ignore[attr-defined,unused-ignore]

    state = getattr(thread_state, "execution_state", None)
    if state is None:
        return
    task = state["worker"].state.tasks.get(thread_state.key)
    if task is None or task.state not in ("executing", "long-running"):
        raise UserError("this unit is no longer needed.")


def _take_threads(n_threads: int, address: str) -> None:
    """Set the number of JAX's threads in this process; an error if it runs on another number."""
    if xla_threads() == n_threads:
        return
    if "jax" in sys.modules or XLA_THREADS in os.environ:
        raise UserError(
            f"--dask: the worker {address} runs JAX on {xla_threads()} threads, but this process "
            f"runs it on {n_threads}, so results might differ in the last bits. Use --threads "
            f"{xla_threads()}, or start the workers with the environment variable "
            f"{XLA_THREADS}={n_threads}."
        )
    use_xla_threads(n_threads)


def _keep_freed_memory() -> None:
    """Let the C library keep freed memory, as it does by default.

    Dask sets MALLOC_TRIM_THRESHOLD_ for its workers, so that freed memory returns to the system
    at once. The arrays of every step are then mapped anew, which took a fifth of a sweep's time.
    """
    if _TRIM_THRESHOLD not in os.environ:
        return
    # Only glibc has these limits.
    set_limit = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_limit is not None:
        for limit, size in _MALLOC_LIMITS.items():
            set_limit(limit, size)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Silence the log of Dask's client about lost connections, which our errors report."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
