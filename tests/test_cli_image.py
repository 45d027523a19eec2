"""`dib image` as users see it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distributed_ib.cli.main import run

pytestmark = pytest.mark.usefixtures("quick_compilation")


def dib(*arguments: str) -> int:
    """Run the command and return its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["dib", *arguments])
        try:
            run()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def picture(folder: Path) -> str:
    layers = np.random.default_rng(0).integers(0, 255, (6, 9, 4), dtype=np.uint8)
    Image.fromarray(layers).save(folder / "p.png")
    return str(folder / "p.png")


def test_a_run_is_whole_and_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert dib("image", picture(tmp_path), "--steps", "12", "--at", "0.01", "--out", str(out)) == 0
    printed = capsys.readouterr().out
    assert "conveyed" in printed
    assert dib("show", str(out), "--kl") == 0
    by_kl = capsys.readouterr().out
    assert "KL" in by_kl and "conveyed" not in by_kl
    assert "p.png: transparent parts shown on white." in printed
    assert "can measure at most 9 bits" in printed
    names = {path.relative_to(out).as_posix() for path in out.rglob("[!.]*.*")}
    figures = {"sweep", "strip", "error", "information_plane", "subsets"}
    assert names == {
        "config.toml",
        "page.npz",
        "picture.png",
        "report.html",
        "scheme.nc",
        "summary.json",
        "summary.md",
        "snapshots/model.json",
        "snapshots/params.safetensors",
        "results.npz",
        "figures/animation.gif",
        *(f"figures/{name}.png" for name in figures),
    }


@pytest.mark.nightly
def test_a_run_is_shown_and_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert dib("image", picture(tmp_path), "--steps", "12", "--at", "0.01", "--out", str(out)) == 0
    capsys.readouterr()
    assert dib("show", str(out)) == 0
    assert "transparent parts shown on white" in capsys.readouterr().out
    assert dib("plot", str(out), "--out", str(tmp_path / "again"), "--format", "svg") == 0
    assert {path.suffix for path in (tmp_path / "again").iterdir()} == {".svg"}


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["nowhere.png"], "nowhere.png"),
        (["{picture}", "--decomposition", "spiral"], "spiral"),
        (["{picture}", "--at", "much"], "much"),
        (["{picture}", "--at", "-1"], "--at"),
        (["{picture}", "--size", "1"], "size"),
        (["{picture}", "--steps", "0"], "n_steps"),
        (["{picture}", "--seeds", "0"], "n_seeds"),
    ],
)
def test_bad_options_are_one_clear_line(
    arguments: list[str], culprit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, path = tmp_path / "run", picture(tmp_path)
    given = [argument.replace("{picture}", path) for argument in arguments]
    assert dib("image", *given, "--out", str(out)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and culprit in error
    assert not out.exists()
