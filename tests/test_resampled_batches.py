"""Batches of repeats that each have their own rows and never draw those of another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.data.problem import Problem
from distributed_ib.data.resampled_batches import ResampledBatches
from distributed_ib.data.row_batches import RowBatches
from distributed_ib.errors import UserError

ROWS = [np.array([0, 1, 2]), np.array([3]), np.array([2, 5, 7, 11, 13])]


def drawn(source: ResampledBatches, seed: int = 0) -> np.ndarray:
    """A batch for each repeat, drawn as in the training loop, `[repeat, row]`."""
    prepared = source.prepare(0, 1, len(ROWS))
    picked = source.pick(prepared, jnp.int32(0))
    keys = jax.random.split(jax.random.key(seed), len(ROWS))
    batches = jax.vmap(source.draw, in_axes=(source.repeat_axis, 0))(picked, keys)
    numbers, doubled = batches
    np.testing.assert_array_equal(doubled, 2 * numbers)
    return np.asarray(numbers)


def arrays(n: int = 14) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n), 2 * np.arange(n)


def test_every_repeat_draws_all_of_its_rows_equally_often_and_no_other() -> None:
    batches = drawn(ResampledBatches(arrays(), ROWS, batch_size=20_000))
    for batch, rows in zip(batches, ROWS, strict=True):
        counts = np.bincount(batch, minlength=14) / 20_000
        expected = np.zeros(14)
        expected[rows] = 1 / len(rows)
        np.testing.assert_allclose(counts, expected, atol=0.015)


def test_rows_are_drawn_in_proportion_to_their_weights() -> None:
    weight = np.random.default_rng(0).exponential(size=14)
    weight[5] = 0.0
    batches = drawn(ResampledBatches(arrays(), ROWS, batch_size=20_000, weights=weight))
    for batch, rows in zip(batches, ROWS, strict=True):
        counts = np.bincount(batch, minlength=14) / 20_000
        expected = np.zeros(14)
        expected[rows] = weight[rows] / weight[rows].sum()
        np.testing.assert_allclose(counts, expected, atol=0.015)
    assert not (batches == 5).any()


def test_faulty_repeats() -> None:
    with pytest.raises(UserError, match="at least one training row"):
        ResampledBatches(arrays(), [np.array([1]), np.array([], int)], 4)
    with pytest.raises(UserError, match="at least one training row"):
        ResampledBatches(arrays(), [], 4)
    with pytest.raises(UserError, match="rows for 3 repeats, but 2"):
        ResampledBatches(arrays(), ROWS, 4).prepare(0, 1, 2)
    with pytest.raises(UserError, match="batch_size"):
        ResampledBatches(arrays(), ROWS, 0)


def test_rows_that_are_drawn_on_the_host_are_each_repeats_own() -> None:
    source = RowBatches(arrays(), 64, seed=0, rows=ROWS)
    numbers = np.asarray(source.prepare(0, 3, len(ROWS))[0])[:3]
    for repeat, rows in enumerate(ROWS):
        assert set(numbers[:, repeat].ravel().tolist()) == set(rows.tolist())


def test_a_problem_of_fresh_rows_has_no_resamples() -> None:
    problem = Problem.fresh(lambda size: RowBatches(arrays(), size, seed=0), arrays(), ["a"])
    with pytest.raises(UserError, match="n_resamples=0"):
        problem.resampled_batches(ROWS, 4, seed=0)
