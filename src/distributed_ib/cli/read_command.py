"""`dib read`: prints an approximation as a short table in words."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributed_ib._toml_files import read_toml
from distributed_ib.cli.show_command import RunFolder
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.readable.readable_approximation import ReadableApproximation
    from distributed_ib.study.run import Run


class TableFormat(StrEnum):
    """Format of a readable table."""

    text = "text"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"


def read(
    run: RunFolder,
    bits: Annotated[
        float | None,
        typer.Option(metavar="BITS", help="The best approximation with at most this many bits."),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(metavar="B", help="Or: the one nearest to this bottleneck strength."),
    ] = None,
    n_components: Annotated[
        int | None,
        typer.Option(metavar="N", help="Or: the best one with at most N components in use."),
    ] = None,
    best: Annotated[bool, typer.Option("--best", help="Or: the one that predicts best.")] = False,
    simplest: Annotated[
        bool,
        typer.Option(
            "--simplest", help="Or: the simplest that is no worse than the best. The default."
        ),
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Target to show, for runs with --each-target."),
    ] = None,
    table_format: Annotated[
        TableFormat, typer.Option("--format", help="Format of the table.")
    ] = TableFormat.text,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='TOML file with names for symbols, such as hr."0-6, 23" = "night".',
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="New file for the table. Default: print it."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.py[:CLASS]",
            help="Python file that defines the study, if the run is of a study in a file.",
        ),
    ] = None,
) -> None:
    """Print an approximation as a short, readable table of predictions.

    The values that a component does not distinguish form one symbol, and each combination of
    symbols has its prediction. Runs of dib fit contain tables of about twenty approximations, of
    which the nearest is shown; tables of dib boolean are exact.
    """
    from distributed_ib._files import write_text
    from distributed_ib.cli._execution import print_line
    from distributed_ib.scheme.choice import Choice
    from distributed_ib.study.loading import study_at
    from distributed_ib.study.reading_runs import load_run
    from distributed_ib.study.run_folder import read_config

    if best and simplest:
        raise UserError("give either --best or --simplest, not both.")
    if out is not None and out.exists():
        raise UserError(f"{out} already exists and will not be overwritten; choose another --out.")
    choice = Choice(beta, bits, n_components)
    if choice.is_given and (best or simplest):
        raise UserError(
            "--best, --simplest, --bits, --beta and --n-components each select an approximation; "
            "give only one of them."
        )
    words = {} if names is None else _read_names(names)
    study_class = None
    if study is not None:
        study_class, _ = study_at(study, read_config(run)["run"]["study"])
    loaded = load_run(run, study_class)
    if target is not None:
        loaded = _of_target(loaded, target)
    if best:
        choice = Choice(beta=loaded.scheme.best_beta)
    found = _named(loaded.study.readable(loaded, choice), words)
    text = _in_format(found, table_format)
    if out is None:
        print(text, end="")
    else:
        write_text(out, text)
        print_line(f"Written to {out}: {len(found.rows)} rows.")


def _of_target(run: "Run", target: str) -> "Run":
    """The part of a run that explains one of several targets."""
    from distributed_ib.studies.table.each_target import runs_of_targets
    from distributed_ib.studies.table.table_study import TableStudy

    found = {
        own.study.target: own
        for _, own in runs_of_targets(run)
        if isinstance(own.study, TableStudy)
    }
    if target not in found:
        known = ", ".join(map(str, found)) or "none"
        raise UserError(f"this run has no target {target!r}; its targets are {known}.")
    return found[target]


def _in_format(found: "ReadableApproximation", table_format: TableFormat) -> str:
    import json

    if table_format is TableFormat.csv:
        return str(found.to_frame().to_csv(index=False))
    if table_format is TableFormat.json:
        return json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n"
    if table_format is TableFormat.markdown:
        return found.to_markdown()
    return found.to_latex() if table_format is TableFormat.latex else found.to_text()


def _named(
    found: "ReadableApproximation", words: dict[str, dict[str, str]]
) -> "ReadableApproximation":
    """Apply the user's names; prints a note for names that match nothing."""
    from distributed_ib.readable._names import unknown_names

    for text in unknown_names(found, words):
        typer.echo(f"note: {text}", err=True)
    return found.named(words)


def _read_names(path: Path) -> dict[str, dict[str, str]]:
    """Names of symbols from a TOML file: for each component, texts of values and their names."""
    found = read_toml(path, "a list of names")
    for component, words in found.items():
        if not isinstance(words, dict) or not all(isinstance(w, str) for w in words.values()):
            raise UserError(
                f"{path}: [{component}] must contain lines such as "
                '"0-6, 23" = "night": the values of a symbol as the table shows them, and its name.'
            )
    return found
