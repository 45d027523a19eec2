"""The schedule of the bottleneck strength beta over a sweep."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int32

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError

Direction = Literal["rising", "falling"]


@dataclass(frozen=True)
class BetaSchedule:
    """Pre-training at constant beta, then beta moving evenly in its logarithm.

    Beta rises by default: the relationship is learned while the channels are open, then information
    is lost bit by bit. A falling beta starts where nothing is transmitted, and channels open one by
    one when what they contribute to the prediction exceeds their cost. A sweep follows beta with a
    delay, so that the two directions give different approximations; a rising sweep may keep a
    subset of components where another one would be better. But channels that are informative only
    together, as in XOR, do not open from nothing: a falling sweep misses what a rising one finds.

    Attributes:
        beta_start: The smallest bottleneck strength, small enough for channels to stay open; 1e-4
            by default.
        beta_end: The largest, 1 by default. With a prediction loss that measures information,
            nothing survives beta = 1, because a nat transmitted lowers the loss by at most a nat.
        n_steps: Number of training steps over which beta moves, 10,000 by default.
        n_pretraining_steps: Number of steps before that, at `beta_start` if beta rises, at
            `beta_end` if it falls; 500 by default.
        direction: "rising" (the default) or "falling".

    Raises:
        UserError: If beta_start is not below beta_end, either is not positive, a count of steps
            is out of range, or there is no such direction.

    Example:
        >>> schedule = BetaSchedule(1e-3, 0.1, n_steps=100, n_pretraining_steps=10)
        >>> [round(schedule.beta_at(step), 4) for step in (0, 10, 60, 110)]
        [0.001, 0.001, 0.01, 0.1]
        >>> falling = BetaSchedule(1e-3, 0.1, 100, 10, direction="falling")
        >>> [round(falling.beta_at(step), 4) for step in (0, 10, 60, 110)]
        [0.1, 0.1, 0.01, 0.001]
    """

    beta_start: float = 1e-4
    beta_end: float = 1.0
    n_steps: int = 10_000
    n_pretraining_steps: int = 500
    direction: Direction = "rising"

    def __post_init__(self) -> None:
        """Check the settings."""
        if not (self.beta_start > 0 and math.isfinite(self.beta_end)):
            raise UserError(
                f"beta must be positive and finite, got beta_start={self.beta_start:g} and "
                f"beta_end={self.beta_end:g}."
            )
        if not self.beta_start < self.beta_end:
            raise UserError(
                f"beta_start={self.beta_start:g} is not below beta_end={self.beta_end:g}; give the "
                'smaller value first, even if beta falls (direction="falling").'
            )
        whole_number("n_steps", self.n_steps, 1)
        whole_number("n_pretraining_steps", self.n_pretraining_steps, 0)
        if self.direction not in get_args(Direction):
            raise UserError(f"there is no direction {self.direction!r}; choose rising or falling.")

    @property
    def total_steps(self) -> int:
        """Number of pre-training and annealing steps."""
        return self.n_pretraining_steps + self.n_steps

    def beta_at(self, step: float) -> float:
        """Bottleneck strength at a training step, counted from the start of pre-training."""
        fraction = min(max((step - self.n_pretraining_steps) / self.n_steps, 0.0), 1.0)
        first, last = self._ends
        return math.exp((1 - fraction) * math.log(first) + fraction * math.log(last))

    @property
    def _ends(self) -> tuple[float, float]:
        """The first beta and the last."""
        if self.direction == "falling":
            return self.beta_end, self.beta_start
        return self.beta_start, self.beta_end

    def as_array(self) -> Float[Array, "4"]:
        """The schedule as an array for `traced_beta`, so that no number is a compiled constant."""
        first, last = self._ends
        return jnp.array(
            [
                math.log(first),
                math.log(last / first) / self.n_steps,
                self.n_pretraining_steps,
                self.n_steps,
            ],
            dtype=jnp.float32,
        )


def traced_beta(
    schedule: Float[Array, "*repeats 4"], step: Int32[Array, "*steps"]
) -> Float[Array, "*repeats_or_steps"]:
    """`BetaSchedule.beta_at` inside compiled code.

    Args:
        schedule: From `as_array`; or several of them, for a single step.
        step: Training steps.

    Example:
        >>> schedule = BetaSchedule(1e-3, 0.1, n_steps=100, n_pretraining_steps=10).as_array()
        >>> round(float(traced_beta(schedule, jnp.int32(60))), 4)
        0.01
    """
    log_start, slope, n_pretraining, n_steps = jnp.moveaxis(schedule, -1, 0)
    moved = jnp.clip(step.astype(jnp.float32) - n_pretraining, 0.0, n_steps)
    return jnp.exp(log_start + slope * moved)
