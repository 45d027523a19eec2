"""The table of all runs of a grid: CSV, Markdown, and a page with links to the runs."""

import csv
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from distributed_ib._files import write_text
from distributed_ib._run_files import PAGE, SCHEME
from distributed_ib.errors import UserError
from distributed_ib.evidence.evidence_files import load_evidence
from distributed_ib.report.markdown import markdown_table
from distributed_ib.report.words import rows_in_words
from distributed_ib.scheme._choosing import nearest_place
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.study.grid import Grid, GridRun, value_text

TABLE_CSV, TABLE_TEXT, INDEX = "table.csv", "table.md", "index.html"
_SCORES = ("accuracy", "r2", "rmse")
# Numeric columns in the order of the table; those that no run has are left out.
_NUMBERS = (
    "known_bits",
    "known_error_bits",
    *_SCORES,
    "total_bits_at_best",
    "total_bits_at_simplest",
    "p_value",
    "seconds",
)
_NOTES = (
    "`known_bits`: what is known about Y at the best bottleneck strength, on the rows of "
    "`measured_on`, with its standard error where it was measured. Scores are of the same rows. "
    "`total_bits`: what all components convey, summed; information where it was measured, else KL, "
    'as `measure` says. `p_value`: of "X tells nothing about Y". Repeats of a run are averaged.'
)


@dataclass(frozen=True)
class GridRow:
    """One run of a grid, or one of its parts.

    Attributes:
        run: Name of its folder.
        options: The options that vary.
        part: Name of the part; empty if the run has one part.
        status: How it ended.
        measured_on: The rows on which `known_bits` and scores were measured.
        measure: "information" or "kl".
        numbers: Values by column; those that were not measured are left out.
        error: Why there are no numbers.
    """

    run: str
    options: Mapping[str, Any]
    part: str = ""
    status: str = "error"
    measured_on: str = ""
    measure: str = ""
    numbers: Mapping[str, float] | None = None
    error: str = ""


def rows_of_run(folder: Path, run: GridRun) -> list[GridRow]:
    """The rows of a finished run, one for each of its parts."""
    places = sorted(path.parent for path in folder.rglob(SCHEME))
    try:
        return [_row(folder, place, run) for place in places]
    except UserError as error:
        return [GridRow(run.name, run.values, error=str(error))]


def _row(folder: Path, place: Path, run: GridRun) -> GridRow:
    part = "" if place == folder else place.relative_to(folder).as_posix()
    scheme = ApproximationScheme.load(place)
    if scheme.is_empty:
        return GridRow(run.name, run.values, part, scheme.status, error=scheme.message)
    evidence = load_evidence(place)
    numbers = _numbers(scheme)
    if evidence is not None:
        numbers["p_value"] = evidence.p_value
    return GridRow(
        run.name,
        run.values,
        part,
        scheme.status,
        rows_in_words(scheme.scoring_split),
        scheme.measure,
        {name: value for name, value in numbers.items() if np.isfinite(value)},
    )


def _numbers(scheme: ApproximationScheme) -> dict[str, float]:
    """Bits known and conveyed, scores and seconds, averaged over repeats."""
    data = scheme.to_xarray()
    betas, conveyed = data["beta"].values, scheme.conveyed_bits().mean("seed").sum("component")
    best, simplest = (
        nearest_place(betas, beta) for beta in (scheme.best_beta, scheme.simplest_beta)
    )
    at = data.isel(step=best)
    if scheme.is_ladder:
        found = {name: float(at[name]) for name in ("known_bits", "known_error_bits")}
    else:
        known = at["predictive_information_bits"].sel(split=scheme.scoring_split)
        found = {"known_bits": float(known.mean())}
    for name in _SCORES:
        if name in at:
            score = at[name]
            score = score.sel(split=scheme.scoring_split) if "split" in score.dims else score
            found[name] = float(score.mean())
    found["total_bits_at_best"] = float(conveyed[best])
    found["total_bits_at_simplest"] = float(conveyed[simplest])
    found["seconds"] = float(data.attrs.get("seconds", np.nan))
    return found


def save_table(folder: Path, grid: Grid, rows: Sequence[GridRow]) -> None:
    """Write `table.csv`, `table.md` and `index.html`, replacing existing ones."""
    numbers = [name for name in _NUMBERS if any(name in (row.numbers or {}) for row in rows)]
    columns = [*grid.names, "part", "status", "measured_on", *numbers, "measure", "error", "run"]
    unused = {name for name in ("part", "error") if not any(getattr(row, name) for row in rows)}
    columns = [name for name in columns if name not in unused or name in grid.names]
    exact = [[_cell(row, name, grid.names, exact=True) for name in columns] for row in rows]
    short = [[_cell(row, name, grid.names, exact=False) for name in columns] for row in rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *exact])
    write_text(folder / TABLE_CSV, text.getvalue())
    title = f"{len(grid.runs)} runs of {grid.title}"
    write_text(folder / TABLE_TEXT, f"# {title}\n\n{markdown_table(columns, short)}\n\n{_NOTES}\n")
    pages = [row.run if (folder / row.run / PAGE).is_file() else "" for row in rows]
    write_text(folder / INDEX, index_page(title, columns, short, pages))


def _cell(row: GridRow, name: str, options: Sequence[str], *, exact: bool) -> str:
    if name in options:
        return value_text(row.options[name])
    if name in _NUMBERS:
        value = (row.numbers or {}).get(name)
        return "" if value is None else repr(value) if exact else f"{value:.4g}"
    return str(getattr(row, name))


def index_page(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], pages: Sequence[str]
) -> str:
    """HTML page of the table, whose rows link to the pages of their runs.

    It loads nothing and runs no script.

    Args:
        title: Title of the page.
        columns: Names of the columns, the folder of the run last.
        rows: Texts of the cells.
        pages: For each row, the folder of its run; empty if the run has no page.

    Example:
        >>> page = index_page("a < b", ["run"], [["x=1"]], ["x=1"])
        >>> "a &lt; b" in page, 'href="x%3D1/report.html"' in page
        (True, True)
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "\n".join(
        f"<tr>{''.join(_html_cells(row, page))}</tr>" for row, page in zip(rows, pages, strict=True)
    )
    name = html.escape(title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{name}</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .3em .7em; text-align: left; border-bottom: 1px solid #ddd; }}
</style>
</head>
<body>
<h1>{name}</h1>
<div><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
<p>{html.escape(_NOTES.replace("`", ""))}</p>
</body>
</html>
"""


def _html_cells(row: Sequence[str], page: str) -> list[str]:
    *cells, last = map(html.escape, row)
    if page:
        last = f'<a href="{quote(page, safe="")}/{PAGE}">{last}</a>'
    return [f"<td>{cell}</td>" for cell in (*cells, last)]
