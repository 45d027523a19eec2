"""The schedule of beta."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.training.schedule import BetaSchedule, traced_beta

pytestmark = pytest.mark.usefixtures("quick_compilation")


def test_beta_is_flat_then_geometric() -> None:
    schedule = BetaSchedule(1e-3, 0.3, n_steps=200, n_pretraining_steps=50)
    beta = np.array([schedule.beta_at(step) for step in range(251)])
    np.testing.assert_allclose(beta[:51], 1e-3, rtol=1e-12)
    np.testing.assert_allclose(beta[51:] / beta[50:-1], (0.3 / 1e-3) ** (1 / 200), rtol=1e-10)
    assert beta[-1] == pytest.approx(0.3, rel=1e-12)
    assert schedule.total_steps == 250


def test_falling_is_rising_read_backwards() -> None:
    rising = BetaSchedule(1e-3, 0.3, n_steps=200, n_pretraining_steps=0)
    falling = BetaSchedule(1e-3, 0.3, n_steps=200, n_pretraining_steps=50, direction="falling")
    for step in range(201):
        assert falling.beta_at(50 + step) == pytest.approx(rising.beta_at(200 - step), rel=1e-12)
    assert falling.beta_at(0) == falling.beta_at(50) == pytest.approx(0.3)


def test_beta_stays_within_its_range_outside_the_sweep() -> None:
    schedule = BetaSchedule(1e-3, 0.3, n_steps=200, n_pretraining_steps=50)
    assert schedule.beta_at(-10) == pytest.approx(1e-3)
    assert schedule.beta_at(10_000) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "schedule",
    [
        BetaSchedule(1e-4, 1.0, n_steps=10_000, n_pretraining_steps=500),
        BetaSchedule(1e-6, 3.0, n_steps=100_000, n_pretraining_steps=10_000),
        BetaSchedule(1e-3, 2e-3, n_steps=1, n_pretraining_steps=0),
        BetaSchedule(1e-4, 0.3, n_steps=3_000_000, n_pretraining_steps=10_000),
        BetaSchedule(1e-4, 0.3, n_steps=10_000, n_pretraining_steps=500, direction="falling"),
    ],
)
def test_traced_beta_equals_the_plain_one(schedule: BetaSchedule) -> None:
    steps = np.unique(np.linspace(0, schedule.total_steps, 1001).astype(np.int32))
    found = traced_beta(schedule.as_array(), jnp.asarray(steps))
    expected = [schedule.beta_at(int(step)) for step in steps]
    # Single precision represents the logarithm, at most 14 here, to about 1e-6.
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"beta_start": 0.0}, "beta_start=0"),
        ({"beta_start": -1.0}, "beta_start=-1"),
        ({"beta_start": math.nan}, "beta_start=nan"),
        ({"beta_start": math.inf}, "beta_start=inf"),
        ({"beta_end": math.inf}, "beta_end=inf"),
        ({"beta_end": math.nan}, "beta_end=nan"),
        ({"beta_start": 0.5, "beta_end": 0.5}, "beta_start=0.5"),
        ({"beta_start": 0.5, "beta_end": 0.1}, "beta_end=0.1"),
        ({"direction": "sideways"}, "'sideways'"),
        ({"n_steps": 0}, "n_steps must be at least 1, got 0"),
        ({"n_steps": 1.5}, "n_steps must be a whole number, got 1.5"),
        ({"n_pretraining_steps": -1}, "n_pretraining_steps must be at least 0, got -1"),
    ],
)
def test_bad_options_are_named_in_one_line(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError) as caught:
        BetaSchedule(**options)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
