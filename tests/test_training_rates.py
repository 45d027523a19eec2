"""Learning rates that fall while beta moves, and weights that decay."""

import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.training._loop import _decayed, _rate, rates_as_array
from distributed_ib.training.schedule import BetaSchedule

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
