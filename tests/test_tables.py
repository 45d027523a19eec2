"""Tables on disk, and batches of rows of tables that are too large for memory or device."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

from distributed_ib.data.batches import HostBatches
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files.table_files import ParquetTable, read_table
from distributed_ib.data.row_batches import RowBatches, fits_on_device
from distributed_ib.errors import UserError


def table(n: int = 1000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(1e6, 1.0, n),
            "n": rng.integers(0, 9, n),
            "flag": rng.random(n) < 0.3,
            "text": rng.choice(["red", "blue"], n),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], n)),
        }
    )


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "table.parquet"
    table().to_parquet(path, row_group_size=300)
    return path


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_text_tables_come_back(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "table.csv"
    table(50).to_csv(path, sep=separator, index=False)
    again = read_table(path)
    pd.testing.assert_frame_equal(again, table(50).astype({"kind": "str"}), check_dtype=False)


def test_parquet_tables_come_back(parquet: Path) -> None:
    again = read_table(parquet)
    pd.testing.assert_frame_equal(again, table().astype({"kind": "str"}), check_dtype=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; its first line must contain the column names"),
        (b"a,b,a\n1,2,3\n", "two columns are named 'a'"),
        (b",b\n0,1\n1,2\n", "column 1 has no name; give it a name or.*index=False"),
        (b"a,b\n1,2,3\n4,5,6\n", "more values than the first line has column names"),
        (b"a,b\n1,2\n4,5,6\n", "Expected 2 fields in line 3, saw 3|more values"),
        (b"a,b\n1,\x81\n", "not text in UTF-8, UTF-16 or Windows-1252"),
    ],
)
def test_faulty_text_tables(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(path)
    assert "\n" not in str(caught.value) and "table.csv" in str(caught.value)


def test_faulty_parquet_files(tmp_path: Path, parquet: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read_table(tmp_path / "nowhere.parquet")
    with pytest.raises(UserError, match="there is no file"):
        read_table(tmp_path / "nowhere.csv")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(parquet.read_bytes()[:-100])
    with pytest.raises(UserError, match="can't be read as Parquet"):
        read_table(broken)
    with pytest.raises(UserError, match="no column 'z'; its columns are x, n, flag, text, kind"):
        ParquetTable(parquet).without(["z"])


def test_a_parquet_file_read_in_stretches_gives_what_the_whole_table_gives(
    parquet: Path, tmp_path: Path
) -> None:
    stretches = ParquetTable(parquet, chunk_rows=128).without(["flag"])
    whole = table().drop(columns="flag")
    rows = np.arange(0, 1000, 3)
    split = Decomposition.from_frame(stretches, {"pair": ["x", "text"]})
    assert split.names == ("pair", "n", "kind")
    fitted = split.fit(stretches, rows)
    expected = split.fit(whole, rows)
    assert fitted.decomposition == expected.decomposition
    np.testing.assert_allclose(fitted.scale, expected.scale, rtol=1e-9)
    inputs = fitted.transform(stretches)
    np.testing.assert_array_equal(inputs.numbers, fitted.transform(whole).numbers)
    np.testing.assert_array_equal(inputs.codes, fitted.transform(whole).codes)
    on_disk = fitted.transform(stretches, folder=tmp_path)
    assert isinstance(on_disk.numbers, np.memmap)
    np.testing.assert_array_equal(on_disk.numbers, inputs.numbers)
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy"), inputs.codes)
    with pytest.raises(UserError, match="already exists"):
        fitted.transform(stretches, folder=tmp_path)


def test_faults_in_a_later_stretch_are_named_by_their_row_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hole.parquet"
    table().assign(x=[*map(float, range(777)), np.inf, *range(222)]).to_parquet(path)
    stretches = ParquetTable(path, chunk_rows=100)
    with pytest.raises(UserError, match=r"column 'x', row 778 "):
        Decomposition.from_frame(stretches).fit(stretches)


def test_one_column_of_a_parquet_file(parquet: Path) -> None:
    column = ParquetTable(parquet, chunk_rows=64).column("n")
    np.testing.assert_array_equal(column, table()["n"])


def rows_of(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(2.0 * n).reshape(n, 2), np.arange(n)


@pytest.mark.parametrize("batch_size", [1, 5, 8])
def test_a_batch_depends_on_its_step_alone(batch_size: int) -> None:
    source = RowBatches(rows_of(100), batch_size, seed=3, steps_per_transfer=8)
    whole = source.prepare(0, 8, n_repeats=2)
    for first, count in [(0, 3), (3, 4), (7, 1)]:
        part = source.prepare(first, count, n_repeats=2)
        for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(part), strict=True):
            assert one.shape == other.shape
            np.testing.assert_array_equal(one[first : first + count], other[:count])
    fewer = source.prepare(0, 8, n_repeats=1)
    np.testing.assert_array_equal(fewer[1][:, 0], whole[1][:, 0])
    x, y = whole
    np.testing.assert_array_equal(x[..., 0], 2 * y)  # x and y are those of the same row
    assert len({y[k, r].tobytes() for k in range(8) for r in range(2)}) == 16 or batch_size == 1


def test_rows_are_drawn_evenly() -> None:
    source = RowBatches(rows_of(7), 512, seed=1)
    counts = np.bincount(source.rows(0, 100, 1).reshape(-1), minlength=7)
    # Pearson's statistic with six degrees of freedom exceeds 22.5 once in a thousand.
    expected = 51200 / 7
    assert np.sum((counts - expected) ** 2 / expected) < 22.5


def test_host_batches_are_cut_into_stretches_without_a_trace() -> None:
    def batch(rng: np.random.Generator) -> Any:
        return {"x": rng.random((3, 2)), "y": rng.integers(0, 9, 3)}

    source = HostBatches(batch, seed=5, steps_per_transfer=6)
    whole, part = source.prepare(0, 6, n_repeats=2), source.prepare(4, 2, n_repeats=2)
    for name in ("x", "y"):
        assert part[name].shape == whole[name].shape
        np.testing.assert_array_equal(part[name][:2], whole[name][4:])


def test_small_data_live_on_the_device_and_large_data_do_not() -> None:
    assert fits_on_device(rows_of(10))
    assert not fits_on_device(rows_of(10), budget_bytes=100)
    with pytest.raises(UserError, match=r"one common, non-zero length, got lengths \[3, 4\]"):
        RowBatches((np.ones(3), np.ones(4)), 2)
    with pytest.raises(UserError, match="must be positive, got 0 and 64"):
        RowBatches(rows_of(3), 0)


def test_other_data_of_the_same_shape_need_no_new_compilation() -> None:
    first, second = RowBatches(rows_of(10), 4), RowBatches(rows_of(20), 4)
    traces = []

    @jax.jit
    def traced(source: RowBatches) -> int:
        traces.append(source)
        return 0

    traced(first)
    traced(second)
    assert len(traces) == 1
