"""Reading of CSV and Parquet tables, with errors that say what to correct."""

import csv
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from distributed_ib.errors import UserError, first_line

CHUNK_ROWS = 1 << 17
PARQUET_SUFFIXES = (".parquet", ".pq")
_SEPARATORS = (",", "\t", ";")
_LONGEST_HEADER = 1 << 24
# What pandas calls the row labels that it hides in a Parquet file.
_HIDDEN_INDEX = "__index_level_"


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a whole table into memory.

    Args:
        path: A Parquet file (`.parquet`, `.pq`), or else text with a line of column names and
            values separated by commas, tabs or semicolons, in UTF-8. Empty fields and the usual
            marks such as `NA` are missing values.

    Raises:
        UserError: If there is no such file, it can't be read, columns have no name or the same
            name, or a line has too many values.
    """
    path = Path(path)
    if path.suffix.lower() in PARQUET_SUFFIXES:
        table = ParquetTable(path)
        chunks = [pd.DataFrame(dict(chunk)) for _, chunk in table.chunks(table.names)]
        return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame(table.head())
    separator = _separator(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(path, sep=separator, index_col=False, low_memory=False)
    except pd.errors.ParserWarning:
        raise UserError(
            f"{path}: lines have more values than the first line has names; name every column."
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OSError) as error:
        raise UserError(f"{path} can't be read as a table: {first_line(error)}.") from None


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
        _check_names(self._path, fields)
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


def _separator(path: Path) -> str:
    """The separator that splits the first line into most names; the names are checked."""
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(_LONGEST_HEADER)
        headers = [next(csv.reader([line], delimiter=mark), []) for mark in _SEPARATORS]
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text in UTF-8; save it as UTF-8 CSV or Parquet.") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None
    best = max(range(len(headers)), key=lambda k: len(headers[k]))
    if not headers[best]:
        raise UserError(f"{path} is empty; its first line should name the columns.")
    _check_names(path, headers[best])
    return _SEPARATORS[best]


def _check_names(path: Path, names: Sequence[str]) -> None:
    for position, name in enumerate(names):
        if not name.strip():
            raise UserError(
                f"{path}: column {position + 1} has no name; name it, or write the table without "
                "row numbers (pandas: to_csv(index=False))."
            )
        if name in names[:position]:
            raise UserError(f"{path}: two columns are called {name!r}; rename or drop one.")
