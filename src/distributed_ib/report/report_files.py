"""A report on disk: the complete report in `summary.json`, its text in `summary.md`."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distributed_ib._files import write_text
from distributed_ib._run_files import SUMMARY_JSON, SUMMARY_TEXT
from distributed_ib.errors import UserError, first_line
from distributed_ib.report.markdown import to_markdown
from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Cell, FigureEntry, Finding, Report, Section, Table

LIMIT_BYTES = 1 << 26
_STORED = "report"  # key of the report itself, stored next to its values


def save_report(report: Report, folder: Path) -> None:
    """Write `summary.json` and `summary.md`, replacing those of an unfinished run.

    Raises:
        UserError: If the folder can't be written.
    """
    plain = {**report.values, "title": report.title, "about": report.about}
    stored = asdict(report) | {"values": None}
    text = json.dumps(_finite({**plain, _STORED: stored}), indent=1, allow_nan=False)
    write_text(folder / SUMMARY_JSON, text + "\n")
    write_text(folder / SUMMARY_TEXT, to_markdown(report))


def load_report(folder: Path) -> Report:
    """Read a report that `save_report` wrote.

    Raises:
        UserError: If the file is missing, damaged, or of an earlier version.
    """
    path = folder / SUMMARY_JSON
    try:
        if not path.is_file():
            raise UserError(
                f"{folder} contains no {SUMMARY_JSON}; is it the folder of a finished run?"
            )
        if path.stat().st_size > LIMIT_BYTES:
            raise UserError(f"{path} is too large to be a summary.")
        plain = json.loads(path.read_text(encoding="utf-8"))
        return _report(plain)
    except UserError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} can't be read as a summary: {first_line(error)}.") from None


def _report(plain: Any) -> Report:
    stored = plain.pop(_STORED)
    return Report(
        title=str(stored["title"]),
        sections=tuple(_section(part) for part in stored["sections"]),
        figures=tuple(FigureEntry(**part) for part in stored["figures"]),
        values={key: value for key, value in plain.items() if key not in ("title", "about")},
        about=stored["about"],
    )


def _section(stored: Any) -> Section:
    return Section(
        title=str(stored["title"]),
        findings=tuple(
            Finding(
                str(part["text"]),
                {name: _quantity(value) for name, value in part["quantities"].items()},
                part["kind"],
            )
            for part in stored["findings"]
        ),
        tables=tuple(
            Table(
                str(part["name"]),
                str(part["title"]),
                tuple(map(str, part["columns"])),
                tuple(tuple(map(_cell, row)) for row in part["rows"]),
                str(part["notes"]),
            )
            for part in stored["tables"]
        ),
        notes=str(stored["notes"]),
    )


def _cell(stored: Any) -> Cell:
    if isinstance(stored, Mapping):
        return _quantity(stored)
    return stored if isinstance(stored, int) else str(stored)


def _quantity(stored: Any) -> Quantity:
    value = stored["value"]
    return Quantity(**{**stored, "value": math.nan if value is None else float(value)})


def _finite(value: Any) -> Any:
    """JSON values, in which numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
