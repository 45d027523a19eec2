"""Reading of text tables, compressed or not, whose format is detected."""

import bz2
import gzip
import io
import lzma
import sys
import warnings
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any

import pandas as pd

from distributed_ib.data.files.number_format import MISSING_MARKS, is_comma_number
from distributed_ib.data.files.text_format import (
    SAMPLE_BYTES,
    WINDOWS,
    TextFormat,
    find_format,
    warn_of_windows,
)
from distributed_ib.data.table_errors import where
from distributed_ib.errors import UserError, first_line

STANDARD_INPUT = "standard input"
_LONGEST_HEADER = 1 << 26
_FAULTS = (
    pd.errors.ParserError,
    pd.errors.EmptyDataError,
    ValueError,
    OSError,
    EOFError,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


def read_text(path: Path, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a text table; see `read_table`."""
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    direct = None if _is_compressed(path) else path
    return _read(str(path), lambda: _opened(path), direct, text)


def read_text_bytes(
    content: bytes, place: str = STANDARD_INPUT, text: Collection[str] = ()
) -> pd.DataFrame:
    """Read a text table that is in memory; see `read_table`.

    Args:
        content: The text, not compressed.
        place: Name of the table in messages.
        text: Columns that contain text, even if it looks like numbers.
    """
    return _read(place, lambda: io.BytesIO(content), None, text)


def standard_input() -> bytes:
    """All bytes from standard input."""
    return sys.stdin.buffer.read()


def _read(
    place: str, opened: Callable[[], IO[bytes]], path: Path | None, text: Collection[str]
) -> pd.DataFrame:
    try:
        with opened() as file:
            sample = file.read(SAMPLE_BYTES)
            if len(sample) == SAMPLE_BYTES and b"\n" not in sample:  # very many columns
                sample += file.readline(_LONGEST_HEADER)
        form = find_format(place, sample)
        try:
            return _parsed(place, opened, form, path, text)
        except UnicodeDecodeError:
            if form.encoding != "utf-8":
                raise
            # The first non-ASCII letter comes after the sample.
            warn_of_windows(place)
            return _parsed(place, opened, find_format(place, sample, WINDOWS), None, text)
    except UserError:
        raise
    except UnicodeError:
        raise UserError(
            f"{place} is not text in UTF-8, UTF-16 or Windows-1252 (Latin-1); save it as UTF-8."
        ) from None
    except pd.errors.ParserWarning:
        raise UserError(
            f"{place}: some lines have more values than the first line has column names; give "
            "every column a name."
        ) from None
    except _FAULTS as error:
        raise UserError(f"{place} can't be read as a table: {first_line(error)}.") from None


def _parsed(
    place: str,
    opened: Callable[[], IO[bytes]],
    form: TextFormat,
    path: Path | None,
    text: Collection[str],
) -> pd.DataFrame:
    options = _options(form, text)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        if path is not None and not form.n_skipped:
            # Given a path, pandas reads the file with several threads.
            found = pd.read_csv(path, encoding=form.encoding, **options)
        else:
            with opened() as file, io.TextIOWrapper(file, form.encoding, newline="") as lines:
                for _ in range(form.n_skipped):
                    lines.readline()
                found = pd.read_csv(lines, **options)
    if form.delimiter != "," and form.numbers.decimal == ".":
        _reject_late_commas(place, found, {*form.codes, *text})
    return found


def _reject_late_commas(place: str, table: pd.DataFrame, text: Collection[str]) -> None:
    """Check that no column of numbers has decimal commas far below the first rows.

    Raises:
        UserError: If one has: names column, row and value.
    """
    for name in table.columns:
        if name in text or not isinstance(table[name].dtype, pd.StringDtype):
            continue
        values = table[name].dropna().unique()
        value = next((one for one in values if "," in one), None)
        if value is not None and all(map(is_comma_number, values)):
            row = int((table[name] == value).to_numpy(bool, na_value=False).argmax()) + 1
            raise UserError(
                f"{place}: {where(name, row)} is {value}, a number with a decimal comma, but the "
                "numbers above it have none; write numbers with a decimal point."
            )


def _options(form: TextFormat, text: Collection[str]) -> dict[str, Any]:
    """Options with which pandas reads a text table."""
    return {
        "dtype": {name: str for name in form.names if name in form.codes or name in text},
        "sep": form.delimiter,
        "quotechar": form.quote,
        "decimal": form.numbers.decimal,
        "thousands": form.numbers.thousands,
        "names": list(form.names),
        "header": None if form.names_are_comment else 0,
        "skipinitialspace": form.has_padding,
        "na_values": sorted(MISSING_MARKS),
        "keep_default_na": False,
        "index_col": False,
        "low_memory": False,
    }


def _is_compressed(path: Path) -> bool:
    return path.suffix.lower() in (".gz", ".bz2", ".xz", ".zip")


def _opened(path: Path) -> IO[bytes]:
    """The file as bytes, decompressed."""
    opening: dict[str, Callable[[Path], Any]] = {
        ".gz": gzip.open,
        ".bz2": bz2.open,
        ".xz": lzma.open,
        ".zip": _in_archive,
    }
    found: IO[bytes] = opening.get(path.suffix.lower(), lambda plain: plain.open("rb"))(path)
    return found


def _in_archive(path: Path) -> IO[bytes]:
    """The only file in a zip archive."""
    with zipfile.ZipFile(path) as archive:
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise UserError(
                f"{path} contains {len(names)} files; give an archive of a single table, or unpack "
                "it."
            )
        return archive.open(names[0])
