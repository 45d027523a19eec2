"""The number of threads on CPUs, which affects the last bits of a sum."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

# XLA reads it only once, when it starts in a process.
XLA_THREADS = "PJRT_NPROC"


def xla_threads() -> int:
    """Number of threads of a computation in this process: as set, or one for each of its cores.

    Long sums are divided into as many pieces as there are threads, which affects how they are
    rounded. Therefore a unit of work gets the same number of threads wherever it runs.
    """
    given = os.environ.get(XLA_THREADS) or os.environ.get("NPROC", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_xla_threads(n_threads: int) -> None:
    """Set the number of threads for computations in this process; call it before JAX starts."""
    os.environ[XLA_THREADS] = str(n_threads)


@contextmanager
def numpy_on_one_thread() -> Iterator[None]:
    """Limit NumPy and scikit-learn to one thread (BLAS and OpenMP), if this is the main thread.

    Their threads wait for each other if other programs use the cores too: small products then take
    forty times as long. The limit applies to the whole process. Overlapping limits of two threads
    would leave it in place for good, so only the main thread sets one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with threadpool_limits(1):
        yield
