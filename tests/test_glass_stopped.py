"""A killed analysis of two glasses resumes to bit-identical results."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from distributed_ib._arrays import load_arrays
from distributed_ib.report.report_files import load_report
from distributed_ib.scheme import fitting
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.glass import GlassStudy
from distributed_ib.studies.glass.glass_study import ProtocolStudy
from distributed_ib.study.running import run_study
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import SweepProgress
from line_sweeps import Killed
from test_cli import dib, one_clear_line
from test_glass_study import SMALL, glass_like, options

N_BEFORE, N_STEPS = 4, 16
PROTOCOLS = ("gradual", "rapid")
BRIEF = replace(
    SMALL,
    train=replace(
        SMALL.train,
        n_steps=N_STEPS,
        n_pretraining_steps=N_BEFORE,
        n_seeds=2,
        n_records=8,
        n_snapshots=4,
        n_information_inputs=32,
        n_information_records=2,
    ),
)

pytestmark = pytest.mark.usefixtures("quick_compilation", "figures_are_not_drawn", "single_steps")


@pytest.fixture(scope="module", autouse=True)
def no_figures() -> Iterator[None]:
    """Draw no figures, which would take longer than everything else here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GlassStudy, "figures", lambda *_: {})
        yield


def brief_study() -> GlassStudy:
    tables = {name: glass_like(50, name, seed) for seed, name in enumerate(PROTOCOLS)}
    return GlassStudy.of(tables, **options(BRIEF))


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
    quick_compilation: None,
    single_steps: None,
    no_figures: None,
) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run_study(brief_study(), folder, seed=3)
    return folder


def at_step(n_steps: int, act: Callable[[], None]) -> Callable[[SweepProgress], None]:
    """Returns a callback that calls `act` after `n_steps` steps of both sweeps together."""
    seen: list[int] = []

    def progress(now: SweepProgress) -> None:
        seen.append(now.step)
        if len(seen) == n_steps:
            act()

    return progress


def die() -> None:
    raise Killed


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def assert_same(first: Path, second: Path) -> None:
    for name in PROTOCOLS:
        one, other = (
            ApproximationScheme.load(folder / name).to_xarray() for folder in (first, second)
        )
        assert set(one.variables) == set(other.variables)
        for variable in one.variables:
            assert one[variable].values.tobytes() == other[variable].values.tobytes()
        params = f"{name}/snapshots/params.safetensors"
        assert (first / params).read_bytes() == (second / params).read_bytes()
        arrays, others = (load_arrays(folder / name / "results.npz") for folder in (first, second))
        assert set(arrays) == set(others)
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, others[key])
    findings = [load_report(folder).values["protocols"] for folder in (first, second)]
    assert findings[0] == findings[1]


@pytest.mark.nightly
@pytest.mark.parametrize("n_steps", [7, N_BEFORE + N_STEPS + 9])
def test_a_killed_analysis_goes_on_to_the_same_bits(
    n_steps: int,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fitting, "Checkpoints", partial(Checkpoints, seconds=0))
    out = tmp_path / "run"
    with pytest.raises(Killed):
        run_study(brief_study(), out, seed=3, progress=at_step(n_steps, die))
    assert (out / "rapid").is_dir() == (n_steps > N_BEFORE + N_STEPS)
    assert dib("show", str(out)) == 2
    assert "dib resume" in one_clear_line(capsys)
    assert dib("resume", str(out)) == 0
    assert_same(whole, out)
    assert not any(out.rglob("checkpoints"))


@pytest.mark.nightly
def test_a_kill_while_accuracies_are_measured(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(ProtocolStudy, "measure", lambda *_: die())
        with pytest.raises(Killed):
            run_study(brief_study(), out, seed=3)
    assert (out / "gradual" / "scheme.nc").exists()
    assert dib("resume", str(out)) == 0
    assert_same(whole, out)


@pytest.mark.nightly
def test_an_interrupted_analysis_is_shown_and_goes_on(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"

    stop = at_step(N_BEFORE + N_STEPS + 9, press_ctrl_c)
    run = run_study(brief_study(), out, seed=3, progress=stop)
    assert run.status == "interrupted" and list(run.parts) == list(PROTOCOLS)
    assert dib("show", str(out)) == 0
    printed = capsys.readouterr().out
    assert "gradual: the sweep finished after 20 steps" in printed
    assert "rapid: the sweep was interrupted at step 9 of 20" in printed
    assert "rapid quench, 50 loci" in printed
    assert dib("resume", str(out)) == 0
    assert_same(whole, out)
