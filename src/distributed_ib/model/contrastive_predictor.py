"""Prediction by comparison: which Y of a batch belongs to which embedding (InfoNCE)."""

import math
from collections.abc import Sequence
from typing import get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray, Real
from numpy.typing import ArrayLike

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model._info_nce import info_nce_nats
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model._similarity import Similarity, similarities
from distributed_ib.model.mlp import MLP


class ContrastivePredictor(Part):
    """Maps embeddings and Ys to a common space, in which matching pairs are close together.

    The loss is InfoNCE: the cross entropy of identifying the true Y among the `batch_size` Ys of a
    batch by its similarity. log(batch_size) minus the loss is a lower bound on I(U;Y), which can
    certify at most log(batch_size). Y may be a number or a vector of any kind.

    A larger batch, such as a block of held-out data, is scored in parts of `batch_size`. A smaller
    one of n rows can certify at most log(n): its loss is increased by log(batch_size / n), so that
    log(batch_size) minus the loss is still a bound.

    Attributes:
        x_encoder: Maps the concatenated embeddings to the common space.
        y_encoder: Maps Y to the common space.
        input_dim: Components x embedding dimensions.
        y_dim: Entries of Y; 1 also for plain numbers `[batch]`.
        hidden: Widths of the hidden layers for the embeddings.
        y_hidden: Widths of the hidden layers for Y.
        shared_dim: Dimensions of the common space.
        activation: "relu" or "tanh".
        batch_size: Rows of a training batch.
        similarity: "euclidean", "squared_euclidean" or "cosine".
        temperature: Divisor of the similarities.
        symmetric: Whether the loss averages over identifying Y by u and u by Y.

    Example:
        >>> predictor = ContrastivePredictor(6, y_dim=1, hidden=(16,), batch_size=8,
        ...                                  key=jax.random.key(0))
        >>> z = predictor(jnp.zeros((8, 6)))
        >>> predictor.loss_nats(z, jnp.arange(8.0)).shape
        (8,)
    """

    x_encoder: MLP
    y_encoder: MLP
    input_dim: int = eqx.field(static=True)
    y_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    y_hidden: tuple[int, ...] = eqx.field(static=True)
    shared_dim: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    similarity: Similarity = eqx.field(static=True)
    temperature: float = eqx.field(static=True)
    symmetric: bool = eqx.field(static=True)

    def __init__(
        self,
        input_dim: int,
        *,
        y_dim: int,
        hidden: Sequence[int],
        batch_size: int,
        y_hidden: Sequence[int] | None = None,
        shared_dim: int = 32,
        similarity: Similarity = "euclidean",
        temperature: float = 1.0,
        symmetric: bool = True,
        activation: str = "relu",
        key: PRNGKeyArray,
    ) -> None:
        """Make the two encoders.

        Args:
            input_dim: Components x embedding dimensions.
            y_dim: Entries of Y; 1 also for plain numbers `[batch]`.
            hidden: Widths of the hidden layers for the embeddings.
            batch_size: Rows of a training batch, at least 2.
            y_hidden: Widths of the hidden layers for Y; by default those of `hidden`.
            shared_dim: Dimensions of the common space, 32 by default.
            similarity: "euclidean" (the negative distance, as in the paper; the default),
                "squared_euclidean" (the negative squared distance) or "cosine".
            temperature: Divisor of the similarities, 1 by default. Cosines lie between -1 and 1 and
                need a small temperature, such as 0.1.
            symmetric: Whether to average over identifying Y by u and u by Y (the default), instead
                of the former alone.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If an option is out of range.
        """
        if similarity not in get_args(Similarity):
            raise UserError(
                f"similarity {similarity!r} is unknown; choose {', '.join(get_args(Similarity))}."
            )
        if not (temperature > 0 and math.isfinite(temperature)):
            raise UserError(f"temperature must be positive, got {temperature:g}.")
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.y_dim = whole_number("y_dim", y_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.y_hidden = self.hidden if y_hidden is None else hidden_widths(y_hidden)
        self.shared_dim = whole_number("shared_dim", shared_dim, 1)
        self.activation = activation
        self.batch_size = whole_number("batch_size", batch_size, 2)
        self.similarity = similarity
        self.temperature = float(temperature)
        self.symmetric = bool(symmetric)
        key_x, key_y = jax.random.split(key)
        x_sizes = (self.input_dim, *self.hidden, self.shared_dim)
        y_sizes = (self.y_dim, *self.y_hidden, self.shared_dim)
        self.x_encoder = MLP(x_sizes, activation=activation, key=key_x)
        self.y_encoder = MLP(y_sizes, activation=activation, key=key_y)

    def __call__(self, u: Float[Array, "batch input"]) -> Float[Array, "batch shared"]:
        """Points `[batch, shared_dim]` of embeddings `[batch, input_dim]` in the common space."""
        return self.x_encoder(u)

    def encode_y(self, y: Real[Array, " n *entry"]) -> Float[Array, "n shared"]:
        """Points `[n, shared_dim]` of Ys `[n]` or `[n, y_dim]` in the common space.

        Raises:
            UserError: If `y` has the wrong shape.
        """
        if y.shape[1:] != (self.y_dim,) and not (y.ndim == 1 and self.y_dim == 1):
            raise UserError(f"Y must have shape [n, {self.y_dim}], got {list(y.shape)}.")
        return self.y_encoder(y.reshape(y.shape[0], self.y_dim))

    def loss_nats(
        self, outputs: Float[Array, "batch shared"], y: Real[Array, " batch *entry"]
    ) -> Float[Array, " batch"]:
        """InfoNCE of each row `[batch]` in nats.

        Raises:
            UserError: If `y` has the wrong shape.
        """
        if len(outputs) != len(y):
            raise UserError(f"Y has {len(y)} rows for {len(outputs)} embeddings.")
        z_y, size = self.encode_y(y), self.batch_size
        n_rows = len(outputs)
        if n_rows <= size:
            return self._loss_of_part(outputs, z_y)
        n_whole = n_rows // size
        parts = [a[: n_whole * size].reshape(n_whole, size, -1) for a in (outputs, z_y)]
        losses = jax.lax.map(lambda pair: self._loss_of_part(*pair), tuple(parts)).reshape(-1)
        n_left = n_rows - n_whole * size
        if n_left == 0:
            return losses
        # The remaining rows are scored among the last `size` rows.
        last = self._loss_of_part(outputs[-size:], z_y[-size:])
        return jnp.concatenate([losses, last[-n_left:]])

    def scores(
        self, outputs: Float[Array, "batch shared"], y: Real[Array, " batch *entry"]
    ) -> dict[str, Float[Array, " batch"]]:
        """None: the error of a prediction can be measured only by retrieving Ys."""
        return {}

    def probabilities(
        self, outputs: Float[Array, "batch shared"], candidates: Real[Array, " n *entry"]
    ) -> Float[Array, "batch n"]:
        """Probability of each candidate Y, drawn from all Ys, given the embeddings.

        Args:
            outputs: `[batch, shared_dim]`.
            candidates: Ys drawn at random, `[n]` or `[n, y_dim]`.

        Returns:
            `[batch, n]`, rows that sum to one: p(y|u) is p(y) times the exponential of the
            similarity, normalised.
        """
        return jax.nn.softmax(self._similarities(outputs, self.encode_y(candidates)), axis=-1)

    def baseline(self, y: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, str]:
        """The upper limit of InfoNCE, in bits, and its name; it does not depend on Y."""
        return math.log2(self.batch_size), f"InfoNCE's ceiling, log2({self.batch_size:,})"

    def _similarities(
        self, z_x: Float[Array, "batch shared"], z_y: Float[Array, "n shared"]
    ) -> Float[Array, "batch n"]:
        return similarities(z_x, z_y, self.similarity) / self.temperature

    def _loss_of_part(
        self, z_x: Float[Array, "n shared"], z_y: Float[Array, "n shared"]
    ) -> Float[Array, " n"]:
        """InfoNCE `[n]` of n <= batch_size pairs, plus log(batch_size / n)."""
        missing = math.log(self.batch_size / len(z_x))
        return info_nce_nats(self._similarities(z_x, z_y), self.symmetric) + missing
