"""The values of one column of a table, as checked numbers or codes."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column import KINDS, Column, Kind, Level
from distributed_ib.data.table_errors import reject, reject_unseen_level, shown
from distributed_ib.errors import UserError

_NUMBERS = (bool, int, float, Decimal, np.bool_, np.integer, np.floating)
_MISSING = (type(None), type(pd.NA), type(pd.NaT))
_DATE_OBJECTS = {"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period"}
# 2026-01-31, with a time of day or without; 31.1.2026, 1/31/26; 12:30:05.
_DATE_TEXT = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T\s].*)?$"
    r"|\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*$"
)
# A text column in which at least this share of the distinct values are numbers is a column of
# numbers with misspelt values, not of categories.
_NUMBER_SHARE = 0.5
# 5 %, $5, 1 234 or 1'234; up to `_MOST_SIGNED_LEVELS` of them may be categories, such as doses.
_NUMBER_WITH_SIGNS = re.compile(
    r"\s*[+-]?[$€£¥]?\s*(\d+|\d{1,3}([\s']\d{3})+)([.,]\d+)?\s*[%‰$€£¥]?\s*"
)
_SIGN = re.compile(r"[%‰$€£¥']|\d\s\d")
_MOST_SIGNED_LEVELS = 20


def infer_column(name: str, values: pd.Series, kind: Kind | None = None) -> Column:
    """Infer the kind of a column; dates, and values that are neither numbers nor text, are errors.

    Args:
        name: Its name, for messages.
        values: Its values.
        kind: What the user declared, if anything.

    Raises:
        UserError: If the column contains dates, a mixture of numbers and text, or other objects.
    """
    if kind is not None and kind not in KINDS:
        raise UserError(f"column {name!r} is declared {kind!r}; choose one of {', '.join(KINDS)}.")
    if kind == "continuous":
        return Column(name, "continuous")
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = tuple(level_of(name, level) for level in values.dtype.categories)
        return Column(name, "categorical", levels)
    reject_dates(name, values)
    reject_objects(name, values)
    if kind == "categorical":
        return Column(name, "categorical", None)
    if pd.api.types.is_complex_dtype(values.dtype):
        reject(
            name, "contains complex numbers", "use their real and imaginary parts as two columns"
        )
    if pd.api.types.is_numeric_dtype(values.dtype):  # booleans are numeric
        return Column(name, "continuous")
    if values.isna().all():
        reject(name, "has no values", "leave it out")
    if pd.api.types.is_object_dtype(values.dtype) and not is_text(name, values):
        return Column(name, "continuous")
    reject_misspelt_numbers(name, values)
    _reject_text_dates(name, values)
    return Column(name, "categorical", None)


def numbers_of(
    name: str, values: pd.Series, first_row: int = 1, *, allow_missing: bool = False
) -> NDArray[np.float64]:
    """The values of a continuous column, `[n]`, all finite or, if that is allowed, NaN.

    Text that spells numbers is read as numbers.

    Args:
        name: Name of the column, for messages.
        values: Its values.
        first_row: Number of the first of them, for messages; data rows count from 1.
        allow_missing: Whether missing values become NaN instead of raising an error.

    Raises:
        UserError: If a value is missing, infinite or not a number: names column, row and remedy.
    """
    if allow_missing:
        values = without_signals(values)
    reject_dates(name, values)
    if pd.api.types.is_complex_dtype(values.dtype):
        reject(
            name, "contains complex numbers", "use their real and imaginary parts as two columns"
        )
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        reject_objects(name, values, first_row)
        plain = values.astype(object)
        _reject_huge(name, plain, first_row)
        numbers = pd.to_numeric(plain, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        bad = np.isnan(numbers) & ~plain.isna().to_numpy()
        if bad.any():
            row = int(bad.argmax())
            reject(
                name,
                f"is declared continuous but contains {shown(plain.iloc[row])}",
                "correct the value, or declare the column categorical",
                first_row + row,
            )
    finite = np.isfinite(numbers)
    if allow_missing:
        finite |= np.isnan(numbers)
    if not finite.all():
        row = int(finite.argmin())
        if np.isnan(numbers[row]):
            _reject_missing_number(name, first_row + row)
        reject(
            name,
            "contains an infinite value (inf)",
            "replace it by a finite one or drop the row",
            first_row + row,
        )
    return numbers


def levels_of(name: str, values: pd.Series, first_row: int = 1) -> list[Level]:
    """The distinct values of a categorical column, in order of appearance.

    Raises:
        UserError: If a value is missing, or is not text, a number or a boolean.
    """
    _, uniques = _factorise(name, values, first_row)
    return [level_of(name, level) for level in uniques]


def factorised(
    name: str, values: pd.Series, first_row: int = 1
) -> tuple[NDArray[np.int64], list[Level]]:
    """The index of each row's value, -1 if missing, and the distinct values of a category.

    Raises:
        UserError: If a value is not text, a number or a boolean.
    """
    codes, uniques = _factorise(name, without_signals(values), first_row, allow_missing=True)
    first = np.zeros(len(uniques) + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # the first row of a repeated level remains
    rows = first_row + first[:-1]
    return codes, [level_of(name, v, r) for v, r in zip(uniques, rows.tolist(), strict=True)]


def codes_of(
    name: str, values: pd.Series, code_of: Mapping[Level, int], first_row: int = 1
) -> NDArray[np.int64]:
    """The index of each value of a categorical column among its known levels, `[n]`.

    Raises:
        UserError: If a value is missing or not one of the levels: names column, row, value, remedy.
    """
    codes, uniques = _factorise(name, values, first_row)
    table = np.array([code_of.get(_plain(level), -1) for level in uniques], np.int64)
    known = table[codes]
    if (known < 0).any():
        row = int((known < 0).argmax())
        reject_unseen_level(name, uniques[codes[row]], list(code_of), first_row + row)
    return known


def sorted_levels(levels: set[Level]) -> tuple[Level, ...]:
    """Levels in an order that does not depend on the order of rows: numbers, then text."""
    return tuple(sorted(levels, key=lambda level: (isinstance(level, str), level)))


def reject_objects(name: str, values: pd.Series, first_row: int = 1) -> None:
    """Check that a column that may contain any Python object contains only numbers and text.

    Raises:
        UserError: If a value is neither a number, text nor a missing-value marker, or is a
            signalling NaN, which can't be compared: names column, row and remedy.
    """
    dtype = values.dtype
    if pd.api.types.is_numeric_dtype(dtype) or isinstance(
        dtype, (pd.StringDtype, pd.CategoricalDtype)
    ):
        return
    found = list(values.astype(object))
    types = set(map(type, found))
    odd = {kind for kind in types if not issubclass(kind, (str, *_NUMBERS, *_MISSING))}
    if odd:
        row, kind = next((k, type(value)) for k, value in enumerate(found) if type(value) in odd)
        remedy = "convert such values to numbers or text, or leave the column out"
        reject(name, f"contains a value of type {kind.__name__}", remedy, first_row + row)
    if any(issubclass(kind, Decimal) for kind in types):
        for row, value in enumerate(found):
            if isinstance(value, Decimal) and value.is_snan():
                _reject_missing_number(name, first_row + row)


def without_signals(values: pd.Series) -> pd.Series:
    """The values with None in place of decimals that can't be compared (sNaN)."""
    if not pd.api.types.is_object_dtype(values.dtype):
        return values
    signals = [isinstance(value, Decimal) and value.is_snan() for value in values]
    return values.mask(np.array(signals), None) if any(signals) else values


def _factorise(
    name: str, values: pd.Series, first_row: int, *, allow_missing: bool = False
) -> tuple[NDArray[np.int64], list[Any]]:
    reject_objects(name, values, first_row)
    codes, uniques = pd.factorize(values)
    if (codes < 0).any() and not allow_missing:
        reject(
            name,
            "is missing a value",
            'fill it in, drop the row, or make missing values a category: fillna("missing")',
            first_row + int((codes < 0).argmax()),
        )
    return codes.astype(np.int64, copy=False), list(uniques)


def level_of(name: str, value: Any, row: int | None = None) -> Level:
    """A value as a level: text, a number or a boolean of a built-in Python type.

    The row, if given, is named in messages.

    Raises:
        UserError: If the value can't be a level.
    """
    value = _plain(value)
    if isinstance(value, Decimal) and value.is_finite():
        value = float(value)
    if isinstance(value, str):
        if not _is_unicode(value):
            reject_non_unicode(name, value)
        return value
    if isinstance(value, (bool, int, float)) and not _is_beyond_double(value):
        return value
    reject(
        name,
        f"has {shown(value)} among its categories, of type {type(value).__name__}",
        "convert them to text, such as with astype(str)",
        row,
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def reject_dates(name: str, values: pd.Series) -> None:
    """Raise an error for a column of dates, times or durations."""
    dtype = values.dtype
    dates = (
        dtype.kind in "mM"
        if isinstance(dtype, np.dtype)
        else isinstance(dtype, (pd.DatetimeTZDtype, pd.PeriodDtype))
        or (isinstance(dtype, pd.ArrowDtype) and dtype.kind in "mM")
    )
    if not dates and pd.api.types.is_object_dtype(dtype):
        dates = pd.api.types.infer_dtype(values, skipna=True) in _DATE_OBJECTS
    if dates:
        reject(
            name,
            "contains dates or times",
            "convert them to numbers, such as the day of the year or the hours since the first "
            "row, or leave the column out",
        )


def _reject_text_dates(name: str, values: pd.Series) -> None:
    """Raise an error for a column of dates written as text, as in a CSV file."""
    try:
        text = pd.Series(values.dropna().unique(), dtype=str)
    except UnicodeEncodeError as error:
        reject_non_unicode(name, error.object)
    if text.str.match(_DATE_TEXT).all():
        reject(
            name,
            f"contains dates or times, such as {shown(text.iloc[0])}",
            "convert them to numbers, such as the day of the year, leave the column out, or "
            "declare it categorical if they are labels",
        )


def is_text(name: str, values: pd.Series, first_row: int = 1) -> bool:
    """Whether a column contains only text (True) or only numbers (False).

    Raises:
        UserError: If it contains both.
    """
    text = np.array([isinstance(value, str) for value in values])
    if text.any() and not (text | values.isna().to_numpy()).all():
        first = int(text.argmax())
        _reject_non_number(name, values.iloc[first], first + first_row)
    return bool(text.any())


def reject_misspelt_numbers(name: str, values: pd.Series, first_row: int = 1) -> None:
    """Check that a column of text does not consist mostly of numbers.

    Raises:
        UserError: If at least half of its distinct values are numbers, but not all; or if they are
            more than 20 numbers, some with signs such as % and $ or spaces between their digits.
    """
    text = pd.Series(values.dropna().unique(), dtype=object)
    is_number = pd.to_numeric(text, errors="coerce").notna()
    if not is_number.all() and is_number.mean() >= _NUMBER_SHARE:
        misspelt = text[~is_number].iloc[0]
        is_first = (values == misspelt).to_numpy(bool, na_value=False)
        _reject_non_number(name, misspelt, int(is_first.argmax()) + first_row)
    if is_number.all() or len(text) <= _MOST_SIGNED_LEVELS:
        return
    signed = text[text.map(lambda value: _SIGN.search(value) is not None)]
    if len(signed) and text.map(lambda value: bool(_NUMBER_WITH_SIGNS.fullmatch(value))).all():
        reject(
            name,
            f"contains numbers with signs or spaces, such as {shown(signed.iloc[0])}",
            "write plain numbers, or declare the column categorical if they are labels",
        )


def _reject_non_number(name: str, value: Any, row: int) -> NoReturn:
    remedy = "correct the value, or declare the column categorical if these are names"
    reject(name, f"contains numbers, but also {shown(value)}", remedy, row)


def _reject_missing_number(name: str, row: int) -> NoReturn:
    remedy = "fill it in, drop the row, or leave out the column"
    reject(name, "is missing a value (NaN)", remedy, row)


def reject_non_unicode(name: str, value: str) -> NoReturn:
    """Raise an error for text that is not valid Unicode."""
    reject(
        name,
        f"contains {shown(value)}, which is not valid Unicode text",
        "read the file with its correct encoding",
    )


def _reject_huge(name: str, values: pd.Series, first_row: int) -> None:
    """Raise an error for an integer beyond double precision, which all computations use."""
    for row, value in enumerate(values):
        if isinstance(value, int) and _is_beyond_double(value):
            reject(
                name,
                "contains a whole number above 1.8e308, the largest in double precision",
                "rescale the column or take its logarithm, or convert it to text if these are "
                "labels",
                first_row + row,
            )


def _is_beyond_double(value: float) -> bool:
    try:
        return not math.isfinite(value)
    except OverflowError:
        return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
