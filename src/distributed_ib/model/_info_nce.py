"""InfoNCE: the cross entropy of finding what belongs to each row among all that is there."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def info_nce_nats(scores: Array, n_candidates: int, symmetric: bool) -> Array:
    """Cross entropy of picking entry i of row i by the exponential of its score.

    log(n_candidates) minus its mean is a lower bound of the mutual information, in nats (van den
    Oord et al., 2018). Its gradient is written out, since automatic differentiation takes every
    exponential twice and fills a matrix for the diagonal.

    Args:
        scores: Similarity of each X to each Y, `[n, n]`; those that belong together stand on the
            diagonal.
        n_candidates: Ys to choose among, at least n. If n is less, each wrong one stands for as
            many as are missing.
        symmetric: Whether to average over picking entry i of column i too.

    Returns:
        `[n]`, never negative. A single pair has nothing to be compared with and scores 0.

    Example:
        >>> losses = info_nce_nats(jnp.zeros((4, 4)), 4, False)
        >>> [round(loss, 4) for loss in losses.tolist()]  # log 4
        [1.3863, 1.3863, 1.3863, 1.3863]
    """
    return _forward(scores, n_candidates, symmetric)[0]


def _forward(
    scores: Array, n_candidates: int, symmetric: bool
) -> tuple[Array, list[tuple[Array, Array]]]:
    weighted = _weighted(scores, n_candidates)
    found = [_log_sum(weighted, axis) for axis in _axes(symmetric)]
    mean: Any = sum(log_sum for log_sum, _ in found) / len(found)
    return mean - jnp.diagonal(scores), [parts for _, parts in found]


def _backward(
    n_candidates: int, symmetric: bool, saved: list[tuple[Array, Array]], slope: Array
) -> tuple[Array]:
    del n_candidates  # is in the parts
    own = _own(len(slope))
    pull: Any = 0.0
    for axis, (parts, sums) in zip(_axes(symmetric), saved, strict=True):
        along = jnp.expand_dims(slope, axis) / len(saved)
        picked = parts * (along / sums)
        pull += jnp.where(own, picked - along, picked)
    return (pull,)


info_nce_nats.defvjp(_forward, _backward)


def _axes(symmetric: bool) -> tuple[int, ...]:
    return (1, 0) if symmetric else (1,)


def _weighted(scores: Array, n_candidates: int) -> Array:
    n = len(scores)
    if n in (1, n_candidates):
        return scores
    return scores + jnp.where(_own(n), 0.0, math.log((n_candidates - 1) / (n - 1)))


def _own(n: int) -> Array:
    """True on the diagonal of `[n, n]`."""
    index = jnp.arange(n)
    return index[:, None] == index[None]


def _log_sum(scores: Array, axis: int) -> tuple[Array, tuple[Array, Array]]:
    """Logarithm of a sum of exponentials; the parts of the sum, and the sum (kept as an axis)."""
    highest = scores.max(axis=axis, keepdims=True)
    parts = jnp.exp(scores - highest)
    sums = parts.sum(axis=axis, keepdims=True)
    return (jnp.log(sums) + highest).squeeze(axis), (parts, sums)
