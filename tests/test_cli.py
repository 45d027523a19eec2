"""The command line as users see it: files, output and errors."""

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import typer

from distributed_ib.cli.main import run
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

BRIEF = ["--steps", "150"]


def dib(*arguments: str) -> int:
    """Run the command and return its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["dib", *arguments])
        try:
            run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def one_clear_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the printed error, which must be one line and the only output."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "and"
    assert dib("boolean", "--expression", "a & b", *BRIEF, "--out", str(folder)) == 0
    return folder


def test_a_run_folder_is_whole(run_folder: Path) -> None:
    names = {path.relative_to(run_folder).as_posix() for path in run_folder.rglob("[!.]*.*")}
    assert names == {
        "config.toml",
        "circuit.toml",
        "page.npz",
        "report.html",
        "results.npz",
        "scheme.nc",
        "summary.json",
        "summary.md",
        "figures/circuit.png",
        "figures/information_plane.png",
        "figures/optimal_frontier.png",
        "figures/optimality_gap.png",
        "figures/subset_ranks.png",
        "figures/subsets.png",
        "figures/sweep.png",
        "snapshots/model.json",
        "snapshots/params.safetensors",
    }
    config = tomllib.loads((run_folder / "config.toml").read_text())
    assert config["run"]["study"] == "boolean"
    assert config["options"]["train"]["n_steps"] == 150
    assert config["options"]["hidden"] == [64, 64, 64]
    assert "--expression 'a & b'" in (run_folder / "log").read_text()
    summary = json.loads((run_folder / "summary.json").read_text())
    assert summary["component_names"] == ["a", "b"]
    assert summary["subsets_of_first_repeat"][0]["rank"] == 1
    assert "H(Y)" not in summary["message"]
    assert 0 < summary["optimality"]["sweep"]["largest_gap_bits"] < 1
    assert ApproximationScheme.load(run_folder).components == ("a", "b")


def test_the_summary_says_what_was_found(run_folder: Path) -> None:
    text = (run_folder / "summary.md").read_text()
    assert "0.811 bits" in text  # H(Y) of AND
    assert "| all |" in text


def test_show_prints_the_final_table(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dib("show", str(run_folder)) == 0
    printed = capsys.readouterr().out
    assert "0.811278" in printed
    assert "1 of 1" in printed
    assert "above the exact optimum" in printed


def test_the_kl_is_an_option(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headings = {}
    for option in ([], ["--kl"]):
        assert dib("show", str(run_folder), *option) == 0
        headings[bool(option)] = capsys.readouterr().out
    assert "conveyed" in headings[False] and "KL" not in headings[False]
    assert "conveyed" not in headings[True] and "KL" in headings[True]
    summary = json.loads((run_folder / "summary.json").read_text())
    assert summary["measure"] == "information"
    assert summary["repeats"][0][0]["total_information_bits"] <= 2.0


def test_rows_of_a_circuit_are_predicted(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    table.write_text("b,a\n0,0\n0,1\n1,0\n1,1\n")
    assert dib("predict", str(run_folder), str(table), "--out", str(out)) == 0
    assert pd.read_csv(out)["prediction"].tolist() == [0, 0, 0, 1]
    capsys.readouterr()
    table.write_text("a,b\n0,0\n0,2\n")
    assert dib("predict", str(run_folder), str(table), "--out", str(tmp_path / "more.csv")) == 2
    assert (
        "column 'b', row 2 (data rows count from 1) is 2, which is not a value"
        in one_clear_line(capsys)
    )
    table.write_text("a,b\n")
    assert dib("predict", str(run_folder), str(table), "--out", str(tmp_path / "none.csv")) == 2
    assert "has column names but no rows" in one_clear_line(capsys)


def test_both_directions_stand_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, options = tmp_path / "both", ["--expression", "a & b", *BRIEF]
    assert dib("boolean", *options, "--direction", "both", "--out", str(run)) == 0
    assert "found by" in capsys.readouterr().out
    summary = json.loads((run / "summary.json").read_text())
    assert summary["directions"] == ["rising", "falling"]
    found = {(f["direction"], f["n_repeats"]) for f in summary["subset_frequencies"]}
    assert found == {("rising", 1), ("falling", 1)}
    assert "1 of 1 falling" in (run / "summary.md").read_text()
    assert (run / "figures" / "sweep_falling.png").exists()
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["options"]["train"]["direction"] == "both"
    assert config["resolved"]["train"]["n_pretraining_steps"] == [500, 2000]
    assert ApproximationScheme.load(run).directions == ("rising", "falling")
    assert dib("boolean", *options, "--direction", "up", "--out", str(tmp_path / "up")) == 2


def test_plot_draws_again(run_folder: Path, tmp_path: Path) -> None:
    assert (
        dib("plot", str(run_folder), "--kl", "--format", "svg", "--out", str(tmp_path / "new")) == 0
    )
    drawn = sorted(path.name for path in (tmp_path / "new").iterdir())
    names = ["circuit", "information_plane", "optimal_frontier", "optimality_gap"]
    assert drawn == [f"{name}.svg" for name in [*names, "subset_ranks", "subsets", "sweep"]]


def test_plot_overwrites_nothing(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(run_folder, tmp_path / "run"))
    edited = run / "figures" / "sweep.png"
    edited.write_bytes(b"edited by hand")
    for number in (1, 2):
        capsys.readouterr()
        assert dib("plot", str(run), "--threshold", "0.2") == 0
        new = run / f"figures-00{number}"
        assert str(new) in capsys.readouterr().out
        assert (new / "sweep.png").stat().st_size > 10_000
    assert dib("plot", str(run), "--out", str(edited.parent)) == 2
    assert "sweep.png already exists" in one_clear_line(capsys)
    assert edited.read_bytes() == b"edited by hand"
    assert dib("show", str(run)) == 0  # the new folders are not part of the results


def test_a_threshold_counts_in_sentences_tables_and_figures(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for threshold, n_in_use in (("0.1", 2), ("1.5", 0)):
        assert dib("show", str(run_folder), "--threshold", threshold) == 0
        printed = capsys.readouterr().out
        assert f"{n_in_use} of 2 components are in use" in printed
        # A row of the table in which all components are in use.
        assert bool(re.search(r" all +\d", printed)) == bool(n_in_use)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert dib("--help") == 0
    assert dib("boolean", "--help") == 0
    assert dib("show", "--help") == 0
    assert dib("run", "boolean", "--help") == 0
    printed = capsys.readouterr().out
    assert "Default: 0.1." in printed and "(0.1)" not in printed
    words = " ".join(printed.replace("\N{BOX DRAWINGS LIGHT VERTICAL}", " ").split())
    assert "the paper's by default" in words and "Default: ." not in words  # for an empty string
    assert dib("--version") == 0
    assert capsys.readouterr().out.endswith("distributed-ib 0.2.0\n")


def circuit_file(folder: Path, text: str) -> str:
    path = folder / "circuit.toml"
    path.write_text(text)
    return str(path)


def test_a_missing_node_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """
inputs = ["a", "b"]
output = "g"
[[gate]]
name = "g"
op = "AND"
inputs = ["a", "c"]
"""
    out = tmp_path / "run"
    assert dib("boolean", "--circuit", circuit_file(tmp_path, text), "--out", str(out)) == 2
    error = one_clear_line(capsys)
    assert "circuit.toml" in error and "'g'" in error and "'c'" in error
    assert not out.exists()


def test_a_cycle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """
inputs = ["a"]
output = "g"
[[gate]]
name = "g"
op = "AND"
inputs = ["a", "h"]
[[gate]]
name = "h"
op = "NOT"
inputs = ["g"]
"""
    assert dib("boolean", "--circuit", circuit_file(tmp_path, text)) == 2
    error = one_clear_line(capsys)
    assert "cycle" in error and "g" in error and "h" in error


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["--random", "21"], "21"),
        (["--expression", " & ".join(f"x{i}" for i in range(21))], "21"),
        (["--random", "0"], "0"),
        (["--expression", "a & ~a"], "is constant, so there is nothing"),
        (["--expression", "a & & b"], "character 5"),
        (["--expression", "a", "--random", "3"], "--random"),
        (["--circuit", "nowhere.toml"], "nowhere.toml"),
        (["--beta-start", "0.5", "--beta-end", "0.1"], "beta_start=0.5"),
        (["--beta-start", "0.5"], "beta_start=0.5"),
        (["--beta-start", "-1"], "beta_start=-1"),
        (["--steps", "0"], "n_steps"),
        (["--seeds", "0"], "n_seeds"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_bad_options_are_one_clear_line(
    arguments: list[str], culprit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert dib("boolean", *arguments, "--out", str(out)) == 2
    assert culprit in one_clear_line(capsys)
    assert not out.exists()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert dib("boolean", *BRIEF, "--out", str(tmp_path)) == 2
    error = one_clear_line(capsys)
    assert "already exists" in error and "--out" in error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_an_unwritable_place_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert dib("boolean", *BRIEF, "--out", str(tmp_path / "file" / "run")) == 2
    error = one_clear_line(capsys)
    assert str(tmp_path / "file") in error and "--out" in error


@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_folder_without_a_run_is_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib(command, str(tmp_path)) == 2
    assert "config.toml" in one_clear_line(capsys)


def test_a_run_of_an_unknown_study_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text('[run]\nstudy = "astrology"\nseed = 0\n[options]\n')
    assert dib("resume", str(tmp_path)) == 2
    assert "astrology" in one_clear_line(capsys)


def test_a_run_of_an_earlier_version_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = '[run]\nstudy = "boolean"\ndistributed_ib = "0.0.9"\n[training]\nseed = 0\n'
    (tmp_path / "config.toml").write_text(head)
    for command in ("show", "plot", "resume"):
        assert dib(command, str(tmp_path)) == 2
        assert "made by version 0.0.9" in one_clear_line(capsys)


def test_an_unknown_format_is_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib("plot", str(run_folder), "--format", "exe", "--out", str(tmp_path / "f")) == 2
    assert "png" in one_clear_line(capsys)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_threshold_is_a_number_of_bits(
    command: str, value: str, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib(command, str(run_folder), "--threshold", value) == 2
    assert "--threshold" in one_clear_line(capsys)


def test_an_interrupted_run_sets_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **options: object) -> None:
        raise typer.Exit(130)

    monkeypatch.setattr("distributed_ib.cli.run_command.execute", interrupted)
    assert dib("run", "boolean") == 130
