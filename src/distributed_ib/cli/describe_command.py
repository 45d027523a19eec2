"""`dib describe`: how the columns of a table would be read, before anything is trained."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.data.columns.survey import SurveyedColumn
    from distributed_ib.data.files._views import View


def describe(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="CSV, Parquet, Arrow or Excel file; a folder or quoted glob pattern of Parquet "
            "files; - for CSV from standard input.",
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(metavar="COL", help="Target column, or several: y1,y2. It is not described."),
    ] = None,
    kinds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file that sets the kinds of columns.")
    ] = None,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print the result as a TOML file for --kinds.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the result to this new TOML file."),
    ] = None,
) -> None:
    """Show how each column of a table would be read, without training anything.

    The listing has the name and kind of each column, what the model sees of it, the number of
    missing values, and its levels or range. Values of a number that are far more frequent than
    their neighbours are also treated as levels. Where a column is left out, a sentence says why.
    To change how columns are read, write the TOML file with --out, edit it, and pass it to dib
    fit --kinds.
    """
    from distributed_ib._files import write_text
    from distributed_ib._reading_line import ReadingLine
    from distributed_ib.cli._execution import print_line
    from distributed_ib.data.columns.declared_kinds import declared_kinds, read_kinds
    from distributed_ib.data.columns.kinds_file import kinds_toml
    from distributed_ib.data.columns.survey import survey
    from distributed_ib.data.files.text_tables import STANDARD_INPUT
    from distributed_ib.data.table_errors import reject_empty_table
    from distributed_ib.studies.table.column_names import split_names
    from distributed_ib.studies.table.text_input import is_standard_input

    if out is not None and out.exists():
        raise UserError(f"{out} already exists and will not be overwritten; choose another --out.")
    name = STANDARD_INPUT if is_standard_input(table) else table.name
    targets = () if target is None else split_names([target])
    view = _view(table, targets)
    if not view.n_rows:
        reject_empty_table(name)
    declared = declared_kinds(None if kinds is None else read_kinds(kinds))
    declared = {name: kind for name, kind in declared.items() if name not in targets}
    if unknown := [column for column in declared if column not in view.names]:
        raise UserError(f"{kinds} names the column {unknown[0]!r}, which {name} does not have.")
    with closing(ReadingLine(name)) as line:
        surveyed = survey(view, declared, on_read=line)
    text = kinds_toml(surveyed, name)
    if toml:
        typer.echo(text, nl=False)
    else:
        _print_table(surveyed, view.n_rows, title=name)
    if out is not None:
        write_text(out, text)
        if not toml:
            print_line(f"Written to {out}. Correct it where needed and pass it to dib fit --kinds.")


def _view(path: Path, targets: "Sequence[str]") -> "View":
    """The columns of a table without the targets; a Parquet file is read in parts."""
    from distributed_ib.data.files._views import frame_view
    from distributed_ib.data.files.parquet_parts import is_parquet
    from distributed_ib.data.files.parquet_table import ParquetTable
    from distributed_ib.data.files.table_files import read_table

    if is_parquet(path):
        stored = ParquetTable(path)
        return stored.without(targets) if targets else stored
    frame = read_table(path)
    for name in targets:
        if name not in frame.columns:
            names = ", ".join(map(str, frame.columns))
            raise UserError(
                f"{path} has no column {name!r}, named by --target; its columns are {names}."
            )
    return frame_view(frame.drop(columns=list(targets)))


def _print_table(surveyed: "Sequence[SurveyedColumn]", n_rows: int, *, title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    # Output to a file is not cut to the width of a terminal.
    console = console if console.is_terminal else Console(width=160)
    shown = Table(title=f"{title}: {n_rows:,} rows", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in ("column", "kind", "what it becomes", "missing", "levels", "values"):
        right = heading in ("missing", "levels")
        shown.add_column(heading, justify="right" if right else "left", overflow="fold")
    for one in surveyed:
        cells = [
            one.name,
            "can't be read" if one.problem else one.kind,
            encoding_text(one),
            f"{one.n_missing:,}" if one.n_missing else "",
            one.levels_text,
            one.values,
        ]
        shown.add_row(*(Text(_visible(cell)) for cell in cells))
    console.print(shown)
    for one in surveyed:
        if one.problem:
            console.print(Text(f"! {_visible(one.problem)}"))
        elif one.note:
            again = "" if "declared" in one.note or "no value" in one.note else _AGAIN
            console.print(Text(f"- {_visible(one.name)!r} is left out: {one.note}{again}."))


_MOST_VALUES = 6
_AGAIN = "; to keep it, declare its kind"


def encoding_text(one: "SurveyedColumn") -> str:
    """Short description of what a model reads from a column."""
    if not one.columns:
        return ""
    also = " or missing" if one.n_missing else ""
    if one.kind == "ordered":
        return f"a rank{also}"
    if one.kind == "categorical":
        return f"a level{also}"
    readings = [column.reading.part for column in one.columns if column.reading is not None]
    if readings == ["duration"]:
        unit = one.columns[0].reading.unit if one.columns[0].reading else ""
        return f"a number of {unit}{_levels(one)}{also}"
    if readings:
        return f"{', '.join(readings)}{also}"
    return f"a number{_levels(one)}{also}"


def _levels(one: "SurveyedColumn") -> str:
    """Text on the values of a numeric column that many rows share."""
    from distributed_ib.data.columns.column import level_text

    shown = ", ".join(level_text(value) for value in one.spikes[:_MOST_VALUES])
    more = ", ..." if len(one.spikes) > _MOST_VALUES else ""
    return f" ({shown}{more} also as levels)" if shown else ""


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
