"""Merging of symbols and rows that predict nearly the same, after values have been moved."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from distributed_ib.readable._boxes import assigned
from distributed_ib.readable._cells import CellSums
from distributed_ib.readable._choosing_table import FloatArray, Labels, Table, simplified
from distributed_ib.readable._moved_values import mean_gain_bits, runs, with_moved_values
from distributed_ib.readable._rows import Fold, Rows

MOST_LOST = 0.01
"""Largest share of a table's known bits that may be lost."""
_TRIED = 8


def finished(table: Table, on_line: Sequence[int], rows: Rows, folds: Sequence[Fold]) -> Table:
    """The table with values moved, and with symbols and rows that hardly matter merged.

    Args:
        table: The chosen table.
        on_line: How many of the first atoms of each component lie on a line; 0 for a category.
        rows: Development rows.
        folds: Training and validation rows among them.
    """
    model = np.mean([fold.model for fold in folds], axis=0)
    table = with_moved_values(table, on_line, rows, model)
    pruned = simplified(_pruned(table, on_line, rows, folds, model), rows)
    return with_moved_values(pruned, on_line, rows, model)


def _pruned(
    table: Table,
    on_line: Sequence[int],
    rows: Rows,
    folds: Sequence[Fold],
    model: FloatArray,
) -> Table:
    """Repeat the least costly merger, as long as it loses at most `MOST_LOST` of the known bits.

    The loss is measured on validation rows or on all development rows; one small loss suffices.
    With few rows the first is noisy, and the second overrates small differences.
    """

    def floor(known: float) -> float:
        return known - MOST_LOST * max(known, 0.0)

    least = floor(_chosen_gain_bits(table, rows, folds))
    least_of_all = floor(mean_gain_bits(table, rows, model))
    while True:
        smaller = list(_smaller(table, on_line, rows))
        gains = [mean_gain_bits(other, rows, model) for other in smaller]
        tried = np.argsort(gains, kind="stable")[::-1][:_TRIED].tolist()
        found = [(_chosen_gain_bits(smaller[k], rows, folds), k) for k in tried]
        best = max(found, default=(-np.inf, 0))
        if not smaller or (best[0] < least and max(gains) < least_of_all):
            return table
        table = smaller[best[1] if best[0] >= least else tried[0]]


def _chosen_gain_bits(table: Table, rows: Rows, folds: Sequence[Fold]) -> float:
    """Bits that the table knows of validation rows, with predictions from training rows."""
    cells = assigned(table.combinations(rows.atoms), table.boxes)
    total, weights = 0.0, 0.0
    for fold in folds:
        t, v = fold.train, fold.validation
        sums = CellSums.of(cells[t], len(table.boxes), rows.y[t], fold.model[t], rows.weight[t])
        gains = rows.gains_bits(v, cells[v], sums.mixed(table.mixing))
        total += float(gains @ rows.weight[v])
        weights += float(rows.weight[v].sum())
    return total / weights


def _smaller(table: Table, on_line: Sequence[int], rows: Rows) -> Iterator[Table]:
    """Tables with one stretch of a number, one symbol of a category or one row fewer."""
    for k, labels in enumerate(table.symbols):
        for moved in _fewer_runs(labels, on_line[k]) if on_line[k] else _fewer_symbols(labels):
            yield replace(table, symbols=(*table.symbols[:k], moved, *table.symbols[k + 1 :]))
    combinations = np.unique(table.combinations(rows.atoms))
    owner = assigned(combinations, table.boxes)
    for a in range(len(table.boxes)):
        for b in range(a + 1, len(table.boxes)):
            hull = table.boxes[a] | table.boxes[b]
            held = (combinations & ~hull) == 0
            if np.isin(owner[held], (a, b)).all():
                boxes = np.delete(table.boxes, b)
                boxes[a] = hull
                yield replace(table, boxes=boxes)


def _fewer_runs(labels: Labels, n_on_line: int) -> Iterator[Labels]:
    """Labels in which a stretch, or an atom off the line, takes a symbol of another stretch.

    A stretch takes the symbol of a neighbour, an atom off the line that of any stretch. Atoms off
    the line that share a symbol with the line stay, as they could move to and fro endlessly.
    """
    on_line = labels[:n_on_line]
    stretches = runs(on_line)
    for atom in range(n_on_line, len(labels)):
        if labels[atom] in on_line:
            continue
        for other in np.unique(on_line):
            moved = labels.copy()
            moved[atom] = other
            yield moved
    for place, (first, after) in enumerate(stretches):
        for other in (place - 1, place + 1):
            if 0 <= other < len(stretches):
                moved = labels.copy()
                moved[first:after] = labels[stretches[other][0]]
                yield moved


def _fewer_symbols(labels: Labels) -> Iterator[Labels]:
    """Labels in which one symbol is replaced by another."""
    present = np.unique(labels)
    for a in present:
        for b in present:
            if a != b:
                yield np.where(labels == a, b, labels)
