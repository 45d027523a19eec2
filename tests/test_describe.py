"""`dib describe`, and the file of column kinds that it writes for `dib fit`."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from distributed_ib.cli.describe_command import encoding_text
from distributed_ib.cli.main import app
from distributed_ib.data.columns.declared_kinds import read_kinds
from distributed_ib.data.columns.survey import Survey, survey
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files._views import frame_view
from distributed_ib.errors import UserError
from distributed_ib.studies.table import TableStudy

N = 60


def as_people_have_them() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "id": np.arange(N),
            "site": rng.choice(["A", "B"], N),
            "temperature": rng.normal(20, 5, N).round(1),
            "note": [f"note {k}" for k in range(N)],
            "when": pd.date_range("2025-01-01", periods=N).strftime("%d/%m/%Y"),
            "mixed": ["1", "2", "three"] * (N // 3),
            'odd "name" = 1': rng.integers(0, 3, N),
            "empty": np.nan,
            "y": rng.choice(["no", "yes"], N),
        }
    )
    table.loc[[3, 9], "temperature"] = np.nan
    return table


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("a,b\n")
    assert "empty.csv has column names but no rows" in str(dib("describe", path).exception)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    as_people_have_them().to_csv(path, index=False)
    return path


def dib(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_table_is_described_in_words(path: Path) -> None:
    result = dib("describe", path, "--target", "y")
    assert result.exit_code == 0
    text = result.stdout
    for words in (
        "table.csv: 60 rows",
        "'id' is left out: it contains the row numbers; to keep it, declare its kind.",
        "'note' is left out: nearly every row has a different value",
        "'empty' is left out: it has no values.",
        "! column 'mixed', row 3 (data rows count from 1) contains numbers, but also 'three'",
        "a number or missing",
        "2025-01-01 to 2025-03-01",
        "trend, weekday",
    ):
        assert words in text
    assert [one.name for one in path.parent.iterdir()] == ["table.csv"]


def test_values_that_many_rows_share_are_named_as_the_model_treats_them() -> None:
    """However the table is cut into chunks, and if the first chunks contain no values."""
    rng = np.random.default_rng(0)
    waited = rng.exponential(20, 5000)
    waited[rng.random(5000) < 0.2] = 99.0
    table = pd.DataFrame({"waited": waited, "delay": pd.to_timedelta(waited, unit="min")})
    table.loc[:999, :] = None
    whole = survey(frame_view(table), {})
    assert [one.spikes for one in whole] == [(99.0,), (99 / 60,)]
    fitted = Decomposition.from_frame(table).fit(table)
    assert fitted.spikes[0] == (99.0,)
    assert fitted.spikes[1] == pytest.approx((99 / 60,))
    assert encoding_text(whole[0]) == "a number (99 also as levels) or missing"
    look = Survey(list(table), {})
    for start in range(0, len(table), 700):
        look.add(start, {name: table[name][start : start + 700] for name in table})
    assert look.result(len(table)) == whole


def test_what_describe_writes_is_what_fit_reads(path: Path) -> None:
    out = path.with_name("kinds.toml")
    result = dib("describe", path, "--out", out)
    assert result.exit_code == 0 and "Written to" in result.stdout
    assert dib("describe", path, "--toml").stdout == out.read_text(encoding="utf-8")
    kinds = tomllib.loads(out.read_text(encoding="utf-8"))["kinds"]
    assert kinds["when"] == {"kind": "date", "day_first": True}
    assert kinds["mixed"] == kinds["note"] == kinds["id"] == kinds["empty"] == "left out"
    out.write_text(
        out.read_text(encoding="utf-8")
        .replace('site = "categorical"', 'site = {kind = "ordered", levels = ["B", "A"]}')
        .replace('"date"', '"date parts"'),
        encoding="utf-8",
    )
    study = TableStudy(path, "y", kinds=read_kinds(out), quick=True, n_steps=1)
    plan = study._plan(0)
    assert plan.decomposition.names == (
        "site",
        "temperature",
        "when: trend",
        "when: weekday",
        'odd "name" = 1',
    )
    assert plan.decomposition.column("site").labels == ("B", "A")
    assert plan.decomposition.column("temperature").has_missing
    assert isinstance(dib("describe", path, "--out", out).exception, UserError)
    # It names the target too, which is then not part of X.
    again = dib("describe", path, "--target", "y", "--kinds", out, "--toml")
    assert again.exit_code == 0 and "y" not in tomllib.loads(again.stdout)["kinds"]


def test_a_stored_table_is_described_as_one_in_memory_is(tmp_path: Path) -> None:
    table = as_people_have_them().drop(columns="mixed")
    table.to_parquet(tmp_path / "table.parquet")
    table.to_csv(tmp_path / "table.csv", index=False)
    stored, text = (
        dib("describe", tmp_path / f"table.{kind}", "--toml") for kind in ("parquet", "csv")
    )
    assert tomllib.loads(stored.stdout) == tomllib.loads(text.stdout)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('site = "colour"', "'site' is declared 'colour'; choose one of continuous"),
        ('site = {kind = "categorical", day_first = true}', "day_first applies to dates only"),
        ('site = {kind = "continuous", levels = [1]}', "which has no levels"),
        ('site = {kind = "ordered", levels = ["A", "A"]}', "contain one level twice"),
        ('site = {kind = "ordered", order = ["A"]}', "unknown option 'order'"),
        ("site = 3", "is declared 3; choose"),
        ("site = ", "can't be read as TOML"),
    ],
)
def test_faulty_kinds_are_refused_with_the_file(path: Path, text: str, message: str) -> None:
    file = path.with_name("kinds.toml")
    file.write_text(f"[kinds]\n{text}\n", encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        read_kinds(file)
    assert str(file) in str(error.value)
    assert dib("fit", path, "--target", "y", "--kinds", file).exit_code != 0


def test_unknown_columns_of_kinds_are_refused(path: Path) -> None:
    file = path.with_name("kinds.toml")
    file.write_text('colour = "categorical"\n', encoding="utf-8")
    error = dib("describe", path, "--kinds", file).exception
    assert isinstance(error, UserError) and "names the column 'colour'" in str(error)
    with pytest.raises(UserError, match="kinds names the column 'colour'"):
        Decomposition.from_frame(as_people_have_them(), kinds=read_kinds(file))
