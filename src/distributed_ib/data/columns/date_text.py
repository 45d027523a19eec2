"""Dates and times written as text: which texts they are, and their values."""

import re
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column_values import reject_non_unicode
from distributed_ib.data.table_errors import reject, shown

Times = NDArray[np.datetime64]

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp][Mm])?"
)
_ZONE = r"\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_DATE = (
    r"(?:(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second_place>\d{1,2})[-/.](?P<last>\d{4}|\d{2}))"
)
# 2026-01-31, 31.1.2026 or 1/31/26, with a time of day or without; or a time of day alone.
_DATE_TEXT = re.compile(rf"^\s*{_DATE}(?:[T\s]\s*{_CLOCK}{_ZONE})?\s*$")
_TIME_TEXT = re.compile(rf"^\s*{_CLOCK}\s*$")
# A text column in which at least this share of the distinct values are dates contains misspelt
# dates, not categories.
_DATE_SHARE = 0.5
# Two-digit years from this one on belong to the twentieth century, as in POSIX.
_PIVOT = 69


def distinct_texts(name: str, values: pd.Series) -> pd.Series:
    """The distinct texts of a column.

    Raises:
        UserError: If one is not valid Unicode.
    """
    try:
        return pd.Series(values.dropna().unique(), dtype=str)
    except UnicodeEncodeError as error:
        reject_non_unicode(name, error.object)


def text_type(name: str, values: pd.Series, first_row: int = 1) -> Literal["date", "time"] | None:
    """Whether texts are dates ("date"), times of day ("time"), or neither.

    Raises:
        UserError: If most are dates, but not all.

    Example:
        >>> text_type("when", pd.Series(["2026-01-31", "2026-02-01 12:30"]))
        'date'
    """
    texts = distinct_texts(name, values)
    patterns: tuple[tuple[Literal["date", "time"], re.Pattern[str]], ...] = (
        ("date", _DATE_TEXT),
        ("time", _TIME_TEXT),
    )
    for kind, pattern in patterns:
        fits = texts.str.match(pattern).to_numpy(bool)
        if fits.all():
            return kind
        if fits.mean() >= _DATE_SHARE:
            odd = texts[~fits].iloc[0]
            row = int((values == odd).to_numpy(bool, na_value=False).argmax()) + first_row
            _reject_non_date_text(name, odd, row)
    return None


def reject_ambiguous_order(name: str, example: str) -> NoReturn:
    """Raise an error for dates in which day and month can't be distinguished."""
    first, second = (_iso_date(example, day_first) for day_first in (True, False))
    reject(
        name,
        f"contains dates such as {shown(example)}, which can mean {first} (day first) or {second} "
        "(month first)",
        'declare its kind as {kind = "date", day_first = true}, or with day_first = false',
    )


def reject_mixed_orders(name: str) -> NoReturn:
    """Raise an error for dates, some with the day first and some with the month first."""
    reject(
        name,
        "contains some dates with the day before the month and some with the month before the day",
        "write all dates in one form, preferably as 2026-01-31",
    )


def example_of(name: str, values: pd.Series) -> tuple[str, bool]:
    """A date with the year last, "" if there is none, and whether all such dates have dots."""
    texts = distinct_texts(name, values)
    parts = texts.str.extract(_DATE_TEXT)
    there = parts["first"].notna()
    if not there.any():
        return "", True
    return str(texts[there].iloc[0]), bool((parts.loc[there, "mark"] == ".").all())


def times_of_text(name: str, values: pd.Series, first_row: int, day_first: bool | None) -> Times:
    """Dates and times as they are written, whatever their time zone, `[n]`; NaT if missing.

    Times of day alone are on 1970-01-01.

    Raises:
        UserError: If a value is not a date: names column, row and remedy.
    """
    codes, uniques = pd.factorize(values)
    texts = pd.Series(list(uniques), dtype=object)
    is_text = texts.map(lambda value: isinstance(value, str)).to_numpy(bool)
    if not is_text.all():
        odd = int((~is_text).argmax())
        _reject_non_date_text(name, texts.iloc[odd], int((codes == odd).argmax()) + first_row)
    texts = distinct_texts(name, texts)
    found = np.full(len(texts) + 1, np.datetime64("NaT"), "datetime64[us]")
    if len(texts):
        found[:-1] = _times(texts, day_first)
    bad = np.isnat(found[:-1])
    if bad.any():
        odd = int(bad.argmax())
        _reject_non_date_text(name, texts.iloc[odd], int((codes == odd).argmax()) + first_row)
    return found[codes]


def _times(texts: pd.Series, day_first: bool | None) -> Times:
    """Dates and times of texts; NaT if a text is not a date."""
    parts = texts.str.extract(_DATE_TEXT)
    clock = texts.str.extract(_TIME_TEXT)
    is_clock = clock["hour"].notna().to_numpy(bool)
    for key in clock.columns:
        parts[key] = parts[key].where(~is_clock, clock[key])
    swapped = parts["first"].notna().to_numpy(bool)
    first, second, last = (_whole(parts[key]) for key in ("first", "second_place", "last"))
    last = np.where(parts["last"].str.len().to_numpy(float) == 2, _century(last), last)
    is_first = bool(day_first)
    year = np.where(is_clock, 1970, np.where(swapped, last, _whole(parts["year"])))
    month = np.where(swapped, second if is_first else first, _whole(parts["month"]))
    day = np.where(swapped, first if is_first else second, _whole(parts["day"]))
    month, day = np.where(is_clock, 1, month), np.where(is_clock, 1, day)
    hour, minute, seconds = (_whole(parts[k]) for k in ("hour", "minute", "second"))
    half = parts["half"].str.lower().fillna("").to_numpy(str)
    hour = np.where(half != "", hour % 12 + 12 * (half == "pm"), hour)
    fraction = parts["fraction"].fillna("0").str.pad(9, "right", "0").str[:6].astype(np.int64)
    good = (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60)
    good &= (seconds < 60) & (swapped | is_clock | parts["year"].notna().to_numpy(bool))
    months = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    good &= days.astype("datetime64[M]") == months
    micro = ((hour * 60 + minute) * 60 + seconds) * 1_000_000 + fraction.to_numpy()
    times = days.astype("datetime64[us]") + micro.astype("timedelta64[us]")
    return np.where(good, times, np.datetime64("NaT", "us"))


def _century(years: NDArray[np.int64]) -> NDArray[np.int64]:
    return years + np.where(years >= _PIVOT, 1900, 2000)


def _whole(texts: pd.Series) -> NDArray[np.int64]:
    return texts.fillna("0").astype(np.int64).to_numpy()


def _iso_date(text: str, day_first: bool) -> str:
    return str(_times(pd.Series([text], dtype=str), day_first)[0].astype("datetime64[D]"))


def _reject_non_date_text(name: str, value: Any, row: int) -> NoReturn:
    reject(
        name,
        f"contains dates or times, but also {shown(value)}",
        "correct the value, or declare the column categorical if these are names",
        row,
    )
