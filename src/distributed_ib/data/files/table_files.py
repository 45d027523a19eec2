"""Reading of tables from files, with errors that say what to correct."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather

from distributed_ib.data.files._column_names import check_names
from distributed_ib.data.files.excel_tables import read_excel
from distributed_ib.data.files.parquet_parts import is_parquet, visible_names
from distributed_ib.data.files.parquet_table import ParquetTable as ParquetTable
from distributed_ib.data.files.parquet_table import series_of_table
from distributed_ib.data.files.text_tables import read_text, read_text_bytes, standard_input
from distributed_ib.errors import UserError, first_line

ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")


def read_table(path: str | Path, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a whole table into memory.

    Args:
        path: Parquet (`.parquet`, `.pq`, or anything else that `ParquetTable` takes), an Arrow or
            Feather file (`.arrow`, `.feather`, `.ipc`), the first sheet of an Excel file (`.xlsx`),
            or otherwise text with a line of column names, which may be compressed (`.gz`, `.bz2`,
            `.xz`, `.zip`); "-" for text from standard input. Delimiter, quotes, encoding and
            decimal mark of text are detected (see docs/fitting.md); empty fields and the usual
            markers such as `NA` are missing values.
        text: Columns of a text file that contain text, even if it looks like numbers: those that
            are text in a table to which this one belongs.

    Raises:
        UserError: If there is no such file, it can't be read, columns have no name or the same
            name, a line has too many values, or numbers are written in several ways.

    Warns:
        UserWarning: If text is read as Windows-1252, its column names are numbers, NA is among
            two-letter codes, or an Excel file has more than one sheet.
    """
    if str(path) == "-":
        return read_text_bytes(standard_input(), text=text)
    if is_parquet(path):
        table = ParquetTable(path)
        chunks = [pd.DataFrame(dict(chunk)) for _, chunk in table.chunks(table.names)]
        return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame(table.head())
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in ARROW_SUFFIXES:
        return _read_arrow(path)
    if suffix in EXCEL_SUFFIXES:
        return read_excel(path)
    if suffix in (".xls", ".ods"):
        raise UserError(
            f"{path}: {suffix} files are not supported; save the table as .xlsx or CSV."
        )
    return read_text(path, text)


def _read_arrow(path: Path) -> pd.DataFrame:
    """Read an Arrow file in the file or stream format, or a Feather file of version 1."""
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    try:
        with pa.OSFile(str(path)) as file:
            is_stream = file.read(6) not in (b"ARROW1", b"FEA1\0\0")
        if is_stream:
            with pa.ipc.open_stream(str(path)) as stream:
                table = stream.read_all()
        else:
            table = feather.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"{path} can't be read as Arrow: {first_line(error)}.") from None
    names = visible_names(table.schema)
    check_names(str(path), names)
    return pd.DataFrame(series_of_table(table.select(names)), copy=False)
