"""Reading of a column of a user's table as numbers, or as levels and codes."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column, Level, level_text
from distributed_ib.data.columns.column_values import factorised, numbers_of
from distributed_ib.data.columns.date_parts import WEEKDAYS, durations, part_of
from distributed_ib.data.table_errors import reject_unseen_level

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]

UNSEEN = -2
"""The code of an unknown level; -1 is the code of a missing value."""


def numbers_in(column: Column, values: pd.Series, first_row: int = 1) -> FloatArray:
    """The numbers of a continuous column, `[n]`; NaN if missing.

    Args:
        column: The column to read.
        values: The column of the table that it is read from; dates from `with_clock_times`.
        first_row: Number of the first row, for messages.

    Raises:
        UserError: If a value is infinite or not a number, or not a level of an ordered category:
            names column, row and remedy.
    """
    reading = column.reading
    if reading is None:
        return numbers_of(column.name, values, first_row, allow_missing=True)
    if reading.part == "duration":
        return durations(column.read_from, values, reading.unit)
    if reading.part == "rank":
        codes, levels = codes_in(column, values, first_row)
        reject_unseen(column, codes, levels, first_row)
        return ranks_of(codes)
    return part_of(np.asarray(values, "datetime64[us]"), reading.part, reading.origin)


def ranks_of(codes: Codes) -> FloatArray:
    """Ranks of levels, NaN for those that are missing or unknown.

    >>> ranks_of(np.array([2, -1])).tolist()
    [2.0, nan]
    """
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def levels_in(column: Column, values: pd.Series, first_row: int = 1) -> tuple[Codes, list[Level]]:
    """The index of each row's value, -1 if missing, and the distinct values of a category.

    Raises:
        UserError: If a value is not text, a number or a boolean.
    """
    if column.reading is not None and column.reading.part == "weekday":
        days = part_of(np.asarray(values, "datetime64[us]"), "weekday")
        return np.where(np.isnan(days), -1, np.nan_to_num(days)).astype(np.int64), list(WEEKDAYS)
    return factorised(column.read_from, values, first_row)


def codes_in(column: Column, values: pd.Series, first_row: int = 1) -> tuple[Codes, NDArray[Any]]:
    """The code of each row among the known levels of a column, and the value of each row.

    Returns:
        Codes `[n]`, -1 if a value is missing and `UNSEEN` if it is not a known level; and the
        values of the rows as objects, `[n]`.

    Raises:
        UserError: If a value is not text, a number or a boolean.
    """
    found, levels = levels_in(column, values, first_row)
    code_of = {level: code for code, level in enumerate(column.known_levels)}
    # A single text turns a column of numbers into text, so 7 and "7" are the same level.
    by_text = {level_text(level): code for level, code in code_of.items()}
    table = np.array(
        [*(code_of.get(one, by_text.get(level_text(one), UNSEEN)) for one in levels), -1], np.int64
    )
    names = np.empty(len(levels) + 1, object)
    names[:-1] = levels
    return table[found], names[found]


def reject_unseen(column: Column, codes: Codes, names: NDArray[Any], first_row: int) -> None:
    """Check that there are no unknown levels.

    Raises:
        UserError: If there is one: names column, row, value and remedy.
    """
    unseen = codes == UNSEEN
    if not unseen.any():
        return
    row = int(unseen.argmax())
    reject_unseen_level(column.read_from, names[row], column.known_levels, first_row + row)
