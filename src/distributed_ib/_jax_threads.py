"""Running compiled programs in several threads at the same time.

On CPUs, a single program leaves cores idle if most of its operations are too small to be divided.
Programs in several threads keep all cores busy.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, TypeVar

import jax
import joblib

from distributed_ib._checks import whole_number
from distributed_ib._threads import xla_threads
from distributed_ib.errors import UserError

Given = TypeVar("Given")
Made = TypeVar("Made")

_given_jobs: ContextVar[int | None] = ContextVar("n_jobs", default=None)


def check_jobs(n_jobs: int | None) -> None:
    """Raise a `UserError` if `n_jobs` is not a number of jobs in the sense of scikit-learn."""
    if n_jobs is not None and whole_number("n_jobs", n_jobs, -(1 << 31)) == 0:
        raise UserError("n_jobs must be a number of threads, or -1 for one per core; got 0.")


@contextmanager
def at_most(n_jobs: int | None) -> Iterator[None]:
    """Limit simultaneous programs to `n_jobs`, as in scikit-learn; None sets no further limit."""
    token = _given_jobs.set(n_jobs)
    try:
        yield
    finally:
        _given_jobs.reset(token)


def n_threads() -> int:
    """Number of programs that this process runs at the same time.

    On CPUs, this is the number of threads of a computation, or the number given to `at_most`. It is
    1 on other devices, and if this thread has JAX settings that others don't have, such as
    `jax.debug_nans(True)`: JAX keeps them for each thread.

    Example:
        >>> with at_most(1):
        ...     n_threads()
        1
    """
    n_jobs = _given_jobs.get()
    n_most = xla_threads() if n_jobs is None else joblib.effective_n_jobs(n_jobs)
    return n_most if n_most > 1 and jax.default_backend() == "cpu" and _has_default_config() else 1


def _has_default_config() -> bool:
    """Whether JAX has the same settings in this thread as in a new one."""
    config: Any = jax.config
    with ThreadPoolExecutor(1) as thread:
        others = thread.submit(lambda: dict(config.values)).result()
    return bool(dict(config.values) == others)


def map_in_threads(function: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """Apply a function to each item in several threads; returns the results in order.

    The function should wait for its results. The first item is computed alone, so that programs are
    compiled only once. Items are taken as they are needed. Nested calls use a single thread.

    Example:
        >>> map_in_threads(abs, [-1, 2, -3])
        [1, 2, 3]
    """
    items = iter(given)
    made = [function(item) for item in islice(items, 1)]
    n_at_once = n_threads()
    if n_at_once < 2:
        return made + [function(item) for item in items]
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(n_at_once) as threads:
        for item in items:
            waiting.append(threads.submit(_in_one_thread, function, item))
            if len(waiting) > n_at_once:
                made.append(waiting.popleft().result())
        made += [future.result() for future in waiting]
    return made


def _in_one_thread(function: Callable[[Given], Made], item: Given) -> Made:
    with at_most(1):
        return function(item)
