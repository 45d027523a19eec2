"""A table in Parquet files that is read a stretch of rows at a time."""

import copy
import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from distributed_ib.data.files.parquet_parts import ParquetPart, ParquetParts
from distributed_ib.errors import UserError, first_line

CHUNK_ROWS = 1 << 17
BLOCK_ROWS = 1 << 16
"""Row groups are read together until they have this many rows."""


@dataclass(frozen=True)
class RowBlock:
    """Neighbouring row groups of a file, which are read together.

    Attributes:
        part: Index of the file.
        row_groups: Indices of the row groups in the file.
        first_row: Index of the first row in the table, from 0.
        n_rows: Number of rows.
    """

    part: int
    row_groups: tuple[int, ...]
    first_row: int
    n_rows: int


class ParquetTable:
    """Parquet files that are read a stretch of rows at a time, for tables larger than memory.

    Accepted wherever a DataFrame is: `Decomposition.from_frame`, `fit` and `transform`. Rows are
    numbered across all files, in the order of their paths. Folders such as `year=2024` become
    columns after those of the files.

    Args:
        path: A file; a folder, with all Parquet files in it and its subfolders; a glob, such as
            `part-*.parquet`; or a URL of a file system of pyarrow, such as `s3://bucket/folder`
            (`pyarrow.fs.FileSystem.from_uri`; only local ones are tested).
        chunk_rows: Largest number of rows in memory at once, 131,072 by default.

    Raises:
        UserError: If there are no such files, one can't be read, columns share a name, or the files
            have different columns.
    """

    def __init__(self, path: str | Path, chunk_rows: int = CHUNK_ROWS) -> None:
        self._parts, self._chunk_rows = ParquetParts.find(path), chunk_rows
        self.names = self._parts.names
        self.n_rows = self._parts.n_rows

    @property
    def place(self) -> str:
        """Name of the table in messages."""
        return self._parts.place

    def head(self) -> Mapping[str, pd.Series]:
        """The first stretch of rows."""
        empty = series_of_table(self._parts.schema.empty_table())
        empty |= {name: pd.Series([], dtype=object) for name in self._parts.partition_names}
        return next(
            (chunk for _, chunk in self.chunks(self.names)),
            {name: empty[name] for name in self.names},
        )

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Mapping[str, pd.Series]]]:
        """All rows in order, as (index of the first row, columns called `names`)."""
        for number, part in enumerate(self._parts.parts):
            groups = tuple(range(part.metadata.num_row_groups))
            yield from self.block_chunks(
                RowBlock(number, groups, part.first_row, part.n_rows), names
            )

    def blocks(self, least_rows: int = BLOCK_ROWS) -> list[RowBlock]:
        """All row groups in order, joined with neighbours until they have `least_rows` rows."""
        found: list[RowBlock] = []
        for number, part in enumerate(self._parts.parts):
            groups: list[int] = []
            first, n_rows = part.first_row, 0
            for group in range(part.metadata.num_row_groups):
                groups.append(group)
                n_rows += part.metadata.row_group(group).num_rows
                if n_rows >= least_rows or group == part.metadata.num_row_groups - 1:
                    if n_rows:
                        found.append(RowBlock(number, tuple(groups), first, n_rows))
                    groups, first, n_rows = [], first + n_rows, 0
        return found

    def block_chunks(
        self, block: RowBlock, names: Sequence[str], *, use_threads: bool = True
    ) -> Iterator[tuple[int, Mapping[str, pd.Series]]]:
        """The rows of some row groups in order, in the form of `chunks`.

        `use_threads` says whether columns are decoded in parallel.
        """
        part, start = self._parts.parts[block.part], block.first_row
        stored = [name for name in names if name not in part.partition]
        if not stored:
            for offset in range(0, block.n_rows, self._chunk_rows):
                length = min(self._chunk_rows, block.n_rows - offset)
                yield start + offset, {name: _same(part.partition[name], length) for name in names}
            return
        try:
            with self._open(part) as file:
                for batch in file.iter_batches(
                    self._chunk_rows, list(block.row_groups), stored, use_threads=use_threads
                ):
                    found = series_of_table(pa.Table.from_batches([batch]))
                    for name, value in part.partition.items():
                        found[name] = _same(value, batch.num_rows)
                    yield start, {name: found[name] for name in names}
                    start += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{self._named(part)} can't be read: {first_line(error)}.") from None

    def column(self, name: str) -> pd.Series:
        """One whole column, such as the target.

        Raises:
            UserError: If there is no such column.
        """
        self._reject_unknown(name)
        parts = [chunk[name] for _, chunk in self.chunks([name])]
        return pd.concat(parts, ignore_index=True) if parts else self.head()[name]

    def without(self, names: Sequence[str]) -> "ParquetTable":
        """The same table with some columns hidden, such as the target.

        Raises:
            UserError: If there is no such column.
        """
        for name in names:
            self._reject_unknown(name)
        fewer = copy.copy(self)
        fewer.names = tuple(name for name in self.names if name not in set(names))
        return fewer

    def place_of(self, row: int) -> str:
        """The file that contains the row of this index, for messages; "" if there is one file."""
        parts = self._parts.parts
        if len(parts) == 1:
            return ""
        part = parts[bisect_right([one.first_row for one in parts], row) - 1]
        return f"rows are numbered across all files; {part.path} begins at row {part.first_row + 1}"

    def as_stored(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Some rows, with integers and booleans of their stored type if none of them is missing.

        pandas changes the type of a whole stretch in which a single value is missing.
        """
        found = {}
        for name in rows.columns:
            values = rows[name]
            if name not in self._parts.partition_names and not values.isna().any():
                stored = self._parts.schema.field(name).type
                if pa.types.is_integer(stored) or pa.types.is_boolean(stored):
                    values = values.astype(stored.to_pandas_dtype())
            found[name] = values
        return pd.DataFrame(found)

    def checksum(self) -> str:
        """A checksum of the footers of all files: number of rows, sizes, minima and maxima."""
        digest = hashlib.sha256()
        for part in self._parts.parts:
            footer = pa.BufferOutputStream()
            part.metadata.write_metadata_file(footer)
            digest.update(footer.getvalue())
        return digest.hexdigest()

    def __len__(self) -> int:
        return self.n_rows

    def _reject_unknown(self, name: str) -> None:
        if name not in self.names:
            raise UserError(
                f"{self.place} has no column {name!r}; its columns are "
                f"{', '.join(self.names[:20])}."
            )

    def _named(self, part: ParquetPart) -> str:
        return self.place if len(self._parts.parts) == 1 else part.path

    def _open(self, part: ParquetPart) -> Any:
        try:
            file = self._parts.filesystem.open_input_file(part.path)
        except FileNotFoundError:
            raise UserError(
                f"the file {self._named(part)} no longer exists; restore it, or start again."
            ) from None
        # Not memory-mapped: a mapped file counts as memory of this process while it is open.
        return pq.ParquetFile(file, metadata=part.metadata)


def _same(value: Any, n_rows: int) -> "pd.Series[Any]":
    """A column with a single value in all rows; None if it is missing."""
    if isinstance(value, str):
        return pd.Series([value] * n_rows, dtype="str")
    return pd.Series(np.full(n_rows, np.nan if value is None else value))


def series_of_table(table: Any) -> dict[str, pd.Series]:
    """Columns as pandas Series; dictionaries are decoded, since each stretch has its own."""
    plain = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return {
        name: column.to_pandas() for name, column in zip(table.column_names, plain, strict=True)
    }
