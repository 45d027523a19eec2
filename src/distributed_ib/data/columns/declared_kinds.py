"""Kinds that a user declares for the columns of a table, from a mapping or a TOML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from distributed_ib._toml_files import read_toml
from distributed_ib.data.columns.column import Level
from distributed_ib.data.columns.column_values import level_of
from distributed_ib.errors import UserError

ColumnKind = Literal["continuous", "categorical", "ordered", "date", "date parts", "left out"]
COLUMN_KINDS: tuple[ColumnKind, ...] = get_args(ColumnKind)
KindsOfColumns = Mapping[str, Any]
"""For each column one of `COLUMN_KINDS`, or a mapping with `kind`, `levels` and `day_first`."""


@dataclass(frozen=True)
class DeclaredKind:
    """What a user declares about one column.

    Attributes:
        kind: "continuous", "categorical", "ordered" (levels with an order), "date" (one component
            of its natural parts), "date parts" (a component for each part), or "left out".
        levels: For an ordered category, its levels in order; for a category, all its possible
            levels; empty to take them from the data.
        day_first: For dates written as text, whether the day comes before the month; None to infer
            it from the data.
    """

    kind: ColumnKind
    levels: tuple[Level, ...] = ()
    day_first: bool | None = None


def declared_kinds(kinds: KindsOfColumns | None) -> dict[str, DeclaredKind]:
    """Check what a user declares about the columns.

    Raises:
        UserError: If a kind is unknown, or an option does not apply to it.

    Example:
        >>> size = {"kind": "ordered", "levels": ["small", "large"]}
        >>> declared_kinds({"zip": "categorical", "size": size})["size"].levels
        ('small', 'large')
    """
    if kinds is not None and not isinstance(kinds, Mapping):
        raise UserError("kinds must be a dict that maps column names to kinds.")
    return {str(name): _declared(str(name), value) for name, value in (kinds or {}).items()}


def _declared(name: str, value: Any) -> DeclaredKind:
    if isinstance(value, DeclaredKind):
        return value
    given = dict(value) if isinstance(value, Mapping) else {"kind": value}
    kind = given.pop("kind", None)
    if kind not in COLUMN_KINDS:
        raise UserError(
            f"column {name!r} is declared {kind!r}; choose one of {', '.join(COLUMN_KINDS)}."
        )
    levels, day_first = given.pop("levels", ()), given.pop("day_first", None)
    if given:
        raise UserError(
            f"column {name!r} has the unknown option {min(given, key=str)!r}; the options are "
            "kind, levels and day_first."
        )
    return DeclaredKind(kind, _levels(name, kind, levels), _day_first(name, kind, day_first))


def _levels(name: str, kind: ColumnKind, levels: Any) -> tuple[Level, ...]:
    if isinstance(levels, str) or not isinstance(levels, Sequence):
        raise UserError(f"the levels of column {name!r} must be a list.")
    if levels and kind not in ("ordered", "categorical"):
        raise UserError(
            f"column {name!r} is declared {kind}, which has no levels; leave the levels out."
        )
    found = tuple(level_of(name, level) for level in levels)
    if len(set(found)) < len(found):
        raise UserError(
            f"the levels of column {name!r} contain one level twice; remove one of them."
        )
    return found


def _day_first(name: str, kind: ColumnKind, day_first: Any) -> bool | None:
    if day_first is None:
        return None
    if kind not in ("date", "date parts"):
        raise UserError(
            f"column {name!r} is declared {kind}, but day_first applies to dates only; leave it "
            "out."
        )
    if not isinstance(day_first, bool):
        raise UserError(f"day_first of column {name!r} must be true or false.")
    return day_first


def read_kinds(path: Path) -> dict[str, Any]:
    """Read kinds of columns from a TOML file, as written by `dib describe --toml`.

    Lines have the form `zip = "categorical"`, with or without a heading `[kinds]`.

    Raises:
        UserError: If the file can't be read, or contains anything else.
    """
    found = read_toml(path, "a list of kinds of columns")
    if list(found) == ["kinds"] and isinstance(found["kinds"], dict):
        found = found["kinds"]
    try:
        declared_kinds(found)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return found
