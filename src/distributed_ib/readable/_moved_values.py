"""Values moved from one symbol to another to increase the likelihood of the rows.

The models' channels, by which values were merged into symbols, are soft, but symbols are hard. This
is thus a refinement of discrete channels at fixed beta, one value at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from distributed_ib.readable._boxes import assigned
from distributed_ib.readable._cells import CellSums
from distributed_ib.readable._choosing_table import FloatArray, Labels, Table
from distributed_ib.readable._rows import Rows

Change: TypeAlias = Callable[[Labels], Labels | None]
"""A change of the symbol of each atom; it returns None if it is impossible."""

_SHIFTS = (-4, -2, -1, 1, 2, 4)
_MOST_ROUNDS = 4
# A move must increase the total log-likelihood of the rows by this many bits; a move that only fits
# noise gains one or two.
_LEAST_GAIN_BITS = 4.0


def with_moved_values(table: Table, on_line: Sequence[int], rows: Rows, model: FloatArray) -> Table:
    """Move values to other symbols as long as the development rows become more likely.

    Each cut of a number is shifted by a few atoms, because the models' channels determine the best
    place of a cut only to within a few percent of the rows. Each level of a category is moved by
    itself, and so is each atom off the line of a number, such as that of missing values.

    Args:
        table: The table.
        on_line: How many of the first atoms of each component lie on a line; 0 for a category.
        rows: Development rows.
        model: Predictions of the models for these rows.
    """
    best = mean_gain_bits(table, rows, model)
    least = _LEAST_GAIN_BITS / len(rows.weight)
    for _ in range(_MOST_ROUNDS):
        before = best
        for k, n_on_line in enumerate(on_line):
            labels = table.symbols[k]
            for change in (*_shifts(labels, n_on_line), *_moves(labels, n_on_line)):
                moved = change(table.symbols[k])
                if moved is None:
                    continue
                symbols = (*table.symbols[:k], moved, *table.symbols[k + 1 :])
                other = replace(table, symbols=symbols)
                gain = mean_gain_bits(other, rows, model)
                if gain > best + least:
                    table, best = other, gain
        if best == before:
            break
    return table


def _shifts(labels: Labels, n_on_line: int) -> Iterator[Change]:
    """Shifts of each cut of a number."""
    for cut in np.flatnonzero(np.diff(labels[:n_on_line])).tolist():
        for shift in _SHIFTS:
            yield partial(_shifted, n_on_line=n_on_line, cut=cut, shift=shift)


def _moves(labels: Labels, n_on_line: int) -> Iterator[Change]:
    """Moves of each atom off the line to each symbol."""
    for atom in range(n_on_line, len(labels)):
        for symbol in np.unique(labels).tolist():
            yield partial(_relabelled, atom=atom, symbol=symbol)


def _shifted(labels: Labels, *, n_on_line: int, cut: int, shift: int) -> Labels | None:
    moved = _moved(labels[:n_on_line], cut, shift)
    return None if moved is None else np.concatenate([moved, labels[n_on_line:]])


def _relabelled(labels: Labels, *, atom: int, symbol: int) -> Labels | None:
    """Labels with another symbol for an atom; None if it has it or is the last of its own."""
    if labels[atom] == symbol or np.count_nonzero(labels == labels[atom]) == 1:
        return None
    moved = labels.copy()
    moved[atom] = symbol
    return moved


def runs(labels: Labels) -> list[tuple[int, int]]:
    """Stretches of equal labels, each as its first index and the index after its last.

    >>> runs(np.array([0, 0, 1, 0]))
    [(0, 2), (2, 3), (3, 4)]
    """
    ends = [0, *(1 + np.flatnonzero(np.diff(labels))).tolist(), len(labels)]
    return list(pairwise(ends))


def _moved(labels: Labels, cut: int, shift: int) -> Labels | None:
    """Labels with the cut after atom `cut` shifted; None if a stretch would disappear."""
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
    """Mean log-likelihood gain over the marginal, in bits, of predictions from the same rows."""
    cells = assigned(table.combinations(rows.atoms), table.boxes)
    sums = CellSums.of(cells, len(table.boxes), rows.y, model, rows.weight)
    gains = rows.gains_bits(np.arange(len(cells)), cells, sums.mixed(table.mixing))
    return float(np.average(gains, weights=rows.weight))
