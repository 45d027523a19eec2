"""`dib read`: readable tables of runs in all formats, and errors."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib import Run, UserError
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.scheme.choice import Choice
from distributed_ib.studies.patterns import PatternsStudy
from distributed_ib.study.run_folder import remove_report
from test_cli import dib, one_clear_line

pytestmark = [
    pytest.mark.usefixtures("quick_compilation", "figures_are_not_drawn"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]
BRIEF = ["--steps", "150", "--starts", "2", "--resamples", "2", "--no-evidence"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    size, noise = rng.uniform(0, 10, 160), rng.normal(size=160)
    y = np.where(size > 4, "large", "small")
    folder = tmp_path_factory.mktemp("read")
    path = folder / "table.csv"
    pd.DataFrame({"size": size, "noise": noise, "y": y}).to_csv(path, index=False)
    run = folder / "run"
    assert dib("fit", str(path), "--target", "y", *BRIEF, "--out", str(run)) == 0
    path.rename(folder / "moved.csv")  # reading a run must not need its table
    return run


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("circuit") / "run"
    options = ["--expression", "a & (b | c)", "--steps", "1500"]
    assert dib("boolean", *options, "--out", str(run)) == 0
    return run


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert dib("read", *arguments) == 0
    return capsys.readouterr().out


def test_a_run_is_read_in_words(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, str(fitted))
    assert "bits of information about y on 32 held-out rows" in text
    assert "large" in text
    assert printed(capsys, str(fitted), "--simplest") == text
    for choice in (["--best"], ["--bits", "1"], ["--beta", "0.1"], ["--n-components", "1"]):
        assert "share of rows" in printed(capsys, str(fitted), *choice)


def test_all_formats_are_read_by_programs(
    fitted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = json.loads(printed(capsys, str(fitted), "--format", "json"))
    table = ReadableApproximation.from_dict(found)
    frame = pd.read_csv(io.StringIO(printed(capsys, str(fitted), "--format", "csv")))
    assert frame["rows"].tolist() == [row.count for row in table.rows]
    assert printed(capsys, str(fitted), "--format", "markdown") == table.to_markdown()
    assert printed(capsys, str(fitted), "--format", "latex") == table.to_latex()
    out = tmp_path / "table.tex"
    assert "Written to" in printed(capsys, str(fitted), "--format", "latex", "--out", str(out))
    assert out.read_text() == table.to_latex()
    assert dib("read", str(fitted), "--out", str(out)) == 2


def test_symbols_get_the_users_names(
    fitted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = json.loads(printed(capsys, str(fitted), "--format", "json"))
    text = found["components"][0]["symbols"][0]["text"]
    names = tmp_path / "names.toml"
    names.write_text(f'[size]\n"{text}" = "tiny"\n')
    shown = printed(capsys, str(fitted), "--names", str(names))
    assert f"size: tiny: {text}" in shown
    names.write_text("size = 3\n")
    assert dib("read", str(fitted), "--names", str(names)) == 2
    assert "must contain lines such as" in one_clear_line(capsys)
    names.write_text('[size]\n"< 99" = "tiny"\n')
    assert dib("read", str(fitted), "--names", str(names)) == 0
    assert "component 'size' has no symbol '< 99' in this table" in capsys.readouterr().err


@pytest.mark.nightly
def test_a_run_that_was_killed_before_its_report_is_resumed(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, run = fitted.parent / "table.csv", tmp_path / "run"
    shutil.copytree(fitted, run)
    remove_report(run)
    shutil.copy(fitted.parent / "moved.csv", table)
    try:
        assert dib("resume", str(run)) == 0
    finally:
        table.unlink()
    assert printed(capsys, str(run)) == printed(capsys, str(fitted))


OWN = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from distributed_ib import *

@dataclass(frozen=True)
class Own(Study):
    name: ClassVar[str] = "own"
    train: TrainSettings = TrainSettings(n_steps=400, n_pretraining_steps=200, batch_size=64)

    def problem(self, seed):
        x = np.random.default_rng(seed).integers(0, 4, (400, 2))
        y = (x[:, 0] > 1).astype(int)
        return Problem.from_arrays(x[..., None].astype("f4"), y, ["a", "b"], held_out=0.3)

    def model(self, key):
        encoder = SeparateEncoder(2, input_dim=1, hidden=(16,), embedding_dim=2, key=key)
        return DistributedBottleneck(encoder, BernoulliPredictor(4, hidden=(16,), key=key))
"""


@pytest.mark.nightly
def test_a_custom_study_is_read_with_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = tmp_path / "own.py", tmp_path / "run"
    file.write_text(OWN)
    assert dib("run", str(file), "--out", str(run)) == 0
    assert dib("read", str(run)) == 2
    assert "--study FILE.py" in capsys.readouterr().err
    text = printed(capsys, str(run), "--study", str(file), "--beta", "0.1")
    assert "0-1" in text
    assert "2-3" in text


@pytest.mark.parametrize(
    "arguments",
    [["--bits", "1", "--beta", "1"], ["--best", "--simplest"], ["--best", "--bits", "2"],
     ["--beta", "-1"], ["--names", "missing.toml"], ["--bits", "-1"]],
)  # fmt: skip
def test_invalid_choices_are_reported(
    arguments: list[str], fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert dib("read", str(fitted), *arguments) == 2
    one_clear_line(capsys)


def test_a_circuit_is_read_as_logic(circuit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, str(circuit))
    assert "Y = (a & b) | (a & c)" in text
    assert "on 8 rows, the complete truth table" in text
    assert "P(Y = 1) = 3/4 where a" in printed(capsys, str(circuit), "--n-components", "1")


def test_a_study_without_tables_says_what_is_needed() -> None:
    study = PatternsStudy()
    parts: dict[str, Any] = {"one": None, "another": None}
    with pytest.raises(UserError, match=r"a run of dib fit or dib boolean, .* of patterns"):
        study.readable(Run(study, 0, parts), Choice())
