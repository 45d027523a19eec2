"""Checkpoints: bit-identical results after a stop, changed options, the interval, Ctrl-C."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.data.batches import ArrayBatches, BatchSource, FreshBatches, HostBatches
from distributed_ib.data.row_batches import RowBatches
from distributed_ib.errors import UserError
from distributed_ib.training import _checkpoint_files as files
from distributed_ib.training import checkpoints as checkpoint_module
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from line_sweeps import (
    DATA,
    SCHEDULE,
    Killed,
    assert_same,
    line_sweep,
    names,
    newest,
    stop_at,
)
from toy import FallingModel, NoisyLine

pytestmark = pytest.mark.usefixtures("quick_compilation", "single_steps")

# Bit-identical results ---------------------------------------------------------------------------


def fresh_line(key: jax.Array) -> Any:
    x = jax.random.normal(key, (16, 2))
    return x, x[:, 0]


def host_line(rng: np.random.Generator) -> Any:
    x = rng.normal(size=(16, 2)).astype(np.float32)
    return x, x[:, 0]


SOURCES: dict[str, BatchSource] = {
    "arrays": ArrayBatches(DATA, 16),
    "fresh": FreshBatches(fresh_line),
    "host": HostBatches(host_line, seed=3, steps_per_transfer=3),
    "rows": RowBatches(DATA, 16, seed=3, steps_per_transfer=3),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_stops_change_no_bit_whatever_the_batches(kind: str, tmp_path: Path) -> None:
    source = SOURCES[kind]
    expected = line_sweep(batches=source)
    # During pre-training, in the middle of a record, at the end of a record, at the last step.
    for step in (3, 4, 22, 25, 26, 43, 60):
        with suppress(Killed):
            again = (tmp_path / "c").exists()
            line_sweep(tmp_path / "c", source, progress=stop_at(step), resume=again)
    assert_same(line_sweep(tmp_path / "c", source, resume=True), expected)


@pytest.mark.parametrize("step", [2, 9, 20, 21, 32, 45, 46, 60])
def test_a_stop_at_any_step_changes_no_bit(step: int, whole: SweepResult, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        line_sweep(tmp_path / "c", progress=stop_at(step))
    assert_same(line_sweep(tmp_path / "c", resume=True), whole)


def test_checkpoints_change_nothing(whole: SweepResult, tmp_path: Path) -> None:
    assert_same(line_sweep(tmp_path / "c"), whole)


def test_averages_of_weights_go_on_to_the_same_bits(tmp_path: Path) -> None:
    expected = line_sweep(averaging_steps=7)
    for step in (9, 25, 46):
        with pytest.raises(Killed):
            again = (tmp_path / "c").exists()
            line_sweep(tmp_path / "c", progress=stop_at(step), resume=again, averaging_steps=7)
    assert_same(line_sweep(tmp_path / "c", resume=True, averaging_steps=7), expected)


@pytest.mark.parametrize("averaging_steps", [0, 3])
def test_a_sweep_resumed_on_the_way_to_divergence_diverges_alike(
    averaging_steps: int, tmp_path: Path
) -> None:
    def fall(folder: Path | None, **options: Any) -> SweepResult:
        # The weight is 1.05, 0.95, ... and falls below the pit at step 6, in the third record.
        return sweep(
            lambda key: FallingModel(jnp.asarray(1.05), False),
            FreshBatches(no_data),
            BetaSchedule(1e-3, 1.0, n_steps=12, n_pretraining_steps=0),
            learning_rate=0.1,
            n_records=4,
            n_snapshots=2,
            averaging_steps=averaging_steps,
            checkpoints=None if folder is None else Checkpoints(folder, 0),
            **options,
        )

    expected = fall(None)
    assert expected.status == "diverged"
    assert expected.snapshots.record.tolist() == [1]
    with pytest.raises(Killed):
        fall(tmp_path / "c", progress=stop_at(5))
    assert_same(fall(tmp_path / "c", resume=True), expected)


def no_data(key: jax.Array) -> jax.Array:
    return jnp.zeros(1)


def test_time_spent_before_the_stop_counts(folder: Path) -> None:
    files.write_manifest(folder, replace(newest(folder), seconds=1e6))
    assert line_sweep(folder, resume=True).seconds > 1e6


# Files -------------------------------------------------------------------------------------------


def test_two_checkpoints_are_kept_and_every_model_is_stored_once(stopped: Path) -> None:
    assert files.checkpoint_numbers(stopped) == [47, 46]
    manifests = [files.read_manifest(stopped, number) for number in (47, 46)]
    assert [manifest.step for manifest in manifests] == [47, 46]
    models = [file.name for file in manifests[0].models]
    # Records of the annealing end at steps 25, 30, 35, 40 and 45; the next checkpoint stores each.
    assert models == [f"checkpoint-{step:06d}-models.safetensors" for step in (26, 31, 36, 41, 46)]
    states = [f"checkpoint-{number:06d}-state.safetensors" for number in (46, 47)]
    listed = [*models, *states, *map(files.manifest_name, (46, 47))]
    assert names(stopped) == sorted(listed)
    sizes = {(stopped / name).stat().st_size for name in models}
    assert len(sizes) == 1


def test_leftovers_of_a_kill_are_removed_and_nothing_else(folder: Path) -> None:
    left = [".checkpoint-000048-state-x1_y2z3a.safetensors", "checkpoint-000048-state.safetensors"]
    foreign = ["notes.txt", "checkpoint-a.json", "checkpoint-000001.json.bak"]
    for name in (*left, *foreign):
        (folder / name).write_text("something")
    with pytest.raises(Killed):
        line_sweep(folder, progress=stop_at(50), resume=True)
    assert not set(left[:1]) & set(names(folder))
    assert set(foreign) <= set(names(folder))
    assert newest(folder).step == 49
    Checkpoints(folder).remove()
    assert names(folder) == sorted(foreign)


def test_remove_takes_the_folder_too(folder: Path, tmp_path: Path) -> None:
    assert Checkpoints(folder).exist()
    Checkpoints(folder).remove()
    assert not folder.exists()
    assert not Checkpoints(folder).exist()
    Checkpoints(folder).remove()  # removing nothing is no error


def test_a_finished_sweep_keeps_its_checkpoints_until_its_result_is_saved(
    folder: Path, whole: SweepResult
) -> None:
    assert_same(line_sweep(folder, resume=True), whole)
    assert Checkpoints(folder).exist()
    assert_same(line_sweep(folder, resume=True), whole)


# Checkpoints of a different sweep ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 2}, "seed was 1 and is now 2"),
        ({"n_seeds": 1}, "n_seeds was 2 and is now 1"),
        ({"learning_rate": 0.1}, "learning_rate was 0.05 and is now 0.1"),
        ({"n_records": 9}, "n_records was 8 and is now 9"),
        ({"n_snapshots": 4}, "n_snapshots was 200 and is now 4"),
        ({"schedule": replace(SCHEDULE, beta_end=0.5)}, "schedule.beta_end was 1.0 and is now 0.5"),
        ({"schedule": replace(SCHEDULE, n_steps=41)}, "schedule.n_steps was 40 and is now 41"),
        ({"batches": ArrayBatches(DATA, 17)}, "batches.batch_size was 16 and is now 17"),
        (
            {"batches": ArrayBatches((DATA[0], -DATA[1]), 16)},
            "the values of batches.arrays.1 differ",
        ),
        ({"batches": RowBatches(DATA, 16)}, 'batches.kind was "ArrayBatches" and is now "RowB'),
        ({"validation": None}, "validation was "),
        ({"validation": (DATA[0], -DATA[1])}, "the values of validation.1 differ"),
        (
            {"make_model": lambda key: NoisyLine(jnp.zeros(2), "other")},
            'model.name was "line" and is now "other"',
        ),
    ],
)
def test_another_sweep_is_refused(options: dict[str, Any], message: str, stopped: Path) -> None:
    before = {name: (stopped / name).read_bytes() for name in names(stopped)}
    with pytest.raises(UserError, match="belong to another sweep: ") as caught:
        line_sweep(stopped, resume=True, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before == {name: (stopped / name).read_bytes() for name in names(stopped)}


def test_many_differences_are_counted(stopped: Path) -> None:
    schedule = BetaSchedule(1e-4, 2.0, n_steps=50, n_pretraining_steps=10)
    with pytest.raises(UserError, match=r"; 1 more\. Resume with the options"):
        line_sweep(stopped, resume=True, schedule=schedule)


def test_another_version_or_device_is_only_warned_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch, whole: SweepResult
) -> None:
    monkeypatch.setattr(checkpoint_module, "__version__", "9.9")
    with pytest.warns(UserWarning, match=r'distributed_ib was ".*" and is now "9\.9"'):
        assert_same(line_sweep(folder, resume=True), whole)


def test_a_new_sweep_does_not_overwrite_checkpoints(stopped: Path) -> None:
    with pytest.raises(UserError, match="contains the checkpoints of an earlier sweep"):
        line_sweep(stopped)


def test_a_sweep_at_work_is_not_resumed_beside_itself(whole: SweepResult, folder: Path) -> None:
    refused: list[str] = []

    def resume_too(now: SweepProgress) -> None:
        if not refused:
            with pytest.raises(UserError, match="in use by another process") as error:
                line_sweep(folder, resume=True)
            refused.append(str(error.value))

    assert_same(line_sweep(folder, resume=True, progress=resume_too), whole)
    assert str(folder) in refused[0]


def test_resume_without_checkpoints_starts_anew(whole: SweepResult, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="no checkpoint; the sweep starts from the beginning"):
        assert_same(line_sweep(tmp_path / "a" / "b", resume=True), whole)
    assert Checkpoints(tmp_path / "a" / "b").exist()


def test_resume_requires_checkpoints() -> None:
    with pytest.raises(UserError, match="resume=True needs checkpoints"):
        line_sweep(resume=True)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_invalid_intervals_are_refused(seconds: float) -> None:
    with pytest.raises(UserError, match="seconds between checkpoints"):
        Checkpoints(Path("nowhere"), seconds)


# Times of checkpoints ----------------------------------------------------------------------------


def test_the_interval_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, seen = [1000.0], []

    def progress(report: SweepProgress) -> None:
        now[0] += 7.0  # a step takes seven seconds
        if (tmp_path / "c").exists() and files.checkpoint_numbers(tmp_path / "c"):
            seen.append(newest(tmp_path / "c").step)

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    line_sweep(tmp_path / "c", seconds=60, progress=progress)
    # One after the first step, then one whenever sixty seconds have passed (nine steps).
    assert sorted(set(seen)) == [1, 10, 19, 28, 37, 46, 55]


def press_ctrl_c(step: int, times: int = 1) -> Callable[[SweepProgress], None]:
    def progress(now: SweepProgress) -> None:
        if now.step == step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)

    return progress


@pytest.mark.parametrize("step", [7, 20, 33, 45, 60])
def test_ctrl_c_makes_a_checkpoint_at_once(step: int, whole: SweepResult, tmp_path: Path) -> None:
    result = line_sweep(tmp_path / "c", seconds=1e6, progress=press_ctrl_c(step))
    assert result.status == "interrupted"
    assert newest(tmp_path / "c").step == step
    # The result of the interrupted sweep ends in a short record, which the resumed sweep must not
    # contain.
    assert_same(line_sweep(tmp_path / "c", resume=True), whole)


def test_a_second_ctrl_c_leaves_the_checkpoints_sound(whole: SweepResult, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        line_sweep(tmp_path / "c", progress=press_ctrl_c(33, times=2))
    assert_same(line_sweep(tmp_path / "c", resume=True), whole)


# Disk errors -------------------------------------------------------------------------------------


def test_an_unwritable_folder_is_reported_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="can't create the folder"):
        line_sweep(tmp_path / "file")
    with pytest.raises(UserError, match="can't create the folder"):
        line_sweep(tmp_path / "file" / "c")


def test_a_full_disk_stops_the_first_checkpoint_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: SweepResult
) -> None:
    def full(*_: object) -> None:
        raise UserError("can't write checkpoint: No space left on device.")

    seen: list[str] = []

    def fill_the_disk(now: SweepProgress) -> None:
        if now.step == 30:
            monkeypatch.setattr(checkpoint_module, "write_manifest", full)
        if now.step == 50:
            seen.extend(names(tmp_path / "c"))
            monkeypatch.undo()

    with pytest.warns(UserWarning, match=r"could be written at step \d\d: .*No space") as warned:
        assert_same(line_sweep(tmp_path / "c", progress=fill_the_disk), whole)
    assert len(warned) == 20
    # Two checkpoints and the model of step 25; nothing is left of the attempts that failed.
    assert len(seen) == 2 * 2 + 1
    assert newest(tmp_path / "c").step == 60
    assert_same(line_sweep(tmp_path / "c", resume=True), whole)
    monkeypatch.setattr(checkpoint_module, "write_manifest", full)
    with pytest.raises(UserError, match=r"no checkpoint could be written: .*No space"):
        line_sweep(tmp_path / "other")


# Cost --------------------------------------------------------------------------------------------


def test_a_resumed_sweep_compiles_no_training_step_again(
    folder: Path, whole: SweepResult, caplog: pytest.LogCaptureFixture
) -> None:
    with jax.log_compiles(), caplog.at_level("WARNING"):
        line_sweep(folder, resume=True)
    messages = [record.getMessage() for record in caplog.records]
    assert not [m for m in messages if re.match(r"Compiling jit\((compiled_steps|evaluate)", m)]


def test_the_manifest_is_human_readable_json(stopped: Path) -> None:
    stored = json.loads((stopped / "checkpoint-000047.json").read_text())
    assert stored["format"] == files.FORMAT
    assert stored["checkpoint"]["step"] == 47
    sweep_there = stored["checkpoint"]["sweep"]
    assert sweep_there["schedule"] == {**asdict(SCHEDULE)}
    assert sweep_there["model"]["w"] == {"array": "float32 [2, 2]"}
