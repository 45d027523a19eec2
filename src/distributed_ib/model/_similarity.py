"""How alike points of two sets are: the similarities that InfoNCE compares."""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

Similarity = Literal["euclidean", "squared_euclidean", "cosine"]
# Keeps a distance from zero, and its gradient finite, where two points coincide.
_TINY = 1e-6


def similarities(a: Array, b: Array, kind: Similarity) -> Array:
    """Similarity of each row of `a` `[n, d]` to each row of `b` `[m, d]`, as `[n, m]`.

    "euclidean" and "squared_euclidean" are negative distances, "cosine" is the cosine of the angle.
    Row i of `a` and row i of `b` are taken for a pair that may lie close: its distance has every
    digit of single precision. Between others, rounding hides distances below 3e-4 of that from the
    centre of `b`.

    Example:
        >>> points = jnp.array([[0.0, 1.0], [3.0, 5.0]])
        >>> similarities(points, points[::-1] + 0.5, "squared_euclidean").tolist()
        [[-32.5, -0.5], [-0.5, -18.5]]
    """
    if kind == "cosine":
        a, b = (z / jnp.sqrt((z**2).sum(axis=1, keepdims=True) + _TINY) for z in (a, b))
        return _product(a, b.T)
    # Moving both changes no distance, but the squares that cancel are smaller.
    centre = jax.lax.stop_gradient(b.mean(axis=0, keepdims=True))
    a, b = a - centre, b - centre
    return -_squared_distances(a, b) if kind == "squared_euclidean" else _nearness(a, b)


def _squared_distances(a: Array, b: Array) -> Array:
    """2ab - a^2 - b^2 is one product, with the squares as two further columns on each side."""
    one = jnp.ones((1, 1), a.dtype)
    a_squared, b_squared = ((z**2).sum(axis=1, keepdims=True) for z in (a, b))
    negative = _product(
        _with_columns(2.0 * a, -a_squared, -one), _with_columns(b, one, b_squared).T
    )
    n_pairs = min(len(a), len(b))
    of_pairs, pair = ((a[:n_pairs] - b[:n_pairs]) ** 2).sum(axis=1), jnp.arange(n_pairs)
    negative = negative.at[pair, pair].set(
        -of_pairs, indices_are_sorted=True, unique_indices=True, mode="promise_in_bounds"
    )
    # Rounding may change the sign of what is nearly zero. Put to zero it would have the steepest
    # gradient there is.
    return jnp.abs(negative)


@jax.custom_vjp
def _nearness(a: Array, b: Array) -> Array:
    """Negative Euclidean distances `[n, m]`, with a gradient that passes over them once.

    These matrices are large beside `a` and `b`, and on the CPU every pass over one counts. Sums
    over rows and columns come with the products of the gradient, as a further column of ones.
    """
    squared = _squared_distances(a, b) + _TINY
    # Not -sqrt(squared), whose sign would be changed in a pass of its own.
    return -squared * jax.lax.rsqrt(squared)


def _nearness_forward(a: Array, b: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    nearness = _nearness(a, b)
    return nearness, (a, b, nearness)


def _nearness_backward(saved: tuple[Array, Array, Array], slope: Array) -> tuple[Array, Array]:
    a, b, nearness = saved
    pull, one = slope / nearness, jnp.ones((1, 1), a.dtype)
    to_b = _product(pull, _with_columns(b, one))
    # `a` is transposed before it gets its ones, and the result after the sum: right beside the
    # product the transpose would become part of it, and it would take twice as long.
    to_a = _product(jnp.concatenate([a.T, jnp.ones((1, len(a)), a.dtype)]), pull)
    return a * to_b[:, -1:] - to_b[:, :-1], (b.T * to_a[-1:] - to_a[:-1]).T


_nearness.defvjp(_nearness_forward, _nearness_backward)


def _product(a: Array, b: Array) -> Array:
    """In full single precision: what cancels here leaves nothing of the 11 bits of TF32."""
    return jnp.matmul(a, b, precision="highest")


def _with_columns(z: Array, *columns: Array) -> Array:
    """`[n, d]` with further columns, `[n, 1]` or `[1, 1]`, at its right."""
    return jnp.concatenate([z, *(jnp.broadcast_to(c, (len(z), 1)) for c in columns)], axis=1)
