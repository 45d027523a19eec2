"""`dib fit` and `dib predict` on a small table, and their errors."""

import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.table import TableStudy
from distributed_ib.studies.table.component_groups import read_groups
from distributed_ib.training.train_settings import TrainSettings
from test_cli import dib, one_clear_line
from unfinished_runs import interrupt_at

# Too short for the model to follow beta to its end, about which the command warns.
pytestmark = [
    pytest.mark.usefixtures("quick_compilation", "few_readable_tables"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]
BRIEF = ["--steps", "120", "--starts", "2", "--resamples", "2", "--no-evidence"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 120))
    colour = rng.choice(["red", "green", "blue"], 120)
    y = np.where((a > 0) ^ (colour == "red"), "yes", "no")
    path = tmp_path_factory.mktemp("data") / "table.csv"
    pd.DataFrame({"a": a, "b": b, "colour": colour, "y": y}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert dib("fit", str(table), "--target", "y", *BRIEF, "--out", str(folder)) == 0
    return folder


def test_a_run_folder_is_whole(fitted: Path) -> None:
    names = {path.relative_to(fitted).as_posix() for path in fitted.rglob("*.*")}
    assert names >= {
        "config.toml",
        "estimator.json",
        "scheme.nc",
        "summary.json",
        "summary.md",
        "figures/sweep.png",
        "figures/information_plane.png",
        "figures/subsets.png",
        "snapshots/params.safetensors",
    }
    assert not (fitted / "checkpoints").exists()


def test_resolved_defaults_are_in_the_configuration(fitted: Path) -> None:
    config = tomllib.loads((fitted / "config.toml").read_text())
    assert config["options"]["n_steps"] == 120 and "learning_rate" not in config["options"]
    resolved = config["resolved"]
    assert resolved["task"] == "classification" and resolved["encoder_hidden"] == [32]
    train = resolved["train"]
    assert train["n_steps"] == 120 and train["n_pretraining_steps"] == 60
    assert train["batch_size"] == 64 and train["weight_decay"] == 0.5
    assert train["learning_rate"] == train["first_learning_rate"] == 3e-3
    assert train["last_learning_rate"] == pytest.approx(3e-4)
    assert set(train) == {field.name for field in fields(TrainSettings)}


def test_a_run_whose_table_has_changed_is_not_resumed(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own, out = tmp_path / "table.csv", tmp_path / "run"
    own.write_text(table.read_text())
    interrupt_at(monkeypatch, 1)
    assert dib("fit", str(own), "--target", "y", *BRIEF, "--out", str(out)) == 130
    frame = pd.concat([pd.read_csv(own)] * 30)
    frame[["a", "b"]] += np.random.default_rng(1).normal(size=(len(frame), 2))
    frame.to_csv(own, index=False)
    capsys.readouterr()
    assert dib("resume", str(out)) == 2
    error = one_clear_line(capsys)
    assert "was started with least_rows_per_value = 8.0" in error and "would be 1.0" in error
    assert dib("show", str(out)) == 0


@pytest.mark.parametrize("seed", [0, 7])
def test_columns_are_scaled_by_the_training_rows_alone(table: Path, seed: int) -> None:
    problem = TableStudy(table=table, target="a").problem(seed)
    training, everything = (
        problem.rows(rows).x.numbers for rows in (problem.split(seed).train, np.arange(120))
    )
    assert abs(training.mean()) < 1e-6 < abs(everything.mean())


@pytest.mark.parametrize("n_resamples", [0, 3])
@pytest.mark.parametrize("target", ["y", "a"])
def test_what_is_measured_divides_the_rows_as_the_sweep_does(
    table: Path, target: str, n_resamples: int
) -> None:
    # Otherwise a model would be scored on rows that trained it or chose it.
    study = TableStudy(table=table, target=target, n_resamples=n_resamples, n_starts=1)
    swept = study.problem(7).split(7).divided(n_resamples)
    measured = study._plan(7).split.divided(n_resamples)
    for one, other in zip(
        (*swept.train, *swept.validation, swept.test),
        (*measured.train, *measured.validation, measured.test),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_show_and_plot_read_a_fitted_run(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib("show", str(fitted)) == 0
    printed = capsys.readouterr().out
    assert "colour" in printed and "accuracy" in printed
    assert dib("plot", str(fitted), "--out", str(tmp_path / "figures")) == 0
    assert (tmp_path / "figures" / "sweep.png").stat().st_size > 0


def test_predictions_follow_the_rows(fitted: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "predictions.csv"
    assert dib("predict", str(fitted), str(table), "--beta", "0.01", "--out", str(out)) == 0
    predicted = pd.read_csv(out)
    assert list(predicted) == ["prediction", "probability of no", "probability of yes"]
    assert len(predicted) == 120
    np.testing.assert_allclose(predicted.iloc[:, 1:].sum(axis=1), 1, atol=1e-5)
    likelier = np.where(predicted["probability of yes"] > 0.5, "yes", "no")
    assert (predicted["prediction"] == likelier).all()


def test_predictions_overwrite_nothing(
    fitted: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.csv"
    out.write_text("precious")
    assert dib("predict", str(fitted), str(table), "--out", str(out)) == 2
    assert "already exists" in one_clear_line(capsys)
    assert out.read_text() == "precious"


def test_a_missing_column_is_named(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.csv"
    pd.DataFrame({"a": [0.0], "colour": ["red"]}).to_csv(path, index=False)
    assert dib("predict", str(fitted), str(path), "--out", str(tmp_path / "p.csv")) == 2
    assert "'b'" in one_clear_line(capsys)


@pytest.mark.filterwarnings("default:.*not seen in training")
def test_an_unseen_level_is_named(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.csv"
    pd.DataFrame({"a": [0.0], "b": [0.0], "colour": ["mauve"]}).to_csv(path, index=False)
    out = ["--out", str(tmp_path / "p.csv")]
    assert dib("predict", str(fitted), str(path), *out, "--unseen", "error") == 2
    error = one_clear_line(capsys)
    assert "colour" in error and "mauve" in error
    assert not (tmp_path / "p.csv").exists()
    assert dib("predict", str(fitted), str(path), *out) == 0
    assert "'colour' has a category not seen in training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["--target", "z"], "'z'"),
        (["--target", "y", "--exclude", "q"], "'q'"),
        (["--target", "y", "--exclude", "y"], "'y'"),
        (["--target", "y", "--exclude", "a,b,colour"], "no columns left"),
        (["--target", "y", "--task", "regression"], "y"),
        (["--target", "y", "--loss", "infonce"], "--loss"),
        (["--target", "a", "--task", "classification"], "target 'a'"),
        (["--target", "y", "--resume"], "--out"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: list[str],
    culprit: str,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    place = [] if "--resume" in arguments else ["--out", str(out)]
    assert dib("fit", str(table), *arguments, *place) == 2
    assert culprit in one_clear_line(capsys)
    assert not out.exists()


def test_a_table_of_names_alone_has_no_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "names.csv"
    path.write_text("a,b,y\n")
    assert dib("fit", str(path), "--target", "y", "--out", str(tmp_path / "run")) == 2
    assert "names.csv has column names but no rows" in one_clear_line(capsys)


def test_an_infinite_value_is_placed_and_leaves_no_folder(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv(table)
    frame.loc[6, "b"] = np.inf
    broken = tmp_path / "broken.csv"
    frame.to_csv(broken, index=False)
    assert dib("fit", str(broken), "--target", "y", "--out", str(tmp_path / "run")) == 2
    error = one_clear_line(capsys)
    assert "'b'" in error and "7" in error
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_not_resumed(
    fitted: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib("fit", str(table), "--target", "y", *BRIEF, "--out", str(fitted), "--resume") == 2
    assert "nothing to resume" in one_clear_line(capsys)


def test_a_stopped_run_goes_on_to_the_same_result(
    fitted: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    options = ["fit", str(table), "--target", "y", *BRIEF, "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        # Stop after training but before anything is saved, as a kill could.
        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(ApproximationScheme, "save", stop)
        assert dib(*options) == 130
    assert (out / "checkpoints").is_dir() and not (out / "scheme.nc").exists()
    assert dib("show", str(out)) == 2
    assert "dib resume" in capsys.readouterr().err
    assert dib(*options, "--seed", "5", "--resume") == 2
    assert "a different seed" in capsys.readouterr().err
    assert dib("resume", str(out)) == 0
    first, second = (f / "snapshots" / "params.safetensors" for f in (fitted, out))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("heading", ["", "[components]\n"])
def test_components_are_read_with_a_heading_and_without(heading: str, tmp_path: Path) -> None:
    path = tmp_path / "groups.toml"
    path.write_text(heading + 'place = ["x", "y"]\n')
    assert read_groups(path) == {"place": ["x", "y"]}
