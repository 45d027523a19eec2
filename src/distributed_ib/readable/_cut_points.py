"""Cuts between the symbols of a number, moved to where the rows say."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from distributed_ib.readable._boxes import assigned
from distributed_ib.readable._cells import CellSums
from distributed_ib.readable._choosing_table import FloatArray, Labels, Table
from distributed_ib.readable._rows import Rows

_SHIFTS = (-4, -2, -1, 1, 2, 4)
_MOST_ROUNDS = 4
# So many bits the rows must become more likely by, all together: a cut that is moved among noise
# gains one or two.
_LEAST_GAIN_BITS = 4.0


def with_moved_cuts(table: Table, on_line: Sequence[int], rows: Rows, model: FloatArray) -> Table:
    """Move each cut by a few atoms as long as the rows of development become more likely.

    Where a value lies near a cut the models' channels are soft, and leave open by a few hundredths
    of the rows where the cut is best made.

    Args:
        table: The table.
        on_line: How many of the first atoms of each component lie on a line; 0 for a category.
        rows: Rows of development.
        model: What the models predict of them.
    """
    best = mean_gain_bits(table, rows, model)
    least = _LEAST_GAIN_BITS / len(rows.weight)
    for _ in range(_MOST_ROUNDS):
        before = best
        for k in np.flatnonzero(on_line).tolist():
            labels = table.symbols[k][: on_line[k]]
            for cut in np.flatnonzero(np.diff(labels)):
                for shift in _SHIFTS:
                    moved = _moved(table.symbols[k][: on_line[k]], int(cut), shift)
                    if moved is None:
                        continue
                    moved = np.concatenate([moved, table.symbols[k][on_line[k] :]])
                    symbols = (*table.symbols[:k], moved, *table.symbols[k + 1 :])
                    other = replace(table, symbols=symbols)
                    gain = mean_gain_bits(other, rows, model)
                    if gain > best + least:
                        table, best = other, gain
        if best == before:
            break
    return table


def runs(labels: Labels) -> list[tuple[int, int]]:
    """Stretches of equal labels, each as its first place and the place after it.

    >>> runs(np.array([0, 0, 1, 0]))
    [(0, 2), (2, 3), (3, 4)]
    """
    ends = [0, *(1 + np.flatnonzero(np.diff(labels))).tolist(), len(labels)]
    return list(pairwise(ends))


def _moved(labels: Labels, cut: int, shift: int) -> Labels | None:
    """Labels with the cut after atom `cut` elsewhere; None if a symbol would lose a stretch."""
    below, above = labels[cut], labels[min(cut + 1, len(labels) - 1)]
    if below == above:  # it has been moved already
        return None
    moved = labels.copy()
    stretch = slice(cut + 1, cut + 1 + shift) if shift > 0 else slice(cut + 1 + shift, cut + 1)
    if stretch.start < 0 or stretch.stop > len(labels) or len(set(labels[stretch].tolist())) > 1:
        return None
    moved[stretch] = below if shift > 0 else above
    return moved if np.count_nonzero(np.diff(moved)) == np.count_nonzero(np.diff(labels)) else None


def mean_gain_bits(table: Table, rows: Rows, model: FloatArray) -> float:
    """Mean log likelihood of the rows, in bits, under predictions made from themselves."""
    cells = assigned(table.combinations(rows.atoms), table.boxes)
    sums = CellSums.of(cells, len(table.boxes), rows.y, model, rows.weight)
    gains = rows.gains_bits(np.arange(len(cells)), cells, sums.mixed(table.mixing))
    return float(np.average(gains, weights=rows.weight))
