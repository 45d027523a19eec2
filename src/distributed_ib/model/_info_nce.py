"""InfoNCE: the cross entropy of identifying the Y of each row among all Ys of a batch."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

# Exponentials of the scores, shifted by the highest, and their sums along one axis.
_Parts = tuple[Float[Array, "n n"], Float[Array, "#n #n"]]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def info_nce_nats(scores: Float[Array, "n n"], symmetric: bool) -> Float[Array, " n"]:
    """Cross entropy of picking entry i of row i by the exponential of its score.

    log(n) minus its mean is a lower bound on the mutual information, in nats (van den Oord et al.,
    2018). The gradient is written out, because automatic differentiation would compute every
    exponential twice and fill a matrix for the diagonal.

    Args:
        scores: Similarity of each X to each Y, `[n, n]`; matching pairs are on the diagonal.
        symmetric: Whether to average this with picking entry i of column i.

    Returns:
        Losses in nats, `[n]`, never negative; 0 for a single pair.

    Example:
        >>> losses = info_nce_nats(jnp.zeros((4, 4)), False)
        >>> [round(loss, 4) for loss in losses.tolist()]  # log 4
        [1.3863, 1.3863, 1.3863, 1.3863]
    """
    return _forward(scores, symmetric)[0]


def _forward(
    scores: Float[Array, "n n"], symmetric: bool
) -> tuple[Float[Array, " n"], list[_Parts]]:
    found = [_log_sum(scores, axis) for axis in _axes(symmetric)]
    total = sum((log_sum for log_sum, _ in found[1:]), found[0][0])
    return total / len(found) - jnp.diagonal(scores), [parts for _, parts in found]


def _backward(
    symmetric: bool, saved: list[_Parts], cotangent: Float[Array, " n"]
) -> tuple[Float[Array, "n n"]]:
    diagonal = _diagonal(len(cotangent))
    terms = []
    for axis, (parts, sums) in zip(_axes(symmetric), saved, strict=True):
        along = jnp.expand_dims(cotangent, axis) / len(saved)
        picked = parts * (along / sums)
        terms.append(jnp.where(diagonal, picked - along, picked))
    return (sum(terms[1:], terms[0]),)


info_nce_nats.defvjp(_forward, _backward)


def _axes(symmetric: bool) -> tuple[int, ...]:
    return (1, 0) if symmetric else (1,)


def _diagonal(n: int) -> Bool[Array, "n n"]:
    """True on the diagonal."""
    index = jnp.arange(n)
    return index[:, None] == index[None]


def _log_sum(scores: Float[Array, "n n"], axis: int) -> tuple[Float[Array, " n"], _Parts]:
    """Logarithm of a sum of exponentials; the shifted terms, and their sum with its axis kept."""
    highest = scores.max(axis=axis, keepdims=True)
    parts = jnp.exp(scores - highest)
    sums = parts.sum(axis=axis, keepdims=True)
    return (jnp.log(sums) + highest).squeeze(axis), (parts, sums)
