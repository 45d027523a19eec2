"""Merging of the values of a component with the least loss of information about the prediction.

This is the agglomerative information bottleneck (Slonim and Tishby, 1999). Merging symbols a and b
of weights w_a and w_b, which predict p_a and p_b, loses

    (w_a + w_b) JS(p_a, p_b) = w_a KL(p_a || p_ab) + w_b KL(p_b || p_ab),

where p_ab is their weighted mean. As a prediction also depends on the other components, the loss
is averaged over contexts: rows that provide the values of all other components.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Labels = NDArray[np.int64]

MOST_INTERVALS = 8
"""Only neighbours are merged down to this many symbols of a number; then any two may be."""
APART = 2.0
"""Factor on the cost of merging two symbols of a number that are not neighbours."""
_LEAST_WEIGHT = 1e-9
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class MergePath:
    """Successive mergers of the atoms of a component, from all separate to a single symbol.

    Attributes:
        labels: The symbol of each atom when there are k + 1 symbols, `[k][atom]`; symbols are
            numbered by their first atom.
        loss_bits: Information lost by merging k + 2 symbols into k + 1, `[k]`, in bits.
    """

    labels: tuple[Labels, ...]
    loss_bits: tuple[float, ...]


def merge_path(
    predictions: FloatArray,
    weight: FloatArray,
    *,
    is_number: bool,
    n_on_line: int | None = None,
    only_neighbours: bool = False,
) -> MergePath:
    """Repeatedly merge the two symbols whose merger costs least.

    Args:
        predictions: Probabilities of Y given each atom in each context, `[atom, context, class]`.
        weight: Share of rows of each atom, `[atom]`.
        is_number: Whether atoms lie on a line.
        n_on_line: How many of the first atoms lie on the line, by default all; the others, such as
            that of missing values, may merge with any.
        only_neighbours: Whether only neighbours are ever merged, as for an ordered category.

    Example:
        >>> p = np.array([0.1, 0.1, 0.9, 0.9])
        >>> path = merge_path(np.stack([p, 1 - p], -1)[:, None], np.full(4, 0.25), is_number=True)
        >>> path.labels[1].tolist(), round(path.loss_bits[0], 3)
        ([0, 0, 1, 1], 0.531)
    """
    n_atoms = len(weight)
    on_line = n_atoms if n_on_line is None else n_on_line
    w = np.maximum(weight / weight.sum(), _LEAST_WEIGHT)
    sums = predictions * w[:, None, None]
    groups = [[atom] for atom in range(n_atoms)]
    cost = np.full((n_atoms, n_atoms), np.inf)
    alive = np.ones(n_atoms, bool)
    entropy = np.array([_entropy_bits(sums[a : a + 1], w[a : a + 1])[0] for a in range(n_atoms)])

    def refresh(first: int) -> None:
        others = np.flatnonzero(alive & (np.arange(n_atoms) != first))
        both = w[first] + w[others]
        merged = _entropy_bits(sums[first] + sums[others], both)
        found = both * merged - w[first] * entropy[first] - w[others] * entropy[others]
        cost[first, others] = cost[others, first] = np.maximum(found, 0.0)

    for atom in range(n_atoms):
        refresh(atom)
    labels, losses = [_labelled(groups, alive, n_atoms)], []
    for n_symbols in range(n_atoms, 1, -1):
        allowed = cost.copy()
        if is_number:
            strictly = only_neighbours or n_symbols > MOST_INTERVALS
            apart = np.inf if strictly else APART * cost
            allowed = np.where(_neighbours(groups, alive, on_line), cost, apart)
        first, second = sorted(map(int, np.unravel_index(int(np.argmin(allowed)), cost.shape)))
        losses.append(float(cost[first, second]))
        sums[first] += sums[second]
        w[first] += w[second]
        alive[second] = False
        cost[second, :] = cost[:, second] = np.inf
        groups[first] += groups[second]
        entropy[first] = _entropy_bits(sums[first : first + 1], w[first : first + 1])[0]
        refresh(first)
        labels.append(_labelled(groups, alive, n_atoms))
    return MergePath(tuple(labels[::-1]), tuple(losses[::-1]))


def _entropy_bits(sums: FloatArray, weight: FloatArray) -> FloatArray:
    """Entropy of `sums`, `[symbol, context, class]`, over `weight`, averaged over contexts."""
    p = sums / weight[:, None, None]
    return -(p * np.log2(np.maximum(p, _TINY))).sum(axis=2).mean(axis=1)


def _neighbours(
    groups: list[list[int]], alive: NDArray[np.bool_], n_on_line: int
) -> NDArray[np.bool_]:
    """Which symbols are neighbours on the line, `[atom, atom]`; those off it neighbour all."""
    owner = _labelled(groups, alive, len(alive))[:n_on_line]
    first = np.flatnonzero(alive)
    touch = np.zeros((len(alive), len(alive)), bool)
    left, right = first[owner[:-1]], first[owner[1:]]
    touch[left, right] = touch[right, left] = True
    off_line = [k for k in np.flatnonzero(alive) if min(groups[k]) >= n_on_line]
    touch[off_line] = touch[:, off_line] = True
    np.fill_diagonal(touch, False)
    return touch


def _labelled(groups: list[list[int]], alive: NDArray[np.bool_], n_atoms: int) -> Labels:
    labels = np.empty(n_atoms, np.int64)
    for number, symbol in enumerate(np.flatnonzero(alive)):
        labels[groups[symbol]] = number
    return labels
