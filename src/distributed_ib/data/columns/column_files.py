"""The description of a column as plain JSON values."""

from dataclasses import asdict
from typing import Any

import numpy as np

from distributed_ib.data.columns.column import KINDS, PARTS, Column, Reading
from distributed_ib.data.columns.date_parts import SECONDS

_DEFAULTS = asdict(Column("", "continuous"))


def column_to_dict(column: Column) -> dict[str, Any]:
    """A column as JSON values, without defaults."""
    found = asdict(column)
    found["levels"] = None if column.levels is None else list(column.levels)
    always = ("name", "kind", "levels")
    return {k: v for k, v in found.items() if k in always or v != _DEFAULTS[k]}


def column_from_dict(entry: Any) -> Column:
    """Restore a column from the result of `column_to_dict`.

    Raises:
        KeyError: If an entry is missing.
        TypeError: If it is not a mapping.
        ValueError: If the description is not valid.
    """
    name, levels = entry["name"], entry["levels"]
    source = entry.get("source")
    for text in (name, "" if source is None else source):
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is not a name")
    if entry["kind"] not in KINDS:
        raise ValueError(f"kind {entry['kind']!r}")
    if levels is not None:
        known = levels[:-1] if isinstance(levels, list) and levels[-1:] == [None] else levels
        if not isinstance(known, list) or not all(
            isinstance(v, (str, bool, int, float)) for v in known
        ):
            raise ValueError(f"levels of {name!r}")
        levels = tuple(levels)
    flags = {key: entry.get(key, False) for key in ("has_missing", "has_rare")}
    if not all(isinstance(flag, bool) for flag in flags.values()):
        raise ValueError(f"flags of {name!r}")
    reading = None if entry.get("reading") is None else _reading(name, entry["reading"])
    return Column(name, entry["kind"], levels, source=source, reading=reading, **flags)


def _reading(name: str, entry: Any) -> Reading:
    found = Reading(**entry)
    if (
        found.part not in PARTS
        or not isinstance(found.origin, str)
        or found.day_first not in (None, False, True)
        or (found.part == "duration") != (found.unit in SECONDS)
    ):
        raise ValueError(f"reading of {name!r}")
    if found.part == "trend":
        np.datetime64(found.origin, "us")
    return found
