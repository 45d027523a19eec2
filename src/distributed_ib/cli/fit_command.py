"""`dib fit`: how informative the columns of a table are about one of them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute
from distributed_ib.cli._where_options import (
    Coordinator,
    DaskAddress,
    DeviceCount,
    Distributed,
    Jobs,
    ProcessCount,
    ProcessIndex,
    Threads,
    where_of,
)


class Task(StrEnum):
    """What kind of quantity the target is."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


class Loss(StrEnum):
    """How the prediction of a number is judged."""

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
            "file; a folder or 'glob' of Parquet files; - for CSV from standard input.",
        ),
    ],
    target: Annotated[
        list[str],
        typer.Option(
            metavar="COL[,COL]",
            help="The column to explain; several columns are one vector of numbers. A name with a "
            """comma stands in double quotes: '"size, mm"'.""",
        ),
    ],
    each_target: Annotated[
        bool,
        typer.Option(
            "--each-target",
            help="Explain each of several targets by itself, from the columns that are no target.",
        ),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="COL,COL", help="Columns to leave out, such as identifiers."),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Column of how much each row counts; no component."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Rows that share a value of this column stay together when rows are held out, as "
            "repeated measurements of one thing should; no component.",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Column of when rows were measured, numbers or dates: the last fifth is held out. "
            "It is no component unless a group of --components names it.",
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Table with the same columns, whose rows are held out in place of a fifth.",
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
            help="TOML file with kinds of columns, as dib describe writes it.",
        ),
    ] = None,
    task: Annotated[Task, typer.Option(help="What the target is.")] = Task.auto,
    loss: Annotated[
        Loss,
        typer.Option(help="For numbers: the probability of their bins, or a comparison of rows."),
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
            help="How beta moves. Falling and both make one sweep from end to end, without "
            "--starts and --resamples."
        ),
    ] = Direction.rising,
    starts: Annotated[
        int | None,
        typer.Option(
            metavar="K", help="Stretches of beta, each trained from scratch. Default: by the data."
        ),
    ] = None,
    resamples: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Divisions of the rows into those that train and those that choose; 0 for none. "
            "Default: by the number of rows.",
        ),
    ] = None,
    evidence: Annotated[
        bool,
        typer.Option(
            "--evidence/--no-evidence",
            help="Measure how sure the findings are: p-values, intervals, what each column tells "
            "alone, reference models.",
        ),
    ] = True,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="A first look: a single sweep, whose numbers have no error bars."
        ),
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Training steps while beta rises. Default: by the data."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(metavar="R", help="Step size of training; smaller if it diverges."),
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Independent repeats, trained side by side.")
    ] = 1,
    memory: Annotated[
        float,
        typer.Option(
            metavar="GIB",
            help="Memory for data: Parquet files that take more, at 16 bytes a cell, are read in "
            "parts while training goes on, and models are measured on 100,000 of their rows.",
        ),
    ] = 4.0,
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of everything random.")] = 0,
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

    Sweeps over resamples of the rows find the scheme of approximations, with defaults that follow
    from the data. A fifth of the rows is held out from all of them, to measure what is known about
    the target and how sure that is. A run that was stopped goes
    on with --resume and the same options.
    """
    from distributed_ib.data.columns.declared_kinds import read_kinds
    from distributed_ib.data.files.parquet_parts import stem_of
    from distributed_ib.errors import UserError
    from distributed_ib.studies.table import TableStudy
    from distributed_ib.studies.table.column_names import split_names
    from distributed_ib.studies.table.component_groups import read_groups

    where = where_of(jobs, dask, threads, devices, distributed, coordinator, processes, process)
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
        where=where,
    )
