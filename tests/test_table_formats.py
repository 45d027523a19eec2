"""Text tables in the many formats that occur in practice."""

import bz2
import gzip
import io
import lzma
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files.table_files import read_table
from distributed_ib.data.files.text_format import find_format
from distributed_ib.errors import UserError

EXPECTED = pd.DataFrame(
    {"length": [1.5, -22.25, 3.0], "count": [1, 20, 300], "place": ["Köln", "New York", "a|b;c"]}
)


def write(tmp_path: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path: Path, text: str | bytes, name: str = "table.csv") -> pd.DataFrame:
    return read_table(write(tmp_path, text, name))


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "   "])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiters_decimal_marks_and_quotes_are_found(
    tmp_path: Path, delimiter: str, decimal: str, quote: str
) -> None:
    def quoted(value: object) -> str:
        text = str(value).replace(".", decimal)
        return f"{quote}{text}{quote}" if isinstance(value, str) or delimiter in text else text

    lines = [list(EXPECTED), *EXPECTED.to_numpy(object).tolist()]
    text = "\n".join(delimiter.join(map(quoted, line)) for line in lines) + "\n"
    pd.testing.assert_frame_equal(read(tmp_path, text), EXPECTED)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_are_found(tmp_path: Path, encoding: str, newline: str) -> None:
    text = EXPECTED.to_csv(index=False, lineterminator=newline)
    pd.testing.assert_frame_equal(read(tmp_path, text.encode(encoding)), EXPECTED)


@pytest.mark.parametrize("n_before", [0, 200_000])
def test_windows_text_is_read_and_told(tmp_path: Path, n_before: int) -> None:
    text = "x,place\n" + "1,here\n" * n_before + "2,Köln – Süd\n"
    path = write(tmp_path, text.encode("cp1252"))
    with pytest.warns(UserWarning, match=r"table\.csv is not in UTF-8 and is read as Windows-1252"):
        table = read_table(path)
    assert table["place"].iloc[-1] == "Köln – Süd" and len(table) == n_before + 1


def test_comments_at_the_top_are_passed_over(tmp_path: Path) -> None:
    text = '# measured "in 2020, by us\n#\n\n' + EXPECTED.to_csv(index=False)
    pd.testing.assert_frame_equal(read(tmp_path, text), EXPECTED)
    # A # further down belongs to the data.
    assert read(tmp_path, "a,b\n#1,2\n")["a"].tolist() == ["#1"]


def test_names_that_numpy_writes_as_a_comment_are_found(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    np.savetxt(path, np.array([[1.5, 2], [3, 4]]), header="made by us\nx y")
    table = read_table(path)
    assert list(table) == ["x", "y"] and table["x"].tolist() == [1.5, 3]


def test_spaces_around_names_and_values(tmp_path: Path) -> None:
    table = read(tmp_path, "a, b, place\n1, 2.5, north pole\n2, , here\n")
    assert list(table) == ["a", "b", "place"]
    assert table["place"].tolist() == ["north pole", "here"] and np.isnan(table["b"].iloc[1])
    aligned = read(tmp_path, "    a      b\n  1.0     -3\n 10.5      7\n")
    assert aligned["a"].tolist() == [1.0, 10.5] and aligned["b"].tolist() == [-3, 7]


def test_delimiters_within_names_and_values_mislead_no_one(tmp_path: Path) -> None:
    table = read(tmp_path, "size, mm;weight, g;note\n1;2;a, b\n3;4;c\n")
    assert list(table) == ["size, mm", "weight, g", "note"]
    quoted = read(tmp_path, 'text,y\n"one; two; three\nfour",1\nit\'s,2\n')
    assert quoted["text"].tolist() == ["one; two; three\nfour", "it's"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;n\n3,14;1.234\n0,5;12\n", [1234.0, 12.0]),  # the decimal comma decides
        ('a,n\n2.5,"1,234"\n1,12\n', [1234.0, 12.0]),
        ("a;n\n1;1.234.567\n2;3\n", [1234567.0, 3.0]),
        ("a;n\n1;1.234\n2;3\n", [1.234, 3.0]),  # a point is a decimal point if possible
        ("a;n\n1;NA\n2;3,5\n", [np.nan, 3.5]),
        ('a,n\n2.5,"1,234.5"\n1,12\n', [1234.5, 12.0]),
    ],
)
def test_numbers_are_read_in_the_one_way_that_fits(
    tmp_path: Path, text: str, expected: list[float]
) -> None:
    np.testing.assert_array_equal(read(tmp_path, text)["n"].astype(float), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a;n\n1;1,234\n2;3\n",
            "column 'n' contains numbers such as 1,234, which can be read as 1234 or as 1.234",
        ),
        (
            "a;n\n3,14;2.5\n",
            "column 'a' contains numbers such as 3,14 and column 'n' numbers such as 2.5",
        ),
        (b"a,b\n1,\0\0\n", "not a text file, because it contains zero bytes"),
        (EXPECTED.to_csv(index=False).encode("utf-32"), "UTF-8|zero bytes"),
        ("# only a comment\n", "is empty; its first line must contain the column names"),
    ],
)
def test_what_cannot_be_settled_is_one_clear_error(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = write(tmp_path, content)
    if b"\0\0\0" in path.read_bytes():  # UTF-32 has a byte order mark
        assert find_format("t", path.read_bytes()).names == tuple(EXPECTED)
        return
    with pytest.raises(UserError, match=message) as caught:
        read_table(path)
    assert "\n" not in str(caught.value) and "table.csv" in str(caught.value)


def test_lists_in_quotes_stay_text_beside_decimal_points(tmp_path: Path) -> None:
    table = read(tmp_path, 'x,kinds\n2.5,"1,2"\n0.5,"3,14"\n')
    assert table["kinds"].tolist() == ["1,2", "3,14"] and table["x"].tolist() == [2.5, 0.5]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zip"])
def test_compressed_text(tmp_path: Path, suffix: str) -> None:
    content = EXPECTED.to_csv(index=False, sep=";", decimal=",").encode()
    path = tmp_path / f"table.csv{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("table.csv", content)
    else:
        module: Any = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[suffix]
        path.write_bytes(module.compress(content))
    pd.testing.assert_frame_equal(read_table(path), EXPECTED)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=rf"table.csv\{suffix} can't be read"):
        read_table(path)


def test_an_archive_of_several_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
        archive.writestr("b.csv", "a,b\n1,2\n")
    with pytest.raises(UserError, match="contains 2 files; give an archive of a single table"):
        read_table(path)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(EXPECTED.to_csv(index=False, sep="\t").encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    pd.testing.assert_frame_equal(read_table("-"), EXPECTED)


def test_arrow_and_feather_files(tmp_path: Path) -> None:
    table = pa.table(EXPECTED.assign(place=pd.Categorical(EXPECTED["place"])))
    pa.feather.write_feather(table, tmp_path / "a.feather")
    with pa.ipc.new_file(str(tmp_path / "b.arrow"), table.schema) as file:
        file.write_table(table)
    with pa.ipc.new_stream(str(tmp_path / "c.arrow"), table.schema) as stream:
        stream.write_table(table)
    for name in ("a.feather", "b.arrow", "c.arrow"):
        pd.testing.assert_frame_equal(read_table(tmp_path / name), EXPECTED)
    write(tmp_path, b"ARROW1 and nothing more", "d.arrow")
    with pytest.raises(UserError, match=r"d\.arrow can't be read as Arrow"):
        read_table(tmp_path / "d.arrow")


def test_the_first_sheet_of_an_excel_file_is_read_and_others_are_told(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = tmp_path / "table.xlsx"
    with pd.ExcelWriter(path) as book:
        EXPECTED.to_excel(book, sheet_name="first", index=False)
        EXPECTED.iloc[:1].to_excel(book, sheet_name="notes", index=False)
    with pytest.warns(UserWarning, match="has 2 sheets, of which only the first, 'first', is read"):
        pd.testing.assert_frame_equal(read_table(path), EXPECTED)
    EXPECTED.to_excel(tmp_path / "labelled.xlsx")
    with pytest.raises(UserError, match=r"labelled\.xlsx: column 1 has no name"):
        read_table(tmp_path / "labelled.xlsx")
    with pytest.raises(UserError, match=r"broken\.xlsx can't be read as Excel"):
        read(tmp_path, b"PK no archive", "broken.xlsx")


def test_without_openpyxl_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r'pip install "distributed-ib\[excel\]"'):
        read(tmp_path, b"PK", "table.xlsx")


def test_digits_with_leading_zeros_are_text(tmp_path: Path) -> None:
    table = read(tmp_path, "zip,n,share\n01234,10,0.5\n,0,0\n98765,7,1\n")
    assert table["zip"].tolist()[::2] == ["01234", "98765"] and table["zip"].isna()[1]
    assert table["n"].tolist() == [10, 0, 7] and table["share"].tolist() == [0.5, 0, 1]


def test_columns_that_are_text_elsewhere_stay_text(tmp_path: Path) -> None:
    # A few rows to predict may contain only codes that look like numbers.
    train = read(tmp_path, "code,x\n" + "1,3\nA,4\nB,5\nC,6\nTrue,7\n" * 8)
    fitted = Decomposition.from_frame(train).fit(train)
    assert fitted.text_sources == ("code",)
    path = write(tmp_path, "code,x\n1,3\n1,4\n", "new.csv")
    with warnings.catch_warnings(action="error"):
        codes = fitted.transform(read_table(path, text=fitted.text_sources)).codes
    assert codes[:, 0].tolist() == [fitted.levels("code").index("1")] * 2


def test_decimal_commas_far_below_the_first_rows_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "dose;y\n" + "0;1\n" * 2000 + "0,5;1\n")
    with pytest.raises(UserError, match=r"column 'dose', row 2001 .* is 0,5, a number with a"):
        read_table(path)


def test_what_is_easily_misread_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="NA in column 'country' is read as a missing value"):
        read(tmp_path, "country,y\nNA,1\nDE,2\nFR,3\nNO,4\n")
    with pytest.warns(UserWarning, match=r"its first line contains only numbers \(1.5, 2\)"):
        read(tmp_path, "1.5,2\n3,4\n")
    with warnings.catch_warnings(action="error"):
        read(tmp_path, "grade,y\nNA,1\nA,2\nB,3\nC,4\n")


def test_the_line_by_which_excel_knows_the_delimiter_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\na;b\n1;2\n").to_dict("list") == {"a": [1], "b": [2]}
