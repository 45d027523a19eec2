"""A report on a terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from distributed_ib.report.report import Report, Table


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the sentences and tables of a report; notes are left to `summary.md`."""
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
    for index, name in enumerate(table.columns):
        is_number = _are_numbers([row[index] for row in rows])
        drawn.add_column(
            escape(name),
            justify="right" if is_number else "left",
            no_wrap=is_number or index == 0,
            min_width=max(len(row[index]) for row in rows) if is_number else 8,
        )
    for row in rows:
        drawn.add_row(*map(escape, row))
    console.print(drawn)


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether a column looks like numbers, which stand to the right.

    >>> _are_numbers(["0.5", "> 1.2", "-"]), _are_numbers(["all", "none"])
    (True, False)
    """
    return all(cell[:1].isdigit() or cell[:1] in "->(" for cell in cells) and bool(cells)
