"""How the last layer of an encoder becomes channels that start open."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.mlp import MLP

# With an initial log variance of -3, a channel conveys about two bits before any training, so that
# the predictor sees its inputs from the first step.
OPEN_LOG_VARIANCE = -3.0


def open_channels(mlp: MLP) -> MLP:
    """Set the last bias of an encoder so that its channels start with little noise."""
    *others, last = mlp.biases
    opened = last.at[..., last.shape[-1] // 2 :].set(OPEN_LOG_VARIANCE)
    return eqx.tree_at(lambda m: m.biases, mlp, (*others, opened))


def channel_from(outputs: Float[Array, "*batch component outputs"]) -> GaussianChannel:
    """Channels whose mean and log variance are the two halves of the last axis."""
    mean, log_variance = jnp.split(outputs, 2, axis=-1)
    return GaussianChannel(mean, log_variance)
