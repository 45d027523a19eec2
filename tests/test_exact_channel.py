import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import logsumexp

from distributed_ib.errors import UserError
from distributed_ib.information.exact_channel import exact_information


def by_adaptive_quadrature(
    mean: np.ndarray, log_variance: np.ndarray, weights: np.ndarray
) -> float:
    """I(U; X) of a one-dimensional channel in bits, computed with scipy."""
    scale = np.exp(0.5 * log_variance)

    def integrand(u: float) -> float:
        logs = -0.5 * ((u - mean) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))
        return float(np.sum(weights * np.exp(logs) * (logs - logsumexp(logs, b=weights))))

    edges = np.sort(np.concatenate([mean + c * scale for c in (-9, -4, -2, 0, 2, 4, 9)]))
    pairs = itertools.pairwise(edges)
    return float(sum(quad(integrand, a, b, epsabs=1e-12)[0] for a, b in pairs) / np.log(2))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("values", [2, 4])
def test_quadrature_matches_scipy(values: int, equal: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean = rng.uniform(-3, 3, size=(values, 1))
    log_variance = np.full((values, 1), -1.0) if equal else rng.uniform(-5, 2, size=(values, 1))
    weights = rng.dirichlet(np.ones(values))
    result = exact_information(mean, log_variance, weights)
    truth = by_adaptive_quadrature(mean[:, 0], log_variance[:, 0], weights)
    assert result.information_bits == pytest.approx(truth, abs=1e-8)
    assert result.error_bits == 0.0


def test_two_values_with_equal_variances_reduce_to_one_dimension() -> None:
    # Only the distance in standard deviations matters: 3 along one axis, or (1, 2, 2).
    far = exact_information([[0.0], [3.0]], 0.0, [0.3, 0.7])
    spread = exact_information([[0.0, 0.0, 0.0], [2.0, 4.0, 4.0]], np.log(4.0), [0.3, 0.7])
    assert spread.information_bits == pytest.approx(float(far.information_bits), abs=1e-12)
    assert spread.error_bits == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_monte_carlo_agrees_with_quadrature(seed: int) -> None:
    # Two additional uninformative dimensions force Monte Carlo on a one-dimensional channel.
    rng = np.random.default_rng(seed)
    mean, log_variance = rng.uniform(0, 5, size=(20, 3, 1)), rng.uniform(-6, 2, size=(20, 3, 1))
    idle = np.zeros((20, 3, 2))
    weights = rng.dirichlet(np.ones(3), size=20)
    truth = exact_information(mean, log_variance, weights)
    estimate = exact_information(
        np.concatenate([mean, idle], axis=2),
        np.concatenate([log_variance, idle], axis=2),
        weights,
        seed=seed,
    )
    off = np.abs(estimate.information_bits - truth.information_bits)
    assert np.all(
        off <= 4 * estimate.error_bits + 1e-5
    )  # 1e-5: overlaps that are too rare to be sampled
    assert np.all(estimate.error_bits < 0.02)


def test_separated_values_give_the_entropy_of_x() -> None:
    weights = np.array([0.5, 0.25, 0.125, 0.125])
    mean = 100.0 * np.arange(4)[:, None]
    for log_variance in (np.zeros((4, 1)), np.array([[-3.0], [-80.0], [0.0], [1.0]])):
        result = exact_information(mean, log_variance, weights)
        assert result.information_bits == pytest.approx(1.75, abs=1e-9)
    several = exact_information(np.tile(mean, (1, 5)), np.zeros((4, 5)), weights)
    assert several.information_bits == pytest.approx(1.75, abs=1e-9)


def test_channels_that_differ_in_variance_alone_still_convey() -> None:
    result = exact_information([[0.0], [0.0]], [[-30.0], [0.0]])
    assert result.information_bits == pytest.approx(1.0, abs=1e-4)


def test_dead_channels_convey_nothing() -> None:
    for dims in (1, 3):
        result = exact_information(np.zeros((3, dims)), -2.0)
        assert result.information_bits == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("log_variance", [-1e5, -80.0, 0.0, 80.0, 1e5])
@pytest.mark.parametrize("separation", [0.0, 1e-8, 1e10, 1e100, 1e300])
def test_no_infinity_at_any_separation(separation: float, log_variance: float) -> None:
    mean = np.array([[-separation], [separation]])
    unequal = np.array([[log_variance], [log_variance + 1.0]])
    wide = np.hstack([mean, [[0.0], [1.0]]])
    for result in (
        exact_information(mean, log_variance),
        exact_information(mean, unequal),
        exact_information(wide, log_variance),
        exact_information(wide, np.hstack([unequal, [[0.0], [0.0]]])),
    ):
        assert 0 <= result.information_bits <= 1 + 1e-9 + 3 * result.error_bits
        assert np.isfinite(result.error_bits)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(-20, 20), min_size=2, max_size=4),
    st.lists(st.floats(-15, 8), min_size=4, max_size=4),
    st.floats(0.05, 20.0),
)
def test_information_is_between_zero_and_entropy_and_has_no_unit(
    means: list[float], log_variances: list[float], unit: float
) -> None:
    mean = np.array(means)[:, None]
    log_variance = np.array(log_variances[: len(means)])[:, None]
    bits = exact_information(mean, log_variance).information_bits
    assert 0 <= bits <= np.log2(len(means)) + 1e-9
    rescaled = exact_information(unit * mean + 3.0, log_variance + 2 * np.log(unit))
    assert rescaled.information_bits == pytest.approx(float(bits), abs=1e-7)


def test_many_channels_at_once_equal_one_by_one() -> None:
    rng = np.random.default_rng(1)
    mean, log_variance = rng.normal(size=(2, 30, 3, 2, 1)), rng.normal(size=(2, 30, 3, 2, 1))
    together = exact_information(mean, log_variance)
    assert together.information_bits.shape == (2, 30, 3)
    alone = exact_information(mean[1, 7, 2], log_variance[1, 7, 2])
    assert together.information_bits[1, 7, 2] == pytest.approx(float(alone.information_bits))


def test_a_value_that_never_occurs_does_not_count() -> None:
    three = exact_information([[-1.0], [1.0], [50.0]], 0.0, [0.5, 0.5, 0.0])
    two = exact_information([[-1.0], [1.0]], 0.0)
    assert three.information_bits == pytest.approx(float(two.information_bits), abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([1.0, 2.0], 0.0), "values, dimensions"),
        (([[1.0], [np.inf]], 0.0), "diverged"),
        (([[1.0], [2.0]], 0.0, [0.5, 0.2, 0.3]), "do not match"),
        (([[1.0], [2.0]], 0.0, [-0.5, 1.5]), "none negative"),
        (([[1.0], [2.0]], [0.0, 0.0, 0.0]), "do not match"),
    ],
)
def test_unusable_channels_are_refused(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(UserError, match=says):
        exact_information(*arguments)
