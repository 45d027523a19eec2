"""The pair potential: smooth, and equal to that of LAMMPS."""

import numpy as np
import pytest

from distributed_ib.studies.glass.simulation import _compiled as compiled
from distributed_ib.studies.glass.simulation import _lammps as engine
from distributed_ib.studies.glass.simulation import potential, quench

ROWS = np.array([0, 1, 2])


@pytest.mark.parametrize("radius", [potential.INNER_RADIUS, potential.CUTOFF_RADIUS])
def test_energy_force_and_stiffness_are_continuous_at_both_radii(radius: float) -> None:
    below = potential.pair_terms(np.full(3, radius - 1e-9), ROWS)
    above = potential.pair_terms(np.full(3, radius + 1e-9), ROWS)
    for left, right in zip(below, above, strict=True):
        np.testing.assert_allclose(left, right, atol=2e-7)


def test_force_and_stiffness_are_the_derivatives_of_the_energy() -> None:
    r = np.concatenate([np.linspace(0.6, 1.99, 40), np.linspace(2.01, 2.49, 20)])
    row = np.tile(ROWS, 20)
    h = 1e-5
    up, down = potential.pair_terms(r + h, row), potential.pair_terms(r - h, row)
    _, force, stiffness = potential.pair_terms(r, row)
    np.testing.assert_allclose(-(up[0] - down[0]) / (2 * h), force, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(-(up[1] - down[1]) / (2 * h), stiffness, rtol=1e-6, atol=1e-7)


def test_the_minimum_is_where_lennard_jones_has_it() -> None:
    r = np.linspace(0.9, 1.4, 50_001)
    energy, _, _ = potential.pair_terms(r, np.ones(len(r), dtype=int))
    assert r[np.argmin(energy)] == pytest.approx(2 ** (1 / 6), abs=1e-4)


def jittered_state(n: int = 150, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A state without overlaps; its box is square."""
    generator = np.random.default_rng(seed)
    length = potential.box_length(n)
    side = int(np.ceil(np.sqrt(n)))
    sites = generator.permutation(side**2)[:n]
    positions = np.stack([sites % side, sites // side], axis=1) * length / side
    positions = positions + generator.normal(scale=0.08, size=positions.shape)
    return positions, potential.particle_types(n), np.eye(2) * length


def energy_and_gradient(
    positions: np.ndarray, types: np.ndarray, box: np.ndarray
) -> tuple[float, np.ndarray]:
    start, other, image, row = compiled.build_pairs(positions, box, types, 2.9)
    gradient = np.empty_like(positions)
    table = potential.coefficient_table()
    energy = compiled.energy_forces(positions, start, other, image @ box.T, row, table, gradient)
    return energy, gradient


def test_compiled_energy_is_the_sum_over_all_pairs_of_nearest_images() -> None:
    positions, types, box = jittered_state()
    length = box[0, 0]
    vector = positions[:, None] - positions[None]
    distance = np.linalg.norm(vector - length * np.rint(vector / length), axis=2)
    upper = np.triu_indices(len(types), 1)
    row = (types[:, None] + types[None] - 2)[upper]
    expected, _, _ = potential.pair_terms(distance[upper], row)
    assert energy_and_gradient(positions, types, box)[0] == pytest.approx(expected.sum(), rel=1e-13)


def test_energy_does_not_depend_on_wrapping_or_on_the_choice_of_cell() -> None:
    positions, types, box = jittered_state()
    energy, gradient = energy_and_gradient(positions, types, box)
    moved = positions + np.random.default_rng(0).integers(-2, 3, positions.shape) @ box.T
    skewed = box @ np.array([[1.0, 1.0], [0.0, 1.0]])
    for other_positions, other_box in ((moved, box), (positions, skewed)):
        again, same = energy_and_gradient(other_positions, types, other_box)
        assert again == pytest.approx(energy, rel=1e-12)
        np.testing.assert_allclose(same, gradient, atol=1e-9)


def test_energy_and_forces_equal_those_of_lammps() -> None:
    positions, types, box = jittered_state()
    positions = np.mod(positions, box[0, 0])
    lammps = engine.start_lammps()
    quench.set_up(lammps, positions, types, box[0, 0])
    lammps.command("run 0")
    forces = np.array(lammps.gather_atoms("f", 1, 3)).reshape(-1, 3)[:, :2]
    # LAMMPS gives the energy per particle.
    lammps_energy = lammps.get_thermo("pe") * len(types)
    lammps.close()
    energy, gradient = energy_and_gradient(positions, types, box)
    assert energy == pytest.approx(lammps_energy, rel=1e-10)
    np.testing.assert_allclose(-gradient, forces, rtol=1e-10, atol=1e-10 * np.abs(forces).max())


@pytest.mark.parametrize("pair", [(1, 1), (1, 2), (2, 2)])
def test_pair_energy_equals_that_of_lammps_at_every_distance(pair: tuple[int, int]) -> None:
    distances = np.array([0.7, 1.0, 1.3, 1.9, 1.999, 2.001, 2.2, 2.45, 2.499])
    types, start = np.array(pair), np.array([[10.0, 10.0], [10.7, 10.0]])
    lammps = engine.start_lammps()
    quench.set_up(lammps, start, types, 20.0)
    found = []
    for distance in distances.tolist():
        lammps.command(f"set atom 2 x {10.0 + distance!r}")
        lammps.command("run 0")
        found.append(2 * lammps.get_thermo("pe"))
    lammps.close()
    energy, _, _ = potential.pair_terms(distances, np.full(len(distances), sum(pair) - 2))
    np.testing.assert_allclose(energy, found, rtol=1e-10, atol=1e-13)
