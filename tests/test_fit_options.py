"""Options of `dib fit`: weights, groups, times, several targets."""

import io
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib.studies.table import TableStudy
from distributed_ib.studies.table.table_columns import ColumnRoles
from distributed_ib.studies.table.table_rows import TableRows
from distributed_ib.study.reading_runs import load_run
from test_cli import dib, one_clear_line
from unfinished_runs import interrupt_at

pytestmark = [
    pytest.mark.usefixtures("quick_compilation", "figures_are_not_drawn", "few_readable_tables"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]
TINY = ["--steps", "60", "--starts", "2", "--resamples", "2", "--no-evidence"]
N = 120


def rows(n: int = N, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    day = pd.date_range("2020-01-01", periods=n).strftime("%d.%m.%Y")
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "w": rng.integers(0, 3, n),
            "g": rng.integers(0, 12, n),
            "t": rng.permutation(day),
            "y": np.where(a > 0, "yes", "no"),
            "size, mm": a + b,
            "z": a - b,
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "table.csv"
    rows().to_csv(path, index=False)
    return path


def study(table: Path, **options: Any) -> TableStudy:
    used = {options.get("weight"), options.get("group"), options.get("time")}
    left_out = [name for name in ("w", "g", "t") if name not in used]
    return TableStudy(
        table=table, target="y", exclude=("size, mm", "z", *left_out), n_steps=60, **options
    )


def test_weights_reach_the_rows_and_are_no_component(table: Path) -> None:
    problem = study(table, weight="w").problem(0)
    w = rows()["w"]
    assert problem.names == ("a", "b")
    np.testing.assert_array_equal(problem.weight, w[w > 0])


def test_whole_groups_are_held_out_and_divided(table: Path) -> None:
    found = study(table, group="g").problem(3)
    assert found.names == ("a", "b")
    groups, split = rows()["g"].to_numpy(), found.split(3)
    assert not set(groups[split.train]) & set(groups[split.held_out])
    division = split.divided(3)
    for train, validation in zip(division.train, division.validation, strict=True):
        assert not set(groups[train]) & set(groups[validation])


def test_the_last_rows_in_time_are_held_out(table: Path) -> None:
    found = study(table, time="t").problem(1)
    assert found.names == ("a", "b")
    times, split = pd.to_datetime(rows()["t"], format="%d.%m.%Y"), found.split(1)
    assert times[split.held_out].min() > times[split.train].max()
    assert len(split.held_out) == N // 5
    for validation in split.divided(3).validation:  # contiguous periods
        stretch = times[validation]
        assert times[split.train].between(stretch.min(), stretch.max()).sum() == len(validation)


@pytest.mark.parametrize("day_first", [True, False])
def test_kinds_say_where_the_day_stands_in_the_times(tmp_path: Path, day_first: bool) -> None:
    frame = rows()[["a", "b", "y"]].assign(t=["1/2/2020", "2/1/2020", "1/1/2020"] * (N // 3))
    frame.to_csv(tmp_path / "t.csv", index=False)
    kinds = {"t": {"kind": "date", "day_first": day_first}}
    found = TableStudy(table=tmp_path / "t.csv", target="y", time="t", kinds=kinds)
    last = "1/2/2020" if day_first else "2/1/2020"
    split = found.problem(0).split(0)
    assert set(frame["t"].iloc[split.held_out]) == {last}


def test_the_time_is_a_component_where_a_group_names_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows()[["a", "b", "y"]].assign(hour=np.arange(N)).to_csv(path, index=False)
    options: dict[str, Any] = {"table": path, "target": "y", "time": "hour"}
    assert TableStudy(**options).problem(0).names == ("a", "b")
    grouped = TableStudy(**options, components={"when": ["hour"], "a": ["a"]})
    assert grouped.problem(0).names == ("when", "a", "b")


def test_rows_of_a_table_of_their_own_are_held_out(table: Path, tmp_path: Path) -> None:
    other = rows(30, seed=1)
    other[list(other)[::-1]].to_csv(tmp_path / "new.csv", index=False)
    problem = study(table, validation=tmp_path / "new.csv", weight="w").problem(0)
    held_out = problem.rows(problem.split(0).held_out)
    np.testing.assert_array_equal(held_out.y, (other["y"] == "yes")[other["w"] > 0])
    a = other["a"][other["w"] > 0]
    np.testing.assert_allclose(np.corrcoef(held_out.x.numbers[:, 0], a)[0, 1], 1)


def test_groups_that_train_and_are_held_out_are_told(table: Path, tmp_path: Path) -> None:
    new = rows(30, seed=1).assign(g=[0, 1, 99] * 10)
    new.to_csv(tmp_path / "new.csv", index=False)
    read, roles = TableRows(table, tmp_path / "new.csv"), ColumnRoles(("y",), group="g")
    words = read.shared_groups(roles)
    assert words.startswith("2 of the 3 groups in ") and "(column 'g')" in words
    new.assign(g=100).to_csv(tmp_path / "new.csv", index=False)
    assert TableRows(table, tmp_path / "new.csv").shared_groups(roles) == ""
    assert read.shared_groups(ColumnRoles(("y",))) == ""


def test_betas_and_direction_are_those_that_were_asked_for(table: Path) -> None:
    train = study(table, beta_start=0.01, beta_end=0.5, direction="both").train
    assert train.beta == (0.01, 0.5) and train.directions == ("rising", "falling")
    assert not train.is_ladder


BAD = {
    "negative": rows().assign(w=[*range(N - 1), -1]),
    "hole": rows().assign(w=[1.0, np.nan] * (N // 2), g=[None, *"a" * (N - 1)]),
    "same": rows().assign(g="lab", t="2020-01-01", w=0),
    "pair": rows().assign(g=["p", "q"] * (N // 2)),
    "short": rows().drop(columns="b"),
    "targetless": rows().drop(columns="y"),
    "unknown": rows().assign(y=None),
    "strange": rows().assign(a="x"),
    "vague": rows().assign(t=["01/02/2020", "03/04/2020"] * (N // 2)),
    "twice": rows().assign(t=["2020-01-01"] * 90 + ["2020-01-02"] * 30),
    "timeless": rows().assign(t=["2020-01-01", "soon"] * (N // 2)),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for name, frame in BAD.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.mark.parametrize(
    ("name", "options", "parts"),
    [
        ("negative", "--weight w", ["--weight", "negative.csv", "'w', row 120", "-1", "negative"]),
        ("hole", "--weight w", ["--weight", "hole.csv", "'w', row 2", "missing"]),
        ("same", "--weight w", ["--weight", "same.csv", "'w'", "zero in every row"]),
        ("same", "--weight y", ["--weight", "'y'", "and --target both name"]),
        ("same", "--weight q", ["no column 'q', named by --weight"]),
        ("same", "--group g", ["--group", "same.csv", "'g'", "single group, 'lab'"]),
        ("pair", "--group g", ["--group", "pair.csv", "'g'", "three groups", "--resamples 0"]),
        ("hole", "--group g", ["--group", "hole.csv", "'g', row 1", "is empty; fill in its group"]),
        ("same", "--time t", ["--time", "same.csv", "'t'", "same in every row"]),
        ("vague", "--time t", ["--time", "vague.csv", "'t'", "01/02/2020", "2026-01-31"]),
        ("twice", "--time t", ["--time", "twice.csv", "'t'", "one time", "--resamples 0"]),
        ("timeless", "--time t", ["--time", "timeless.csv", "'t', row 2", "'soon'"]),
        ("negative", "--time t --group g", ["--time and --group both", "give only one"]),
        ("negative", "--validation {}/short.csv", ["--validation", "short.csv", "'b'"]),
        ("negative", "--validation {}/targetless.csv", ["--validation", "targetless.csv", "'y'"]),
        ("negative", "--validation {}/unknown.csv", ["--validation", "unknown.csv", "every row"]),
        ("negative", "--validation {}/strange.csv", ["--validation", "strange.csv", "'a', row 1"]),
        ("negative", "--validation -", ["--validation must be a file"]),
        ("negative", "--validation {}/none.csv", ["there is no file", "none.csv"]),
        ("negative", "--validation {}/same.csv --time t", ["--time and --validation both"]),
        ("negative", "--beta-start 3", ["--beta-start 3", "--beta-end 2"]),
        ("negative", "--direction both --starts 3", ["--direction 'both'", "--starts 3"]),
        ("negative", "--direction falling --resamples 3", ["--resamples 3", "'rising'"]),
        ("negative", "--each-target", ["--each-target needs several targets"]),
        ("negative", "--target y", ["each column once; got y, y"]),
        ("negative", "--target a --task classification", ["--task classification", "y, a"]),
    ],
)
def test_mistakes_are_one_clear_line_and_leave_nothing(
    name: str,
    options: str,
    parts: list[str],
    bad: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    left_out = [c for c in ("w", "g", "t") if f" {c}" not in options]
    arguments = [
        *options.format(bad).split(),
        "--exclude",
        ",".join(["z", '"size, mm"', *left_out]),
    ]
    place = str(bad / f"{name}.csv")
    assert dib("fit", place, "--target", "y", *arguments, "--out", str(out)) == 2
    error = one_clear_line(capsys)
    assert [part for part in parts if part not in error] == []
    assert not out.exists()


def test_a_column_with_a_comma_is_named_in_quotes(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert dib("fit", str(table), "--target", "size, mm", "--out", str(out)) == 2
    assert """For the column 'size, mm' give --target '"size, mm"'.""" in one_clear_line(capsys)
    assert TableStudy(table=table, target="size, mm", exclude=("t",)).targets == ("size, mm",)


def test_no_records_are_refused(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--target", "y", "--records", "0", "--out", str(tmp_path / "run")]
    assert dib("fit", str(table), *options) == 2
    assert "--records must be at least 1, got 0" in one_clear_line(capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.nightly
def test_a_vector_is_explained_reported_and_predicted(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, predicted = tmp_path / "run", tmp_path / "p.csv"
    options = ["--target", '"size, mm",z', "--exclude", "g,t,y", *TINY, "--weight", "w"]
    assert dib("fit", str(table), *options, "--out", str(out)) == 0
    config = tomllib.loads((out / "config.toml").read_text())
    assert config["options"]["target"] == ["size, mm", "z"]
    assert config["options"]["weight"] == "w"
    assert "# size, mm, z in table.csv" in (out / "summary.md").read_text()
    assert (out / "report.html").stat().st_size > 0
    assert dib("show", str(out)) == 0
    assert dib("predict", str(out), str(table), "--beta", "0.001", "--out", str(predicted)) == 0
    found = pd.read_csv(predicted)
    assert list(found) == ["prediction of size, mm", "prediction of z"] and len(found) == N
    assert np.corrcoef(found["prediction of z"], rows()["z"])[0, 1] > 0.5
    capsys.readouterr()
    assert dib("read", str(out), "--best", "--format", "csv") == 0
    printed = capsys.readouterr().out.splitlines()[0]
    assert "size, mm" in printed and "z" in printed and "[0]" not in printed


def test_each_target_has_a_scheme_of_its_own_in_one_run(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, predicted = tmp_path / "run", tmp_path / "p.csv"
    options = ["--target", "y,z", "--each-target", "--exclude", 't,w,"size, mm"', "--group", "g"]
    records = ["--records", "20"]
    assert dib("fit", str(table), *options, *records, *TINY, "--out", str(out)) == 0
    n_records = load_run(out).parts["z"].scheme.to_xarray().sizes["step"]
    assert abs(n_records - 20) <= 1  # rounded to complete stretches of beta
    summary = json.loads((out / "summary.json").read_text())
    assert list(summary["parts"]) == ["y", "z"]
    assert summary["parts"]["z"]["component_names"] == ["a", "b"]
    config = tomllib.loads((out / "config.toml").read_text())
    assert config["resolved"]["y"]["task"] == "classification"
    assert config["resolved"]["z"]["task"] == "regression"
    assert (out / "figures" / "z_compression.png").exists()
    for command in (["show", "--threshold", "0.2"], ["report"]):
        assert dib(command[0], str(out), *command[1:]) == 0
    capsys.readouterr()
    assert dib("read", str(out)) == 2
    assert "choose one with --target: y, z" in capsys.readouterr().err
    assert dib("read", str(out), "--target", "z") == 0
    assert dib("predict", str(out), str(table), "--out", str(predicted)) == 0
    names = ["prediction of y", "probability of y = no", "probability of y = yes"]
    assert list(pd.read_csv(predicted)) == [*names, "prediction of z"]


@pytest.mark.nightly
def test_finished_targets_are_not_fitted_again(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    options = ["--target", "y,z", "--each-target", "--exclude", 't,w,"size, mm"', "--group", "g"]
    usual = TableStudy.complete

    def stopped(self: TableStudy, *arguments: Any) -> Any:
        if self.target == "z":  # the second target
            raise KeyboardInterrupt
        return usual(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(TableStudy, "complete", stopped)
        assert dib("fit", str(table), *options, *TINY, "--out", str(out)) == 130
    before = (out / "y" / "scheme.nc").read_bytes()
    assert dib("resume", str(out)) == 0
    assert (out / "y" / "scheme.nc").read_bytes() == before
    assert list(json.loads((out / "summary.json").read_text())["parts"]) == ["y", "z"]


def test_a_table_from_standard_input_is_kept_for_resuming(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    content = rows()[["a", "b", "y"]].to_csv(index=False, sep=";", decimal=",").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with monkeypatch.context() as patch:
        interrupt_at(patch, 10)
        assert dib("fit", "-", "--target", "y", *TINY, "--out", str(out)) == 130
    assert (out / "input.csv").read_bytes() == content
    assert dib("resume", str(out)) == 0
    assert "y in standard input" in (out / "summary.md").read_text()
    assert dib("show", str(out), "--threshold", "0.2") == 0


@pytest.mark.nightly
def test_a_falling_beta_makes_one_sweep_with_a_report(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--target", "y", "--exclude", 't,w,g,"size, mm",z', "--steps", "60"]
    options += ["--direction", "both", "--learning-rate", "0.1", "--no-evidence"]
    assert dib("fit", str(table), *options, "--out", str(out)) == 0
    assert json.loads((out / "summary.json").read_text())["directions"] == ["rising", "falling"]


@pytest.mark.parametrize("labels", [("0", "1"), ("False", "True")])
def test_a_target_with_gaps_keeps_its_classes(tmp_path: Path, labels: tuple[str, str]) -> None:
    frame = rows()
    frame["y"] = [labels[int(a > 0)] for a in frame["a"]]
    frame.loc[3, "y"] = None
    frame[["a", "b", "y"]].to_csv(tmp_path / "t.csv", index=False)
    found = TableStudy(table=tmp_path / "t.csv", target="y", n_steps=60)
    with pytest.warns(UserWarning, match="the target is missing in 1 of 120 rows"):
        plan = found._plan(0)
    assert plan.target.task == "classification"
    assert [str(label) for label in plan.target.classes] == [*labels]
    assert plan.problem.n_rows == N - 1
