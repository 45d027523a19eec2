"""Rows are drawn exactly in proportion to their weights."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_ib.data.weighted_batches import WeightedBatches, alias_table


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any))
@settings(max_examples=100, deadline=None)
def test_the_cells_of_a_row_add_up_to_its_weight(weights: list[int]) -> None:
    w = np.array(weights, float)
    share, other = alias_table(w)
    drawn = share.copy()
    np.add.at(drawn, other, 1 - share)
    np.testing.assert_allclose(drawn / len(w), w / w.sum(), atol=1e-9)
    assert np.all((share >= 0) & (share <= 1 + 1e-9))


def test_frequencies_follow_weights() -> None:
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    source = WeightedBatches((np.arange(4), np.arange(4) * 2), weights, 40_000)
    x, y = source.draw(source.pick(source.prepare(0, 1, 1), jax.numpy.zeros(())), jax.random.key(0))
    counts = np.bincount(np.asarray(x), minlength=4) / 40_000
    assert counts == pytest.approx(weights / 8, abs=0.01)
    np.testing.assert_array_equal(y, 2 * x)
