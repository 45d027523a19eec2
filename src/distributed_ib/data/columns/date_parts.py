"""Dates, times of day and durations as numbers: the parts of a date that can matter."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column, Part, Reading
from distributed_ib.data.columns.column_values import reject_objects
from distributed_ib.data.columns.date_text import Times, times_of_text
from distributed_ib.data.table_errors import reject, shown

FloatArray = NDArray[np.float64]
DateType = Literal["date", "time", "duration"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEK_DAYS, YEAR_DAYS = 14, 365
"""Fewest days that dates must span for the weekday, and the day of the year, to be parts."""
SECONDS = {
    "days": 86_400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
}
"""Units of durations, with their length in seconds."""
_RESOLUTIONS = {"D": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_NAT = np.datetime64("NaT", "us")


def date_type(values: pd.Series) -> DateType | None:
    """Whether a column's own type is one of dates, times of day or durations.

    >>> date_type(pd.Series(pd.date_range("2026-01-31", periods=2)))
    'date'
    """
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return date_type(pd.Series(dtype.categories))
    if isinstance(dtype, (pd.DatetimeTZDtype, pd.PeriodDtype)):
        return "date"
    if isinstance(dtype, pd.ArrowDtype):
        name = str(dtype.pyarrow_dtype)
        if name.startswith("time") and not name.startswith("timestamp"):
            return "time"
        if name.startswith("duration"):
            return "duration"
        return "date" if name.startswith(("timestamp", "date")) else None
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        return "date" if dtype.kind == "M" else "duration"
    if not pd.api.types.is_object_dtype(dtype):
        return None
    types = {type(value) for value in values} - {type(None), type(pd.NA), type(pd.NaT), float}
    kinds: tuple[tuple[DateType, tuple[type, ...]], ...] = (
        ("duration", (datetime.timedelta, np.timedelta64)),
        ("date", (datetime.date, np.datetime64, pd.Period)),
        ("time", (datetime.time,)),
    )
    for kind, classes in kinds:
        if types and all(issubclass(one, classes) for one in types):
            return kind
    return None


def clock_times(
    name: str, values: pd.Series, first_row: int = 1, day_first: bool | None = None
) -> Times:
    """Dates and times of day as shown by a wall clock, `[n]`; NaT if missing.

    Time zones are dropped: 9:00 is nine o'clock everywhere. Times of day alone are on 1970-01-01.

    Args:
        name: Name of the column.
        values: Its values.
        first_row: Number of the first of them, for messages.
        day_first: For dates written as text, whether the day comes before the month.

    Raises:
        UserError: If a value is not a date: names column, row and remedy.
    """
    found = date_type(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    try:
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            return values.dt.tz_localize(None).to_numpy("datetime64[us]")
        if isinstance(values.dtype, np.dtype) and values.dtype.kind == "M":
            return values.to_numpy().astype("datetime64[us]")
        if found in ("date", "time"):
            plain = [_plain_time(value) for value in values.astype(object)]
            times = np.array(plain, "datetime64[us]")
    except (OverflowError, ValueError, pd.errors.OutOfBoundsDatetime):
        reject(
            name,
            "contains a date outside the range that can be represented",
            "correct it or drop the row",
        )
    missing = values.isna().to_numpy()
    if missing.all():
        return np.full(len(values), _NAT)
    if found in ("date", "time"):
        odd = np.isnat(times) & ~missing
        if odd.any():
            _reject_non_date(name, values.iloc[int(odd.argmax())], first_row + int(odd.argmax()))
        return times
    if not isinstance(values.dtype, pd.StringDtype) and not pd.api.types.is_object_dtype(
        values.dtype
    ):
        row = int((~missing).argmax())
        _reject_non_date(name, values.iloc[row], first_row + row)
    reject_objects(name, values, first_row)
    return times_of_text(name, values, first_row, day_first)


def _reject_non_date(name: str, value: Any, row: int) -> NoReturn:
    remedy = 'use dates or text such as "2026-01-31", or declare another kind'
    reject(name, f"is read as dates but contains {shown(value)}", remedy, row)


def _plain_time(value: Any) -> Any:
    if isinstance(value, pd.Period):
        value = value.to_timestamp()
    if isinstance(value, datetime.time):
        return datetime.datetime.combine(datetime.date(1970, 1, 1), value.replace(tzinfo=None))
    if isinstance(value, datetime.datetime):  # includes pandas timestamps
        return _NAT if pd.isna(value) else value.replace(tzinfo=None)
    if isinstance(value, (datetime.date, np.datetime64)):
        return value
    return _NAT


def part_of(times: Times, part: Part, origin: str = "") -> FloatArray:
    """A part of dates as a number, `[n]`; NaN if the date is missing.

    Args:
        times: From `clock_times`.
        part: "trend" (days since `origin`), "hour of day" (0 to 24), "weekday" (0 is Monday) or
            "day of year" (1 to 366).
        origin: In ISO form.

    Example:
        >>> part_of(np.array(["2026-01-31T18:30"], "datetime64[us]"), "hour of day").tolist()
        [18.5]
    """
    days = times.astype("datetime64[D]")
    if part == "trend":
        found: NDArray[Any] = times - np.datetime64(origin, "us")
        return _in_units(found, 86_400.0)
    if part == "hour of day":
        return _in_units(times - days, 3600.0)
    first = np.datetime64("1969-12-29") if part == "weekday" else days.astype("datetime64[Y]")
    whole = _in_units(days - np.asarray(first).astype("datetime64[D]"), 86_400.0)
    return np.asarray(whole % 7 if part == "weekday" else whole + 1)


def durations(name: str, values: pd.Series, unit: str) -> FloatArray:
    """Durations in a unit, `[n]`; NaN if missing.

    >>> durations("wait", pd.Series(pd.to_timedelta(["90min", None])), "hours").tolist()
    [1.5, nan]
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    seconds = SECONDS[unit]
    try:
        if isinstance(values.dtype, np.dtype) and values.dtype.kind == "m":
            return _in_units(values.to_numpy(), seconds)
        plain = [
            np.timedelta64("NaT", "us") if pd.isna(value) else value
            for value in values.astype(object)
        ]
        return _in_units(np.array(plain, "timedelta64[us]"), seconds)
    except (OverflowError, ValueError, TypeError):
        reject(
            name,
            "contains a value that is not a duration",
            "write all durations in one form, as numbers",
        )


def _in_units(spans: NDArray[Any], seconds: float) -> FloatArray:
    """Spans of time as numbers, NaN for NaT."""
    resolution = np.datetime_data(spans.dtype)[0]
    found = spans.astype(np.int64) * (_RESOLUTIONS[resolution] / seconds)
    return np.where(np.isnat(spans), np.nan, found)


def natural_unit(longest_seconds: float) -> str:
    """The largest unit in which the longest duration is at least two.

    >>> natural_unit(7200.0), natural_unit(30.0)
    ('hours', 'seconds')
    """
    return next((u for u, s in SECONDS.items() if longest_seconds >= 2 * s), "microseconds")


def columns_of_date(
    name: str, parts: Sequence[Part], origin: str, day_first: bool | None
) -> tuple[Column, ...]:
    """The columns that are read from a date column."""
    found = []
    for part in parts:
        reading = Reading(part, origin if part == "trend" else "", day_first)
        if part == "weekday":
            found.append(Column(f"{name}: {part}", "categorical", WEEKDAYS, name, reading))
        else:
            found.append(Column(f"{name}: {part}", "continuous", (), name, reading))
    return tuple(found)


def with_clock_times(
    columns: Sequence[Column], chunk: Mapping[str, pd.Series], first_row: int
) -> Mapping[str, pd.Series]:
    """A stretch of rows with each date column read once, however many parts it has."""
    dates = {
        c.read_from: c.reading.day_first
        for c in columns
        if c.reading is not None and c.reading.part not in ("rank", "duration")
    }
    if not dates:
        return chunk
    found = dict(chunk)
    for name, day_first in dates.items():
        found[name] = pd.Series(clock_times(name, chunk[name], first_row, day_first))
    return found
