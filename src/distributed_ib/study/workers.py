"""Where independent units of work run: in this process, in several, or on a cluster."""

import os
import signal
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

from distributed_ib._threads import use_xla_threads, xla_threads
from distributed_ib.errors import UserError

S = TypeVar("S")
R = TypeVar("R")

# A unit whose worker was lost this often, killed or crashed, is not tried again: most often it
# needs too much memory itself.
N_TRIES = 3
_ORPHAN_SECONDS = 0.2  # far less than a client takes to start anew


@dataclass(frozen=True)
class Workers:
    """Where units of work run. Their results have the same bits everywhere.

    Attributes:
        n_jobs: Processes on this machine, through joblib; -1 for one per core. With 1, the
            default, units run one after the other in this process.
        dask: Address of the scheduler of a Dask cluster, such as "tcp://10.0.0.1:8786" or
            "tls://...", whose workers replace processes.

    Raises:
        UserError: If `n_jobs` is invalid, both are given, or Dask is not installed.

    Example:
        >>> Workers().elsewhere, Workers(n_jobs=2).elsewhere
        (False, True)
        >>> Workers(n_jobs=0)
        Traceback (most recent call last):
            ...
        distributed_ib.errors.UserError: --jobs must be at least 1, or -1 for one per core, got 0.
    """

    n_jobs: int = 1
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.n_jobs == 0 or self.n_jobs < -1:
            raise UserError(
                f"--jobs must be at least 1, or -1 for one per core, got {self.n_jobs}."
            )
        if self.dask is not None and self.n_jobs != 1:
            raise UserError(
                "--jobs and --dask can't be combined: --jobs starts processes on this machine, "
                "--dask uses the workers of a cluster. Give only one of them."
            )
        if self.dask is not None and find_spec("distributed") is None:
            raise UserError(
                '--dask needs Dask, which is not installed: pip install "distributed-ib[cluster]".'
            )

    @property
    def elsewhere(self) -> bool:
        """Whether units run in other processes."""
        return self.dask is not None or self.n_jobs != 1

    @property
    def share_this_disk(self) -> bool:
        """Whether units have access to the folders of this machine; on a cluster they may not."""
        return self.dask is None


def results_of(
    workers: Workers,
    work: Callable[[S, str], R],
    shared: S,
    units: Sequence[str],
    by_value: str | None = None,
) -> Generator[tuple[str, R]]:
    """Run units and yield their results as they arrive, each once.

    Args:
        workers: Where the units run.
        work: A function of `shared` and a unit, at module level; an error ends all units.
        shared: Data that all units need. It is sent to every worker once: joblib maps large arrays
            from files, and a cluster passes it on as data.
        units: Names of the units, in the order in which they start.
        by_value: A module that workers can't import, such as a user's file, whose classes are sent
            with the data.

    Raises:
        UserError: If the workers of a unit were lost `N_TRIES` times, or the cluster was lost.
            Results yielded before are complete.
    """
    if not units:
        return
    if by_value is not None:
        _send_by_value(by_value)
    if workers.dask is not None:
        from distributed_ib.study.cluster import results_of_cluster

        yield from results_of_cluster(workers.dask, work, shared, units)
        return
    import joblib

    n_jobs = min(joblib.effective_n_jobs(workers.n_jobs), len(units))
    if n_jobs == 1:
        for unit in units:
            yield unit, work(shared, unit)
    else:
        yield from _results_of_processes(n_jobs, work, shared, units)


def _results_of_processes(
    n_jobs: int, work: Callable[[S, str], R], shared: S, units: Sequence[str]
) -> Iterator[tuple[str, R]]:
    """Run units with joblib; all processes are restarted when one of them is lost."""
    import joblib

    pending, lost = dict.fromkeys(units), Counter[str]()
    while pending:
        begun: list[str] = []

        def calls(begun: list[str] = begun) -> Iterator[Any]:
            for unit in list(pending):
                begun.append(unit)
                yield joblib.delayed(_named)(work, shared, unit)

        parallel = joblib.Parallel(
            n_jobs=n_jobs,
            backend="loky",
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="n_jobs",
            initializer=_begin_process,
            initargs=(os.getpid(), xla_threads()),
        )
        try:
            with _closed_quietly(parallel(calls())) as results:
                for unit, result in results:
                    del pending[unit]
                    yield unit, result
        except BrokenProcessPool:
            # joblib then ends the others too, and each loses the unit that it was running.
            running = [unit for unit in begun if unit in pending]
            lost.update(running)
            if any(lost[unit] >= N_TRIES for unit in running):
                raise UserError(
                    f"worker processes ended unexpectedly {N_TRIES} times, the last time while "
                    f"running {' and '.join(running)}. The most common cause is too little memory "
                    f"for {n_jobs} jobs; use fewer. Finished parts are kept, and the run can be "
                    "resumed."
                ) from None


@contextmanager
def _closed_quietly(results: Generator[Any]) -> Iterator[Generator[Any]]:
    """Close results that are no longer wanted, without joblib's warning about it."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


def _named(work: Callable[[S, str], R], shared: S, unit: str) -> tuple[str, R]:
    try:
        return unit, work(shared, unit)
    except KeyboardInterrupt:
        # Only this process was interrupted; to the client it is a lost worker.
        os._exit(1)


def _begin_process(parent: int, n_threads: int) -> None:
    """Prepare a worker process: set JAX's threads, and exit when the client exits."""
    use_xla_threads(n_threads)
    os.environ["MPLBACKEND"] = "Agg"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the client handles Ctrl-C and ends the workers

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_SECONDS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _send_by_value(module: str) -> None:
    import sys

    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[module])


def versions() -> Mapping[str, str]:
    """Versions on which the bits of a result depend."""
    from importlib.metadata import version

    from distributed_ib._version import __version__

    others = {name: version(name) for name in ("jax", "jaxlib", "numpy")}
    return {"distributed-ib": __version__, **others}
