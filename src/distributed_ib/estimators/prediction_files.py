"""Predictions for large tables, read and written a block of rows at a time."""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from distributed_ib.data.files.parquet_parts import PARQUET_SUFFIXES
from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.table_errors import with_place
from distributed_ib.errors import UserError

Predict = Callable[[pd.DataFrame], pd.DataFrame]
"""Returns a row of predictions for each row of a table."""


def predicted_in_stretches(
    table: ParquetTable, names: Iterable[str], predict: Predict
) -> Iterator[pd.DataFrame]:
    """Yield predictions for a table of Parquet files, a block of rows at a time.

    Args:
        table: The table.
        names: Columns that are needed; `predict` reports those that the table lacks.
        predict: Predicts rows.

    Raises:
        UserError: As `predict`, with the position of the rows in the table.

    Warns:
        UserWarning: As `predict`; only the first of messages that differ only in numbers.
    """
    wanted = set(names)
    known = [name for name in table.names if name in wanted] or list(table.names[:1])
    warned: set[str] = set()
    for start, chunk in table.chunks(known):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                predicted = predict(pd.DataFrame(dict(chunk)))
            except UserError as error:
                place = f"rows are counted from row {start + 1} of {table.place}" if start else ""
                raise UserError(with_place(str(error), place)) from None
        for one in caught:
            shape = re.sub(r"\d+", "", str(one.message))
            if shape not in warned:
                warned.add(shape)
                text = with_place(
                    str(one.message), f"in rows {start + 1} to {start + len(predicted)}"
                )
                warnings.warn(text, one.category, stacklevel=2)
        yield predicted


def write_predictions(path: Path, parts: Iterable[pd.DataFrame]) -> int:
    """Write predictions as Parquet or CSV, depending on the file name; returns the row count."""
    n_rows = 0
    if path.suffix.lower() not in PARQUET_SUFFIXES:
        for part in parts:
            part.to_csv(path, index=False, mode="a", header=not n_rows)
            n_rows += len(part)
        return n_rows
    writer: pq.ParquetWriter | None = None
    try:
        for part in parts:
            table = pa.Table.from_pandas(part, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table.cast(writer.schema))
            n_rows += len(part)
    finally:
        if writer is not None:
            writer.close()
    return n_rows
