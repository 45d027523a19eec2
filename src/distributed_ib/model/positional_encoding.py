"""Positional encoding: sines of increasing frequency that let a network resolve fine detail."""

import math

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def positional_encoding(
    x: Float[Array, "*batch d"], n_frequencies: int
) -> Float[Array, "*batch encoded"]:
    """Append sin(2^k pi x), k = 1 .. n_frequencies, to every feature (Appendix A of the paper).

    Args:
        x: Features of order one, `[..., d]`.
        n_frequencies: Number of sines for each feature; 0 returns `x` unchanged.

    Returns:
        `[..., d * (1 + n_frequencies)]`: the features, then all sines of the lowest frequency,
        then those of the next.

    Example:
        >>> positional_encoding(jnp.array([0.125, 0.25]), 1).tolist()
        [0.125, 0.25, 0.7071067690849304, 1.0]
    """
    if n_frequencies == 0:
        return x
    frequencies = [2.0**k * math.pi for k in range(1, n_frequencies + 1)]
    return jnp.concatenate([x, *(jnp.sin(frequency * x) for frequency in frequencies)], axis=-1)
