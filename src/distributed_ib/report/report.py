"""The report of a run: findings in words, tables and figures, as data that can be stored.

A `Report` is made once, when a run ends. The terminal, `summary.md`, `summary.json` and the page
render the same object, so that no finding is computed twice. Nothing here needs JAX.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from distributed_ib.report.quantity import Quantity

Cell = str | int | Quantity
Kind = Literal["finding", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """A sentence about a run, with the numbers in it.

    Attributes:
        text: The sentence.
        quantities: The numbers in it, by name.
        kind: "finding"; "warning" for limitations of the findings; "note" for the course of the
            run and how to read the report.

    Example:
        >>> known = Quantity(0.5, "bits", rows="held-out rows")
        >>> Finding(f"{known.text()} of y are known.", {"known_bits": known}).text
        '0.500 bits of y are known.'
    """

    text: str
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    kind: Kind = "finding"


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes:
        name: Name for programs.
        title: Title shown above the table.
        columns: Headings, with units unless the title states them.
        rows: Cells, one tuple for each row, as long as `columns`.
        notes: Meaning of the columns; empty if they need no explanation.

    Raises:
        ValueError: If the number of cells of a row differs from the number of columns.

    Example:
        >>> table = Table("sizes", "Sizes", ("name", "size (bits)"), (("a", Quantity(1.0)),))
        >>> table.texts()
        [['a', '1.000']]
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name!r}: a row has {len(row)} cells for {len(self.columns)} "
                    "columns."
                )

    def texts(self) -> list[list[str]]:
        """All cells as text, without units, which are in the headings."""
        return [[cell_text(cell) for cell in row] for row in self.rows]


def cell_text(cell: Cell) -> str:
    """A cell as text, without its unit.

    >>> cell_text("a"), cell_text(12000), cell_text(Quantity(0.25, "bits"))
    ('a', '12,000', '0.250')
    """
    if isinstance(cell, Quantity):
        return cell.text(with_unit=False)
    return f"{cell:,}" if isinstance(cell, int) else cell


@dataclass(frozen=True)
class FigureEntry:
    """A figure of a run, in its own file.

    Attributes:
        name: Stem of its file in `figures/`.
        caption: What the figure shows and how to read it; may be empty.
    """

    name: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a report under one heading.

    Attributes:
        title: The heading; empty for the opening section.
        findings: Sentences.
        tables: Tables.
        notes: Further text in Markdown, such as a legend.
    """

    title: str = ""
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class Report:
    """All findings of a run, as text and as values.

    Attributes:
        title: What the run is about.
        sections: The sections in reading order; the first is the opening.
        figures: The figures, in order.
        values: Findings as plain JSON values, for programs; NaN and infinity become null.
        about: How the run was made: command, versions, seconds, rows.
    """

    title: str
    sections: tuple[Section, ...]
    figures: tuple[FigureEntry, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The report in Markdown."""
        from distributed_ib.report.markdown import to_markdown

        return to_markdown(self)

    def findings(self) -> Iterator[Finding]:
        """All sentences, in order."""
        for section in self.sections:
            yield from section.findings

    def tables(self) -> dict[str, Table]:
        """All tables by name."""
        return {table.name: table for section in self.sections for table in section.tables}
