"""Runs of studies that are killed with SIGKILL and resumed end with bit-identical results."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

import killed_child
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.study.run_folder import load_results
from test_cli import dib

pytestmark = pytest.mark.usefixtures("compiled_as_in_a_child")

CHILD = Path(killed_child.__file__)
SOURCE = Path(__file__).parents[1] / "src"
N_STEPS = 12
SHORT = ["--n-steps", str(N_STEPS), "--n-pretraining-steps", "0", "--batch-size", "16"]
SHORT += ["--n-information-inputs", "32"]


def run_until_killed(step: int, arguments: list[str], out: Path) -> None:
    """Run the command in a child that is killed after `step` training steps.

    Programs that an earlier run compiled are reused by the child.
    """
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    child = subprocess.run(
        [sys.executable, str(CHILD), str(step), *arguments, "--out", str(out)],
        env={**os.environ, "PYTHONPATH": path},
        timeout=240,
    )
    assert child.returncode == -signal.SIGKILL
    assert not (out / "summary.json").exists()


def assert_same_bits(one: Path, other: Path) -> None:
    """Check that all numbers, models and further results of two parts are bit-identical."""
    first, second = (ApproximationScheme.load(folder) for folder in (one, other))
    numbers, others = (scheme.to_xarray() for scheme in (first, second))
    assert set(numbers.variables) == set(others.variables)
    arrays: list[tuple[Any, Any]] = [(numbers[k].values, others[k].values) for k in numbers]
    arrays += zip(
        jax.tree.leaves(first.snapshots.params),
        jax.tree.leaves(second.snapshots.params),
        strict=True,
    )
    results, further = load_results(one), load_results(other)
    assert set(results) == set(further)
    arrays += [(results[name], further[name]) for name in results]
    for left, right in arrays:
        assert np.asarray(left).dtype == np.asarray(right).dtype
        assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


def findings(folder: Path) -> Any:
    """The stored report, without information on how the run was made."""
    summary = json.loads((folder / "summary.json").read_text())
    return summary["report"]["sections"]


@pytest.mark.nightly
def test_a_killed_picture_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    arguments = ["run", "image", "--picture", str(path), "--n-colors", "8", *SHORT]
    arguments += ["--encoder-hidden", "8", "--predictor-hidden", "8", "--embedding-dim", "2"]
    whole, mended = tmp_path / "whole", tmp_path / "mended"
    assert dib(*arguments, "--out", str(whole)) == 0
    run_until_killed(7, arguments, mended)
    path.unlink()  # the folder holds the picture
    assert dib("resume", str(mended)) == 0
    assert_same_bits(whole, mended)
    assert findings(whole) == findings(mended)
    names = {figure.name for figure in (whole / "figures").iterdir()}
    assert names == {figure.name for figure in (mended / "figures").iterdir()}
    assert "animation.gif" in names and "sweep.png" in names
    assert not (mended / "checkpoints").exists()


@pytest.mark.nightly
def test_killed_patterns_go_on_to_the_same_bits_without_a_finished_sweep(tmp_path: Path) -> None:
    arguments = ["run", "patterns", "--patterns", "circle", "--hidden", "8", *SHORT]
    whole, mended = tmp_path / "whole", tmp_path / "mended"
    assert dib(*arguments, "--out", str(whole)) == 0
    run_until_killed(N_STEPS + 5, arguments, mended)
    finished = mended / "circle" / "distributed" / "scheme.nc"
    before = (finished.stat().st_ino, finished.read_bytes())
    assert dib("resume", str(mended)) == 0
    assert (finished.stat().st_ino, finished.read_bytes()) == before  # it is not made again
    for method in ("distributed", "standard"):
        assert_same_bits(whole / "circle" / method, mended / "circle" / method)
    assert findings(whole) == findings(mended)
    assert (mended / "figures" / "circle.png").exists()
    assert not list(mended.rglob("checkpoints"))
