"""Speed of reading a Parquet table in stretches, from the file to the model's input, and CSV.

A table of 20 columns (12 of decimal numbers, 4 of integers, 4 of text) is written stretch by
stretch to a temporary folder. `Decomposition.fit` and `transform` then each read it once in
stretches; their wall-clock and processor times are compared with those of decoding the file alone.
A tenth of the rows is read as CSV. For more rows run
`python benchmarks/reading.py --rows 10000000`.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from common import seconds_of
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files.table_files import ParquetTable, read_table

STRETCH = 1 << 18
PLACES = np.array(["north", "east", "south", "west"])


def stretch(rng: np.random.Generator, n_rows: int) -> pa.Table:
    """Some rows of the table."""
    columns: dict[str, Any] = {f"x{k}": rng.normal(size=n_rows) for k in range(12)}
    columns |= {f"n{k}": rng.integers(0, 1000, n_rows) for k in range(4)}
    columns |= {f"place{k}": PLACES[rng.integers(0, 4, n_rows)] for k in range(4)}
    return pa.table(columns)


def write(path: Path, n_rows: int) -> None:
    """Write the table, and a tenth of it as CSV next to it."""
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(path, stretch(rng, 1).schema) as file:
        for start in range(0, n_rows, STRETCH):
            file.write_table(stretch(rng, min(STRETCH, n_rows - start)))
    pyarrow.csv.write_csv(stretch(rng, n_rows // 10), path.with_suffix(".csv"))


def decode(table: ParquetTable) -> None:
    """Read all columns and discard them."""
    for _ in table.chunks(table.names):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table")
    n_rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write(path, n_rows)
        table = ParquetTable(path)
        split = Decomposition.from_frame(table)
        before = peak_mb()
        fitted = []
        steps: list[tuple[str, Callable[[], Any]]] = [
            ("decode the Parquet file", lambda: decode(table)),
            ("Decomposition.fit", lambda: fitted.append(split.fit(table))),
            ("FittedDecomposition.transform", lambda: fitted[0].transform(table)),
        ]
        print(f"{n_rows:,} rows of {len(table.names)} columns")
        total = 0.0
        for name, step in steps:
            began = time.process_time()
            taken = seconds_of(step)
            total += taken * name.startswith(("Decomposition", "Fitted"))
            print(f"{name:32}{taken:8.2f} s {time.process_time() - began:8.2f} s of processors")
        print(f"{'fit and transform':32}{total:8.2f} s {n_rows / total / 1e6:8.2f} million rows/s")
        result_mb = n_rows * (16 * 4 + 4) / 1e6
        print(f"memory beyond the result: {peak_mb() - before - result_mb:.0f} MB")
        csv = path.with_suffix(".csv")
        taken = seconds_of(lambda: read_table(csv))
        size = csv.stat().st_size / 1e6
        print(f"{f'read CSV of {n_rows // 10:,} rows':32}{taken:8.2f} s {size / taken:8.0f} MB/s")


def peak_mb() -> float:
    """Peak memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
