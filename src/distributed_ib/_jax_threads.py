"""Compiled programs that several threads run at the same time.

On processors a single program leaves cores idle where most of what it does is too small to be
divided. Programs that are started by several threads keep all of them busy.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import jax
import joblib

from distributed_ib._threads import xla_threads

Given = TypeVar("Given")
Made = TypeVar("Made")


_given_jobs: ContextVar[int | None] = ContextVar("n_jobs", default=None)


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

    As many as a computation has threads on processors, or as `at_most` says; one on other devices.

    Example:
        >>> with at_most(1):
        ...     n_threads()
        1
    """
    if jax.default_backend() != "cpu":
        return 1
    n_jobs = _given_jobs.get()
    return xla_threads() if n_jobs is None else joblib.effective_n_jobs(n_jobs)


def with_settings_of_this_thread(function: Callable[[Given], Made]) -> Callable[[Given], Made]:
    """The same function for other threads, where JAX then has the settings that it has here."""
    config: Any = jax.config
    x64, precision = config.jax_enable_x64, config.jax_default_matmul_precision
    device = config.jax_default_device

    def elsewhere(given: Given) -> Made:
        with ExitStack() as stack:
            stack.enter_context(jax.enable_x64(x64))
            stack.enter_context(jax.default_matmul_precision(precision))
            stack.enter_context(jax.default_device(device))
            return function(given)

    return elsewhere


def map_in_threads(function: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """What a function makes of each item, in order; it should wait for its results.

    The first item comes first, so that programs are compiled once. On other devices than processors
    all come one after the other.

    Example:
        >>> map_in_threads(abs, [-1, 2, -3])
        [1, 2, 3]
    """
    first, *others = given
    made = [function(first)]
    n_used = min(n_threads(), len(others))
    if n_used < 2:
        return made + [function(item) for item in others]
    with ThreadPoolExecutor(n_used) as threads:
        return made + list(threads.map(with_settings_of_this_thread(function), others))
