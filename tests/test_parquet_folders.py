"""Tables of several Parquet files: folders, globs, partition columns, row groups, and faults."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distributed_ib.data.columns.survey import survey
from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.files.reading_ahead import read_ahead
from distributed_ib.data.files.table_files import read_table
from distributed_ib.errors import UserError


def write(folder: Path, sizes: tuple[int, ...] = (70, 50), row_group_size: int = 20) -> Path:
    """Write files of `sizes` rows in one folder per year; x numbers the rows of all files."""
    first = 0
    for number, n_rows in enumerate(sizes):
        place = folder / f"year={2020 + number}" / "site=north"
        place.mkdir(parents=True)
        x = np.arange(first, first + n_rows, dtype=np.float32)
        table = pa.table({"x": x, "word": np.where(x % 2, "odd", "even")})
        pq.write_table(table, place / "part.parquet", row_group_size=row_group_size)
        first += n_rows
    return folder


def test_a_folder_is_one_table_in_the_order_of_its_files(tmp_path: Path) -> None:
    table = ParquetTable(write(tmp_path / "big"), chunk_rows=16)
    assert table.names == ("x", "word", "year", "site") and len(table) == 120
    starts = []
    for start, chunk in table.chunks(["year", "x"]):
        starts.append(start)
        np.testing.assert_array_equal(chunk["x"], np.arange(start, start + len(chunk["x"])))
        assert (chunk["year"] == np.where(chunk["x"] < 70, 2020, 2021)).all()
    assert 70 in starts  # no stretch extends over the end of a file
    whole = read_table(tmp_path / "big")
    assert whole["site"].unique().tolist() == ["north"] and list(whole) == list(table.names)
    assert [len(part["year"]) for _, part in ParquetTable(tmp_path / "big").chunks(["year"])] == [
        70,
        50,
    ]


def test_row_groups_are_read_together_in_blocks_within_a_file(tmp_path: Path) -> None:
    table = ParquetTable(write(tmp_path / "big"))
    blocks = table.blocks(least_rows=30)
    assert [(block.first_row, block.n_rows) for block in blocks] == [
        (0, 40),
        (40, 30),
        (70, 40),
        (110, 10),
    ]
    for block in blocks:
        rows = np.concatenate([chunk["x"] for _, chunk in table.block_chunks(block, ["x"])])
        np.testing.assert_array_equal(rows, block.first_row + np.arange(block.n_rows))


def test_globs(tmp_path: Path) -> None:
    write(tmp_path / "big")
    assert len(ParquetTable(f"{tmp_path}/big/year=2021/*/part.parquet")) == 50
    assert ParquetTable(tmp_path / "big" / "year=*" / "*" / "*.parquet").names[2:] == (
        "year",
        "site",
    )
    assert len(ParquetTable(f"{tmp_path}/**/part.parquet")) == 120
    assert len(ParquetTable(f"file://{tmp_path}/big")) == 120
    with pytest.raises(UserError, match=r"no file matches .*none-\*"):
        ParquetTable(tmp_path / "none-*.parquet")


def test_what_is_wrong_with_a_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"there is no Parquet file in .*empty"):
        ParquetTable(tmp_path / "empty")
    folder = write(tmp_path / "big")
    (folder / "_SUCCESS").touch()
    (folder / ".part.crc").touch()
    assert len(ParquetTable(folder)) == 120
    (folder / "notes.txt").touch()
    with pytest.raises(
        UserError, match=r"also contains .*notes.txt, whose name is not that of a Parquet file"
    ):
        ParquetTable(folder)
    (folder / "notes.txt").rename(folder / "notes.parquet")
    with pytest.raises(UserError, match=r"notes.parquet can't be read as Parquet"):
        ParquetTable(folder)
    with pytest.raises(UserError, match=r"can't be read"):
        ParquetTable("nowhere://bucket/folder")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0]}, "part.parquet lacks the column 'word' of .*year=2020"),
        ({"x": ["1"], "word": ["a"]}, "column 'x' has type float in .*2020.* and string in .*2022"),
        ({"x": [1.0], "word": ["a"], "z": [1]}, "has a column 'z', which .*2020.* does not have"),
        ({"x": [1.0], "word": ["a"], "year": [1]}, "has a column 'year'"),
    ],
)
def test_files_that_differ_are_named_with_the_column(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    place = write(tmp_path / "big") / "year=2022" / "site=south"
    place.mkdir(parents=True)
    table = pa.table(columns)
    if isinstance(columns["x"][0], float):
        table = table.set_column(0, "x", table["x"].cast(pa.float32()))
    pq.write_table(table, place / "part.parquet")
    with pytest.raises(UserError, match=message):
        ParquetTable(tmp_path / "big")


def test_a_column_that_is_also_the_name_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x=1").mkdir()
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "x=1" / "a.parquet")
    with pytest.raises(UserError, match="'x' is in the file and also in the name of its folder"):
        ParquetTable(tmp_path)


def test_a_file_beside_the_folders_of_others(tmp_path: Path) -> None:
    loose = pa.table({"x": np.ones(1, np.float32), "word": ["a"]})
    pq.write_table(loose, write(tmp_path) / "loose.parquet")
    with pytest.raises(UserError, match=r"in a folder that gives a value of column 'site'"):
        ParquetTable(tmp_path)


def test_categories_may_be_stored_in_two_ways(tmp_path: Path) -> None:
    frame = pd.DataFrame({"kind": ["a", "b", "a"]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.astype("category").to_parquet(tmp_path / "b.parquet")
    assert read_table(tmp_path)["kind"].tolist() == ["a", "b", "a"] * 2


def test_a_fault_deep_in_a_file_names_file_and_row(tmp_path: Path) -> None:
    for number, value in enumerate([1.0, 2.0, np.inf]):
        x = np.linspace(0, 1, 50)
        x[30] = value
        pq.write_table(pa.table({"x": x}), tmp_path / f"part-{number}.parquet", row_group_size=10)
    (found,) = survey(ParquetTable(tmp_path), {})
    assert (
        "column 'x', row 131 (data rows count from 1) contains an infinite value" in found.problem
    )
    assert "part-2.parquet begins at row 101" in found.problem


def test_reading_ahead_passes_errors_on_and_can_be_left() -> None:
    def faulty() -> Iterator[int]:
        yield 1
        raise UserError("the disk is gone.")

    found = read_ahead(faulty())
    assert next(found) == 1
    with pytest.raises(UserError, match="the disk is gone"):
        next(found)
    endless = read_ahead(count())
    assert next(endless) == 0
    del endless  # which ends its thread
    assert not [one for one in threading.enumerate() if one.name == "read-ahead"]
