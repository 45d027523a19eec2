"""The format of a text table: its encoding, delimiter, quotes, comments and numbers."""

import codecs
import contextlib
import csv
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distributed_ib.data.files._column_names import check_names
from distributed_ib.data.files.number_format import (
    MISSING_MARKS,
    PLAIN,
    NumberFormat,
    find_number_format,
)
from distributed_ib.errors import UserError

SPACES = r"\s+"
"""The delimiter of columns that are separated by one or more spaces."""
SAMPLE_BYTES = 1 << 20
"""Number of bytes at the beginning of a file from which its format is detected."""
_DELIMITERS = (",", "\t", ";", "|")
_MAX_ROWS = 1000
_SEPARATOR_LINE = re.compile(r"sep=.\s*", re.IGNORECASE)
_CODE, _LEADING_ZERO = re.compile(r"\s*\d+\s*"), re.compile(r"\s*0\d")
_TWO_LETTERS = re.compile(r"[A-Z]{2}")
_FEWEST_COUNTRIES = 3
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WINDOWS = "cp1252"
"""Latin-1 with the additional characters of Windows."""


@dataclass(frozen=True)
class TextFormat:
    """The format of a text table.

    Attributes:
        names: Names of the columns.
        encoding: Python's name of the encoding.
        delimiter: Separator of columns; `SPACES` for runs of spaces.
        quote: Quotation mark around values that contain the delimiter.
        numbers: Marks within numbers.
        n_skipped: Number of comments and empty lines before the line with the names.
        names_are_comment: Whether the names are in the last of these lines, after a #.
        has_padding: Whether a space follows every delimiter.
        codes: Columns of digits, some with leading zeros, such as 007; they are text.
    """

    names: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    numbers: NumberFormat = PLAIN
    n_skipped: int = 0
    names_are_comment: bool = False
    has_padding: bool = False
    codes: tuple[str, ...] = ()


def find_encoding(place: str, sample: bytes) -> str:
    """The encoding of a text that begins with `sample`.

    A byte order mark determines it. Without one it is UTF-16 if about every other byte is zero,
    UTF-8 if that is valid, and otherwise Windows-1252, which includes Latin-1.

    Raises:
        UserError: If it is not text in any of these.

    Warns:
        UserWarning: If it is taken to be Windows-1252, which can't be distinguished from other
            single-byte encodings.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            _decoded(place, sample, encoding)
            return encoding
    zeros = [sample[k:200:2].count(0) / max(1, len(sample[k:200:2])) for k in (0, 1)]
    if max(zeros) > 0.4 and min(zeros) < 0.1:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    if b"\0" in sample:
        raise UserError(
            f"{place} is not a text file, because it contains zero bytes; give a CSV, .parquet, "
            ".arrow or .xlsx file."
        )
    try:
        _decode(sample, "utf-8")
    except UnicodeDecodeError:
        _decoded(place, sample, WINDOWS)
        warn_of_windows(place)
        return WINDOWS
    return "utf-8"


def warn_of_windows(place: str) -> None:
    """Warn that text is read as Windows-1252."""
    warnings.warn(
        f"{place} is not in UTF-8 and is read as Windows-1252 (Latin-1); if letters are wrong, "
        "save it as UTF-8.",
        UserWarning,
        stacklevel=4,
    )


def find_format(place: str, sample: bytes, encoding: str | None = None) -> TextFormat:
    r"""The format of a table that begins with `sample`; its column names are checked.

    Args:
        place: The file, for messages.
        sample: The first bytes, or all of them.
        encoding: Its encoding, if that is known.

    Raises:
        UserError: If it is empty or not text, columns have no name or the same name, or numbers are
            written in several ways.

    Warns:
        UserWarning: If the names are numbers, or NA is among two-letter codes.

    Example:
        >>> found = find_format("a.csv", b"# measured\nx;y\n1,5;2\n")
        >>> found.names, found.delimiter, found.numbers.decimal, found.n_skipped
        (('x', 'y'), ';', ',', 1)
    """
    encoding = encoding or find_encoding(place, sample)
    text = _decoded(place, sample, encoding).removeprefix("\ufeff")
    if len(sample) >= SAMPLE_BYTES:  # the last line is cut
        text = text[: text.rfind("\n") + 1] or text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    comments, body = _without_comments(text)
    if not body.strip():
        raise UserError(f"{place} is empty; its first line must contain the column names.")
    delimiter, quote = _find_delimiter(body)
    rows = _rows(body, delimiter, quote)
    header, rows = rows[0], rows[1:]
    named = _names_in_comment(comments, header, delimiter, quote)
    if named is not None:
        header, rows = named, [header, *rows]
    names = tuple(name.strip() for name in header)
    check_names(place, names)
    columns = {
        name: [row[k] for row in rows if len(row) > k] for k, name in enumerate(names) if name
    }
    _warn_of_numbers(place, names, has_rows=bool(rows))
    _warn_of_na_codes(place, columns)
    return TextFormat(
        names=names,
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        numbers=find_number_format(place, columns, comma_delimits=delimiter == ","),
        n_skipped=len(comments),
        names_are_comment=named is not None,
        has_padding=_has_padding(rows),
        codes=tuple(name for name, values in columns.items() if _are_codes(values)),
    )


def _are_codes(values: Sequence[str]) -> bool:
    """Whether all values consist of digits, some with leading zeros that a number would lose."""
    known = [value for value in values if value.strip() not in MISSING_MARKS]
    return any(map(_LEADING_ZERO.match, known)) and all(map(_CODE.fullmatch, known))


def _warn_of_numbers(place: str, names: Sequence[str], *, has_rows: bool) -> None:
    """Warn about a first line that may contain values instead of names."""
    if has_rows and all(map(_is_number, names)):
        warnings.warn(
            f"{place}: its first line contains only numbers "
            f"({', '.join(names[:4])}{', ...' if len(names) > 4 else ''}), which are read as "
            "column names. If they are values, add a line with column names above them.",
            UserWarning,
            stacklevel=5,
        )


def _warn_of_na_codes(place: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Warn about NA among two-letter codes, such as countries, of which it may be one."""
    for name, values in columns.items():
        known = {value.strip() for value in values} - MISSING_MARKS
        is_code = len(known) >= _FEWEST_COUNTRIES and all(map(_TWO_LETTERS.fullmatch, known))
        if is_code and any(value.strip() == "NA" for value in values):
            warnings.warn(
                f"{place}: NA in column {name!r} is read as a missing value; if it is a code like "
                f"{min(known)}, replace it by another text.",
                UserWarning,
                stacklevel=5,
            )


def _decode(sample: bytes, encoding: str) -> str:
    """The text, whose last character may be truncated."""
    return codecs.getincrementaldecoder(encoding)().decode(sample, len(sample) < SAMPLE_BYTES)


def _decoded(place: str, sample: bytes, encoding: str) -> str:
    try:
        return _decode(sample, encoding)
    except UnicodeError:
        raise UserError(
            f"{place} is not text in UTF-8, UTF-16 or Windows-1252 (Latin-1); save it as UTF-8."
        ) from None


def _without_comments(text: str) -> tuple[list[str], str]:
    """The lines at the top that are not data, and the rest.

    These are empty lines, comments after #, and Excel's delimiter declaration, such as sep=;.
    """
    comments: list[str] = []
    while text:
        line, _, rest = text.partition("\n")
        is_passed = line.lstrip().startswith("#") or _SEPARATOR_LINE.fullmatch(line)
        if line.strip() and not is_passed:
            break
        comments.append(line)
        text = rest
    return comments, text


def _find_delimiter(body: str) -> tuple[str, str]:
    """Delimiter and quote with which most rows have as many values as there are names."""
    delimiter = _delimiter_with(body, '"')
    if not _has_quoted(body, delimiter, '"'):
        other = _delimiter_with(body, "'")
        if _has_quoted(body, other, "'"):
            return other, "'"
    return delimiter, '"'


def _delimiter_with(body: str, quote: str) -> str:
    found: dict[str, tuple[float, int]] = {}
    for delimiter in (*_DELIMITERS, SPACES):
        header, *rows = _rows(body, delimiter, quote)
        fitting = sum(len(row) == len(header) for row in rows) / max(1, len(rows))
        if len(header) > 1 and (delimiter != SPACES or (rows and fitting == 1)):
            found[delimiter] = (fitting, len(header))
    if len(found) > 1:  # spaces may occur within names and values
        found.pop(SPACES, None)
    return max(found, key=lambda delimiter: found[delimiter], default=",")


def _rows(body: str, delimiter: str, quote: str) -> list[list[str]]:
    """The first rows, without empty ones; no row is longer than the sample."""
    lines = io.StringIO(body, newline="")
    source = (line.strip() + "\n" for line in lines) if delimiter == SPACES else lines
    spaced = delimiter == SPACES
    mark = " " if spaced else delimiter
    found: list[list[str]] = []
    reader = csv.reader(source, delimiter=mark, quotechar=quote, skipinitialspace=spaced)
    with contextlib.suppress(csv.Error):  # a quote that is never closed
        for row in reader:
            if row:
                found.append(row)
            if len(found) > _MAX_ROWS:
                break
    return found or [[]]


def _has_quoted(body: str, delimiter: str, quote: str) -> bool:
    """Whether a whole value is in quotes."""
    mark = delimiter if delimiter == SPACES else re.escape(delimiter)
    return bool(re.search(rf"(?:^|{mark}) *{quote}[^{quote}]*{quote} *(?:$|{mark})", body, re.M))


def _names_in_comment(
    comments: Sequence[str], first: Sequence[str], delimiter: str, quote: str
) -> list[str] | None:
    """Names from the last comment, as in `numpy.savetxt`, if the first line has only numbers."""
    if not comments or not all(map(_is_number, first)):
        return None
    line = comments[-1].lstrip().lstrip("#").strip()
    names = _rows(line, delimiter, quote)[0] if line else []
    return names if len(names) == len(first) else None


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _has_padding(rows: Sequence[Sequence[str]]) -> bool:
    """Whether every value but the first of a row begins with a space."""
    return any(len(row) > 1 for row in rows) and all(
        value.startswith(" ") for row in rows for value in row[1:]
    )
