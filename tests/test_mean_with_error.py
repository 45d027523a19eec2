"""Standard errors of means over rows: plain, weighted, and grouped."""

from collections.abc import Callable

import numpy as np
import pytest

from distributed_ib.scheme._paired import mean_with_error


def standard_deviation_of(draw: Callable[[np.random.Generator], float]) -> float:
    """Standard deviation of a statistic over fresh samples."""
    random = np.random.default_rng(0)
    return float(np.std([draw(random) for _ in range(2000)]))


def test_equal_weights_give_the_plain_standard_error() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=50)
    found = mean_with_error(values)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    for same in (mean_with_error(values, np.full(50, 7.0)), mean_with_error(values, None, values)):
        assert same == pytest.approx(found)


def test_weights_have_no_units_and_a_row_of_weight_zero_only_adds_to_the_count() -> None:
    random = np.random.default_rng(0)
    values, weight = random.normal(size=40), random.uniform(0.1, 5.0, 40)
    found = mean_with_error(values, weight)
    assert found.value == pytest.approx(np.average(values, weights=weight))
    assert mean_with_error(values, 1e6 * weight) == pytest.approx(found)
    more = mean_with_error(np.append(values, 1e6), np.append(weight, 0.0))
    assert more.value == pytest.approx(found.value)
    assert more.error == pytest.approx(found.error * np.sqrt(41 / 40 * 39 / 40))


def test_the_error_of_a_weighted_mean_is_that_of_fresh_samples() -> None:
    def sample(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        weight = random.uniform(0.0, 2.0, 300)
        return random.normal(size=300) * (1 + 2 * weight), weight

    expected = standard_deviation_of(lambda random: mean_with_error(*sample(random)).value)
    random = np.random.default_rng(1)
    errors = [mean_with_error(*sample(random)).error for _ in range(200)]
    assert np.mean(errors) == pytest.approx(expected, rel=0.05)
    # With equal weights the error would be too small.
    plain = [mean_with_error(sample(random)[0]).error for _ in range(200)]
    assert np.mean(plain) < 0.9 * expected


def test_the_error_of_groups_is_that_of_a_bootstrap_of_groups() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), random.integers(1, 8, 60))
    values = random.normal(size=60)[groups] + 0.3 * random.normal(size=len(groups))
    weight = random.uniform(0.5, 2.0, len(groups))
    sums = np.bincount(groups, weight * values), np.bincount(groups, weight)

    def resampled(random: np.random.Generator) -> float:
        drawn = random.integers(0, 60, 60)
        return float(sums[0][drawn].sum() / sums[1][drawn].sum())

    labels = np.array([f"patient {k}" for k in groups])
    found = mean_with_error(values, weight, labels)
    assert found.error == pytest.approx(standard_deviation_of(resampled), rel=0.08)
    assert found.error > 1.5 * mean_with_error(values, weight).error


def test_a_single_row_or_group_has_no_error() -> None:
    assert np.isnan(mean_with_error(np.array([3.0])).error)
    one_group = mean_with_error(np.array([1.0, 2.0]), None, np.array(["a", "a"]))
    assert one_group.value == 1.5 and np.isnan(one_group.error)
