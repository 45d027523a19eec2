"""When rows were measured: numbers or dates of a column, in a form that can be sorted."""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column_values import numbers_of
from distributed_ib.data.files._views import series_of
from distributed_ib.data.table_errors import shown, where
from distributed_ib.errors import UserError

# 31.1.2026 10:30, 1/31/2026: days and months before the year.
_YEAR_LAST = re.compile(r"\s*(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4})(?:[T\s]+(\S.*?))?\s*$")


def times_of(name: str, values: Any, day_first: bool | None = None) -> NDArray[Any]:
    """Times that can be sorted, `[n]`.

    Args:
        name: Name of the column, for messages.
        values: Numbers; dates or times of the table's own type; or text such as 2026-01-31,
            2026-01-31 10:30, 31.1.2026 or 1/31/2026. Days come before months if separated by
            points; otherwise the order must be evident from the values.
        day_first: Whether days come before months in text such as 1/2/2026, if that is known.

    Returns:
        Numbers, or dates in UTC.

    Raises:
        UserError: If a value is missing or not a time, or days can't be distinguished from months:
            names column, row and value.

    Example:
        >>> times_of("t", ["31.1.2026", "1.2.2026 08:00"]).argsort().tolist()
        [0, 1]
    """
    series = values if isinstance(values, pd.Series) else series_of(np.asarray(values))
    missing = series.isna().to_numpy(bool)
    if missing.any():
        raise UserError(
            f"{where(name, int(missing.argmax()) + 1)} has no time; fill it in or drop the row."
        )
    if pd.api.types.is_numeric_dtype(series.dtype):
        return numbers_of(name, series)
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.dt.start_time
    if not pd.api.types.is_datetime64_any_dtype(series.dtype):
        text = series.astype(str)
        numbers = pd.to_numeric(text, errors="coerce")
        if numbers.notna().all():
            return numbers_of(name, numbers)
        series = _dates(name, text, day_first)
    return np.asarray(pd.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy())


def _dates(name: str, text: "pd.Series[Any]", day_first: bool | None) -> "pd.Series[Any]":
    last = text.str.fullmatch(_YEAR_LAST)
    iso = text.where(~last, _year_first(name, text[last], day_first)) if last.any() else text
    found = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True)
    wrong = found.isna().to_numpy(bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(
            f"{where(name, row + 1)} contains {shown(text.iloc[row])}, which is not a time; write "
            "it as 2026-01-31, as 2026-01-31 10:30:00, or as a number."
        )
    return found


def _year_first(name: str, text: "pd.Series[Any]", day_first: bool | None) -> "pd.Series[Any]":
    """Dates with the year first, from those with the year last."""
    parts = text.str.extract(_YEAR_LAST)
    one, two = parts[0].astype(int), parts[2].astype(int)
    if day_first or (day_first is None and ((parts[1] == ".").all() or (one > 12).any())):
        day, month = parts[0], parts[2]
    elif day_first is not None or (two > 12).any() or (one == two).all():
        day, month = parts[2], parts[0]
    else:
        raise UserError(
            f"{where(name)} contains {shown(text.iloc[0])}, in which day and month can't be "
            "distinguished; write dates as 2026-01-31."
        )
    date = parts[3] + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    clock = parts[4].fillna("").str.replace(r"^(\d):", r"0\1:", regex=True)
    return date.where(clock == "", date + " " + clock)
