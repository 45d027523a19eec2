"""How numbers are written in a text table: decimal points or commas, thousands separators."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from distributed_ib.errors import UserError

_MISSING_WORDS = """
    -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN #N/A #NA <NA> N/A NA NULL NaN None n/a nan null
"""
MISSING_MARKS = frozenset({"", "#N/A N/A", *_MISSING_WORDS.split()})
"""Markers of missing values: those that pandas recognises."""


class NumberFormat(NamedTuple):
    """Marks within numbers.

    Attributes:
        decimal: Mark before the decimals.
        thousands: Mark between groups of three digits; None if digits are not grouped.
    """

    decimal: str = "."
    thousands: str | None = None


PLAIN = NumberFormat()
# In order of preference. Only these, since a space between digits may separate two numbers.
_FORMATS = (PLAIN, NumberFormat(","), NumberFormat(".", ","), NumberFormat(",", "."))


def _pattern(form: NumberFormat) -> re.Pattern[str]:
    whole = r"\d+"
    if form.thousands is not None:
        whole = rf"(?:\d+|[1-9]\d{{0,2}}(?:{re.escape(form.thousands)}\d{{3}})+)"
    mark = re.escape(form.decimal)
    return re.compile(rf"\s*[+-]?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?\s*")


_PATTERNS = {form: _pattern(form) for form in _FORMATS}


def find_number_format(
    place: str, columns: Mapping[str, Sequence[str]], *, comma_delimits: bool
) -> NumberFormat:
    """The common format of all columns of numbers.

    A column of numbers is one whose values can all be read as numbers in one format: with decimal
    points or commas, without thousands separators or with the other mark as the separator. Points
    are read as decimal points if possible.

    Args:
        place: The file, for messages.
        columns: Some values of each column, as they are written.
        comma_delimits: Whether commas separate the columns. Numbers with decimal commas, which are
            then in quotes, are taken to be text if others have decimal points.

    Raises:
        UserError: If columns contradict each other, or numbers such as 1,234 can be read in two
            ways: names columns and values.

    Example:
        >>> find_number_format("a.csv", {"x": ["3,14"], "n": ["1.234"]}, comma_delimits=False)
        NumberFormat(decimal=',', thousands='.')
    """
    known = {
        name: [value for value in values if value.strip() not in MISSING_MARKS]
        for name, values in columns.items()
    }
    if not any(_forms(values, _FORMATS[1:]) for values in known.values() if not _is_plain(values)):
        return PLAIN
    readable = {name: forms for name, values in known.items() if (forms := _forms(values))}
    possible = [form for form in _FORMATS if all(form in forms for forms in readable.values())]
    if PLAIN in possible:
        return PLAIN
    if not possible:
        if comma_delimits:
            return PLAIN
        raise UserError(_conflict(place, columns, readable))
    if len({form.decimal for form in possible}) > 1:
        name = next(name for name, forms in readable.items() if PLAIN not in forms)
        value = _example(columns[name], PLAIN)
        raise UserError(
            f"{place}: column {name!r} contains numbers such as {value}, which can be read as "
            f"{value.replace(',', '')} or as {value.replace(',', '.')}; write them without a "
            "thousands separator and with a decimal point."
        )
    return min(possible, key=lambda form: (form.thousands is not None, _FORMATS.index(form)))


def is_comma_number(text: str) -> bool:
    """Whether a text is a number if its decimal mark is a comma.

    >>> is_comma_number("3,14"), is_comma_number("3.14")
    (True, False)
    """
    return _PATTERNS[NumberFormat(",")].fullmatch(text) is not None


def _is_plain(values: Sequence[str]) -> bool:
    return all(map(_PATTERNS[PLAIN].fullmatch, values))


def _forms(values: Sequence[str], forms: Sequence[NumberFormat] = _FORMATS) -> list[NumberFormat]:
    """The formats in which all these values are numbers; none if there are no values."""
    return [form for form in forms if values and all(map(_PATTERNS[form].fullmatch, values))]


def _conflict(
    place: str, columns: Mapping[str, Sequence[str]], readable: Mapping[str, list[NumberFormat]]
) -> str:
    comma = next((n for n, forms in readable.items() if PLAIN not in forms), None)
    point = next((n for n, forms in readable.items() if NumberFormat(",") not in forms), None)
    if comma is None or point is None:
        return f"{place}: its numbers use different decimal marks; use one decimal mark."
    first, second = (
        _example(columns[comma], PLAIN),
        _example(columns[point], NumberFormat(",")),
    )
    return (
        f"{place}: column {comma!r} contains numbers such as {first} and column {point!r} numbers "
        f"such as {second}; use the same decimal mark in all columns."
    )


def _example(values: Sequence[str], form: NumberFormat) -> str:
    """A value that can't be read in this format."""
    return next(
        value.strip()
        for value in values
        if value.strip() not in MISSING_MARKS and not _PATTERNS[form].fullmatch(value)
    )
