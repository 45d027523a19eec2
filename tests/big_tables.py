"""Tables of several Parquet files with small row groups, and the parts of a fit that read them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.row_group_pool import RowGroupPool
from distributed_ib.data.streamed_statistics import StreamedTable, measured_rows_of


def frame(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Rows sorted by y: `x` has about half a bit about y, `word` less, and `noise` none."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.random(n_rows) < 0.5)
    return pd.DataFrame(
        {
            "number": np.arange(n_rows, dtype=np.int64) * 2,
            "x": (2.0 * y + rng.normal(size=n_rows)).astype(np.float32),
            "word": np.where(rng.random(n_rows) < 0.7, y, ~y),
            "noise": rng.normal(size=n_rows).astype(np.float32),
            "y": np.where(y, "yes", "no"),
        }
    ).assign(word=lambda t: np.where(t["word"], "north", "south"))


def write(
    folder: Path, table: pd.DataFrame, n_files: int = 3, row_group_size: int | None = None
) -> Path:
    """Write a table as several files, the last of which is shorter."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = np.linspace(0, len(table), n_files + 1).astype(int)
    ends[1:-1] += len(table) // 20
    for number, (first, last) in enumerate(pairwise(ends)):
        part = pa.Table.from_pandas(table.iloc[first:last], preserve_index=False)
        pq.write_table(part, folder / f"part-{number}.parquet", row_group_size=row_group_size)
    return folder


def streamed(folder: Path, most_measured: int = 50, block_rows: int = 1) -> StreamedTable:
    """The table in a folder, with the columns number, x, word and noise."""
    table = ParquetTable(folder, chunk_rows=64)
    return StreamedTable(
        table,
        ("y",),
        tuple(name for name in table.names if name != "y"),
        measured_rows_of(table.n_rows, most_measured),
        tuple(table.blocks(block_rows)),
    )


def pool_of(source: StreamedTable, n_places: int, seed: int = 0, **options: Any) -> RowGroupPool:
    """A pool of pairs: the row's number, derived from `number`, and its Y."""

    def transform(chunk: Any) -> Any:
        numbers = chunk["number"].to_numpy() // 2
        return numbers, (chunk["y"] == "yes").to_numpy(bool)

    counts = np.zeros(len(source.blocks), np.int64)
    for number, start, chunk in source.chunks(["y"]):
        counts[number] += int(source.training_mask(start, chunk).sum())
    whole = [chunk for _, chunk in source.table.chunks(["number", "y"])]
    both = {name: pd.concat([one[name] for one in whole]) for name in ("number", "y")}
    measured = transform({name: values.iloc[source.measured] for name, values in both.items()})
    return RowGroupPool(
        source, counts, measured, transform, ["number"], n_places, seed=seed, **options
    )
