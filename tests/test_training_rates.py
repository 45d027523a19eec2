"""Learning rates that fall while beta changes, weight decay, and averages over steps."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.data.batches import FreshBatches
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import Terms
from distributed_ib.training._loop import LoopSettings, _averaged, _decayed, _rate, rates_as_array
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.train_settings import TrainSettings

SCHEDULE = BetaSchedule(1e-3, 1.0, n_steps=100, n_pretraining_steps=50)


@pytest.mark.parametrize(
    ("step", "rate"), [(0, 4e-3), (25, 2e-3), (50, 1e-3), (100, 1e-3 / 10**0.5), (150, 1e-4)]
)
def test_the_rate_moves_evenly_in_its_logarithm(step: int, rate: float) -> None:
    rates = rates_as_array(4e-3, 1e-3, 1e-4, SCHEDULE)
    assert float(_rate(rates, jnp.int32(step))) == pytest.approx(rate, rel=1e-5)


def test_weights_decay_and_vectors_and_biases_do_not() -> None:
    params = {
        "weights": jnp.ones((2, 3, 4)),
        "bias": jnp.ones((2, 3, 4)),
        "vector": jnp.ones((2, 5)),
    }
    taken = _decayed(params, jnp.float32(0.1))
    np.testing.assert_allclose(taken["weights"], 0.1, rtol=1e-6)
    assert not taken["bias"].any() and not taken["vector"].any()


class NoisyMinimum(eqx.Module):
    """A model whose expected loss is lowest at 0, and whose gradient is mostly noise."""

    weight: jax.Array

    def terms(self, batch: jax.Array, *, key: jax.Array) -> Terms:
        loss = 0.5 * (self.weight - 3 * jax.random.normal(key)) ** 2
        return Terms(jnp.zeros(1), loss, {})


def minima(averaging_steps: float) -> Any:
    return sweep(
        lambda key: NoisyMinimum(jnp.asarray(1.0)),
        FreshBatches(lambda key: jnp.zeros(1)),
        BetaSchedule(1e-3, 1.0, n_steps=300, n_pretraining_steps=100),
        n_seeds=32,
        learning_rate=0.2,
        n_records=3,
        averaging_steps=averaging_steps,
    )


def test_averages_over_steps_lie_nearer_to_the_minimum_than_single_steps() -> None:
    last, averaged = minima(0), minima(100)
    np.testing.assert_array_equal(
        last.annealing.prediction_error_nats, averaged.annealing.prediction_error_nats
    )  # averaging does not affect training
    off = [np.sqrt(np.mean(one.snapshots.params.weight[-1] ** 2)) for one in (last, averaged)]
    assert off[1] < 0.7 * off[0]
    np.testing.assert_allclose(
        minima(1).snapshots.params.weight, last.snapshots.params.weight, rtol=1e-5, atol=1e-7
    )


def test_an_average_begins_with_the_mean_of_all_steps() -> None:
    schedules, nothing = SCHEDULE.as_array()[None], jnp.zeros(5)
    settings = LoopSettings(jax.random.key(0)[None], schedules, nothing, None, jnp.float32(0.25))
    average: Any = jnp.float32(100.0)  # the value before the first step has no effect
    found = []
    for step, value in enumerate([2.0, 4.0, 9.0, 1.0, 5.0]):
        average = _averaged(average, jnp.float32(value), settings, jnp.int32(step))
        found.append(float(average))
    assert found == pytest.approx([2, 3, 5, 4, 4.25])


@pytest.mark.parametrize("averaging", [-0.1, 1.5])
def test_averaging_is_a_share(averaging: float) -> None:
    with pytest.raises(UserError, match="averaging must be"):
        TrainSettings(averaging=averaging, n_starts=2)


def test_a_single_sweep_is_not_averaged() -> None:
    with pytest.raises(UserError, match="several starts or resamples"):
        TrainSettings(averaging=0.05)
