"""A prediction of numbers: a Gaussian whose mean and variance both follow the embeddings."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from distributed_ib._checks import whole_number
from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model.mlp import MLP

# Y is standardised, so a standard deviation below exp(-5) = 0.7 % of Y's own is not resolved. A
# floor keeps the loss bounded where Y repeats values exactly; exp(5) bounds the other side.
_LIMIT = 10.0


class GaussianPredictor(Part):
    """The distribution of a number, or of each entry of a vector, as a Gaussian of its own width.

    Attributes:
        mlp: From the concatenated embeddings to means and logarithms of variances.
        output_dim: Entries of Y `[batch, output_dim]`; None for plain numbers `[batch]`.

    Example:
        >>> predictor = GaussianPredictor(6, hidden=(16,), key=jax.random.key(0))
        >>> outputs = predictor(jnp.zeros((1, 6)))  # a standard normal before any training
        >>> predictor.loss_nats(outputs, jnp.zeros(1)).round(3).tolist()  # 1/2 log(2 pi)
        [0.9190000295639038]
    """

    mlp: MLP
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    output_dim: int | None = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        input_dim: int,
        *,
        hidden: Sequence[int],
        output_dim: int | None = None,
        activation: str = "relu",
        key: Array,
    ) -> None:
        """Make the predictor for `input_dim` = components x embedding dimensions.

        `output_dim` is the length of Y's vectors; None, the default, is for plain numbers.
        """
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.output_dim = None if output_dim is None else whole_number("output_dim", output_dim, 1)
        self.activation = activation
        sizes = (self.input_dim, *self.hidden, 2 * self.n_outputs)
        self.mlp = MLP(sizes, activation=activation, key=key)

    @property
    def n_outputs(self) -> int:
        """Entries of Y, 1 for plain numbers."""
        return 1 if self.output_dim is None else self.output_dim

    def __call__(self, u: Array) -> Array:
        """Means, then log variances, `[batch, 2 * output_dim]`, given `u` `[batch, input_dim]`."""
        return self.mlp(u)

    def mean(self, outputs: Array) -> Array:
        """Mean of Y, `[batch, output_dim]`."""
        return outputs[..., : self.n_outputs]

    def log_variance(self, outputs: Array) -> Array:
        """Logarithm of the variance of Y, `[batch, output_dim]`, between -10 and 10."""
        # Smooth, so that there is a way back from either end.
        return _LIMIT * jnp.tanh(outputs[..., self.n_outputs :] / _LIMIT)

    def loss_nats(self, outputs: Array, y: Array) -> Array:
        """Negative log likelihood `[batch]` of `y`, `[batch]` or `[batch, output_dim]`.

        With all its constants, in units of the standardised Y: a differential entropy, which may
        be negative.
        """
        log_variance = self.log_variance(outputs)
        squared = (self._columns(outputs, y) - self.mean(outputs)) ** 2
        return 0.5 * jnp.sum(
            squared * jnp.exp(-log_variance) + log_variance + math.log(2 * math.pi), axis=-1
        )

    def scores(self, outputs: Array, y: Array) -> dict[str, Array]:
        """`squared_error`: of the mean, averaged over the entries of Y, `[batch]`."""
        squared = (self._columns(outputs, y) - self.mean(outputs)) ** 2
        return {"squared_error": squared.mean(axis=-1)}

    def draw(self, outputs: Array, *, key: Array) -> Array:
        """One Y from each distribution, `[batch, output_dim]`."""
        mean = self.mean(outputs)
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        return mean + jnp.exp(0.5 * self.log_variance(outputs)) * noise

    def baseline(self, y: Any, weight: Any = None) -> tuple[float, str]:
        """Entropy in bits of a Gaussian with the variance of `y`, `[n]` or `[n, d]`; its name."""
        columns = np.asarray(y, np.float64).reshape(len(y), -1)
        mean = np.average(columns, axis=0, weights=weight)
        variance = np.average((columns - mean) ** 2, axis=0, weights=weight)
        nats = 0.5 * np.log(2 * np.pi * np.e * np.maximum(variance, 1e-12)).sum()
        return float(nats_to_bits(nats)), "Gaussian entropy of Y (standardised)"

    def _columns(self, outputs: Array, y: Array) -> Array:
        """Y as `[batch, output_dim]`; refuses what would be paired with every row."""
        is_vector = self.output_dim is not None
        expected = (*outputs.shape[:-1], *([self.output_dim] if is_vector else []))
        if y.shape != expected:
            raise UserError(f"numbers Y should have shape {list(expected)}, got {list(y.shape)}.")
        return y if is_vector else y[..., None]
