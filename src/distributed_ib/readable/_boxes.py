"""Rows of a table: boxes of symbols, merged with the least loss of information.

A box is a set of symbols for each component. Two boxes may be merged if the smallest box that
contains both contains no combination of a third, so that no combination in the data is in two
boxes. The sets are bits of one integer, a range of bits for each component.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Labels = NDArray[np.int64]
Bits = NDArray[np.uint64]

MOST_SYMBOLS = 63
"""Most symbols of all components together."""
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class BoxPath:
    """Successive mergers of boxes, from one for each combination towards a single one.

    Attributes:
        labels: The box of each combination, `[combination]`, by the number of boxes.
    """

    labels: dict[int, Labels]


def as_bits(symbols: Labels, n_symbols: Labels) -> Bits:
    """Combinations `[n, component]` as sets of one symbol for each component, `[n]`."""
    first = np.concatenate([[0], np.cumsum(n_symbols)[:-1]]).astype(np.uint64)
    one = np.uint64(1)
    return np.bitwise_or.reduce(one << (symbols.astype(np.uint64) + first), axis=1)


def box_path(combinations: Bits, weight: FloatArray, predictions: FloatArray) -> BoxPath:
    """Repeatedly merge the two boxes whose merger costs least, as long as any two may be merged.

    Args:
        combinations: All combinations in the data, as sets, `[combination]`.
        weight: Share of rows of each combination.
        predictions: Probabilities of Y given each combination, `[combination, class]`.

    Example:
        >>> symbols = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> p = np.array([0.0, 0.0, 0.5, 1.0])
        >>> bits = as_bits(symbols, np.array([2, 2]))
        >>> box_path(bits, np.full(4, 0.25), np.stack([p, 1 - p], 1)).labels[3].tolist()
        [0, 0, 1, 2]
    """
    n = len(combinations)
    members = np.eye(n, dtype=bool)
    boxes, w = combinations.copy(), weight.copy()
    sums = predictions * weight[:, None]
    h = _weighted_entropy(sums, w)
    cost = _pair_costs(sums, w, h)
    labels = {n: np.arange(n)}
    while len(boxes) > 1:
        hull = boxes[:, None] | boxes[None, :]
        inside = ((combinations & ~hull[..., None]) == 0).sum(axis=2)
        sizes = members.sum(axis=1)
        fits = np.triu(inside == sizes[:, None] + sizes[None, :], 1)
        if not fits.any():
            break
        allowed = np.where(fits, cost, np.inf)
        a, b = np.unravel_index(int(np.argmin(allowed)), allowed.shape)
        boxes[a] |= boxes[b]
        members[a] |= members[b]
        sums[a] += sums[b]
        w[a] += w[b]
        keep = np.arange(len(boxes)) != b
        boxes, members, sums, w = boxes[keep], members[keep], sums[keep], w[keep]
        cost, h = cost[np.ix_(keep, keep)], h[keep]
        h[a] = _weighted_entropy(sums[a : a + 1], w[a : a + 1])[0]
        row = _weighted_entropy(sums[a] + sums, w[a] + w) - h[a] - h
        cost[a, :] = cost[:, a] = row
        labels[len(boxes)] = members.argmax(axis=0)
    return BoxPath(labels)


def boxes_of(combinations: Bits, labels: Labels) -> Bits:
    """The box of each label, the union of its combinations, `[label]`."""
    return np.array(
        [np.bitwise_or.reduce(combinations[labels == k]) for k in range(labels.max() + 1)],
        np.uint64,
    )


def assigned(combinations: Bits, boxes: Bits) -> Labels:
    """The first box that contains each combination, or else the most of its symbols, `[n]`."""
    missing = np.bitwise_count(combinations[:, None] & ~boxes[None, :])
    return np.asarray(missing.argmin(axis=1), np.int64)


def symbol_sets(boxes: Bits, n_symbols: Labels) -> list[tuple[frozenset[int], ...]]:
    """The symbols of each component in each box."""
    found = []
    for box in boxes.tolist():
        sets, first = [], 0
        for n in n_symbols.tolist():
            sets.append(frozenset(k for k in range(n) if box >> (first + k) & 1))
            first += n
        found.append(tuple(sets))
    return found


def _weighted_entropy(sums: FloatArray, weight: FloatArray) -> FloatArray:
    """Entropy of each prediction times its weight; `sums` are weighted, `[n, class]`."""
    p = sums / np.maximum(weight, _TINY)[:, None]
    return -weight * (p * np.log2(np.maximum(p, _TINY))).sum(axis=1)


def _pair_costs(sums: FloatArray, weight: FloatArray, h: FloatArray) -> FloatArray:
    return np.stack(
        [
            _weighted_entropy(one + sums, w + weight) - own - h
            for one, w, own in zip(sums, weight, h, strict=True)
        ]
    )
