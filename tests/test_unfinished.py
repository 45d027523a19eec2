"""Sweeps that end early: messages and files of the commands, and behaviour of estimators."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from distributed_ib.errors import UserError
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean import BooleanStudy
from distributed_ib.training.progress import SweepProgress
from test_cli import dib, one_clear_line
from unfinished_runs import (
    COMMANDS,
    N_BEFORE,
    N_STEPS,
    arguments,
    diverge_at,
    interrupt_at,
    press_ctrl_c,
    shrink,
    write_data,
)

pytestmark = pytest.mark.usefixtures("quick_compilation", "figures_are_not_drawn", "tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


def shown_and_not_drawn(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Output of `dib show` for a run for which `dib plot` reports that nothing can be drawn."""
    capsys.readouterr()
    assert dib("show", str(folder)) == 0
    shown = capsys.readouterr().out
    assert dib("plot", str(folder)) == 2
    assert str(folder) in one_clear_line(capsys)
    return shown


# Before the first record ------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["boolean", "image", "glass", "fit"])
def test_ctrl_c_before_the_first_record(
    command: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    interrupt_at(monkeypatch, 1)
    assert dib(*arguments(command, data, out)) == 130
    printed = capsys.readouterr()
    assert printed.err == ""
    told = "was interrupted at step 1 of "
    assert told in printed.out and "before its first record." in printed.out
    assert "summary.md" not in printed.out and "figures" not in printed.out
    assert f"dib resume {out}" in printed.out
    assert list(out.rglob("checkpoint-*.json"))
    assert told in shown_and_not_drawn(out, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_loss_that_is_infinite_at_once(
    command: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    step = 1 if command != "patterns" else 0  # a step that would make a record
    diverge_at(monkeypatch, step + 1)
    assert dib(*arguments(command, data, out)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert f"diverged before its first record: the loss was not finite at step {step}" in error
    assert "try a smaller learning rate" in error
    assert not list(out.rglob("checkpoints"))
    assert "diverged before its first record" in (out / "log").read_text()
    assert "diverged before its first record" in shown_and_not_drawn(out, capsys)


def test_the_remedy_of_a_divergence_is_an_option(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = arguments("fit", data, tmp_path / "run")
    assert dib(*command, "--learning-rate", "1e30") == 2
    assert "diverged before its first record" in capsys.readouterr().err
    assert dib(*arguments("fit", data, tmp_path / "zero"), "--learning-rate", "0") == 2
    assert "learning_rate must be a positive number" in one_clear_line(capsys)


# After some records -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "n_records"),
    [
        ("boolean", 1),
        ("image", 1),
        ("patterns", 1),
        pytest.param("glass", 1, marks=pytest.mark.nightly),
        ("glass", 2),
        pytest.param("glass", 4, marks=pytest.mark.nightly),
    ],
)
def test_ctrl_c_after_few_records_shows_what_was_reached(
    command: str,
    n_records: int,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    step = n_records + (N_BEFORE if command != "patterns" else 0)
    interrupt_at(monkeypatch, step)
    assert dib(*arguments(command, data, out)) == 130
    printed = capsys.readouterr()
    assert printed.err == ""  # no warning about an axis of zero length
    assert f"was interrupted at step {step} of" in printed.out
    assert f"dib resume {out}" in printed.out
    assert (out / "summary.md").stat().st_size > 0 and any((out / "figures").iterdir())
    assert dib("show", str(out)) == 0
    printed = capsys.readouterr()
    assert printed.err == "" and f"was interrupted at step {step} of" in printed.out


def test_what_a_user_put_beside_the_figures_outlives_a_resumed_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    interrupt_at(monkeypatch, N_BEFORE + 4)
    assert dib(*arguments("boolean", data, out)) == 130
    mine, theirs = (out / "figures" / name for name in ("mine.png", "sweep.png"))
    mine.write_bytes(b"drawn by hand")
    before = theirs.read_bytes()
    assert dib("plot", str(out)) == 0
    assert dib("resume", str(out)) == 0
    assert mine.read_bytes() == b"drawn by hand"
    assert theirs.read_bytes() != before
    shutil.rmtree(out / "figures-001")
    assert dib("show", str(out)) == 0  # the folder was not part of the results


def test_a_fit_that_diverges_after_a_record_is_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    diverge_at(monkeypatch, 20 + 4)  # 20 pretraining steps, and three for a record
    assert dib(*arguments("fit", data, out)) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert "The folder contains the results up to that point." in printed.err
    assert "The sweep diverged: the loss was not finite" in printed.out
    assert dib("show", str(out)) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.nightly
def test_a_second_glass_that_was_never_begun_is_told_of(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    interrupt_at(monkeypatch, N_BEFORE + N_STEPS + 1)
    assert dib(*arguments("glasses", data, out)) == 130
    told = "rapid: the sweep was interrupted at step 1 of 15"
    assert told in capsys.readouterr().out
    assert told in (out / "summary.md").read_text()
    assert dib("show", str(out)) == 0
    printed = capsys.readouterr().out
    assert "gradual quench, 80 loci" in printed and told in printed


def test_what_an_unfinished_sweep_has_not_learned_has_not_ended(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_at(monkeypatch, 2)
    assert dib(*arguments("patterns", data, tmp_path / "run")) == 130
    assert "No scheme of the distributed bottleneck ends" in capsys.readouterr().out


# Both directions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "subsets_of"), [(1, None), (N_BEFORE + 4, "first"), (N_BEFORE + N_STEPS + 2, "whole")]
)
def test_ctrl_c_in_either_half_ends_the_run_without_a_refinement(
    step: int,
    subsets_of: str | None,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    interrupt_at(monkeypatch, step)
    options = ["--direction", "both", "--refine"]
    assert dib(*arguments("boolean", data, out), *options) == 130
    printed = capsys.readouterr().out
    assert "was interrupted at step" in printed
    assert "refine" not in printed.lower() and "refinement" not in (out / "log").read_text()
    scheme = ApproximationScheme.load(out)
    assert scheme.status == "interrupted" and scheme.directions == ("rising",)
    if subsets_of == "whole":
        assert scheme.to_xarray().sizes["step"] == N_STEPS
        assert "finished after 15 steps with beta rising; with beta falling" in scheme.message
        assert dib("show", str(out)) == 0
        assert "with beta falling" in capsys.readouterr().out
        assert json.loads((out / "summary.json").read_text())["status"] == "interrupted"


def test_a_second_half_that_diverges_is_an_error(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    diverge_at(monkeypatch, N_BEFORE + N_STEPS + 1)  # only the falling sweep is that long
    assert dib(*arguments("boolean", data, out), "--direction", "both") == 2
    error = capsys.readouterr().err
    assert "with beta falling, which is left out, it diverged" in error
    assert dib("show", str(out)) == 0


def test_a_falling_sweep_is_one_however_early_it_ends() -> None:
    quick = BooleanStudy.presets()["quick"]
    study = replace(quick, circuit="a & b", train=replace(quick.train, direction="falling"))
    for n_steps in (1, 31):  # before its first record, and at that record
        scheme = study.fit(progress=press_ctrl_c(n_steps))
        assert scheme.directions == ("falling",)
        assert scheme.status == "interrupted"


# In Python --------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(60, 2))
Y = np.where(X[:, 0] > 0, "right", "left")


def classifier() -> DistributedIBClassifier:
    """An estimator with the shapes of `dib fit` above, to reuse the compiled programs."""
    return DistributedIBClassifier(
        n_starts=2,
        n_resamples=2,
        n_steps=N_STEPS,
        n_pretraining_steps=N_BEFORE,
        evidence=False,
        random_state=0,
    )


def test_a_fit_that_diverges_at_once_is_an_error_and_leaves_nothing_fitted() -> None:
    model = classifier().set_params(learning_rate=1e30)
    with pytest.raises(UserError, match=r"diverged before its first record.*smaller learning rate"):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning")
def test_a_fit_that_was_interrupted_at_once_has_nothing_to_predict_with() -> None:
    model = classifier().fit(X, Y)
    assert model.predict(X).shape == (60,)

    def stop(now: SweepProgress) -> None:
        if now.step == 1:
            press_ctrl_c(1)(now)

    model.fit(X, Y, progress=stop)
    assert model.scheme_.status == "interrupted" and not hasattr(model, "best_beta_")
    for beta in (None, 0.1):
        with pytest.raises(UserError, match=r"no model.*was interrupted at step 1"):
            model.predict(X, beta=beta)
    assert model.fit(X, Y).predict(X).shape == (60,)


def test_a_fit_that_diverges_later_says_so_and_predicts_with_what_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    diverge_at(monkeypatch, N_BEFORE + 3)
    with pytest.warns(UserWarning, match=r"diverged: the loss was not finite at step 5"):
        model = classifier().fit(X, Y)
    assert model.scheme_.status == "diverged"
    assert model.predict(X).shape == (60,)
