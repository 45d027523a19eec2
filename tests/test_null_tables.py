"""Tables whose columns carry no information about the target: nothing is found, nothing fails."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from test_cli import dib

pytestmark = [
    pytest.mark.usefixtures("quick_compilation", "few_readable_tables"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]


@pytest.fixture(
    scope="module", params=[pytest.param("numbers", marks=pytest.mark.nightly), "classes"]
)
def null_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on noise, trained at a weak bottleneck until it has memorised its rows."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    table["y"] = rng.normal(size=60) if request.param == "numbers" else rng.choice(["u", "v"], 60)
    folder = tmp_path_factory.mktemp("null")
    table.to_csv(folder / "table.csv", index=False)
    run = folder / "run"
    assert (
        dib(
            "fit",
            str(folder / "table.csv"),
            "--target",
            "y",
            "--steps",
            "300",
            "--starts",
            "3",
            "--out",
            str(run),
        )
        == 0
    )
    return run


def test_memorised_information_is_not_reported_as_known(null_run: Path) -> None:
    summary = json.loads((null_run / "summary.json").read_text())
    assert summary["measured_on"] == "held-out rows"
    widest = summary["repeats"][0][0]
    assert widest["components"] == ["a", "b", "c"]
    assert widest["predictive_bits"] < 0.0


def test_nothing_is_claimed(null_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (null_run / "summary.md").read_text()
    assert dib("show", str(null_run)) == 0
    for said in (text, capsys.readouterr().out):
        assert "There is no evidence that X tells anything about Y" in said
        assert "supported" not in said
        assert "last component in use" not in said
        assert "of information about Y" not in said
        assert "Nine tenths" not in said


def test_a_null_run_can_be_plotted_and_can_predict(null_run: Path, tmp_path: Path) -> None:
    assert dib("plot", str(null_run), "--out", str(tmp_path / "figures")) == 0
    table, out = null_run.parent / "table.csv", tmp_path / "predictions.csv"
    assert dib("predict", str(null_run), str(table), "--out", str(out)) == 0
    assert len(pd.read_csv(out)) == 60


@pytest.mark.nightly
@pytest.mark.parametrize("strength", [0.0, 0.3])
@pytest.mark.parametrize("number", range(40))
def test_null_and_weak_tables_run_to_the_end(
    number: int, strength: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables of 50 to 3,000 rows and 1 to 30 columns, of numbers and of classes."""
    rng = np.random.default_rng(number)
    n_rows, n_columns = int(np.exp(rng.uniform(np.log(50), np.log(3000)))), int(rng.integers(1, 31))
    columns = rng.normal(size=(n_rows, n_columns))
    y = strength * columns[:, 0] + rng.normal(size=n_rows)
    table = pd.DataFrame(columns, columns=[f"c{k}" for k in range(n_columns)])
    table["y"] = y if number % 2 else np.where(y > 0, "high", "low")
    path, run = tmp_path / "table.csv", tmp_path / "run"
    table.to_csv(path, index=False)
    fit = ["fit", str(path), "--target", "y", "--steps", "300", "--out", str(run)]
    assert dib(*fit) == 0
    assert dib("show", str(run)) == 0
    assert dib("plot", str(run), "--out", str(tmp_path / "figures")) == 0
    assert dib("predict", str(run), str(path), "--out", str(tmp_path / "predictions.csv")) == 0
    assert "Traceback" not in capsys.readouterr().err
