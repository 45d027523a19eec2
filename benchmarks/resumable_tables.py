"""Measurements of many generated tables, stored line by line so that runs can be resumed."""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Cells = dict[tuple[str, int], list[Row]]


@dataclass(frozen=True)
class Part:
    """A part of a benchmark.

    Attributes:
        measure: Returns the results for a case, a number of rows and a table number.
        cases: Names of the cases.
        show: Prints the results, by case and number of rows.
    """

    measure: Callable[[str, int, int], Row]
    cases: tuple[str, ...]
    show: Callable[[Cells], None]


def main(description: str, parts: Mapping[str, Part], default_out: Path) -> None:
    """Read the command line: the part to measure, or `show`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("part", choices=[*parts, "show"])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--out", type=Path, default=default_out)
    given = parser.parse_args()
    if given.part == "show":
        _show(parts, given.out)
    else:
        _run(given.part, parts[given.part], given.rows, given.tables, given.out)


def _run(name: str, part: Part, n_rows: int, n_tables: int, out: Path) -> None:
    """Measure the tables of a part that the results file lacks."""
    done = {(row["part"], row["case"], row["rows"], row["table"]) for row in read_lines(out)}
    for table in range(n_tables):
        for case in part.cases:
            if (name, case, n_rows, table) not in done:
                about = {"part": name, "case": case, "rows": n_rows, "table": table}
                add_line(out, partial(part.measure, case, n_rows, table), about)


def add_line(out: Path, measure: Callable[[], Row], about: Row) -> None:
    """Measure, and append a line with the results, their labels and the seconds taken."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row = measure()
    row |= {**about, "seconds": round(time.perf_counter() - started, 1)}
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_lines(out: Path) -> Iterator[Row]:
    """All lines of a results file, or none if the file does not exist."""
    if out.exists():
        for line in out.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _show(parts: Mapping[str, Part], out: Path) -> None:
    """Print one table for each part that has results."""
    rows = list(read_lines(out))
    for name, part in parts.items():
        cells: Cells = {}
        for row in rows:
            if row["part"] == name:
                cells.setdefault((row["case"], row["rows"]), []).append(row)
        if cells:
            print(f"\n## {name}\n")
            part.show(cells)
