"""Damaged and foreign checkpoints."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.training import _checkpoint_files as files
from distributed_ib.training.sweep_result import SweepResult
from line_sweeps import (
    Killed,
    assert_same,
    line_sweep,
    newest,
    resumes_at,
    stop_at,
)

pytestmark = pytest.mark.usefixtures("quick_compilation", "single_steps")


def flip(path: Path, generator: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    path.write_bytes(content)


def cut(path: Path, generator: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: generator.randrange(path.stat().st_size)])


def zero(path: Path, generator: random.Random) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def delete(path: Path, generator: random.Random) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [flip, cut, zero, delete])
def test_a_damaged_checkpoint_is_skipped_for_the_one_before(
    damage: Callable[[Path, random.Random], None], stopped: Path, tmp_path: Path
) -> None:
    generator = random.Random(4)
    state = "checkpoint-000047-state.safetensors"
    for trial in range(4):
        for name in (state, "checkpoint-000047.json"):
            if damage is delete and name != state:
                continue  # without its JSON file there is no checkpoint to warn about
            folder = Path(shutil.copytree(stopped, tmp_path / f"{trial}-{name}"))
            damage(folder / name, generator)
            with pytest.warns(UserWarning, match=r"skipped checkpoint 47 in .*: checkpoint-0"):
                assert resumes_at(folder) == 47


def test_a_sweep_goes_on_past_a_damaged_checkpoint(folder: Path, whole: SweepResult) -> None:
    cut(folder / "checkpoint-000047.json", random.Random(1))
    with pytest.warns(UserWarning, match="skipped checkpoint 47"), pytest.raises(Killed):
        line_sweep(folder, resume=True, progress=stop_at(48))
    # The damaged checkpoint is removed, and its number is not reused.
    assert files.checkpoint_numbers(folder) == [48, 46]
    assert_same(line_sweep(folder, resume=True), whole)


def test_a_damaged_model_that_both_need_leaves_no_checkpoint(folder: Path) -> None:
    flip(folder / "checkpoint-000031-models.safetensors", random.Random(2))
    with (
        pytest.warns(
            UserWarning, match=r"000031-models.safetensors has changed since it was written"
        ),
        pytest.raises(UserError, match=r"none of the checkpoints .* can be used; remove"),
    ):
        line_sweep(folder, resume=True)
    assert files.checkpoint_numbers(folder) == [47, 46]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1, 2]", b"\xff\xfe", b"[" * 100_000, b'{"format": "another"}', b"null"],
)
def test_a_foreign_file_is_skipped(content: bytes, folder: Path) -> None:
    (folder / "checkpoint-000099.json").write_bytes(content)
    with pytest.warns(UserWarning, match="skipped checkpoint 99"):
        assert resumes_at(folder) == 48


def test_a_checkpoint_that_refers_outside_its_folder_is_skipped(folder: Path) -> None:
    manifest = newest(folder)
    outside = folder.parent / "secret.safetensors"
    shutil.copy(folder / manifest.state.name, outside)
    state = replace(manifest.state, name="../secret.safetensors")
    files.write_manifest(folder, replace(manifest, state=state))
    with pytest.warns(UserWarning, match="files that do not belong to a checkpoint"):
        assert resumes_at(folder) == 47


def test_a_checkpoint_with_sound_checksums_and_wrong_arrays_is_skipped(folder: Path) -> None:
    manifest = newest(folder)
    tensors = files.read_data(folder, manifest.state)
    wrong: dict[str, dict[str, Any]] = {
        "should be float32 .2, 2.": {"loop/params/w": np.zeros((2, 3), np.float32)},
        "outside the record": {"loop/step": np.array(5, np.int32)},
        "end at different steps": {"annealing/step": tensors["annealing/step"] + 1},
        "no series 'annealing/step'": {"annealing/step": np.array(3)},
        "should be int64": {"album/record": tensors["album/record"].astype(np.float64)},
        "a different number of models": {
            "album/record": tensors["album/record"][:-1],
            "album/beta": tensors["album/beta"][:-1],
        },
    }
    for message, change in wrong.items():
        state = files.write_data(folder, 47, "state", {**tensors, **change})
        files.write_manifest(folder, replace(manifest, state=state))
        with pytest.warns(UserWarning, match=message):
            assert resumes_at(folder) == 47
