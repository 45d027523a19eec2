"""The running mean for any number of values and any window, and at the ends."""

import numpy as np
import pytest

from distributed_ib.scheme._smoothing import running_mean


@pytest.mark.parametrize("window", [1, 2, 3, 5, 11])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 12])
def test_a_mean_is_of_the_neighbours_that_are_there(n: int, window: int) -> None:
    values = np.random.default_rng(n).normal(size=(2, 3, n))
    found = running_mean(values, window)
    half = min(window // 2, n // 2)
    expected = [values[..., max(i - half, 0) : i + half + 1].mean(axis=-1) for i in range(n)]
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), rtol=1e-12)


def test_a_constant_stays_and_the_input_too() -> None:
    values = np.full(9, 2.5)
    np.testing.assert_allclose(running_mean(values, 7), 2.5)
    assert running_mean(values, 1) is not values
    assert running_mean(np.array([4, 4]), 1).dtype == np.float64


def test_a_number_that_is_not_finite_stays_among_its_neighbours() -> None:
    values = np.array([1.0, 1.0, np.nan, 1.0, 1.0, 1.0])
    assert np.isnan(running_mean(values, 3)).tolist() == [False, True, True, True, False, False]


def test_an_empty_array_has_an_empty_mean() -> None:
    assert running_mean(np.zeros((2, 0)), 5).shape == (2, 0)
