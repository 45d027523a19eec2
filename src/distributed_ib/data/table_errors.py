"""Errors about the columns of a table: where they are, what is wrong, and what to do."""

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from distributed_ib.errors import UserError

_SHOWN_LEVELS = 8
_SHOWN_CHARACTERS = 60


def where(name: str, row: int | None = None) -> str:
    """A place as messages name it: "column 'age', row 17 (data rows count from 1)"."""
    return f"column {name!r}" + ("" if row is None else f", row {row} (data rows count from 1)")


def shown(value: Any) -> str:
    """A value as messages show it: on one line, truncated if it is long.

    >>> shown("x" * 1000)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    try:
        text = " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())
    except ValueError:  # Python refuses to print such a number
        return "a whole number with thousands of digits"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def reject(name: str, what: str, remedy: str, row: int | None = None) -> NoReturn:
    """Raise an error about a column: what is wrong, in which row, and what to do."""
    raise UserError(f"{where(name, row)} {what}; {remedy}.")


def reject_empty_table(place: str = "the table") -> NoReturn:
    """Raise an error for a table that has column names but no rows."""
    raise UserError(f"{place} has column names but no rows; give a table with data.")


def reject_unseen_level(name: str, value: Any, known: Sequence[Any], row: int) -> NoReturn:
    """Raise an error for a category that did not occur in training."""
    first = ", ".join(map(shown, known[:_SHOWN_LEVELS]))
    more = ", ..." if len(known) > _SHOWN_LEVELS else ""
    reject(
        name,
        f"contains {shown(value)}, a category not seen in training ({first}{more})",
        "replace it by a known one, or include such rows in training",
        row,
    )


def with_place(message: str, place: str) -> str:
    """A message with the place of its rows, such as a file.

    >>> with_place("row 7 is wrong; correct it.", "b.parquet begins at row 5")
    'row 7 is wrong; correct it (b.parquet begins at row 5).'
    """
    return f"{message.removesuffix('.')} ({place})." if place else message
