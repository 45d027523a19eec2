"""A sweep that is killed with SIGKILL at random moments ends with bit-identical results."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sweep_child

CHILD = Path(sweep_child.__file__)
SOURCE = Path(__file__).parents[1] / "src"


def start(*arguments: object) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, str(CHILD), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def finished(child: subprocess.Popen[str]) -> list[str]:
    """Returns the lines that the child printed; it must have ended without error."""
    with child:
        lines = child.communicate(timeout=240)[0].split()
    assert child.returncode == 0
    assert lines[-1] == "finished"
    return lines


def kill_after(seconds: float, *arguments: object) -> tuple[int, int]:
    """Kill the child some time after its first step; returns its first and last step."""
    with start(*arguments) as child:
        assert child.stdout is not None
        first = int(child.stdout.readline())
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        steps = [first, *map(int, child.stdout.read().split())]
    assert child.returncode == -signal.SIGKILL
    return steps[0], steps[-1]


def check_kills(
    folder: Path, model: str, n_kills: int, longest_seconds: float, n_steps: int
) -> None:
    # It cannot finish before the last kill, however fast the machine is.
    assert n_steps * sweep_child.REST_SECONDS > n_kills * longest_seconds
    moments = random.Random(n_kills)
    whole, mended = folder / "whole.npz", folder / "mended.npz"
    checkpoints, reached = folder / "checkpoints", 0
    with start(whole, model, n_steps) as in_one_go:
        for _ in range(n_kills):
            seconds = moments.uniform(0, longest_seconds)
            first, last = kill_after(seconds, mended, model, n_steps, checkpoints)
            # It resumes at the last checkpoint, or at the one before if the last step had none.
            assert reached <= first <= reached + 1
            reached = last
        assert int(finished(start(mended, model, n_steps, checkpoints))[0]) >= reached
        finished(in_one_go)
    assert not checkpoints.exists()
    with np.load(whole) as expected, np.load(mended) as found:
        assert expected.files == found.files
        for name in expected.files:
            assert expected[name].dtype == found[name].dtype
            assert expected[name].tobytes() == found[name].tobytes()


@pytest.mark.nightly
def test_three_kills_change_no_bit(tmp_path: Path) -> None:
    check_kills(tmp_path, "line", n_kills=3, longest_seconds=0.4, n_steps=300)


@pytest.mark.nightly
def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    check_kills(tmp_path, "xor", n_kills=20, longest_seconds=0.25, n_steps=1200)
