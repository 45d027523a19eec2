"""The Hessian and its softest mode."""

import numpy as np
import pytest

from distributed_ib.studies.glass.simulation import hessian, shear
from test_glass_potential import energy_and_gradient, jittered_state


def sheared_state() -> shear.State:
    positions, types, box = jittered_state()
    matrix = shear.deformation("simple+", 0.03)
    return shear.relax(positions @ matrix.T, types, matrix @ box)


def test_hessian_is_the_derivative_of_the_gradient() -> None:
    state = sheared_state()
    matrix = hessian.hessian(state.positions, state.types, state.box).toarray()
    h = 1e-5
    for coordinate in (0, 1, 77, 150, 299):
        step = np.zeros(state.positions.shape)
        step[coordinate // 2, coordinate % 2] = h
        _, up = energy_and_gradient(state.positions + step, state.types, state.box)
        _, down = energy_and_gradient(state.positions - step, state.types, state.box)
        numeric = (up - down).ravel() / (2 * h)
        np.testing.assert_allclose(matrix[:, coordinate], numeric, atol=2e-5 * np.abs(matrix).max())


def test_hessian_is_symmetric_and_blind_to_translations() -> None:
    state = sheared_state()
    matrix = hessian.hessian(state.positions, state.types, state.box).toarray()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
    for axis in range(2):
        translation = np.zeros(state.positions.shape)
        translation[:, axis] = 1.0
        assert np.max(np.abs(matrix @ translation.ravel())) < 1e-9


def test_softest_mode_is_the_lowest_of_all_but_the_translations() -> None:
    state = sheared_state()
    value, mode = hessian.softest_mode(state.positions, state.types, state.box)
    matrix = hessian.hessian(state.positions, state.types, state.box)
    every = np.linalg.eigvalsh(matrix.toarray())
    np.testing.assert_allclose(every[:2], 0.0, atol=1e-8)
    assert value == pytest.approx(every[2], rel=1e-6)
    np.testing.assert_allclose(matrix @ mode.ravel(), value * mode.ravel(), atol=1e-6)
    assert np.sum(mode**2) == pytest.approx(1.0)
