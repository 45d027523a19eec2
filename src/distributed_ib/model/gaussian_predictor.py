"""Prediction of numbers: a Gaussian whose mean and variance both depend on the embeddings."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray, Real
from numpy.typing import ArrayLike

from distributed_ib._checks import whole_number
from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model.mlp import MLP

# Y is standardised, so a standard deviation below exp(-5) = 0.7 % of Y's own is not resolved. This
# lower limit keeps the loss bounded if Y repeats values exactly; exp(5) is the upper limit.
_LIMIT = 10.0


class GaussianPredictor(Part):
    """A Gaussian for Y, or for each entry of a vector Y, with its own mean and variance.

    Attributes:
        mlp: Maps the concatenated embeddings to means and logarithms of variances.
        input_dim: Components x embedding dimensions.
        hidden: Widths of the hidden layers.
        output_dim: Entries of Y `[batch, output_dim]`; None for plain numbers `[batch]`.
        activation: "relu" or "tanh".

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
        key: PRNGKeyArray,
    ) -> None:
        """Make the predictor.

        Args:
            input_dim: Components x embedding dimensions.
            hidden: Widths of the hidden layers.
            output_dim: Length of the vectors Y; None, the default, for plain numbers.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number or the activation is unknown.
        """
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.output_dim = None if output_dim is None else whole_number("output_dim", output_dim, 1)
        self.activation = activation
        sizes = (self.input_dim, *self.hidden, 2 * self.n_outputs)
        self.mlp = MLP(sizes, activation=activation, key=key)

    @property
    def n_outputs(self) -> int:
        """Number of entries of Y, 1 for plain numbers."""
        return 1 if self.output_dim is None else self.output_dim

    def __call__(self, u: Float[Array, "batch input"]) -> Float[Array, "batch outputs"]:
        """Means, then log variances, `[batch, 2 * output_dim]`, given `u` `[batch, input_dim]`."""
        return self.mlp(u)

    def mean(self, outputs: Float[Array, "*batch outputs"]) -> Float[Array, "*batch entry"]:
        """Mean of Y, `[batch, output_dim]`."""
        return outputs[..., : self.n_outputs]

    def log_variance(self, outputs: Float[Array, "*batch outputs"]) -> Float[Array, "*batch entry"]:
        """Natural logarithm of the variance of Y, `[batch, output_dim]`, between -10 and 10."""
        # Smooth, so that the gradient does not vanish at either limit.
        return _LIMIT * jnp.tanh(outputs[..., self.n_outputs :] / _LIMIT)

    def loss_nats(
        self, outputs: Float[Array, "batch outputs"], y: Real[Array, " batch *entry"]
    ) -> Float[Array, " batch"]:
        """Negative log likelihood `[batch]` in nats of `y`, `[batch]` or `[batch, output_dim]`.

        It includes all constants and is measured in units of the standardised Y: a differential
        entropy, which may be negative.

        Raises:
            UserError: If `y` has the wrong shape.
        """
        log_variance = self.log_variance(outputs)
        squared = (self._columns(outputs, y) - self.mean(outputs)) ** 2
        return 0.5 * jnp.sum(
            squared * jnp.exp(-log_variance) + log_variance + math.log(2 * math.pi), axis=-1
        )

    def scores(
        self, outputs: Float[Array, "batch outputs"], y: Real[Array, " batch *entry"]
    ) -> dict[str, Float[Array, " batch"]]:
        """`squared_error`: of the mean, averaged over the entries of Y, `[batch]`."""
        squared = (self._columns(outputs, y) - self.mean(outputs)) ** 2
        return {"squared_error": squared.mean(axis=-1)}

    def draw(
        self, outputs: Float[Array, "batch outputs"], *, key: PRNGKeyArray
    ) -> Float[Array, "batch entry"]:
        """One random Y from each distribution, `[batch, output_dim]`."""
        mean = self.mean(outputs)
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        return mean + jnp.exp(0.5 * self.log_variance(outputs)) * noise

    def baseline(self, y: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, str]:
        """The prediction error without X in bits, and its name.

        This is the entropy of a Gaussian with the variance of `y`, `[n]` or `[n, d]`. `weight`
        `[n]` is the weight of each row; by default all count equally.
        """
        values = np.asarray(y, np.float64)
        columns = values.reshape(len(values), -1)
        weights = None if weight is None else np.asarray(weight, np.float64)
        mean = np.average(columns, axis=0, weights=weights)
        variance = np.average((columns - mean) ** 2, axis=0, weights=weights)
        nats = 0.5 * np.log(2 * np.pi * math.e * np.maximum(variance, 1e-12)).sum()
        return float(nats_to_bits(nats)), "Gaussian entropy of Y (standardised)"

    def _columns(
        self, outputs: Float[Array, "batch outputs"], y: Real[Array, " batch *entry"]
    ) -> Real[Array, "batch entries"]:
        """Y as `[batch, output_dim]`, after a check that no value is broadcast to all rows."""
        is_vector = self.output_dim is not None
        expected = (*outputs.shape[:-1], *([self.output_dim] if is_vector else []))
        if y.shape != expected:
            raise UserError(f"Y (numbers) must have shape {list(expected)}, got {list(y.shape)}.")
        return y if is_vector else y[..., None]
