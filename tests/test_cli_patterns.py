"""`dib patterns`: what it writes, what it says, how it fails."""

import json
import sys
import tomllib
from pathlib import Path

import pytest

from distributed_ib.cli.main import run
from distributed_ib.errors import UserError
from distributed_ib.studies.patterns.run import load_run

pytestmark = pytest.mark.usefixtures("quick_compilation")


def dib(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["dib", *arguments])
        try:
            run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def test_a_run_on_disk_can_be_shown_and_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert dib("patterns", "--pattern", "circle", "--steps", "4", "--out", str(folder)) == 0
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["patterns"]["names"] == ["circle"]
    assert config["training"]["n_steps"] == 4
    assert (folder / "figures" / "circle.png").stat().st_size > 10_000
    found = json.loads((folder / "summary.json").read_text())["sweeps"]
    assert [(one["pattern"], one["method"]) for one in found] == [
        ("circle", "distributed"),
        ("circle", "standard"),
    ]
    assert "circle (a circle): " in (folder / "summary.md").read_text()
    again = load_run(folder)
    assert [one.scheme.components for one in again.sweeps] == [
        ("horizontal", "vertical"),
        ("position",),
    ]
    capsys.readouterr()
    assert dib("show", str(folder)) == 0
    assert "circle" in capsys.readouterr().out
    (folder / "circle" / "standard" / "information.nc").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"information\.nc can't be read"):
        load_run(folder)


def test_an_unknown_pattern_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dib("patterns", "--pattern", "spiral", "--out", str(tmp_path / "run")) == 2
    assert "spiral" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
