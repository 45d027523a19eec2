"""Print a report on a terminal."""

import re
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from distributed_ib.report.report import Report, Table


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the sentences and tables of a report; notes are only in `summary.md`."""
    console = console or Console()
    for section in report.sections:
        if section.title:
            console.print(f"\n[bold]{escape(section.title)}[/]")
        for finding in section.findings:
            mark = "[yellow]warning:[/] " if finding.kind == "warning" else ""
            console.print(mark + escape(finding.text), soft_wrap=True, highlight=False)
        for table in section.tables:
            _print_table(table, console)


def _print_table(table: Table, console: Console) -> None:
    drawn = RichTable(
        title=escape(table.title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold"
    )
    rows = table.texts()
    cells = [[row[index] for row in rows] for index in range(len(table.columns))]
    widths = [
        max(map(len, [name, *column])) for name, column in zip(table.columns, cells, strict=True)
    ]
    fits = sum(widths) + 3 * len(widths) <= console.width
    for name, column in zip(table.columns, cells, strict=True):
        is_number = _are_numbers(column)
        # If the table is too wide, intervals are wrapped between words instead of truncated.
        whole = column if fits else [word for cell in column for word in cell.split()]
        drawn.add_column(
            escape(name),
            justify="right" if is_number else "left",
            no_wrap=is_number and fits,
            min_width=max(map(len, whole), default=1) if is_number else 8,
        )
    for row in rows:
        drawn.add_row(*map(escape, row))
    console.print(drawn)


_NUMBERS = re.compile(r"(?:[\d\s.,+\-–<>=()%±]|to|of|e)+")


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether a column contains only numbers, which are right-aligned.

    >>> _are_numbers(["0.5", "> 1.2", "-", "0.1 (0.0 to 0.2)"]), _are_numbers(["2: a, b", "1: a"])
    (True, False)
    """
    return all(_NUMBERS.fullmatch(cell) for cell in cells) and bool(cells)
