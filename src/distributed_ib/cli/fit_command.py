"""`dib fit`: how informative the columns of a table are about one of them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute


class Task(StrEnum):
    """What kind of quantity the target is."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


class Loss(StrEnum):
    """How the prediction of a number is judged."""

    density = "density"
    infonce = "infonce"


def fit(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV or Parquet file.")],
    target: Annotated[str, typer.Option(metavar="COL", help="The column to explain.")],
    exclude: Annotated[
        str, typer.Option(metavar="COL,COL", help="Columns to leave out, such as identifiers.")
    ] = "",
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
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of everything random.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/TABLE-001, ..."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the stopped run in --out.")
    ] = False,
) -> None:
    """Explain a column of a table: how informative is each other column about it?

    Sweeps over resamples of the rows find the scheme of approximations, with defaults that follow
    from the data. A fifth of the rows is held out from all of them, to measure what is known about
    the target and how sure that is. A run that was stopped goes
    on with --resume and the same options.
    """
    from distributed_ib.data.declared_kinds import read_kinds
    from distributed_ib.errors import UserError
    from distributed_ib.studies.table import TableStudy
    from distributed_ib.studies.table.component_groups import read_groups

    if quick and (starts is not None or resamples is not None):
        raise UserError("--quick makes one sweep; leave out --starts and --resamples.")
    study = TableStudy(
        table=table,
        target=target,
        exclude=tuple(name.strip() for name in exclude.split(",") if name.strip()),
        task=task.value,
        loss="infonce" if loss is Loss.infonce else "density",
        components=None if components is None else read_groups(components),
        kinds=None if kinds is None else read_kinds(kinds),
        n_starts=starts,
        n_resamples=resamples,
        n_seeds=seeds,
        n_steps=steps,
        learning_rate=learning_rate,
        evidence_wanted=evidence,
        quick=quick,
    )
    execute(study, out, seed=seed, resume=resume, stem=table.stem)
