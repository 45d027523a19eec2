"""Time to the first step, speed of steps and peak memory for a table larger than memory.

A table of 20 columns (12 of decimal numbers, 4 of integers, 3 of text, and Y) is written as several
Parquet files, described, and read as `dib fit` reads it until the first batch is available. Then
sweeps of the same model over this table and over a table of 10,000 rows in memory are timed
alternately. For a large table run
`python benchmarks/beyond_memory.py --rows 100000000 --out results.jsonl`, which takes 7 GB of disk
in --folder.
"""

import argparse
import json
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from distributed_ib.data.batches import BatchSource
from distributed_ib.data.columns.survey import survey
from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.pool_batches import PoolBatches
from distributed_ib.studies.table import TableStudy
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

STRETCH, FILE_ROWS, SMALL_ROWS = 1 << 20, 12_500_000, 10_000
PLACES = np.array(["north", "east", "south", "west"])


def stretch(rng: np.random.Generator, n_rows: int) -> pa.Table:
    """Some rows of the table."""
    columns: dict[str, Any] = {f"x{k}": rng.standard_normal(n_rows, np.float32) for k in range(12)}
    columns |= {f"n{k}": rng.integers(0, 1000, n_rows, np.int16) for k in range(4)}
    places = [rng.integers(0, 4, n_rows, np.int8) for _ in range(3)]
    for k, codes in enumerate(places):
        columns[f"place{k}"] = pa.DictionaryArray.from_arrays(codes, PLACES)
    score = columns["x0"] + 0.5 * columns["x1"] * (places[0] == 2)
    columns["y"] = (score + rng.standard_normal(n_rows, np.float32) > 0).astype(np.int8)
    return pa.table(columns)


def write(folder: Path, n_rows: int, seed: int = 0) -> None:
    """Write the files, unless they exist."""
    for number, first in enumerate(range(0, n_rows, FILE_ROWS)):
        path = folder / f"part-{number:03d}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, number])
        last = min(first + FILE_ROWS, n_rows)
        with pq.ParquetWriter(path, stretch(rng, 1).schema) as file:
            for start in range(first, last, STRETCH):
                file.write_table(stretch(rng, min(STRETCH, last - start)), STRETCH)


def source_of(study: TableStudy, n_repeats: int) -> BatchSource:
    """Training batches of `n_repeats` repeats, which take turns over three resamples."""
    split = study.problem(0).split(0)
    train = split.divided(3).train
    rows = [train[k % 3] for k in range(n_repeats)]
    return split.problem.resampled_batches(rows, study.train.batch_size, 0)


def seconds_of_steps(
    study: TableStudy, source: BatchSource, n_steps: int, n_repeats: int
) -> tuple[float, int]:
    """Seconds and number of steps of a sweep, without compilation and the first filling."""
    seen: list[tuple[float, int]] = []

    def note(now: SweepProgress) -> None:
        seen.append((time.perf_counter(), now.step))

    sweep(
        study.model,
        source,
        BetaSchedule(1e-3, 2.0, n_steps=n_steps, n_pretraining_steps=0),
        n_seeds=n_repeats,
        n_records=1,
        progress=note,
    )
    (began, first), (ended, last) = seen[len(seen) // 8], seen[-1]
    return ended - began, last - first


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and its result."""
    began = time.perf_counter()
    found = run()
    return time.perf_counter() - began, found


def peak_gib() -> float:
    """Peak resident memory so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(
    folder: Path, n_rows: int, memory_gib: float, n_steps: int, n_repeats: int
) -> dict[str, Any]:
    """Take all measurements."""
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {"rows": n_rows, "memory_gib": memory_gib, "repeats": n_repeats}
    (folder / "small").mkdir(exist_ok=True)
    write(folder / "small", SMALL_ROWS, seed=1)
    big = folder / "big"
    options: dict[str, Any] = {"target": "y", "n_resamples": 3, "evidence_wanted": False}
    small_study = TableStudy(table=folder / "small", **options)
    small = source_of(small_study, n_repeats)
    found["describe_s"] = timed(lambda: survey(ParquetTable(big), {}))[0]
    study = TableStudy(table=big, memory_gib=memory_gib, **options)
    found["statistics_s"] = timed(lambda: study.problem(0))[0]
    source = source_of(study, n_repeats)
    found["pool_s"] = timed(lambda: source.prepare(0, 1, n_repeats))[0]
    if isinstance(source, PoolBatches):
        found["rows_in_pool"] = source.pool.n_places
        found["row_groups"] = source.pool.n_blocks
        found["row_groups_read_anew"] = source.schedule(n_repeats).n_before(n_steps)
    found["peak_gib_at_start"] = peak_gib()
    steps: dict[str, list[float]] = {"small": [], "big": []}
    for _ in range(3):
        for name, one in (("small", small), ("big", source)):
            seconds, n_made = seconds_of_steps(study, one, n_steps, n_repeats)
            steps[name].append(n_made / seconds)
    found |= {f"steps_per_s_{name}": max(rates) for name, rates in steps.items()}
    found["ratio"] = float(np.median(np.array(steps["small"]) / np.array(steps["big"])))
    found["peak_gib"] = peak_gib()
    return {name: round(v, 3) if isinstance(v, float) else v for name, v in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the table")
    parser.add_argument("--memory", type=float, default=4.0, help="GiB for data")
    parser.add_argument("--steps", type=int, default=400, help="steps of each sweep")
    parser.add_argument("--repeats", type=int, default=15, help="models that a sweep trains")
    parser.add_argument("--folder", type=Path, help="where the table is made and kept")
    parser.add_argument("--out", type=Path, help="file to which a line of results is added")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        (folder / "big").mkdir(parents=True, exist_ok=True)
        seconds, _ = timed(lambda: write(folder / "big", given.rows))
        print(f"{given.rows:,} rows made in {seconds:.0f} s")
        found = measure(folder, given.rows, given.memory, given.steps, given.repeats)
    for name, value in found.items():
        print(f"{name:20} {value:,}" if isinstance(value, int) else f"{name:20} {value}")
    if given.out is not None:
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
