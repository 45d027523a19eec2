"""The options for where a run is executed: processes, devices, threads, a cluster."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributed_ib._threads import use_xla_threads
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.study.workers import Workers
    from distributed_ib.training.devices import Devices

Jobs = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Number of worker processes on this machine for parts of the run that are "
        "independent; -1 for one per core. The results are bit-identical for any number.",
    ),
]
DaskAddress = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Run the independent parts on a Dask cluster: the address of its scheduler, such as "
        "tcp://10.0.0.1:8786.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of threads that JAX uses for each part. It can change the last digits of the "
        "results. Default: the number of cores.",
    ),
]
DeviceCount = Annotated[
    int | None,
    typer.Option(
        "--devices",
        metavar="N",
        help="Number of devices of this machine, such as GPUs, among which the rows of each batch "
        "are divided. Default: all devices of one type.",
    ),
]
Distributed = Annotated[
    bool,
    typer.Option(
        "--distributed",
        help="Train together with other processes, each of which runs this command. They are "
        "started by srun or mpirun, or connected by the next three options.",
    ),
]
Coordinator = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="With --distributed: address and port of process 0."),
]
ProcessCount = Annotated[
    int | None,
    typer.Option("--processes", metavar="N", help="With --distributed: number of processes."),
]
ProcessIndex = Annotated[
    int | None,
    typer.Option(
        "--process", metavar="I", help="With --distributed: index of this process, from 0."
    ),
]
# Annotation and default by name, for `dib run`, whose parameters are built at run time.
RESOURCE_OPTIONS: dict[str, tuple[Any, Any]] = {
    "jobs": (Jobs, 1),
    "dask": (DaskAddress, None),
    "threads": (Threads, None),
    "devices": (DeviceCount, None),
    "distributed": (Distributed, False),
    "coordinator": (Coordinator, None),
    "processes": (ProcessCount, None),
    "process": (ProcessIndex, None),
}


@dataclass(frozen=True)
class ComputeResources:
    """Where a run is executed.

    Attributes:
        workers: Processes of this machine or of a cluster, for independent parts.
        devices: Devices that share the rows of every batch, of this process or of a group.
    """

    workers: "Workers"
    devices: "Devices"


def workers_of(jobs: int, dask: str | None, threads: int | None) -> "Workers":
    """The workers for these options; sets the threads of this process, before JAX starts.

    Raises:
        UserError: If the number of processes or threads is invalid, or the options exclude each
            other.
    """
    from distributed_ib.study.workers import Workers

    if threads is not None and threads < 1:
        raise UserError(f"--threads must be at least 1, got {threads}.")
    if threads is not None:
        use_xla_threads(threads)
    return Workers(jobs, dask)


def resources_from_options(
    jobs: int,
    dask: str | None,
    threads: int | None,
    devices: int | None = None,
    distributed: bool = False,
    coordinator: str | None = None,
    processes: int | None = None,
    process: int | None = None,
) -> ComputeResources:
    """Where to run, from the options; with --distributed, waits for the other processes.

    Raises:
        UserError: As for `workers_of`, or if the options exclude each other or there is no group.
    """
    from distributed_ib.training.devices import Devices
    from distributed_ib.training.processes import Group

    workers = workers_of(jobs, dask, threads)
    by_hand = {"coordinator": coordinator, "processes": processes, "process": process}
    for name, value in by_hand.items():
        if value is not None and not distributed:
            raise UserError(
                f"--{name} is only for --distributed; add --distributed, or leave it out."
            )
    if workers.elsewhere and (devices is not None or distributed):
        raise UserError(
            f"{'--jobs' if dask is None else '--dask'} runs independent parts, each on one device, "
            f"and can't be combined with {'--distributed' if distributed else '--devices'}; leave "
            "one of them out."
        )
    found = Devices(devices, distributed)
    if distributed:
        Group(coordinator, processes, process).join()
    return ComputeResources(workers, found)
