"""How the bottleneck strength beta rises over a sweep."""

import math
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from distributed_ib.checks import whole_number
from distributed_ib.errors import UserError


@dataclass(frozen=True)
class BetaSchedule:
    """Pre-training at `beta_start`, then beta rising evenly in its logarithm to `beta_end`.

    Attributes:
        beta_start: Bottleneck strength while the relationship is first learned; small enough that
            the channels stay open.
        beta_end: Strength at the end. With a prediction loss that measures information nothing
            survives beta = 1, because a nat conveyed buys at most a nat predicted.
        n_steps: Training steps over which beta rises.
        n_pretraining_steps: Steps at `beta_start` before that.

    Raises:
        UserError: If beta_start is not below beta_end, either is not positive, or a count of steps
            is out of range.

    Example:
        >>> schedule = BetaSchedule(1e-3, 0.1, n_steps=100, n_pretraining_steps=10)
        >>> [round(schedule.beta_at(step), 4) for step in (0, 10, 60, 110)]
        [0.001, 0.001, 0.01, 0.1]
    """

    beta_start: float = 1e-4
    beta_end: float = 1.0
    n_steps: int = 10_000
    n_pretraining_steps: int = 500

    def __post_init__(self) -> None:
        """Refuse schedules that can't be walked."""
        if not (self.beta_start > 0 and math.isfinite(self.beta_end)):
            raise UserError(
                f"beta must be positive and finite, got beta_start={self.beta_start:g} and "
                f"beta_end={self.beta_end:g}."
            )
        if not self.beta_start < self.beta_end:
            raise UserError(
                f"beta_start={self.beta_start:g} is not below beta_end={self.beta_end:g}; beta "
                "rises during a sweep, so give the smaller value first."
            )
        whole_number("n_steps", self.n_steps, 1)
        whole_number("n_pretraining_steps", self.n_pretraining_steps, 0)

    @property
    def total_steps(self) -> int:
        """Pre-training and annealing steps together."""
        return self.n_pretraining_steps + self.n_steps

    def beta_at(self, step: float) -> float:
        """Bottleneck strength at a training step, counted from the start of pre-training."""
        fraction = min(max((step - self.n_pretraining_steps) / self.n_steps, 0.0), 1.0)
        return math.exp(
            (1 - fraction) * math.log(self.beta_start) + fraction * math.log(self.beta_end)
        )

    def as_array(self) -> Array:
        """The schedule as numbers for `traced_beta`, so that no value of it is compiled in."""
        return jnp.array(
            [
                math.log(self.beta_start),
                math.log(self.beta_end / self.beta_start) / self.n_steps,
                self.n_pretraining_steps,
                self.n_steps,
            ],
            dtype=jnp.float32,
        )


def traced_beta(schedule: Array, step: Array) -> Array:
    """`BetaSchedule.beta_at` inside compiled code; `schedule` comes from `as_array`."""
    log_start, slope, n_pretraining, n_steps = schedule
    risen = jnp.clip(step.astype(jnp.float32) - n_pretraining, 0.0, n_steps)
    return jnp.exp(log_start + slope * risen)
