"""Interrupted and damaged simulations: incomplete files are named and made again.

Liquids, minimiser and shear are stubs here, so that LAMMPS is not needed and tests are fast.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distributed_ib._arrays import load_arrays, save_arrays
from distributed_ib._locks import LOCK, lock_folder
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.simulation import sample, simulate
from distributed_ib.studies.glass.simulation.shear import Event, State

N_PARTICLES = 150
OPTIONS: dict[str, Any] = {"n_particles": N_PARTICLES, "directions": ("pure+",), "n_jobs": 1}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Install the stubs; returns a list to which every quenched liquid appends its number."""
    quenched: list[int] = []

    def liquid(protocol: str, *, n_particles: int, cooling_time: float, seed: Any) -> Any:
        quenched.append(int(seed.spawn_key[1]))
        rng = np.random.default_rng(seed)
        return rng.random((n_particles, 2)) * 12, np.arange(n_particles) % 2 + 1

    def relaxed(positions: Any, types: Any, box: Any) -> State:
        return State(positions, types, box, -2.1 * len(types), 0.0)

    def sheared(state: State, direction: str, **options: Any) -> Iterator[Event]:
        for locus in (0, 2):
            yield Event(0.01, 1e-6, 0.1, 0.01, locus, 0.3, state)

    monkeypatch.setattr(sample, "quenched_liquid", liquid)
    monkeypatch.setattr(sample, "relax", relaxed)
    monkeypatch.setattr(sample, "events", sheared)
    monkeypatch.setattr(simulate, "_require_engine", lambda: None)
    return quenched


def table_of(folder: Path, n_loci: int = 6) -> dict[str, np.ndarray]:
    return load_arrays(simulate.simulate("rapid", n_loci, folder, **OPTIONS))


def assert_same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])


def cut_to(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(share * len(content))]


def zeros_inside(content: bytes) -> bytes:
    """Damage as after a crash in which some blocks of the file never reached the disk."""
    middle = len(content) // 2
    return content[:middle] + bytes(500) + content[middle + 500 :]


@pytest.mark.parametrize(
    "damage",
    [cut_to(0.0), cut_to(0.01), cut_to(0.5), cut_to(0.99), zeros_inside, lambda _: b"a note"],
    ids=["empty", "header", "half", "most", "zeros", "foreign"],
)
def test_a_damaged_sample_is_told_by_name_and_made_again(
    damage: Callable[[bytes], bytes], tmp_path: Path, made: list[int]
) -> None:
    whole = table_of(tmp_path)
    assert made == [0, 1, 2]
    path = tmp_path / "rapid" / "sample-00001.npz"
    sound, broken = path.read_bytes(), damage(path.read_bytes())
    path.write_bytes(broken)
    with pytest.warns(UserWarning, match=r"sample-00001\.npz is damaged.*made again"):
        assert_same(table_of(tmp_path), whole)
    assert made == [0, 1, 2, 1]
    assert load_arrays(path).keys() == {name for name in sample.Sample.__annotations__}
    assert len(path.read_bytes()) == pytest.approx(len(sound), abs=50)
    # The damaged file is kept, in case it belongs to somebody else.
    assert path.with_name("sample-00001.npz.damaged").read_bytes() == broken
    assert_same(table_of(tmp_path), whole)
    assert made == [0, 1, 2, 1]


def test_a_sample_without_one_of_its_arrays_is_made_again(tmp_path: Path, made: list[int]) -> None:
    whole = table_of(tmp_path)
    path = tmp_path / "rapid" / "sample-00000.npz"
    arrays = load_arrays(path)
    for change in ("boxes", "locus"):
        damaged = {**arrays, change: arrays[change][:1]}
        if change == "boxes":
            del damaged[change]
        save_arrays(path, damaged)
        with pytest.warns(UserWarning, match=r"sample-00000\.npz.*made again"):
            assert_same(table_of(tmp_path), whole)
    kept = {p.name for p in path.parent.glob("*.damaged*")}
    assert kept == {"sample-00000.npz.damaged", "sample-00000.npz.damaged-2"}


def test_a_damaged_liquid_is_told_by_name_and_made_again(tmp_path: Path, made: list[int]) -> None:
    whole = table_of(tmp_path)
    path = tmp_path / "rapid" / "sample-00002.npz"
    path.unlink()
    liquid = path.with_name("quench-00002.npz")
    liquid.write_bytes(b"PK\x03\x04 cut off")
    with pytest.warns(UserWarning, match=r"quench-00002\.npz.*made again"):
        assert_same(table_of(tmp_path), whole)
    assert made == [0, 1, 2, 2]
    # An intact liquid is not made again.
    path.unlink()
    settings = sample.Settings("rapid", n_particles=N_PARTICLES, directions=("pure+",))
    sample.run_sample(settings, 2, liquid)
    assert_same(table_of(tmp_path), whole)
    assert made == [0, 1, 2, 2, 2]


def test_a_damaged_liquid_is_named_by_a_single_sample(tmp_path: Path, made: list[int]) -> None:
    settings = sample.Settings("rapid", n_particles=N_PARTICLES)
    path = tmp_path / "quench.npz"
    for arrays in ({}, {"positions": np.ones((3, 2)), "types": np.ones(3)}):
        save_arrays(path, arrays)
        with pytest.raises(UserError, match=r"quench\.npz.*remove it"):
            sample.run_sample(settings, 0, path)


def test_more_loci_than_damaged_samples_hold_need_no_engine(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = table_of(tmp_path, 4)
    whole = table_of(tmp_path, 6)
    assert len(whole["is_locus"]) == 12
    (tmp_path / "rapid" / "sample-00002.npz").write_bytes(b"")

    def missing() -> None:
        raise UserError("LAMMPS, which is not installed")

    monkeypatch.setattr(simulate, "_require_engine", missing)
    with pytest.warns(UserWarning, match=r"sample-00002\.npz"):
        assert_same(table_of(tmp_path, 4), fewer)
    with pytest.raises(UserError, match="LAMMPS"):
        table_of(tmp_path, 6)


def test_files_half_written_by_a_kill_are_removed(tmp_path: Path, made: list[int]) -> None:
    folder = tmp_path / "rapid"
    folder.mkdir()
    for name in (".settings-0123456789abcdef.json", ".sample-00001-abcd1234.npz"):
        (folder / name).write_bytes(b"PK")
    table_of(tmp_path)
    found = {path.name for path in folder.iterdir()}
    assert found == {LOCK, "settings.json", *(f"sample-0000{k}.npz" for k in range(3))}


def test_nothing_is_written_into_a_folder_that_another_process_holds(tmp_path: Path) -> None:
    folder = tmp_path / "rapid"
    folder.mkdir()
    with lock_folder(folder), pytest.raises(UserError, match="in use"):
        simulate.simulate("rapid", 1, tmp_path, **OPTIONS)
    assert [path.name for path in folder.iterdir()] == [LOCK]
    # It does not matter what that process has written so far.
    (folder / "settings.json").write_text(json.dumps({"protocol": "rapid"})[:10])
    with lock_folder(folder), pytest.raises(UserError, match="in use"):
        simulate.simulate("rapid", 1, tmp_path, **OPTIONS)


def test_arrays_reach_the_disk_before_they_get_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "a.npz", []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(path.exists()))
    save_arrays(path, {"a": np.arange(3)})
    assert seen == [False]
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
    with pytest.raises(UserError, match=r"can't write .*b\.npz"):
        save_arrays(tmp_path / "absent" / "b.npz", {"a": np.arange(3)})


def test_damage_never_raises_an_unexpected_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    expected = {"numbers": np.random.default_rng(0).random(40), "name": np.array("rapid")}
    save_arrays(path, expected)
    sound, rng = path.read_bytes(), np.random.default_rng(1)
    for _ in range(400):
        content = bytearray(sound)
        for place in rng.integers(len(content), size=rng.integers(1, 4)):
            content[place] = rng.integers(256)
        path.write_bytes(content[: rng.integers(len(content)) if rng.random() < 0.2 else None])
        try:
            found = load_arrays(path)
        except UserError as error:
            assert "a.npz" in str(error)
            assert "\n" not in str(error)
        else:
            assert len(found) <= 2
