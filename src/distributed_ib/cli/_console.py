"""What the commands share: tables, sentences and files at the end of a run."""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import typer
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distributed_ib._files import write_atomically
from distributed_ib.errors import UserError

MAX_SHOWN_GLYPHS = 10
_MISSING_GLYPH = re.compile(r"Glyph (\d+) .*missing from font")
FORMATS = ("png", "pdf", "svg")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the last columns are numbers and stand to the right."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for index, name in enumerate(columns):
        table.add_column(
            name,
            justify="left" if index < 2 else "right",
            no_wrap=index != 1,
            min_width=8 if index == 1 else None,
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)


def say(text: str) -> None:
    """Print a line without reading markup into it."""
    Console(soft_wrap=True, highlight=False).print(escape(text))


def leave_if_unfinished(
    status: str, sentences: Sequence[str], folder: Path, *, reached: bool
) -> None:
    """End the command here if a sweep did not finish, after saying so.

    Args:
        status: "finished", "interrupted" or "diverged".
        sentences: How the sweeps ended that did not finish.
        folder: Folder of the run.
        reached: Whether the folder holds any of their records.

    Raises:
        typer.Exit: With status 130 if a sweep was interrupted.
        UserError: If one diverged.
    """
    if status == "finished":
        return
    left = "The folder holds what was reached."
    if not reached:
        left = f"{folder}/ holds settings and log, and no results."
    told = " ".join([*sentences, left])
    if status == "interrupted":
        say(told)
        raise typer.Exit(130)
    raise UserError(told)


def save_figures(figures: Mapping[str, Figure], folder: Path, file_format: str = "png") -> None:
    """Write figures as `folder/NAME.FORMAT`, each whole or not at all, and close them."""
    if file_format not in FORMATS:
        raise UserError(
            f"figures can't be written as {file_format!r}; choose one of {', '.join(FORMATS)}."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't make the folder {folder}: {error.strerror or error}.") from None
    unknown: set[str] = set()
    for name, figure in figures.items():
        path = folder / f"{name}.{file_format}"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            write_atomically(path, lambda target, f=figure: f.savefig(target))  # type: ignore[misc]
        plt.close(figure)
        for warning in caught:
            if found := _MISSING_GLYPH.match(str(warning.message)):
                unknown.add(chr(int(found.group(1))))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
    if unknown:
        say(
            f"No font on this computer has {', '.join(sorted(unknown)[:MAX_SHOWN_GLYPHS])}; the "
            "figures show boxes instead. Install one that does, such as Noto Sans CJK."
        )
