"""A damaged run is rejected with the name of the damaged file, and never read as intact."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from distributed_ib._checksums import CHECKSUMS, read_checksums
from distributed_ib.errors import UserError
from distributed_ib.study.reading_runs import load_run
from distributed_ib.study.run_folder import check_folder
from distributed_ib.study.stored_report import stored_report
from test_cli import dib

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    options = ["--expression", "a & b", "--steps", "20", "--out", str(folder)]
    assert dib("boolean", *options) == 0
    return folder


def damage(path: Path, rng: np.random.Generator) -> str:
    """Change, truncate, lengthen or remove a file; returns the kind of damage."""
    content = bytearray(path.read_bytes())
    kind = str(rng.choice(["byte", "cut", "longer", "gone", "empty"], p=[0.6, 0.1, 0.1, 0.1, 0.1]))
    if kind == "gone":
        path.unlink()
        return kind
    if kind == "byte":
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        content = content[: rng.integers(len(content))]
    elif kind == "longer":
        content += rng.bytes(5)
    else:
        content.clear()
    path.write_bytes(content)
    return kind


def check_trials(whole: Path, tmp_path: Path, n_trials: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [*(read_checksums(whole) or {}), CHECKSUMS]
    for trial in range(n_trials):
        run = tmp_path / f"{trial}"
        shutil.copytree(whole, run)
        name = str(rng.choice(names))
        kind = damage(run / name, rng)
        if name == CHECKSUMS and kind == "gone":
            with pytest.warns(UserWarning, match="no list of checksums"):
                stored_report(run)
        else:
            for read in (stored_report, load_run):
                with pytest.raises(UserError) as caught:
                    read(run)
                message = str(caught.value)
                assert "\n" not in message
                assert name.split("/")[0] in message or CHECKSUMS in message, (name, kind, message)
        shutil.rmtree(run)


def test_every_result_file_has_a_checksum(whole: Path) -> None:
    listed = set(read_checksums(whole) or {})
    there = {p.relative_to(whole).as_posix() for p in whole.rglob("[!.]*") if p.is_file()}
    passed = {"log", "report.html", CHECKSUMS} | {
        name for name in there if name.startswith("figures/")
    }
    assert listed == there - passed
    check_folder(whole)


def test_random_damage_is_reported_by_name(whole: Path, tmp_path: Path) -> None:
    check_trials(whole, tmp_path, 60, seed=0)


@pytest.mark.nightly
def test_two_thousand_damages_are_told_by_name(whole: Path, tmp_path: Path) -> None:
    check_trials(whole, tmp_path, 2000, seed=1)


def test_log_and_figures_may_change(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "log").write_text("mine now")
    shutil.rmtree(run / "figures")
    assert stored_report(run).title == "Circuit expression"


def test_commands_report_the_damaged_file(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    content = bytearray((run / "scheme.nc").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "scheme.nc").write_bytes(content)
    for command in (["show"], ["plot", "--out", str(tmp_path / "f")], ["show", "--kl"]):
        assert dib(command[0], str(run), *command[1:]) == 2
        assert "scheme.nc is damaged" in capsys.readouterr().err
