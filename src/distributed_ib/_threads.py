"""How many threads are used on processors, which has a say in the last bits of a sum."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

# Read by XLA when it starts in a process, and not again.
XLA_THREADS = "PJRT_NPROC"


def xla_threads() -> int:
    """Threads that a computation of this process uses: as set, else one for each of its cores.

    Long sums are cut into as many pieces as there are threads, and where they are cut has a say
    in how they are rounded. So a unit of work is given as many, wherever it runs.
    """
    given = os.environ.get(XLA_THREADS) or os.environ.get("NPROC", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_xla_threads(n_threads: int) -> None:
    """Let computations of this process use so many threads; to be called before JAX starts."""
    os.environ[XLA_THREADS] = str(n_threads)


@contextmanager
def numpy_on_one_thread() -> Iterator[None]:
    """Hold NumPy and scikit-learn to one thread (BLAS and OpenMP), if this is the main thread.

    Their threads wait for each other where other programs use the cores too: small products then
    take forty times as long. The limit is one of the whole process. Two threads whose limits
    overlap would leave it behind, so that other threads than the main one set none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with threadpool_limits(1):
        yield
