"""Similarities between the points of two sets, as used by InfoNCE."""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

Similarity = Literal["euclidean", "squared_euclidean", "cosine"]
# Keeps a distance away from zero, and its gradient finite, if two points coincide.
_TINY = 1e-6


def similarities(
    a: Float[Array, "n d"], b: Float[Array, "m d"], kind: Similarity
) -> Float[Array, "n m"]:
    """Similarity of each row of `a` `[n, d]` to each row of `b` `[m, d]`, as `[n, m]`.

    Row i of `a` and row i of `b` are treated as a pair that may be close together: its distance is
    exact to single precision. For other pairs, rounding hides distances below 3e-4 of the distance
    from the centre of `b`.

    Args:
        a: Points `[n, d]`.
        b: Points `[m, d]`.
        kind: "euclidean" or "squared_euclidean", the negative of that distance, or "cosine", the
            cosine of the angle.

    Example:
        >>> points = jnp.array([[0.0, 1.0], [3.0, 5.0]])
        >>> similarities(points, points[::-1] + 0.5, "squared_euclidean").tolist()
        [[-32.5, -0.5], [-0.5, -18.5]]
    """
    if kind == "cosine":
        a, b = (z / jnp.sqrt((z**2).sum(axis=1, keepdims=True) + _TINY) for z in (a, b))
        return _product(a, b.T)
    # Shifting both changes no distance, but makes the squares that cancel smaller.
    centre = jax.lax.stop_gradient(b.mean(axis=0, keepdims=True))
    a, b = a - centre, b - centre
    return -_squared_distances(a, b) if kind == "squared_euclidean" else _nearness(a, b)


def _squared_distances(a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Squared distances by one product, 2ab - a^2 - b^2, with two extra columns on each side."""
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
    # Rounding may change the sign of a distance near zero. Clipped to zero it would have the
    # steepest gradient possible.
    return jnp.abs(negative)


@jax.custom_vjp
def _nearness(a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, "n m"]:
    """Negative Euclidean distances `[n, m]`, with a gradient that passes over them once.

    These matrices are large compared with `a` and `b`, and on the CPU every pass over one counts.
    An extra column of ones in the products of the gradient gives the sums over rows and columns.
    """
    squared = _squared_distances(a, b) + _TINY
    # Not -sqrt(squared), whose change of sign would take a pass of its own.
    return -squared * jax.lax.rsqrt(squared)


_Saved = tuple[Float[Array, "n d"], Float[Array, "m d"], Float[Array, "n m"]]


def _nearness_forward(
    a: Float[Array, "n d"], b: Float[Array, "m d"]
) -> tuple[Float[Array, "n m"], _Saved]:
    nearness = _nearness(a, b)
    return nearness, (a, b, nearness)


def _nearness_backward(
    saved: _Saved, cotangent: Float[Array, "n m"]
) -> tuple[Float[Array, "n d"], Float[Array, "m d"]]:
    a, b, nearness = saved
    ratio, one = cotangent / nearness, jnp.ones((1, 1), a.dtype)
    to_b = _product(ratio, _with_columns(b, one))
    # `a` is transposed before it gets its ones, and the result after the sum: next to the product
    # the transpose would be fused into it and take twice as long.
    to_a = _product(jnp.concatenate([a.T, jnp.ones((1, len(a)), a.dtype)]), ratio)
    return a * to_b[:, -1:] - to_b[:, :-1], (b.T * to_a[-1:] - to_a[:-1]).T


_nearness.defvjp(_nearness_forward, _nearness_backward)


def _product(a: Float[Array, "n k"], b: Float[Array, "k m"]) -> Float[Array, "n m"]:
    """Matrix product in full single precision: cancellation would use up the 11 bits of TF32."""
    return jnp.matmul(a, b, precision="highest")


def _with_columns(z: Float[Array, "n d"], *columns: Float[Array, "#n 1"]) -> Float[Array, "n _"]:
    """`[n, d]` with extra columns, `[n, 1]` or `[1, 1]`, on the right."""
    return jnp.concatenate([z, *(jnp.broadcast_to(c, (len(z), 1)) for c in columns)], axis=1)
