"""How alike points of two sets are: the similarities that InfoNCE compares."""

from typing import Literal

import jax.numpy as jnp
from jax import Array

Similarity = Literal["euclidean", "squared_euclidean", "cosine"]
# Keeps the gradient of a square root finite where two points coincide.
_TINY = 1e-6


def similarities(a: Array, b: Array, kind: Similarity) -> Array:
    """Similarity of each row of `a` `[n, d]` to each row of `b` `[m, d]`, as `[n, m]`.

    "euclidean" and "squared_euclidean" are negative distances, "cosine" is the cosine of the angle.

    Example:
        >>> points = jnp.array([[0.0, 1.0], [3.0, 5.0]])
        >>> similarities(points, points[::-1] + 0.5, "squared_euclidean").tolist()
        [[-32.5, -0.5], [-0.5, -18.5]]
    """
    if kind == "cosine":
        a, b = (z / jnp.sqrt((z**2).sum(axis=1, keepdims=True) + _TINY) for z in (a, b))
        return a @ b.T
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    squared = jnp.maximum(squared, 0.0)
    return -squared if kind == "squared_euclidean" else -jnp.sqrt(squared + _TINY)
