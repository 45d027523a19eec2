"""The table of loci and negatives: its contents, storage, and rejected files."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_sources import load_glass
from distributed_ib.studies.glass.glass_tables import (
    GlassData,
    check_enough,
    load_table,
    packaged_data,
    save_table,
)
from distributed_ib.studies.glass.neighbourhoods import NEIGHBOURHOOD_RADIUS
from distributed_ib.studies.glass.simulation.sample import NEGATIVE_DISTANCE
from distributed_ib.studies.glass.structure_functions import RadialDistribution, structure_functions
from test_glass_structure import random_neighbourhoods


def small_data() -> GlassData:
    around = random_neighbourhoods(6)
    edges = np.linspace(0, 1, 5)
    g = np.array([0.0, 1.0, 2.0, 1.0])
    return GlassData(
        name="rapid",
        around=around,
        is_locus=np.repeat([True, False], 3),
        group=np.array([0, 0, 4, 0, 0, 4]),
        validation=None,
        distribution=RadialDistribution(edges, g, g, g),
        events={"strain_onset": np.array([0.01, 0.02, 0.03]), "sample": np.array([0, 0, 4])},
        about={"seed": 5, "versions": {"numpy": "2"}},
    )


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    data = small_data()
    path = tmp_path / "rapid.npz"
    save_table(data, path)
    back = load_table(path)
    assert (back.name, back.about, back.n_loci) == ("rapid", data.about, 3)
    assert back.validation is None
    np.testing.assert_allclose(back.around.positions, data.around.positions, rtol=1e-6)
    np.testing.assert_array_equal(back.around.types, data.around.types)
    np.testing.assert_array_equal(back.around.offsets, data.around.offsets)
    np.testing.assert_array_equal(back.group, data.group)
    assert set(back.events) == {"strain_onset", "sample"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["rapid.npz"]
    assert set(load_glass(path)) == set(load_glass(tmp_path)) == {"rapid"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"types": np.full(74, 3, dtype=np.int8)}, "types are not 1 or 2"),
        ({"types": np.ones(5, dtype=np.int8)}, "differ in number"),
        ({"group": np.zeros(4, dtype=int)}, "labels differ in number"),
        ({"positions": np.full((74, 2), np.nan, dtype=np.float32)}, "not finite"),
        ({"positions": np.full((74, 2), 1e4, dtype=np.float32)}, "from its centre"),
        ({"sizes": np.array([12, 30, 5, -1, 19, 9], dtype=np.int32)}, "negative"),
        ({"g_aa": np.zeros(9)}, "does not fit its bins"),
        ({"format": np.array("something else")}, "not a glass table"),
        ({"about": np.array("{")}, "damaged"),
    ],
)
def test_damaged_tables_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    path = tmp_path / "rapid.npz"
    save_table(small_data(), path)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    np.savez(path, **{**arrays, **change})
    with pytest.raises(UserError, match=message):
        load_table(path)


def test_pickles_bombs_and_broken_files_are_refused(tmp_path: Path) -> None:
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, positions=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="use the CSV archive"):
        load_table(pickled)
    bomb = tmp_path / "bomb.npz"
    np.savez_compressed(bomb, zeros=np.zeros(1_000_000))
    assert bomb.stat().st_size < 20_000
    with pytest.raises(UserError, match="unpacks to 8 MB"):
        load_table(bomb, max_bytes=1_000_000)
    cut = tmp_path / "cut.npz"
    cut.write_bytes(bomb.read_bytes()[:500])
    with pytest.raises(UserError, match="not a readable"):
        load_table(cut)
    with pytest.raises(UserError, match="no such file"):
        load_table(tmp_path / "absent.npz")
    with pytest.raises(UserError, match=r"neither gradual\.npz nor rapid\.npz"):
        load_glass(tmp_path)


def test_too_few_loci_or_one_type_are_refused() -> None:
    data = small_data()
    with pytest.raises(UserError, match="3 loci and 3 negatives are too few"):
        check_enough(data)
    one_type = dataclasses.replace(data.around, types=np.ones_like(data.around.types))
    with pytest.raises(UserError, match="no particle of type B"):
        check_enough(dataclasses.replace(data, around=one_type), min_loci=3)
    check_enough(data, min_loci=3)


@pytest.fixture(scope="module")
def packaged() -> dict[str, GlassData]:
    return packaged_data()


@pytest.mark.parametrize(
    ("name", "energy", "spread", "type_a"),
    [("gradual", -2.333, 0.010, 0.85), ("rapid", -2.110, 0.027, 0.81)],
)
def test_packaged_data_have_the_physics_of_their_protocol(
    packaged: dict[str, GlassData], name: str, energy: float, spread: float, type_a: float
) -> None:
    data = packaged[name]
    about = data.about
    assert about["energy_per_particle_mean"] == pytest.approx(energy, abs=spread)
    assert about["fraction_of_loci_type_a"] == pytest.approx(type_a, abs=0.05)
    assert np.all(data.events["strain_gap"] <= 1e-5)
    assert np.all(data.events["energy_drop"] >= 5e-5)
    # The last step may end slightly beyond the requested strain.
    assert np.max(data.events["strain_onset"]) <= {"gradual": 0.081, "rapid": 0.051}[name]
    assert np.median(data.events["eigenvalue"]) < 0.1
    assert np.min(data.events["eigenvalue"]) > -0.01
    check_enough(data)


@pytest.mark.parametrize("name", ["gradual", "rapid"])
def test_packaged_examples_are_pairs_from_the_same_sample(
    packaged: dict[str, GlassData], name: str
) -> None:
    data = packaged[name]
    n = data.n_loci
    assert len(data.around) == len(data.group) == 2 * n
    assert data.is_locus[:n].all()
    assert not data.is_locus[n:].any()
    np.testing.assert_array_equal(data.group[:n], data.group[n:])
    distance = np.linalg.norm(data.around.positions, axis=1)
    assert distance.max() <= NEIGHBOURHOOD_RADIUS + 1e-5
    assert distance.min() > 0.5
    # A locus and its negative are at least this far apart.
    assert NEGATIVE_DISTANCE == 2.0
    features = structure_functions(data.around.take(np.arange(200)))
    assert np.all(np.isfinite(features))
    # Duplicate neighbourhoods could put the same example on both sides of a split.
    sums = [float(np.sum(data.around.of(k)[0].astype(float) ** 2)) for k in range(n)]
    assert len(set(sums)) == n


@pytest.mark.parametrize("name", ["gradual", "rapid"])
def test_packaged_g_has_its_peaks_where_they_belong_and_ends_at_one(
    packaged: dict[str, GlassData], name: str
) -> None:
    found = packaged[name].distribution
    for g, peak in ((found.g_aa, 0.67), (found.g_ab, 1.10), (found.g_bb, 1.27)):
        assert found.radii[np.argmax(g)] == pytest.approx(peak, abs=0.03)
        assert np.mean(g[found.radii > 5]) == pytest.approx(1.0, abs=0.03)
        assert np.all(g[found.radii < 0.5] == 0)


def test_the_structure_of_loci_differs_from_that_of_negatives(
    packaged: dict[str, GlassData],
) -> None:
    """A linear classifier fitted to some samples recognises loci of other samples."""
    for data in packaged.values():
        features = structure_functions(data.around)
        held_out = data.group % 5 == 0
        mean, scale = features[~held_out].mean(axis=0), features[~held_out].std(axis=0)
        scaled = (features - mean) / np.where(scale > 0, scale, 1.0)
        train = scaled[~held_out]
        target = np.where(data.is_locus[~held_out], 1.0, -1.0)
        weights = np.linalg.solve(train.T @ train + 300 * np.eye(train.shape[1]), train.T @ target)
        right = (scaled[held_out] @ weights > 0) == data.is_locus[held_out]
        assert right.mean() > 0.75
