"""Quasi-static shear and its events, on a stored event of a gradually quenched sample."""

from pathlib import Path

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.simulation import shear
from distributed_ib.studies.glass.simulation._newton import follow, preconditioner
from distributed_ib.studies.glass.simulation.hessian import softest_mode
from test_glass_potential import energy_and_gradient

EVENT = Path(__file__).parent / "data" / "glass_event.npz"


@pytest.fixture(scope="module")
def event() -> dict[str, np.ndarray]:
    with np.load(EVENT, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def onset(event: dict[str, np.ndarray]) -> shear.State:
    """The last stable state before the event."""
    types = event["types"].astype(np.int64)
    return shear.relax(event["positions"], types, event["box"], str(event["direction"]))


@pytest.mark.parametrize("direction", shear.GENERATORS)
def test_deformations_keep_the_area_and_add_up(direction: str) -> None:
    whole = shear.deformation(direction, 0.05)
    assert np.linalg.det(whole) == pytest.approx(1.0, abs=1e-14)
    parts = shear.deformation(direction, 0.02) @ shear.deformation(direction, 0.03)
    np.testing.assert_allclose(parts, whole, atol=1e-15)
    numeric = (shear.deformation(direction, 1e-6) - shear.deformation(direction, -1e-6)) / 2e-6
    np.testing.assert_allclose(numeric, shear.GENERATORS[direction], atol=1e-9)


@pytest.mark.parametrize("direction", ["simple+", "pure-", "oblique67"])
def test_slope_is_the_derivative_of_the_energy_by_strain(
    onset: shear.State, direction: str
) -> None:
    state = shear.relax(onset.positions, onset.types, onset.box, direction)
    h = 1e-6
    energies = []
    for strain in (h, -h):
        matrix = shear.deformation(direction, strain)
        energies.append(
            energy_and_gradient(state.positions @ matrix.T, state.types, matrix @ state.box)[0]
        )
    assert state.slope == pytest.approx((energies[0] - energies[1]) / (2 * h), rel=1e-5)


def test_relaxed_states_have_no_force_left(onset: shear.State) -> None:
    _, gradient = energy_and_gradient(onset.positions, onset.types, onset.box)
    assert np.max(np.abs(gradient)) <= shear.MAX_FORCE


def test_the_quick_minimiser_ends_where_the_slow_one_does(
    onset: shear.State, event: dict[str, np.ndarray]
) -> None:
    direction = str(event["direction"])
    matrix = shear.deformation(direction, -1e-3)
    positions, box = onset.positions @ matrix.T, matrix @ onset.box
    slow = shear.relax(positions, onset.types, box, direction)
    quick = follow(
        positions,
        onset.types,
        box,
        shear.GENERATORS[direction],
        preconditioner(onset.positions, onset.types, onset.box),
        max_force=1e-7,
        max_move=0.1,
        max_evaluations=100,
    )
    assert quick is not None
    assert quick[3] < 60
    np.testing.assert_allclose(quick[0], slow.positions, atol=1e-5)
    assert quick[1] == pytest.approx(slow.energy, abs=1e-8)
    assert quick[2] == pytest.approx(slow.slope, abs=1e-4)


def test_the_eigenvalue_falls_as_the_square_root_of_the_distance_to_onset(
    onset: shear.State, event: dict[str, np.ndarray]
) -> None:
    direction = str(event["direction"])
    distances = np.array([2e-5, 5e-5, 1e-4, 2e-4, 4e-4, 8e-4])
    state, reached, values = onset, 0.0, []
    for distance in distances:
        state = shear.strained(state, direction, reached - distance)
        reached = distance
        values.append(softest_mode(state.positions, state.types, state.box)[0])
    # The onset is up to `gap` beyond the last stable state, where the squared eigenvalue vanishes.
    slope, offset = np.polyfit(distances[:3], np.square(values[:3]), 1)
    beyond = offset / slope
    assert -1e-6 < beyond < float(event["gap"]) + 1e-6
    exponent = np.polyfit(np.log(distances + beyond), np.log(values), 1)[0]
    assert exponent == pytest.approx(0.5, abs=0.05)


def test_shearing_up_to_it_finds_the_event_again(
    onset: shear.State, event: dict[str, np.ndarray]
) -> None:
    direction = str(event["direction"])
    before = shear.strained(onset, direction, -1.5e-3)
    (found,) = shear.events(before, direction, max_strain=2e-3)
    assert found.locus == int(event["locus"])
    assert found.gap <= shear.ONSET_GAP
    assert found.strain == pytest.approx(1.5e-3, abs=2e-5)
    assert found.energy_drop == pytest.approx(float(event["energy_drop"]), rel=0.05)
    assert 0 < found.eigenvalue < 0.2
    assert 0 < found.share < 1
    mode = softest_mode(found.state.positions, found.state.types, found.state.box)[1]
    assert int(np.argmax(np.sum(mode**2, axis=1))) == found.locus


def test_far_from_any_event_there_is_none(onset: shear.State, event: dict[str, np.ndarray]) -> None:
    direction = str(event["direction"])
    before = shear.strained(onset, direction, -3e-3)
    assert list(shear.events(before, direction, max_strain=2e-3)) == []


@pytest.mark.parametrize("directions", [(), ("up",), ("simple+", "simple+")])
def test_bad_directions_are_refused(directions: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="simple\\+, simple-, pure\\+"):
        shear.check_directions(directions)
