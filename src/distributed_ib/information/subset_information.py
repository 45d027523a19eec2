"""Exact information of every subset of inputs about the output of a Boolean function.

A subset S of the n inputs is a bit mask: **bit i of the mask is input i**, so that `0b101` is the
subset {0, 2}. Rows of a truth table are numbered in the same way: bit i of the row number is the
value of input i.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32, UInt8
from numpy.typing import ArrayLike

from distributed_ib.errors import UserError
from distributed_ib.information.entropy import binary_entropy_bits

MAX_EXHAUSTIVE_INPUTS = 20
"""Most inputs for which all subsets are searched: time grows as 3^n and memory as 2^n."""

TIE_BITS = 1e-9
"""Values closer than this are tied; it is far above rounding errors and below real differences."""

_BASE_INPUTS = 8  # inputs that are expanded at once, into 3^8 = 6561 columns
_BASE_ROWS = 64  # rows expanded at a time: 64 x 6561 numbers stay in the cache


@dataclass(frozen=True)
class BestSubsets:
    """The most informative subsets of one size.

    Attributes:
        size: Number of inputs in the subset.
        information_bits: I(X_S;Y) of the best subset, in bits.
        masks: All subsets with that information (ties within `TIE_BITS`), in ascending order.
        runner_up_bits: The highest information of all other subsets of this size, in bits; None if
            there are none.
    """

    size: int
    information_bits: float
    masks: tuple[int, ...]
    runner_up_bits: float | None


def check_exhaustive(n_inputs: int) -> None:
    """Check that there are few enough inputs for a search over all subsets.

    Raises:
        UserError: If there are more than `MAX_EXHAUSTIVE_INPUTS` inputs.

    >>> check_exhaustive(16)
    """
    if n_inputs > MAX_EXHAUSTIVE_INPUTS:
        raise UserError(
            f"the search over all subsets supports at most {MAX_EXHAUSTIVE_INPUTS} inputs, but "
            f"there are {n_inputs}; use a circuit with fewer inputs."
        )


def subset_information_bits(y: ArrayLike) -> Float64[np.ndarray, " subset"]:
    """Mutual information I(X_S;Y) of every subset S of uniform binary inputs.

    I(X_S;Y) = H(Y) - E_a[ h(P(Y=1 | X_S=a)) ]. Inputs are taken one at a time and either averaged
    out or kept, which visits every subset once and costs 3^n operations; the last eight inputs are
    processed together. Probabilities are exact, as integers in units of 2^-n.

    Args:
        y: Truth table `[2**n]` of 0 and 1; bit i of the row number is the value of input i.

    Returns:
        Information `[2**n]` in bits, indexed by mask; bit i of the mask is input i. Entry 0 is
        the empty subset, the last entry is H(Y).

    Raises:
        UserError: If `y` is not a truth table or has more than `MAX_EXHAUSTIVE_INPUTS` inputs.

    >>> subset_information_bits([0, 1, 1, 0]).tolist()  # XOR: nothing until both are known
    [0.0, 0.0, 0.0, 1.0]
    """
    truth, n_inputs = _truth_table(y)
    check_exhaustive(n_inputs)
    n_rows = truth.size
    entropy_table = binary_entropy_bits(np.arange(n_rows + 1) / n_rows)  # [2**n + 1]
    conditional_bits = np.empty(n_rows)  # H(Y|X_S), filled subset by subset

    # Each entry: P(Y=1 | kept, undecided) * 2^n as [kept values, undecided values], the number of
    # undecided inputs (those with the lowest bits), and the mask of the kept inputs.
    pending = [((truth.astype(np.int32) << n_inputs)[np.newaxis, :], n_inputs, 0)]
    while pending:
        scaled, n_undecided, mask = pending.pop()
        if n_undecided <= _BASE_INPUTS:
            block = slice(mask, mask + (1 << n_undecided))
            conditional_bits[block] = _expand(scaled, n_undecided, entropy_table)
            continue
        half = scaled.shape[1] // 2
        low, high = scaled[:, :half], scaled[:, half:]
        pending.append((np.concatenate([low, high]), n_undecided - 1, mask | half))
        pending.append(((low + high) >> 1, n_undecided - 1, mask))
    return np.maximum(conditional_bits[0] - conditional_bits, 0.0)


def rank_within_size(information_bits: ArrayLike, mask: int) -> int:
    """Rank of one subset among all subsets of its size; 1 is the most informative.

    The rank is one plus the number of subsets that are better by more than `TIE_BITS`, so that
    tied subsets share the best rank.

    Args:
        information_bits: Information `[2**n]` of every subset, indexed by mask.
        mask: The subset; bit i is input i.

    Raises:
        UserError: If `mask` is not a subset of the n inputs.

    >>> rank_within_size([0.0, 0.3, 0.1, 0.5], 0b10)
    2
    """
    information = np.asarray(information_bits, dtype=np.float64)
    n_inputs = _n_inputs_of(information.size, "information_bits")
    if not 0 <= mask < information.size:
        raise UserError(f"mask {mask} is not a subset of {n_inputs} inputs.")
    same_size = np.bitwise_count(np.arange(information.size)) == mask.bit_count()
    better = information > information[mask] + TIE_BITS
    return 1 + int(np.count_nonzero(same_size & better))


def best_subsets(information_bits: ArrayLike) -> tuple[BestSubsets, ...]:
    """The most informative subsets of every size from 0 to n, including all ties.

    Args:
        information_bits: Information `[2**n]` of every subset, indexed by mask.

    Returns:
        One record per size, in ascending order: entry k describes subsets of k inputs.

    >>> best_subsets([0.0, 0.3, 0.3, 0.5])[1]
    BestSubsets(size=1, information_bits=0.3, masks=(1, 2), runner_up_bits=None)
    """
    information = np.asarray(information_bits, dtype=np.float64)
    n_inputs = _n_inputs_of(information.size, "information_bits")
    sizes = np.bitwise_count(np.arange(information.size))
    found = []
    for size in range(n_inputs + 1):
        masks = np.flatnonzero(sizes == size)
        best = information[masks].max()
        tied = information[masks] >= best - TIE_BITS
        others = information[masks[~tied]]
        found.append(
            BestSubsets(
                size=size,
                information_bits=float(best),
                masks=tuple(int(mask) for mask in masks[tied]),
                runner_up_bits=float(others.max()) if others.size else None,
            )
        )
    return tuple(found)


def subset_mask(inputs: Iterable[int]) -> int:
    """The bit mask of a set of input numbers.

    >>> subset_mask([0, 2])
    5
    """
    mask = 0
    for number in inputs:
        mask |= 1 << number
    return mask


def subset_inputs(mask: int) -> tuple[int, ...]:
    """The input numbers in a bit mask, in ascending order.

    >>> subset_inputs(5)
    (0, 2)
    """
    return tuple(i for i in range(mask.bit_length()) if mask >> i & 1)


def _expand(
    scaled: Int32[np.ndarray, "kept undecided"],
    n_undecided: int,
    entropy_table: Float64[np.ndarray, " counts"],
) -> Float64[np.ndarray, " subset"]:
    """E[h(P(Y=1|.))] for every subset of the undecided inputs: `[2**n_undecided]` by mask.

    Every undecided axis of length 2 becomes one of length 3 (value 0, value 1, averaged out), one
    look-up yields all entropies, and each axis of 3 becomes one of 2 (averaged out, kept).
    """
    total = np.zeros(3**n_undecided)
    for start in range(0, len(scaled), _BASE_ROWS):
        grown = scaled[start : start + _BASE_ROWS]
        n_rows = len(grown)
        for done in range(n_undecided):
            # [rows x axes still to do, 2, axes done]
            pair = grown.reshape(-1, 2, 3**done)
            triple = np.empty((len(pair), 3, 3**done), dtype=np.int32)
            triple[:, :2] = pair
            np.add(pair[:, 0], pair[:, 1], out=triple[:, 2])
            triple[:, 2] >>= 1
            grown = triple
        total += entropy_table[grown.reshape(n_rows, -1)].sum(axis=0)
    mean = total / len(scaled)
    for done in range(n_undecided):
        triple_bits = mean.reshape(-1, 3, 2**done)  # [axes still to do, 3, axes done]
        kept = 0.5 * (triple_bits[:, 0] + triple_bits[:, 1])
        mean = np.stack([triple_bits[:, 2], kept], axis=1)
    return mean.reshape(-1)


def _truth_table(y: ArrayLike) -> tuple[UInt8[np.ndarray, " row"], int]:
    """Return a checked truth table and its number of inputs."""
    values = np.asarray(y)
    if values.ndim != 1:
        raise UserError(
            f"a truth table must have one axis, [2**n], but this one has {values.ndim}."
        )
    n_inputs = _n_inputs_of(values.size, "a truth table")
    if not np.all((values == 0) | (values == 1)):
        raise UserError("a truth table must contain only 0 and 1; another value was found.")
    return values.astype(np.uint8), n_inputs


def _n_inputs_of(length: int, what: str) -> int:
    """The n of an array with 2**n entries."""
    if length < 1 or length & (length - 1):
        raise UserError(f"{what} must have 2**n entries, one per row or subset, but got {length}.")
    return length.bit_length() - 1
