"""How a column is read, from its type and its values."""

from typing import Literal

import pandas as pd

from distributed_ib.data.columns.column_values import (
    is_text,
    reject_misspelt_numbers,
    reject_objects,
)
from distributed_ib.data.columns.date_parts import date_type
from distributed_ib.data.columns.date_text import text_type
from distributed_ib.data.columns.declared_kinds import DeclaredKind
from distributed_ib.data.table_errors import reject, shown

ReadAs = Literal["continuous", "categorical", "ordered", "date", "time", "duration"]


def read_as(
    name: str, values: pd.Series, declared: DeclaredKind | None, first_row: int = 1
) -> ReadAs:
    """How a column is read, as one of `ReadAs`.

    Args:
        name: Its name, for messages.
        values: Its values, not all missing.
        declared: What the user declared, if anything.
        first_row: Number of the first row, for messages.

    Raises:
        UserError: If it contains a mixture of numbers and text, or values that are neither.

    Example:
        >>> read_as("when", pd.Series(["2026-01-31", None]), None)
        'date'
    """
    kind = None if declared is None else declared.kind
    own = date_type(values)
    if kind in ("date", "date parts"):
        return _as_date(name, values, own, first_row)
    if own is not None:
        if kind is None or (own == "duration" and kind == "continuous"):
            return own
        example = shown(values.dropna().iloc[0])
        reject(
            name,
            f"is declared {kind} but contains dates or times, such as {example}",
            'declare it "date", or convert it to text or numbers',
        )
    if kind == "continuous":
        return "continuous"
    if isinstance(values.dtype, pd.CategoricalDtype):
        return "ordered" if kind == "ordered" or (not kind and values.dtype.ordered) else _CATEGORY
    reject_objects(name, values, first_row)
    if kind == "ordered":
        return "ordered"
    return _CATEGORY if kind == "categorical" else _inferred(name, values, first_row)


_CATEGORY: Literal["categorical"] = "categorical"


def _inferred(name: str, values: pd.Series, first_row: int) -> ReadAs:
    if pd.api.types.is_complex_dtype(values.dtype):
        reject(
            name, "contains complex numbers", "use their real and imaginary parts as two columns"
        )
    if pd.api.types.is_numeric_dtype(values.dtype):  # booleans are numeric
        return "continuous"
    if pd.api.types.is_object_dtype(values.dtype) and not is_text(name, values, first_row):
        return "continuous"
    reject_misspelt_numbers(name, values, first_row)
    found = text_type(name, values, first_row)
    return _CATEGORY if found is None else found


def _as_date(name: str, values: pd.Series, own: str | None, first_row: int) -> ReadAs:
    if own == "duration":
        reject(name, "is declared a date but contains durations", 'declare it "continuous"')
    if own is not None:
        return "time" if own == "time" else "date"
    if pd.api.types.is_object_dtype(values.dtype) or isinstance(values.dtype, pd.StringDtype):
        reject_objects(name, values, first_row)
        return "time" if text_type(name, values, first_row) == "time" else "date"
    return "date"
