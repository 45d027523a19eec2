"""Choice of the symbols and rows of a table: the fewest that keep the known bits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.readable._agglomerate import MergePath
from distributed_ib.readable._boxes import (
    MOST_SYMBOLS,
    Bits,
    as_bits,
    assigned,
    box_path,
    boxes_of,
)
from distributed_ib.readable._cells import CellSums, Mixing
from distributed_ib.readable._estimates import mean
from distributed_ib.readable._rows import Fold, Rows

FloatArray = NDArray[np.float64]
Labels = NDArray[np.int64]
Symbols = tuple[Labels, ...]

FIRST_SYMBOLS = 8
"""Most symbols of a component."""
MOST_COMBINATIONS = 64
"""Most combinations of symbols that are considered."""


@dataclass(frozen=True, eq=False)
class Table:
    """Symbols of all components, and rows that are boxes of symbols.

    Attributes:
        symbols: The symbol of each atom of each component in use, `[component][atom]`.
        boxes: The rows, as sets of symbols, `[row]`.
        mixing: How counts of rows and the model's predictions are mixed.
        sizes: Number of symbols of each component that the boxes provide for, used or not.
    """

    symbols: Symbols
    boxes: Bits
    mixing: Mixing
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, symbols: Symbols, boxes: Bits, mixing: Mixing) -> "Table":
        """A table in which all symbols are in use."""
        return cls(symbols, boxes, mixing, tuple(int(labels.max()) + 1 for labels in symbols))

    @property
    def n_symbols(self) -> Labels:
        """Number of symbols of each component."""
        return np.array(self.sizes, np.int64)

    def combinations(self, atoms: Labels) -> Bits:
        """The combinations of symbols, as sets, of rows given as atoms `[n, component]`."""
        return as_bits(symbols_of(self.symbols, atoms), self.n_symbols)


def symbols_of(symbols: Symbols, atoms: Labels) -> Labels:
    """The symbols of rows, `[n, component]`, from their atoms."""
    if not symbols:
        return np.zeros((len(atoms), 0), np.int64)
    columns = [labels[atoms[:, k]] for k, labels in enumerate(symbols)]
    return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A table, and its gains on the validation rows."""

    table: Table
    n_rows: int
    symbol_bits: float
    gains_bits: FloatArray


def choose_table(
    paths: Sequence[MergePath],
    rows: Rows,
    folds: Sequence[Fold],
    mixings: Sequence[Mixing],
    max_rows: int,
    total_bits: float,
) -> Table:
    """The table with the fewest rows that keeps the known bits.

    First, the smallest table that is within one standard error of the best, or that knows more
    than the approximation by one standard error (at few bits, symbols can tell much more than the
    approximation does). Second, among tables whose symbols tell no more than those of the first,
    or than the approximation's components, the smallest within one standard error of the best. Of
    these two, the table with more rows is returned.

    Args:
        paths: How the values of each component merge.
        rows: Development rows.
        folds: Training and validation rows among them.
        mixings: Candidate mixtures of counts and the model's predictions.
        max_rows: Most rows of the table.
        total_bits: What the components of the approximation convey.
    """
    chooses = np.concatenate([fold.validation for fold in folds])
    weight = rows.weight[chooses]
    groups = None if rows.groups is None else rows.groups[chooses]
    known = np.concatenate([fold.known_bits for fold in folds])
    found = [
        candidate
        for symbols in _states(paths)
        for candidate in _candidates(symbols, rows, folds, mixings, max_rows)
    ]

    def at_least(candidate: _Candidate, other: FloatArray, errors: float) -> bool:
        """Whether its gains exceed others by `errors` standard errors of the difference."""
        more = mean(candidate.gains_bits - other, weight, groups)
        return more.value >= errors * float(np.nan_to_num(more.error))

    def good(candidates: Sequence[_Candidate]) -> list[_Candidate]:
        best = max(candidates, key=lambda one: float(np.average(one.gains_bits, weights=weight)))
        return [one for one in candidates if at_least(one, best.gains_bits, -1.0)]

    enough = [*good(found), *(one for one in found if at_least(one, known, 1.0))]
    table = _simplest(enough, rows)
    limit = max(total_bits, sum(entropies_bits(table.symbols, rows)))
    other = _simplest(good([one for one in found if one.symbol_bits <= limit]), rows)
    return max(table, other, key=lambda one: len(one.boxes))


def _simplest(candidates: Sequence[_Candidate], rows: Rows) -> Table:
    """The table with the fewest rows, and among those the one whose symbols tell least."""
    fewest = min(one.n_rows for one in candidates)
    simplest = [simplified(one.table, rows) for one in candidates if one.n_rows == fewest]
    return min(simplest, key=lambda table: sum(entropies_bits(table.symbols, rows)))


def _states(paths: Sequence[MergePath]) -> Iterator[Symbols]:
    """Symbols of all components, fewer in each state: the least costly merger comes first."""
    n = [min(len(path.labels), FIRST_SYMBOLS) for path in paths]
    while True:
        yield tuple(path.labels[k - 1] for path, k in zip(paths, n, strict=True))
        losses = [
            path.loss_bits[k - 2] if k > 1 else np.inf for path, k in zip(paths, n, strict=True)
        ]
        if not losses or np.isinf(min(losses)):
            return
        n[int(np.argmin(losses))] -= 1


def _candidates(
    symbols: Symbols,
    rows: Rows,
    folds: Sequence[Fold],
    mixings: Sequence[Mixing],
    max_rows: int,
) -> Iterator[_Candidate]:
    """Tables of these symbols in descending order of rows; none with too many combinations."""
    table = Table.of(symbols, np.zeros(0, np.uint64), mixings[0])
    if table.n_symbols.sum() > MOST_SYMBOLS:
        return
    combinations, cells = np.unique(table.combinations(rows.atoms), return_inverse=True)
    n_cells = len(combinations)
    if n_cells > MOST_COMBINATIONS:
        return
    model = np.mean([fold.model for fold in folds], axis=0)
    whole = CellSums.of(cells, n_cells, rows.y, model, rows.weight)
    path = box_path(
        combinations, whole.weight / whole.weight.sum(), whole.model / whole.weight[:, None]
    )
    chooses = [fold.validation for fold in folds]
    weight = rows.weight[np.concatenate(chooses)]
    smoothed = _smoothed_sums(folds, rows, cells, n_cells, mixings)
    bits = sum(entropies_bits(symbols, rows))
    for n_rows, labels in path.labels.items():
        if n_rows > max_rows or n_rows % _step(n_rows):
            continue
        merged = {k: [sums.merged(labels) for sums in part] for k, part in smoothed.items()}
        best: tuple[float, Mixing, FloatArray] | None = None
        for mixing in mixings:
            gains = np.concatenate(
                [
                    rows.gains_bits(
                        which, labels[cells[which]], sums.predictions(mixing.model_rows)
                    )
                    for which, sums in zip(chooses, merged[id(mixing.kernel)], strict=True)
                ]
            )
            value = float(np.average(gains, weights=weight))
            if best is None or value > best[0]:
                best = (value, mixing, gains)
        assert best is not None
        boxes = boxes_of(combinations, labels)
        yield _Candidate(Table.of(symbols, boxes, best[1]), n_rows, bits, best[2])


def _step(n_rows: int) -> int:
    """Step between table sizes: large tables are considered at every second or fourth size."""
    return 1 if n_rows <= 8 else 2 if n_rows <= 16 else 4


def _smoothed_sums(
    folds: Sequence[Fold], rows: Rows, cells: Labels, n_cells: int, mixings: Sequence[Mixing]
) -> dict[int, list[CellSums]]:
    """Sums over the training rows of each fold, smoothed by each kernel, by its identity."""
    sums = [
        CellSums.of(
            cells[fold.train],
            n_cells,
            rows.y[fold.train],
            fold.model[fold.train],
            rows.weight[fold.train],
        )
        for fold in folds
    ]
    kernels = {id(mixing.kernel): mixing.kernel for mixing in mixings}
    return {key: [one.smoothed(kernel) for one in sums] for key, kernel in kernels.items()}


def simplified(table: Table, rows: Rows) -> Table:
    """A simpler table that is equivalent for the given rows of data.

    A row of the table accepts any symbol of a component if it then contains no combination of
    another row; symbols that no row distinguishes are merged.
    """
    table = _compressed(table)
    combinations = np.unique(table.combinations(rows.atoms))
    owner = assigned(combinations, table.boxes)
    boxes = table.boxes.copy()
    ends = np.cumsum([0, *table.n_symbols])
    # The components that convey least come last and are dropped first.
    for low, high in zip(ends[-2::-1].tolist(), ends[:0:-1].tolist(), strict=True):
        every = np.uint64(((1 << (high - low)) - 1) << low)
        for k in range(len(boxes)):
            wider = boxes[k] | every
            if not ((combinations & ~wider) == 0)[owner != k].any():
                boxes[k] = wider
    symbols, parts = [], []
    for labels, low, high in zip(table.symbols, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        held = (boxes[None, :] >> np.arange(low, high, dtype=np.uint64)[:, None]) & np.uint64(1)
        _, first, which = np.unique(held, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        symbols.append(order[which.ravel()][labels])
        parts.append(held[np.sort(first)])
    merged = np.concatenate(parts, axis=0) if parts else np.zeros((0, len(boxes)), np.uint64)
    places = np.arange(len(merged), dtype=np.uint64)[:, None]
    new = np.bitwise_or.reduce(merged << places, axis=0) if len(merged) else boxes
    return Table.of(tuple(symbols), new.astype(np.uint64), table.mixing)


def _compressed(table: Table) -> Table:
    """The table without symbols that no atom has, and without rows that require one of them."""
    used = [np.unique(labels) for labels in table.symbols]
    boxes, place, first = np.zeros_like(table.boxes), 0, 0
    one, holds = np.uint64(1), np.ones(len(table.boxes), bool)
    for labels, n in zip(used, table.n_symbols.tolist(), strict=True):
        part = np.zeros_like(boxes)
        for k, label in enumerate(labels.tolist()):
            part |= (table.boxes >> np.uint64(first + label) & one) << np.uint64(place + k)
        holds &= part != 0
        boxes |= part
        place, first = place + len(labels), first + n
    symbols = tuple(
        np.searchsorted(u, labels) for u, labels in zip(used, table.symbols, strict=True)
    )
    return Table.of(symbols, boxes[holds], table.mixing)


def entropies_bits(symbols: Symbols, rows: Rows) -> list[float]:
    """Entropy of the symbols of each component, in bits."""
    found = []
    for k, labels in enumerate(symbols):
        share = np.bincount(labels[rows.atoms[:, k]], rows.weight)
        share = share[share > 0] / share.sum()
        found.append(float(-(share * np.log2(share)).sum()))
    return found
