"""Sources of batches."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from distributed_ib.data.batches import ArrayBatches, FreshBatches, HostBatches
from distributed_ib.errors import UserError
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import XOR_SCHEDULE, MeanModel, xor_data, xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")

EVERY_STEP = BetaSchedule(1e-3, 1.0, n_steps=23, n_pretraining_steps=0)


def means_of_batches(source: Any, n_seeds: int = 2) -> NDArray[np.float64]:
    """The mean of each step's batch in a sweep, `[repeat, step]`."""
    result = sweep(
        lambda key: MeanModel(jnp.ones(())), source, EVERY_STEP, n_seeds=n_seeds, n_records=23
    )
    return result.annealing.prediction_error_nats[:, :, 0]


def test_rows_are_uniform_and_stay_paired() -> None:
    n_rows = 8
    x = np.random.default_rng(0).normal(size=(n_rows, 2)).astype(np.float32)
    source = ArrayBatches((x, np.arange(n_rows)), batch_size=8000)
    drawn_x, row = source.draw(source.prepare(0, 1, 1), jax.random.key(0))
    np.testing.assert_array_equal(drawn_x, x[np.asarray(row)])
    counts = np.bincount(row, minlength=n_rows)
    chi_squared = ((counts - 1000) ** 2 / 1000).sum()
    # Test both tails: counts that are too even would not come from independent draws.
    assert stats.chi2.ppf(1e-4, n_rows - 1) < chi_squared < stats.chi2.ppf(1 - 1e-4, n_rows - 1)


def test_array_batches_differ_between_steps_and_repeats() -> None:
    rows = np.random.default_rng(1).normal(size=1000)
    means = means_of_batches(ArrayBatches(rows, 16))
    assert len(np.unique(means)) == means.size


def test_fresh_batches_differ_between_steps_and_repeats() -> None:
    means = means_of_batches(FreshBatches(lambda key: jax.random.normal(key, (16,))))
    assert len(np.unique(means)) == means.size
    # Means of 16 standard normals, 46 of them: variance 1/16 within five standard errors.
    assert means.var() == pytest.approx(1 / 16, rel=5 * np.sqrt(2 / means.size))


@pytest.mark.parametrize("steps_per_transfer", [1, 7, 64])
def test_host_batch_depends_on_seed_repeat_and_number_alone(steps_per_transfer: int) -> None:
    def batch(rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.normal(size=16)

    source = HostBatches(batch, seed=5, steps_per_transfer=steps_per_transfer)
    expected = [
        [batch(np.random.default_rng((5, repeat, step))).mean() for step in range(23)]
        for repeat in range(2)
    ]
    np.testing.assert_allclose(means_of_batches(source), expected, rtol=1e-4, atol=1e-6)


def test_host_batches_are_cut_anywhere() -> None:
    source = HostBatches(lambda rng: rng.random(3), seed=1, steps_per_transfer=8)
    whole, part = source.prepare(0, 8, 2), source.prepare(5, 3, 2)
    assert whole.shape == part.shape == (8, 2, 3)
    np.testing.assert_array_equal(part[:3], whole[5:])


@pytest.fixture(scope="module")
def host_result() -> SweepResult:
    x, y = xor_data()

    def batch(rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = rng.integers(0, 8, 64)
        return x[rows], y[rows]

    source = HostBatches(batch, seed=0, steps_per_transfer=50)
    return sweep(xor_model, source, XOR_SCHEDULE, n_seeds=2, learning_rate=1e-2, n_records=40)


def test_host_and_array_batches_learn_the_same(
    host_result: SweepResult, xor_result: SweepResult
) -> None:
    for result in (host_result, xor_result):
        assert np.all(result.pretraining.scores["accuracy"][:, -1, 0] > 0.95)
        in_use = result.annealing.kl_nats[:, 0] > 0.1
        assert in_use[:, :2].all()
        error = result.annealing.prediction_error_nats[:, :, 0]
        assert np.all(error[:, 0] < 0.2)
        assert np.all(error[:, -1] > 0.3)


@pytest.mark.parametrize(
    "arrays",
    [(np.zeros((3, 2)), np.zeros(4)), (np.zeros((0, 2)), np.zeros(0)), (), (np.zeros(3), 1.0)],
)
def test_arrays_without_a_shared_length_are_refused(arrays: Any) -> None:
    with pytest.raises(UserError, match="length"):
        ArrayBatches(arrays, 4)


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match="batch_size"):
        ArrayBatches(np.zeros(3), 0)
    with pytest.raises(UserError, match="steps_per_transfer"):
        HostBatches(lambda rng: rng.random(2), steps_per_transfer=0)
    with pytest.raises(UserError, match="seed"):
        HostBatches(lambda rng: rng.random(2), seed=-1)
