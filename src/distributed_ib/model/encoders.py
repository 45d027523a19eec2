"""Encoders: maps from each component of X to a Gaussian channel.

An encoder maps a batch of components to a `GaussianChannel` with arrays
`[batch, component, embedding]`. It acts on each component separately: this is what makes the
bottleneck distributed.
"""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray, Real

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_values import DistinctRows
from distributed_ib.errors import UserError
from distributed_ib.model._matmul import network_product
from distributed_ib.model._open_channels import OPEN_LOG_VARIANCE, channel_from, open_channels
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model._value_lookup import check_parts, look_up
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.mlp import ACTIVATIONS, MLP, glorot_uniform
from distributed_ib.model.positional_encoding import positional_encoding
from distributed_ib.model.table_encoder import TableEncoder


class BinaryEncoder(Part):
    """Two trainable constants for every binary component.

    p(u_i | x_i) = N((2 x_i - 1) mu_i, sigma_i^2), the encoder of the paper's Boolean circuit.

    Attributes:
        mean: mu, `[component, embedding]`; starts at 1.
        log_variance: log sigma^2, `[component, embedding]`; starts at -3.
        n_components: Number of components.
        embedding_dim: Dimensions of u_i, 1 by default.

    Example:
        >>> encoder = BinaryEncoder(2)
        >>> encoder(jnp.array([[0, 1]])).mean[..., 0].tolist()
        [[-1.0, 1.0]]
    """

    mean: Float[Array, "component embedding"]
    log_variance: Float[Array, "component embedding"]
    n_components: int = eqx.field(static=True)
    embedding_dim: int = eqx.field(static=True)

    def __init__(
        self, n_components: int, *, embedding_dim: int = 1, key: PRNGKeyArray | None = None
    ) -> None:
        """Make an open channel for each of `n_components` binary components.

        `key` is not used: it is accepted so that all encoders have the same signature.

        Raises:
            UserError: If a size is not a positive whole number.
        """
        self.n_components = whole_number("n_components", n_components, 1)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim, 1)
        shape = (self.n_components, self.embedding_dim)
        self.mean = jnp.ones(shape)
        self.log_variance = jnp.full(shape, OPEN_LOG_VARIANCE)

    def __call__(self, x: Real[Array, "batch component"]) -> GaussianChannel:
        """Encode `x`, `[batch, component]` of zeros and ones.

        Raises:
            UserError: If `x` has the wrong number of components.
        """
        _require_shape(x, self.n_components)
        sign = 2.0 * x.astype(self.mean.dtype)[..., None] - 1.0
        mean = sign * jnp.broadcast_to(self.mean, (*x.shape, self.embedding_dim))
        return GaussianChannel(mean, self.log_variance[None])


class SharedEncoder(Part):
    """One MLP for all components, which receives the identity of the component as an extra input.

    The paper appends a one-hot identity to the input. A one-hot vector times a weight matrix is a
    row of that matrix, so here each component has a learned vector that is added to the first
    layer: the same function without the multiplication by zeros.

    Attributes:
        first: First weight matrix, `[feature, hidden]`.
        identity: The component's own vector, `[component, hidden]`; it includes the bias.
        rest: The remaining layers; the last gives mean and log variance.
        n_components: Number of components.
        input_dim: Features of each component.
        hidden: Widths of the hidden layers.
        embedding_dim: Dimensions of u_i.
        n_frequencies: Sines of the positional encoding of every feature.
        activation: "relu" or "tanh".

    Example:
        >>> encoder = SharedEncoder(6, input_dim=1, hidden=(32, 32), embedding_dim=4,
        ...                         n_frequencies=3, key=jax.random.key(0))
        >>> encoder(jnp.zeros((10, 6, 1))).mean.shape
        (10, 6, 4)
    """

    first: Float[Array, "feature hidden"]
    identity: Float[Array, "component hidden"]
    rest: MLP
    n_components: int = eqx.field(static=True)
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    embedding_dim: int = eqx.field(static=True)
    n_frequencies: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        n_components: int,
        *,
        input_dim: int,
        hidden: Sequence[int],
        embedding_dim: int,
        n_frequencies: int = 0,
        activation: str = "relu",
        key: PRNGKeyArray,
    ) -> None:
        """Make the encoder.

        Args:
            n_components: Number of components.
            input_dim: Features of each component.
            hidden: Widths of at least one hidden layer.
            embedding_dim: Dimensions of u_i.
            n_frequencies: Sines of the positional encoding of every feature; none by default.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number or there is no hidden layer.
        """
        self.n_components = whole_number("n_components", n_components, 1)
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim, 1)
        self.n_frequencies = whole_number("n_frequencies", n_frequencies, 0)
        self.activation = activation
        if not hidden:
            raise UserError("a shared encoder needs at least one hidden layer.")
        width = input_dim * (1 + n_frequencies)
        key_first, key_identity, key_rest = jax.random.split(key, 3)
        # The one-hot input that this replaces would count in the fan-in, so it counts here too.
        fan_in = width + n_components
        self.first = glorot_uniform(key_first, (width, hidden[0]), fan_in, hidden[0])
        self.identity = glorot_uniform(key_identity, (n_components, hidden[0]), fan_in, hidden[0])
        self.rest = open_channels(
            MLP((*hidden, 2 * embedding_dim), activation=activation, key=key_rest)
        )

    def __call__(
        self, x: Float[Array, "batch component feature"] | DistinctRows
    ) -> GaussianChannel:
        """Encode `x`, `[batch, component, feature]`, or the same as `DistinctRows`.

        Raises:
            UserError: If `x` has the wrong number of components or features.
        """
        if isinstance(x, DistinctRows):
            return look_up(self.encode_parts(x.parts), x.codes)
        _require_shape(x, self.n_components, self.input_dim)
        features = positional_encoding(x, self.n_frequencies)
        product = network_product(features, self.first)
        hidden = ACTIVATIONS[self.activation](
            product + jnp.broadcast_to(self.identity, product.shape)
        )
        return channel_from(self.rest(hidden))

    def encode_parts(
        self, parts: Sequence[Float[Array, "_ feature"]]
    ) -> list[Float[Array, "_ outputs"]]:
        """Encode any number of values of each component, `[n_i, feature]` each.

        Returns:
            For each component the means and log variances, `[n_i, 2 * embedding]`.

        Raises:
            UserError: If there is the wrong number of components or features.
        """
        check_parts(parts, self.n_components, self.input_dim)
        # A single product for all components, however many values each has.
        features = positional_encoding(jnp.concatenate(parts), self.n_frequencies)
        lengths = [part.shape[0] for part in parts]
        identity = jnp.concatenate(
            [
                jnp.broadcast_to(row, (n, row.shape[-1]))
                for row, n in zip(self.identity[:, None], lengths, strict=True)
            ]
        )
        hidden = ACTIVATIONS[self.activation](network_product(features, self.first) + identity)
        return jnp.split(self.rest(hidden), np.cumsum(lengths)[:-1].tolist())


class SeparateEncoder(Part):
    """A separate MLP for every component, all of them evaluated as one batched product.

    Components with fewer features than the widest are padded with zeros; the weights that multiply
    the padding have no effect.

    Attributes:
        mlp: The stack of networks, weights `[component, in, out]`.
        n_components: Number of components.
        input_dim: Features of each component.
        hidden: Widths of the hidden layers.
        embedding_dim: Dimensions of u_i.
        n_frequencies: Sines of the positional encoding of every feature.
        activation: "relu" or "tanh".

    Example:
        >>> encoder = SeparateEncoder(6, input_dim=1, hidden=(32,), embedding_dim=4,
        ...                           key=jax.random.key(0))
        >>> encoder(jnp.zeros((10, 6, 1))).mean.shape
        (10, 6, 4)
    """

    mlp: MLP
    n_components: int = eqx.field(static=True)
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    embedding_dim: int = eqx.field(static=True)
    n_frequencies: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        n_components: int,
        *,
        input_dim: int,
        hidden: Sequence[int],
        embedding_dim: int,
        n_frequencies: int = 0,
        activation: str = "relu",
        key: PRNGKeyArray,
    ) -> None:
        """Make one network for each component.

        Args:
            n_components: Number of components.
            input_dim: Features of each component.
            hidden: Widths of the hidden layers; with none, the encoder is a linear map.
            embedding_dim: Dimensions of u_i.
            n_frequencies: Sines of the positional encoding of every feature; none by default.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number.
        """
        self.n_components = whole_number("n_components", n_components, 1)
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim, 1)
        self.n_frequencies = whole_number("n_frequencies", n_frequencies, 0)
        self.activation = activation
        sizes = (input_dim * (1 + n_frequencies), *hidden, 2 * embedding_dim)
        self.mlp = open_channels(MLP(sizes, activation=activation, stack=n_components, key=key))

    def __call__(
        self, x: Float[Array, "batch component feature"] | DistinctRows
    ) -> GaussianChannel:
        """Encode `x`, `[batch, component, feature]`, or the same as `DistinctRows`.

        Raises:
            UserError: If `x` has the wrong number of components or features.
        """
        if isinstance(x, DistinctRows):
            return look_up(self.encode_parts(x.parts), x.codes)
        _require_shape(x, self.n_components, self.input_dim)
        features = positional_encoding(x, self.n_frequencies)
        # [component, batch, feature], so that each component is one matrix product.
        outputs = self.mlp(jnp.swapaxes(features, 0, 1))
        return channel_from(jnp.swapaxes(outputs, 0, 1))

    def encode_parts(
        self, parts: Sequence[Float[Array, "_ feature"]]
    ) -> list[Float[Array, "_ outputs"]]:
        """Encode any number of values of each component, `[n_i, feature]` each.

        Returns:
            For each component the means and log variances, `[n_i, 2 * embedding]`.

        Raises:
            UserError: If there is the wrong number of components or features.
        """
        check_parts(parts, self.n_components, self.input_dim)
        # The components have different numbers of values, so each needs its own product.
        return [
            jax.tree.map(lambda leaf, k=k: leaf[k : k + 1], self.mlp)(
                positional_encoding(part, self.n_frequencies)[None]
            )[0]
            for k, part in enumerate(parts)
        ]


def _require_shape(x: Array, *expected: int) -> None:
    """Check the shape, so that no input is broadcast to it silently."""
    if x.shape[-len(expected) :] != expected:
        sizes = ", ".join(map(str, expected))
        raise UserError(f"the encoder takes X of shape [batch, {sizes}], got {list(x.shape)}.")


Encoder = BinaryEncoder | SharedEncoder | SeparateEncoder | TableEncoder

ENCODERS: Mapping[str, type[Encoder]] = {
    "binary": BinaryEncoder,
    "shared": SharedEncoder,
    "separate": SeparateEncoder,
    "table": TableEncoder,
}
