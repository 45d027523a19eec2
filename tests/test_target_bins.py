"""Bins of a numeric Y: their contents, the bins of unseen values, and tilts."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from distributed_ib.data.target_bins import POINTS_PER_BIN, ROWS_PER_BIN, TargetBins
from distributed_ib.errors import UserError

FIXED = settings(max_examples=60, derandomize=True, deadline=None)


def samples() -> dict[str, np.ndarray]:
    """Samples of various distributions that a target may have."""
    random = np.random.default_rng(0)
    normal = random.normal(size=400)
    return {
        "normal": normal,
        "skewed": np.exp(2 * normal),
        "lumps": normal + 50 * (random.random(400) < 0.3),
        "zeros": np.where(random.random(400) < 0.4, 0.0, np.exp(normal)),
        "counts": random.poisson(2.0, 400).astype(float),
        "ends": np.clip(normal, -1.0, 1.0),
        "few": normal[:20],
        "tiny": 1e-300 * normal,
        "huge": 1e200 * normal,
        "far": 1e12 + normal,
    }


@pytest.mark.parametrize("name", samples())
def test_shares_and_means_are_those_of_the_rows_in_each_bin(name: str) -> None:
    values = samples()[name]
    bins = TargetBins.fit(values)
    codes = bins.codes(values)
    assert codes.min() == 0 and codes.max() == bins.n_bins - 1
    counts = np.bincount(codes, minlength=bins.n_bins)
    np.testing.assert_allclose(bins.share, counts / len(values))
    assert bins.share.sum() == pytest.approx(1.0)
    for code in range(bins.n_bins):
        inside = values[codes == code]
        assert bins.centers[code] == pytest.approx(inside.mean(), rel=1e-12)
        assert bins.points[code].shape == (POINTS_PER_BIN,)
        assert set(bins.points[code]) <= set(inside)
    # The marginal keeps the mean of the training rows.
    assert float(bins.mean(bins.share)) == pytest.approx(values.mean(), rel=1e-9)


def test_values_shared_by_many_rows_are_bins_of_their_own() -> None:
    values = samples()["zeros"]
    bins = TargetBins.fit(values)
    assert bins.atoms.tolist() == [0.0]
    assert bins.share[-1] == np.mean(values == 0)
    assert bins.codes([0.0, 1e-9, -1e-9]).tolist() == [bins.n_bins - 1, 0, 0]
    assert TargetBins.fit(samples()["ends"]).atoms.tolist() == [-1.0, 1.0]
    counts = TargetBins.fit(samples()["counts"])
    assert counts.edges is None and counts.atoms.tolist() == counts.centers.tolist()
    assert TargetBins.fit(samples()["normal"]).atoms.tolist() == []


def test_intervals_hold_equally_many_rows_and_the_outermost_fewer() -> None:
    for n_rows in (100, 1000, 5000):
        values = np.random.default_rng(1).normal(size=n_rows)
        bins = TargetBins.fit(values)
        assert bins.n_bins == min(n_rows // ROWS_PER_BIN, 128) + 4
        counts = np.bincount(bins.codes(values))
        assert counts[3:-3].max() - counts[3:-3].min() <= 1
        # The outermost intervals are divided, so that means can approach the largest values.
        for three in (counts[:3], counts[:-4:-1]):
            assert abs(three.sum() - counts[3:-3].mean()) <= 1
            np.testing.assert_allclose(three / three.sum(), [0.2, 0.3, 0.5], atol=0.05)


def test_bins_follow_the_order_of_values_and_not_their_units() -> None:
    values = samples()["normal"]
    codes = TargetBins.fit(values).codes(values)
    np.testing.assert_array_equal(TargetBins.fit(np.exp(values)).codes(np.exp(values)), codes)


def test_values_that_were_never_seen_fall_between_their_neighbours() -> None:
    bins = TargetBins.fit(samples()["zeros"])
    assert bins.edges is not None
    assert bins.codes([-1e9, 1e9]).tolist() == [0, bins.n_intervals - 1]
    assert bins.codes(bins.edges).tolist() == list(range(1, bins.n_intervals))
    below = np.nextafter(bins.edges, -np.inf)
    assert bins.codes(below).tolist() == list(range(bins.n_intervals - 1))
    levels = TargetBins.fit(np.repeat([1.0, 2.0, 10.0], 9))
    assert levels.codes([-5, 1.4, 1.6, 5.9, 6.1, 99]).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_row_that_counts_twice_is_like_two_rows() -> None:
    values = np.arange(10.0)
    weight = np.where(values < 5, 2.0, 1.0)
    weighted = TargetBins.fit(values, weight)
    np.testing.assert_allclose(weighted.share, weight / 15)
    # If bins contain several rows, their mean is weighted too.
    many = np.random.default_rng(0).normal(size=300)
    weight = np.where(many > 0, 4.0, 1.0)
    bins = TargetBins.fit(many, weight)
    assert float(bins.mean(bins.share)) == pytest.approx(np.average(many, weights=weight))


@FIXED
@given(
    st.lists(
        st.one_of(st.integers(-3, 3).map(float), st.floats(-1e6, 1e6)), min_size=2, max_size=200
    )
)
def test_no_bin_is_empty_and_the_description_comes_back(values: list[float]) -> None:
    values = [*values, max(values) + 1]  # a target with a single value is rejected
    bins = TargetBins.fit(np.array(values))
    assert (bins.share > 0).all() and bins.share.sum() == pytest.approx(1.0)
    assert (np.diff(bins.points, axis=1) >= 0).all()
    again = TargetBins.from_dict(json.loads(json.dumps(bins.to_dict())))
    assert again.to_dict() == bins.to_dict()
    np.testing.assert_array_equal(again.codes(values), bins.codes(values))
    np.testing.assert_array_equal(again.tilts(), bins.tilts())


@pytest.mark.parametrize("name", samples())
def test_tilts_have_mean_zero_and_variance_one_and_are_uncorrelated(name: str) -> None:
    bins = TargetBins.fit(samples()[name])
    tilts = bins.tilts()
    assert tilts.shape[0] == bins.n_bins and 1 <= tilts.shape[1] < bins.n_bins
    np.testing.assert_allclose(bins.share @ tilts, 0.0, atol=1e-9)
    # A tilt of which little remains after orthogonalisation keeps its small size.
    products = tilts.T @ (bins.share[:, None] * tilts)
    variance = np.diag(products).copy()
    assert (variance <= 1 + 1e-9).all() and variance[0] == pytest.approx(1.0)
    np.testing.assert_allclose(products - np.diag(variance), 0.0, atol=1e-9)


def test_tilts_do_not_depend_on_units() -> None:
    normal = samples()["normal"]
    tilts = TargetBins.fit(normal).tilts()
    for scale, shift in ((1e-300, 0.0), (1e200, 0.0), (1.0, 2.0**20)):
        found = TargetBins.fit(scale * normal + shift).tilts()
        np.testing.assert_allclose(found, tilts, atol=1e-6)


def test_a_tilt_of_each_atom_tells_it_from_all_else() -> None:
    bins = TargetBins.fit(samples()["zeros"])
    indicator = np.eye(bins.n_bins)[-1]
    basis = np.column_stack([np.ones(bins.n_bins), bins.tilts()])
    left = indicator - basis @ np.linalg.lstsq(basis, indicator, rcond=None)[0]
    assert np.abs(left).max() < 1e-9


def told_bits(distributions: np.ndarray, tilts: np.ndarray) -> float:
    """Largest mean gain in bits of tilted mean distributions, for `distributions` `[case, bin]`."""
    marginal = distributions.mean(axis=0)
    nats = 0.0
    for p in distributions:

        def loss(strength: np.ndarray, p: np.ndarray = p) -> tuple[float, np.ndarray]:
            weight = marginal * np.exp(tilts @ strength)
            total = weight.sum()
            return np.log(total) - p @ tilts @ strength, (weight / total - p) @ tilts

        nats -= minimize(loss, np.zeros(tilts.shape[1]), jac=True, method="BFGS").fun
    return nats / len(distributions) / np.log(2)


def test_many_rows_of_heavy_tails_whose_center_moves_are_described() -> None:
    """Student t around s: five tilts would lose 6 % of the information in the bins."""
    random, centers = np.random.default_rng(0), stats.norm.ppf((np.arange(20) + 0.5) / 20)
    bins = TargetBins.fit(random.normal(size=20_000) + random.standard_t(3, size=20_000))
    edges = np.concatenate([[-np.inf], np.asarray(bins.edges), [np.inf]])
    exact = np.diff(stats.t.cdf(edges[None] - centers[:, None], 3), axis=1)
    marginal = exact.mean(axis=0)
    truth = float(stats.entropy(exact, marginal[None], base=2, axis=1).mean())
    tilts = bins.tilts()
    assert told_bits(exact, tilts) > 0.98 * truth
    assert told_bits(exact, tilts[:, :5]) < 0.95 * truth


def test_few_rows_have_five_tilts() -> None:
    assert TargetBins.fit(np.random.default_rng(0).normal(size=1000)).tilts().shape[1] == 5


def test_draws_are_values_of_the_bin() -> None:
    values = samples()["skewed"]
    bins = TargetBins.fit(values)
    codes = np.random.default_rng(0).integers(0, bins.n_bins, (3, 50))
    drawn = bins.draw(codes, np.random.default_rng(1))
    assert drawn.shape == (3, 50) and set(drawn.ravel()) <= set(values)
    np.testing.assert_array_equal(bins.codes(drawn.ravel()), codes.ravel())


@pytest.mark.parametrize(
    "damage",
    [
        {"edges": "many"},
        {"edges": [0.0]},
        {"share": [0.5, 0.5]},
        {"share": [float("nan")] * 12},
        {"share": [0.0] * 12},
        {"centers": [0.0]},
        {"points": [[]] * 12},
        {"points": [1.0] * 12},
        {"atoms": None},
    ],
)
def test_a_damaged_description_is_refused(damage: dict[str, Any]) -> None:
    good = TargetBins.fit(np.random.default_rng(0).normal(size=40)).to_dict()
    assert len(good["share"]) == 12
    TargetBins.from_dict(good)
    with pytest.raises(UserError, match="not a valid description of bins"):
        TargetBins.from_dict({**good, **damage})
    with pytest.raises(UserError, match="not a valid description of bins"):
        TargetBins.from_dict({name: good[name] for name in good if name not in damage})
