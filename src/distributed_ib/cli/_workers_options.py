"""The options that say where the parts of a run, or the runs of a grid, are worked out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributed_ib._threads import use_xla_threads
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.study.workers import Workers

Jobs = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Processes of this machine for parts that don't depend on each other; -1 for one per "
        "core. The results have the same bits.",
    ),
]
DaskAddress = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Scheduler of a Dask cluster on which the parts are worked out, such as "
        "tcp://10.0.0.1:8786.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Threads of JAX for each part, which have a say in its last bits. Default: as many as "
        "cores.",
    ),
]
# For `dib run`, whose parameters are put together: annotation and default by name.
WORKERS_OPTIONS: dict[str, tuple[Any, Any]] = {
    "jobs": (Jobs, 1),
    "dask": (DaskAddress, None),
    "threads": (Threads, None),
}


def workers_of(jobs: int, dask: str | None, threads: int | None) -> "Workers":
    """Where to work, and the threads of this process, in which JAX has not started yet.

    Raises:
        UserError: If a number is none of processes or threads, or the options exclude each other.
    """
    from distributed_ib.study.workers import Workers

    if threads is not None and threads < 1:
        raise UserError(f"--threads is a number of threads, 1 or more, not {threads}.")
    if threads is not None:
        use_xla_threads(threads)
    return Workers(jobs, dask)
