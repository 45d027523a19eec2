"""Reading of tables from files, with errors that say what to correct."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from distributed_ib.data.files._column_names import check_names
from distributed_ib.data.files.excel_tables import read_excel
from distributed_ib.data.files.text_tables import read_text, read_text_bytes, standard_input
from distributed_ib.errors import UserError, first_line

CHUNK_ROWS = 1 << 17
PARQUET_SUFFIXES = (".parquet", ".pq")
ARROW_SUFFIXES = (".arrow", ".feather", ".ipc")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")
# What pandas calls the row labels that it hides in a Parquet file.
_HIDDEN_INDEX = "__index_level_"


def read_table(path: str | Path, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a whole table into memory.

    Args:
        path: A Parquet file (`.parquet`, `.pq`), an Arrow or Feather file (`.arrow`, `.feather`),
            the first sheet of an Excel file (`.xlsx`), or else text with a line of column names,
            which may be compressed (`.gz`, `.bz2`, `.xz`, `.zip`); "-" for text from standard
            input. Delimiter, quotes, encoding and decimal mark of text are found in it (see
            docs/fitting.md); empty fields and the usual marks such as `NA` are missing values.
        text: Columns of a text file that hold text, even where it looks like numbers: those that
            are text in a table to which this one belongs.

    Raises:
        UserError: If there is no such file, it can't be read, columns have no name or the same
            name, a line has too many values, or numbers are written in several ways.

    Warns:
        UserWarning: If text is taken for Windows-1252, its names are numbers, NA stands among codes
            of two letters, or an Excel file has further sheets.
    """
    if str(path) == "-":
        return read_text_bytes(standard_input(), text=text)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        table = ParquetTable(path)
        chunks = [pd.DataFrame(dict(chunk)) for _, chunk in table.chunks(table.names)]
        return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame(table.head())
    if suffix in ARROW_SUFFIXES:
        return _read_arrow(path)
    if suffix in EXCEL_SUFFIXES:
        return read_excel(path)
    if suffix in (".xls", ".ods"):
        raise UserError(f"{path}: {suffix} files are not read; save it as .xlsx or CSV.")
    return read_text(path, text)


class ParquetTable:
    """A Parquet file that is read a stretch of rows at a time, for tables larger than memory.

    Accepted wherever a DataFrame is: `Decomposition.from_frame`, `fit` and `transform`.

    Args:
        path: The file.
        chunk_rows: Most rows in memory at once.

    Raises:
        UserError: If there is no such file, it can't be read, or columns share a name.
    """

    def __init__(self, path: str | Path, chunk_rows: int = CHUNK_ROWS) -> None:
        self._path, self._chunk_rows = Path(path), chunk_rows
        with self._open() as file:
            fields = [name for name in file.schema_arrow.names if _HIDDEN_INDEX not in name]
            self.n_rows: int = file.metadata.num_rows
        check_names(str(self._path), fields)
        self.names = tuple(fields)

    def head(self) -> Mapping[str, pd.Series]:
        """The first stretch of rows."""
        with self._open() as file:
            empty = file.schema_arrow.empty_table().select(list(self.names))
        return next((chunk for _, chunk in self.chunks(self.names)), _columns(empty))

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Mapping[str, pd.Series]]]:
        """All rows in order, as (index of the first, columns called `names`)."""
        start = 0
        with self._open() as file:
            try:
                for batch in file.iter_batches(self._chunk_rows, columns=list(names)):
                    yield start, _columns(pa.Table.from_batches([batch]).select(list(names)))
                    start += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                raise UserError(f"{self._path} can't be read: {first_line(error)}.") from None

    def column(self, name: str) -> pd.Series:
        """One whole column, such as the target.

        Raises:
            UserError: If there is no such column.
        """
        if name not in self.names:
            raise UserError(
                f"{self._path} has no column {name!r}; it has {', '.join(self.names[:20])}."
            )
        parts = [chunk[name] for _, chunk in self.chunks([name])]
        return pd.concat(parts, ignore_index=True) if parts else self.head()[name]

    def without(self, names: Sequence[str]) -> "ParquetTable":
        """The same table with some columns hidden, such as the target.

        Raises:
            UserError: If there is no such column.
        """
        for name in names:
            if name not in self.names:
                raise UserError(
                    f"{self._path} has no column {name!r}; it has {', '.join(self.names[:20])}."
                )
        fewer = ParquetTable(self._path, self._chunk_rows)
        fewer.names = tuple(name for name in self.names if name not in set(names))
        return fewer

    def __len__(self) -> int:
        return self.n_rows

    def _open(self) -> Any:
        if not self._path.is_file():
            raise UserError(f"there is no file {self._path}.")
        try:
            return pq.ParquetFile(self._path, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            raise UserError(
                f"{self._path} can't be read as Parquet: {first_line(error)}."
            ) from None


def _columns(table: Any) -> dict[str, pd.Series]:
    """Columns as pandas Series; dictionaries are decoded, since each stretch has its own."""
    plain = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return {
        name: column.to_pandas() for name, column in zip(table.column_names, plain, strict=True)
    }


def _read_arrow(path: Path) -> pd.DataFrame:
    """An Arrow file, as a file, a stream, or Feather of the first version."""
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
    names = [name for name in table.column_names if _HIDDEN_INDEX not in name]
    check_names(str(path), names)
    return pd.DataFrame(_columns(table.select(names)), copy=False)
