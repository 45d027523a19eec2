"""A study from a user's file: the thirty lines of the documentation, and what they provide."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distributed_ib.evidence import subset_knowledge
from test_cli import dib, one_clear_line
from test_killed_runs import assert_same_bits, run_until_killed

DOCS = Path(__file__).parents[1] / "docs" / "your-own-study.md"
N_STEPS = 60
BRIEF = ["--n-steps", str(N_STEPS), "--n-voters", "3", "--n-records", "10"]

pytestmark = pytest.mark.usefixtures("compiled_as_in_a_child", "figures_are_not_drawn")


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOCS.read_text(), flags=re.S)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "votes.py"
    path.write_text(blocks()[0])
    return path


@pytest.fixture(scope="module")
def brief_evidence() -> Iterator[None]:
    """Train the models of subsets for a few steps, as no test here uses their results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset_knowledge, "N_PRETRAINING_STEPS", 8)
        patch.setattr(subset_knowledge, "N_RISING_STEPS", 8)
        yield


@pytest.fixture(scope="module")
def run(file: Path, compiled_as_in_a_child: None, brief_evidence: None) -> Path:
    """An uninterrupted run; the folder `killed` next to it is a run that was killed midway."""
    folder = file.parent / "run"
    command = ["run", str(file), *BRIEF]
    assert dib(*command, "--out", str(folder)) == 0
    # The evidence comes after the sweep, and takes longer.
    run_until_killed(N_STEPS // 2, [*command, "--no-evidence"], file.parent / "killed")
    return folder


def test_the_documented_study_is_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 35


def test_a_run_writes_all_standard_files(run: Path) -> None:
    names = {path.relative_to(run).as_posix() for path in run.rglob("[!.]*") if path.is_file()}
    figures = {f"figures/{name}.png" for name in ("sweep", "information_plane", "subsets")}
    assert names == figures | {
        "SHA256SUMS",
        "config.toml",
        "evidence.json",
        "log",
        "page.npz",
        "report.html",
        "scheme.nc",
        "snapshots/model.json",
        "snapshots/params.safetensors",
        "summary.json",
        "summary.md",
    }
    train = tomllib.loads((run / "config.toml").read_text())["resolved"]["train"]
    assert train["n_steps"] == 60 and train["n_pretraining_steps"] == 5


def test_a_run_is_shown_and_drawn_without_its_study_file(
    run: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = file.rename(file.with_suffix(".away"))
    try:
        assert dib("show", str(run)) == 0
        assert dib("show", str(run), "--threshold", "0.5") == 0
        assert dib("plot", str(run), "--out", str(tmp_path / "figures")) == 0
        assert dib("plot", str(run), "--beta", "0.1") == 2
    finally:
        elsewhere.rename(file)
    printed = capsys.readouterr()
    assert "v2" in printed.out and "votes is not run" in " ".join(printed.out.split())
    assert "--beta does not apply to runs of votes" in printed.err
    assert (tmp_path / "figures" / "sweep.png").exists()


def test_showing_needs_no_jax(run: Path) -> None:
    program = (
        "import sys; sys.argv = ['dib', 'show', sys.argv[1]]\n"
        "from distributed_ib.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "assert 'jax' not in sys.modules and 'matplotlib' not in sys.modules, 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", program, str(run)], check=True, capture_output=True)


def test_it_predicts_rows_of_a_table(run: Path, file: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "new.csv", tmp_path / "out.csv"
    votes = np.array([[1, 1, 1], [-1, -1, -1]])
    pd.DataFrame(votes, columns=["v0", "v1", "v2"]).to_csv(table, index=False)
    options = ["predict", str(run), str(table), "--out", str(out)]
    assert dib(*options) == 2  # its study is in a file
    assert dib(*options, "--study", str(file)) == 0
    predicted = pd.read_csv(out)
    np.testing.assert_allclose(predicted.iloc[:, 1:].sum(axis=1), 1, atol=1e-5)


def test_a_killed_run_resumes_to_the_same_bits(run: Path, file: Path) -> None:
    stopped = run.parent / "killed"
    assert list((stopped / "checkpoints").rglob("checkpoint-*.json"))
    assert not (stopped / "scheme.nc").exists()
    assert dib("show", str(stopped)) == 2
    assert dib("resume", str(stopped)) == 2  # its study is in a file
    assert dib("resume", str(stopped), str(file)) == 0
    assert_same_bits(run, stopped)
    assert not (stopped / "checkpoints").exists()


def test_a_figure_and_a_finding_of_its_own_touch_no_file_of_the_package(
    file: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.py"
    text = "import matplotlib.pyplot as plt\n" + "\n".join(blocks())
    own.write_text(text)
    folder = tmp_path / "run"
    closed = ["--beta", "0.1,30", "--n-steps", "200"]  # at the end, no voter is in use
    assert dib("run", str(own), *BRIEF, *closed, "--no-evidence", "--out", str(folder)) == 0
    assert (folder / "figures" / "three_voters.png").exists()
    assert "are known from one." in (folder / "summary.md").read_text()


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("def (", "line 1"),
        ("x = 1", "no study"),
        ("import distributed_ib as dib\nclass A(dib.Study):\n    name = 'a'", "frozen dataclass"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_file_that_is_no_study_is_told_in_one_line(
    text: str, culprit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(text)
    assert dib("run", str(path), "--out", str(tmp_path / "run")) == 2
    assert culprit in one_clear_line(capsys)
    assert not (tmp_path / "run").exists()


def test_a_mistake_in_the_study_names_its_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(file.read_text().replace("rng.choice", "rng.chose"))
    assert dib("run", str(path), *BRIEF, "--out", str(tmp_path / "run")) == 2
    line = one_clear_line(capsys)
    assert "wrong.py, line" in line and "in problem" in line and "chose" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        (["--n-steps", "many"], "n_steps"),
        (["--n-steps", "0"], "n_steps must be at least 1"),
        (["--beta", "0.1"], "beta"),
        (["--no-such-option", "1"], "no-such-option"),
        (["--preset", "large"], "'large'"),
        (["--direction", "up"], "direction"),
    ],
)
def test_wrong_options_are_one_clear_line(
    options: list[str],
    culprit: str,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert dib("run", str(file), *options, "--out", str(tmp_path / "run")) == 2
    assert culprit in one_clear_line(capsys)
    assert not (tmp_path / "run").exists()


def test_help_shows_the_options_of_the_study(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib("run", str(file), "--help") == 0
    printed = capsys.readouterr().out
    assert "--n-voters" in printed and "--n-steps" in printed
    assert dib("run", "--help") == 0
    assert dib("run", "astrology") == 2


@pytest.mark.nightly
@pytest.mark.parametrize("n_resamples", [0, 2])
def test_several_starts_are_shown_like_any_run(
    file: Path, tmp_path: Path, n_resamples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    ladder = ["--n-starts", "2", "--n-resamples", str(n_resamples), "--no-evidence"]
    brief = ["--n-steps", "40", "--n-records", "4", "--n-information-inputs", "0"]
    assert dib("run", str(file), *ladder, *brief, "--out", str(out)) == 0
    best = json.loads((out / "summary.json").read_text())["best"]
    # The accuracy of a study's own predictor is that of single draws, not of predictions.
    assert "known_bits" in best and "accuracy" not in best
    capsys.readouterr()
    assert dib("show", str(out)) == 0
    assert "held-out rows" in capsys.readouterr().out
