"""Multilayer perceptrons, one or a stack of them, and their initial weights."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model._matmul import network_product

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {"relu": jax.nn.relu, "tanh": jnp.tanh}


def glorot_uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int, fan_out: int
) -> Float[Array, "..."]:
    """Weights uniform in +-sqrt(6 / (fan_in + fan_out)), the initial weights of the paper.

    Args:
        key: Random key.
        shape: Shape of the weights.
        fan_in: Number of inputs of the layer.
        fan_out: Number of its outputs.

    Example:
        >>> bool(abs(glorot_uniform(jax.random.key(0), (4, 2), 4, 2)).max() <= 1)
        True
    """
    limit = (6.0 / (fan_in + fan_out)) ** 0.5
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


class MLP(eqx.Module):
    """A multilayer perceptron on the last axis, or `stack` independent ones on the last two.

    Attributes:
        weights: One matrix per layer, `[in, out]`, or `[stack, in, out]`.
        biases: One vector per layer, `[out]`, or `[stack, 1, out]`.
        activation: "relu" or "tanh", between layers but not after the last.

    Example:
        >>> mlp = MLP((3, 8, 2), key=jax.random.key(0))
        >>> mlp(jnp.ones((5, 3))).shape
        (5, 2)
        >>> stacked = MLP((3, 8, 2), stack=4, key=jax.random.key(0))
        >>> stacked(jnp.ones((4, 5, 3))).shape
        (4, 5, 2)
    """

    weights: tuple[Float[Array, "*stack n_in n_out"], ...]
    biases: tuple[Float[Array, "*stack n_out"], ...]
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str = "relu",
        stack: int | None = None,
        key: PRNGKeyArray,
    ) -> None:
        """Make the perceptron.

        Args:
            sizes: Widths of the layers, input and output included.
            activation: "relu" or "tanh".
            stack: Number of independent perceptrons; None, the default, for a single one without
                this axis.
            key: Random key.

        Raises:
            UserError: If `activation` is unknown or a width is not positive.
        """
        if activation not in ACTIVATIONS:
            known = ", ".join(ACTIVATIONS)
            raise UserError(f"activation {activation!r} is unknown; choose one of {known}.")
        sizes = [whole_number("layer width", size, 1) for size in sizes]
        if len(sizes) < 2:
            raise UserError(f"a perceptron needs an input and an output width, got {sizes}.")
        lead = () if stack is None else (stack,)
        row = () if stack is None else (1,)
        pairs = list(itertools.pairwise(sizes))
        keys = jax.random.split(key, len(pairs))
        self.weights = tuple(
            glorot_uniform(k, (*lead, n_in, n_out), n_in, n_out)
            for k, (n_in, n_out) in zip(keys, pairs, strict=True)
        )
        self.biases = tuple(jnp.zeros((*lead, *row, n_out)) for _, n_out in pairs)
        self.activation = activation

    def __call__(self, x: Float[Array, "*batch n_in"]) -> Float[Array, "*batch n_out"]:
        """Apply to `[..., in]` (or `[stack, batch, in]`); returns `[..., out]`."""
        activate = ACTIVATIONS[self.activation]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = activate(_affine(x, weight, bias))
        return _affine(x, self.weights[-1], self.biases[-1])


def _affine(
    x: Float[Array, "*batch n_in"],
    weight: Float[Array, "*stack n_in n_out"],
    bias: Float[Array, "*bias_stack n_out"],
) -> Float[Array, "*batch n_out"]:
    product = network_product(x, weight)
    return product + jnp.broadcast_to(bias, product.shape)
