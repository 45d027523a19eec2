"""Compiled programs that several threads run at the same time.

On processors a single program leaves cores idle where most of what it does is too small to be
divided. Programs that are started by several threads keep all of them busy.
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
    """Raise a `UserError` for what is no number of jobs, as scikit-learn counts them."""
    if n_jobs is not None and whole_number("n_jobs", n_jobs, -(1 << 31)) == 0:
        raise UserError("n_jobs must be a number of threads, or -1 for one per core; got 0.")


@contextmanager
def at_most(n_jobs: int | None) -> Iterator[None]:
    """So many programs at the same time, as scikit-learn counts jobs; None for no other limit."""
    token = _given_jobs.set(n_jobs)
    try:
        yield
    finally:
        _given_jobs.reset(token)


def n_threads() -> int:
    """How many programs this process runs at the same time.

    On processors as many as a computation has threads, or as `at_most` says. One on other devices,
    and where this thread has settings of JAX that others would not have, such as
    `jax.debug_nans(True)`: JAX keeps them for each thread.

    Example:
        >>> with at_most(1):
        ...     n_threads()
        1
    """
    n_jobs = _given_jobs.get()
    n_most = xla_threads() if n_jobs is None else joblib.effective_n_jobs(n_jobs)
    return n_most if n_most > 1 and jax.default_backend() == "cpu" and _is_as_others() else 1


def _is_as_others() -> bool:
    """Whether JAX has the same settings in this thread as in a new one."""
    config: Any = jax.config
    with ThreadPoolExecutor(1) as thread:
        others = thread.submit(lambda: dict(config.values)).result()
    return bool(dict(config.values) == others)


def map_in_threads(function: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """What a function makes of each item, in order; it should wait for its results.

    The first item comes first, so that programs are compiled once. Items are taken as they are
    needed. What is done for an item in a thread starts no threads of its own.

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
