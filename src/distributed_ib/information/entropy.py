"""Exact entropies of discrete distributions, in bits."""

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike
from scipy.special import entr, xlogy

from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError

_SUM_TOLERANCE = 1e-9


def entropy_bits(p: ArrayLike) -> Float64[np.ndarray, "*batch"]:
    """Shannon entropy H = -sum p log2 p of each distribution along the last axis.

    Args:
        p: Probabilities `[..., n]`, non-negative, each distribution summing to 1.

    Returns:
        Entropies `[...]` in bits, with 0 log 0 = 0 (a NumPy scalar for a single distribution).

    Raises:
        UserError: If `p` is not a probability distribution along its last axis.

    >>> float(entropy_bits([0.5, 0.25, 0.25]))
    1.5
    """
    probability = _distribution(p, axes=1, what="entropy_bits")
    return np.maximum(nats_to_bits(entr(probability).sum(axis=-1)), 0.0)


def binary_entropy_bits(p: ArrayLike) -> Float64[np.ndarray, "*batch"]:
    """Entropy of a binary variable, h(p) = -p log2 p - (1 - p) log2(1 - p), elementwise.

    Args:
        p: Probabilities of one of the two outcomes `[...]`, each between 0 and 1.

    Returns:
        Entropies `[...]` in bits, with h(0) = h(1) = 0 (a NumPy scalar for a single probability).

    Raises:
        UserError: If a value is not between 0 and 1.

    >>> binary_entropy_bits([0.0, 0.5, 1.0]).tolist()
    [0.0, 1.0, 0.0]
    """
    probability = np.asarray(p, dtype=np.float64)
    if not np.all((probability >= 0.0) & (probability <= 1.0)):  # also catches NaN
        raise UserError("binary_entropy_bits: every probability must lie between 0 and 1.")
    return np.maximum(nats_to_bits(entr(probability) + entr(1.0 - probability)), 0.0)


def mutual_information_bits(joint: ArrayLike) -> Float64[np.ndarray, "*batch"]:
    """Mutual information I(X;Y) = sum p(x,y) log2[ p(x,y) / (p(x) p(y)) ] of each joint table.

    Args:
        joint: Joint probabilities `[..., nx, ny]`, non-negative, each table summing to 1.

    Returns:
        Information `[...]` in bits, never negative (a NumPy scalar for a single table).

    Raises:
        UserError: If `joint` is not a joint distribution along its last two axes.

    >>> float(mutual_information_bits([[0.5, 0.0], [0.0, 0.5]]))
    1.0
    """
    table = _distribution(joint, axes=2, what="mutual_information_bits")
    p_x = table.sum(axis=-1, keepdims=True)
    p_y = table.sum(axis=-2, keepdims=True)
    # Three terms, since the product of two tiny probabilities may underflow.
    terms = xlogy(table, table) - xlogy(table, p_x) - xlogy(table, p_y)
    return np.maximum(nats_to_bits(terms.sum(axis=(-2, -1))), 0.0)


def _distribution(p: ArrayLike, *, axes: int, what: str) -> Float64[np.ndarray, "..."]:
    """Return `p` as float64 after checking that its last `axes` axes contain distributions."""
    probability = np.asarray(p, dtype=np.float64)
    if probability.ndim < axes:
        raise UserError(
            f"{what}: needs an array of at least {axes} axes, but got {probability.ndim}."
        )
    if not np.all(probability >= 0.0):  # also catches NaN
        raise UserError(f"{what}: a probability is negative or not a number.")
    total = probability.sum(axis=tuple(range(-axes, 0)))
    if not np.all(np.abs(total - 1.0) <= _SUM_TOLERANCE):
        worst = np.ravel(total)[np.argmax(np.abs(np.ravel(total) - 1.0))]
        raise UserError(f"{what}: probabilities must sum to 1, but they sum to {worst:.6g}.")
    return probability
