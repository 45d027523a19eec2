"""Construction of a readable approximation from atoms, models' predictions and rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta as beta_distribution

from distributed_ib.data.target import Target
from distributed_ib.data.target_bins import quantiles_of_values
from distributed_ib.readable._agglomerate import MergePath
from distributed_ib.readable._boxes import assigned, symbol_sets
from distributed_ib.readable._cells import MODEL_ROWS, CellSums, Mixing, kernels
from distributed_ib.readable._choosing_table import Table, choose_table, entropies_bits
from distributed_ib.readable._estimates import mean, ratio_of_means
from distributed_ib.readable._pruning import finished
from distributed_ib.readable._rows import Fold, Reported, Rows
from distributed_ib.readable._symbol_names import abbreviate_longest
from distributed_ib.readable.atoms import Atoms
from distributed_ib.readable.readable_approximation import (
    Prediction,
    ReadableApproximation,
    ReadableComponent,
    ReadableRow,
    Symbol,
)

FloatArray = NDArray[np.float64]
Labels = NDArray[np.int64]

LEVEL = 0.9
"""Coverage of intervals."""
LEAST_KNOWN_BITS = 1e-3
"""Fewer known bits are treated as zero."""


@dataclass(frozen=True, eq=False)
class InUse:
    """A component in use.

    Attributes:
        atoms: Its atoms.
        conveyed_bits: What it conveys.
    """

    atoms: Atoms
    conveyed_bits: float


def read_rows(
    components: Sequence[InUse],
    paths: Sequence[MergePath],
    rows: Rows,
    folds: Sequence[Fold],
    reported: Reported | None,
    target: Target,
    *,
    beta: float,
    total_bits: float,
    max_rows: int,
) -> ReadableApproximation:
    """Choose symbols and rows, predict from all development rows, and report.

    Args:
        components: The components in use, those that convey most first.
        paths: How the values of each component merge.
        rows: Development rows.
        folds: Training and validation rows among them.
        reported: Reporting rows; None if there are none.
        target: Description of Y.
        beta: Bottleneck strength of the approximation.
        total_bits: What its components convey together.
        max_rows: Most rows of the table.
    """
    mixings = [
        Mixing(model_rows, kernel)
        for kernel in kernels(target.bins, folds[0].model.shape[1])
        for model_rows in MODEL_ROWS
    ]
    table = choose_table(paths, rows, folds, mixings, max_rows, total_bits)
    model = np.mean([fold.model for fold in folds], axis=0)
    table = finished(table, [one.atoms.n_on_line for one in components], rows, folds)
    kept = [k for k, labels in enumerate(table.symbols) if labels.max() > 0]
    used = [components[k].atoms for k in kept]
    symbols = tuple(table.symbols[k] for k in kept)
    table = Table.of(symbols, _without(table, kept), table.mixing)
    rows = replace(rows, atoms=rows.atoms[:, kept])
    table, cells = _in_order(table, rows)
    sums = CellSums.of(cells, len(table.boxes), rows.y, model, rows.weight)
    predictions = sums.mixed(table.mixing)
    entropies = entropies_bits(table.symbols, rows)
    named = [
        _symbols(atoms, labels, rows.atoms[:, k], rows.weight)
        for k, (atoms, labels) in enumerate(zip(used, table.symbols, strict=True))
    ]
    found = ReadableApproximation(
        target=target.name,
        classes=tuple(map(str, target.classes)),
        outputs=target.entry_names,
        beta=beta,
        total_bits=total_bits,
        components=tuple(
            ReadableComponent(atoms.component, components[k].conveyed_bits, bits, part)
            for k, atoms, bits, part in zip(kept, used, entropies, named, strict=True)
        ),
        rows=_table_rows(table, used, cells, rows, predictions, sums, target),
        n_rows=len(rows.weight),
    )
    if reported is None:
        return found
    there = replace(reported.rows, atoms=reported.rows.atoms[:, kept])
    return _with_report(found, table, predictions, replace(reported, rows=there))


def _without(table: Table, kept: Sequence[int]) -> NDArray[np.uint64]:
    """The boxes without components that have a single symbol."""
    boxes = []
    for box in table.boxes.tolist():
        bits, place, first = 0, 0, 0
        for k, n in enumerate(table.n_symbols.tolist()):
            if k in kept:
                bits |= ((box >> first) & ((1 << n) - 1)) << place
                place += n
            first += n
        boxes.append(bits)
    return np.array(boxes, np.uint64)


def _in_order(table: Table, rows: Rows) -> tuple[Table, Labels]:
    """The table without empty rows, sorted by symbols, and the table row of each data row."""
    combinations = table.combinations(rows.atoms)
    used = np.unique(assigned(combinations, table.boxes))
    boxes = table.boxes[used]
    sets = [
        tuple(tuple(sorted(part)) for part in box) for box in symbol_sets(boxes, table.n_symbols)
    ]
    table = replace(table, boxes=boxes[sorted(range(len(sets)), key=sets.__getitem__)])
    return table, assigned(combinations, table.boxes)


def _symbols(atoms: Atoms, labels: Labels, codes: Labels, weight: FloatArray) -> tuple[Symbol, ...]:
    share = np.bincount(labels[codes], weight, minlength=int(labels.max()) + 1) / weight.sum()
    members = [set(np.flatnonzero(labels == k).tolist()) for k in range(len(share))]
    texts = [atoms.text(part) for part in members]
    return tuple(
        Symbol(
            name,
            text,
            tuple(atoms.listed(part)),
            tuple(atoms.intervals(part)) if atoms.is_number else (),
            float(share[k]),
        )
        for k, (part, text, name) in enumerate(
            zip(members, texts, abbreviate_longest(texts), strict=True)
        )
    )


def _table_rows(
    table: Table,
    used: Sequence[Atoms],
    cells: Labels,
    rows: Rows,
    predictions: FloatArray,
    sums: CellSums,
    target: Target,
) -> tuple[ReadableRow, ...]:
    counts = np.bincount(cells, minlength=len(table.boxes))
    total = rows.weight.sum()
    # Weighted rows count as the smaller number of equal rows with the same variance.
    effective = total**2 / (rows.weight**2).sum() / total
    found = []
    for k, sets in enumerate(symbol_sets(table.boxes, table.n_symbols)):
        texts = tuple(
            atoms.text({int(a) for s in part for a in np.flatnonzero(labels == s)})
            for atoms, labels, part in zip(used, table.symbols, sets, strict=True)
        )
        found.append(
            ReadableRow(
                tuple(tuple(sorted(part)) for part in sets),
                texts,
                int(counts[k]),
                float(sums.weight[k] / total),
                _predictions(predictions[k], sums.counts[k] * effective, target),
            )
        )
    return tuple(found)


def _predictions(
    probabilities: FloatArray, counts: FloatArray, target: Target
) -> tuple[Prediction, ...]:
    if target.classes:
        p = probabilities / probabilities.sum()
        best = int(p.argmax())
        low, high = share_interval(float(counts[best]), float(counts.sum()))
        return (
            Prediction(
                str(target.classes[best]),
                None,
                min(low, float(p[best])),
                max(high, float(p[best])),
                tuple(p.tolist()),
            ),
        )
    found, first = [], 0
    for bins in target.bins:
        p = probabilities[first : first + bins.n_bins]
        p, first = p / p.sum(), first + bins.n_bins
        tail = (1 - LEVEL) / 2
        low, median, high = quantiles_of_values(bins.points, p[None], [tail, 0.5, 1 - tail])[0]
        found.append(Prediction(float(bins.mean(p)), float(median), float(low), float(high)))
    return tuple(found)


def share_interval(count: float, n: float) -> tuple[float, float]:
    """The 90 % interval of a share, from `count` of `n` rows (Jeffreys).

    >>> low, high = share_interval(9, 10)
    >>> round(low, 2), round(high, 2)
    (0.67, 0.98)
    """
    tail = (1 - LEVEL) / 2
    a, b = count + 0.5, max(n - count, 0.0) + 0.5
    low = 0.0 if count <= 0 else float(beta_distribution.ppf(tail, a, b))
    return low, 1.0 if count >= n else float(beta_distribution.ppf(1 - tail, a, b))


def _with_report(
    found: ReadableApproximation, table: Table, predictions: FloatArray, reported: Reported
) -> ReadableApproximation:
    """The table with the bits that it and the approximation know of the reporting rows."""
    rows = reported.rows
    everything = np.arange(len(rows.weight))
    cells = assigned(table.combinations(rows.atoms), table.boxes)
    gains = rows.gains_bits(everything, cells, predictions)
    known = mean(reported.known_bits, rows.weight, rows.groups)
    averaged = mean(reported.averaged_known_bits, rows.weight, rows.groups)
    of_table = mean(gains, rows.weight, rows.groups)
    kept = ratio_of_means(gains, reported.known_bits, rows.weight, rows.groups)
    # No share is given of known bits that may be zero or are shown as zero.
    is_known = known.value > max(2 * known.error, LEAST_KNOWN_BITS)
    return replace(
        found,
        known_bits=known.value,
        known_error_bits=known.error,
        averaged_known_bits=averaged.value,
        table_known_bits=of_table.value,
        table_known_error_bits=of_table.error,
        kept_share=kept.value if is_known else float("nan"),
        kept_error=kept.error if is_known else float("nan"),
        reported_on=reported.which,
        n_reported=len(rows.weight),
    )
