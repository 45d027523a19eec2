"""`dib fit`: how informative the columns of a table are about one of them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute
from distributed_ib.cli._resource_options import (
    Coordinator,
    DaskAddress,
    DeviceCount,
    Distributed,
    Jobs,
    ProcessCount,
    ProcessIndex,
    Threads,
    resources_from_options,
)


class Task(StrEnum):
    """What kind of quantity the target is."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


class Loss(StrEnum):
    """Loss for a numeric target."""

    density = "density"
    infonce = "infonce"


class Direction(StrEnum):
    """How beta moves."""

    rising = "rising"
    falling = "falling"
    both = "both"


def fit(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="CSV (any delimiter, compressed or not), .parquet, .arrow, .feather or .xlsx "
            "file; a folder or quoted glob pattern of Parquet files; - for CSV from standard "
            "input.",
        ),
    ],
    target: Annotated[
        list[str],
        typer.Option(
            metavar="COL[,COL]",
            help="Column to explain. Several columns are explained together, as one vector of "
            """numbers. Put a name that contains a comma in double quotes: '"size, mm"'.""",
        ),
    ],
    each_target: Annotated[
        bool,
        typer.Option(
            "--each-target",
            help="Explain each of several targets separately, by the columns that are not targets.",
        ),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="COL,COL", help="Columns to leave out, such as identifiers."),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="COL", help="Column with the weight of each row. It is not a component."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Rows with the same value in this column stay together when rows are held out, as "
            "repeated measurements of the same sample should. The column is not a component.",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Column with the time of each row, as numbers or dates: the latest fifth of the "
            "rows is held out. It is not a component unless a group of --components names it.",
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table with the same columns, whose rows are used as the held-out rows. Default: "
            "a fifth of the rows of TABLE is held out.",
        ),
    ] = None,
    components: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='TOML file with groups of columns: position = ["x", "y"]. '
            "Default: every column is a component.",
        ),
    ] = None,
    kinds: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file that sets the kinds of columns, as written by dib describe --out.",
        ),
    ] = None,
    task: Annotated[
        Task, typer.Option(help="Type of problem. auto: by the values of the target.")
    ] = Task.auto,
    loss: Annotated[
        Loss,
        typer.Option(
            help="Loss for numeric targets. density: log-likelihood; infonce: contrastive."
        ),
    ] = Loss.density,
    beta_start: Annotated[
        float | None,
        typer.Option(metavar="B", help="Smallest bottleneck strength. Default: 0.001."),
    ] = None,
    beta_end: Annotated[
        float | None,
        typer.Option(metavar="B", help="Largest bottleneck strength. Default: 2."),
    ] = None,
    direction: Annotated[
        Direction,
        typer.Option(
            help="Direction of the sweep over beta. falling and both make a single sweep over the "
            "whole range; --starts and --resamples do not apply to them."
        ),
    ] = Direction.rising,
    starts: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Number of overlapping intervals into which the range of beta is divided; models "
            "are trained from scratch in each. Default: chosen from the data.",
        ),
    ] = None,
    resamples: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Number of resamples: splits of the rows into training rows and validation rows, "
            "by which models are selected; 0 for none. Default: chosen from the number of rows.",
        ),
    ] = None,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence/--no-evidence",
            help="Measure how certain the findings are: p-values, intervals, what each column "
            "tells by itself, and reference models.",
        ),
    ] = True,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="A first look: a single sweep, without error bars or evidence."
        ),
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of training steps while beta changes. Default: chosen from the data.",
        ),
    ] = None,
    records: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of approximations that are measured and kept along beta. Default: 192, "
            "but 96 above 4,000 and 48 above 20,000 training rows.",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="R", help="Learning rate. Choose a smaller one if training diverges."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Number of independent repeats, trained in parallel.")
    ] = 1,
    memory: Annotated[
        float,
        typer.Option(
            metavar="GIB",
            help="Memory for data. Parquet tables that need more (16 bytes per cell), or have more "
            "than a million rows, are read in parts during training, and models are evaluated on "
            "at most 100,000 of their rows.",
        ),
    ] = 4.0,
    seed: Annotated[int, typer.Option(metavar="S", help="Random seed.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/TABLE-001, ..."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the stopped run in --out.")
    ] = False,
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
    devices: DeviceCount = None,
    distributed: Distributed = False,
    coordinator: Coordinator = None,
    processes: ProcessCount = None,
    process: ProcessIndex = None,
) -> None:
    """Explain a column of a table: how informative is each other column about it?

    Sweeps over resamples of the rows find the scheme of approximations; most settings are chosen
    from the data by default. A fifth of the rows is held out from all sweeps, to measure how much
    is known about the target and with what uncertainty. To continue a run that was stopped, repeat
    the command with --resume, or use dib resume.
    """
    from distributed_ib.data.columns.declared_kinds import read_kinds
    from distributed_ib.data.files.parquet_parts import stem_of
    from distributed_ib.errors import UserError
    from distributed_ib.studies.table import TableStudy
    from distributed_ib.studies.table.column_names import split_names
    from distributed_ib.studies.table.component_groups import read_groups

    resources = resources_from_options(
        jobs, dask, threads, devices, distributed, coordinator, processes, process
    )
    targets = split_names(target)
    if quick and (starts is not None or resamples is not None):
        raise UserError("--quick makes one sweep; leave out --starts and --resamples.")
    study = TableStudy(
        table=table,
        target=targets[0] if len(targets) == 1 else targets,
        each_target=each_target,
        exclude=split_names(exclude or []),
        weight=weight,
        group=group,
        time=time,
        validation=validation,
        task=task.value,
        loss="infonce" if loss is Loss.infonce else "density",
        components=None if components is None else read_groups(components),
        beta_start=beta_start,
        beta_end=beta_end,
        direction=direction.value,
        kinds=None if kinds is None else read_kinds(kinds),
        n_starts=starts,
        n_resamples=resamples,
        n_seeds=seeds,
        n_steps=steps,
        n_records=records,
        learning_rate=learning_rate,
        evidence_wanted=evidence,
        quick=quick,
        memory_gib=memory,
    )
    execute(
        study,
        out,
        seed=seed,
        resume=resume,
        stem="table" if str(table) == "-" else stem_of(table),
        resources=resources,
    )
