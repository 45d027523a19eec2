"""Distributions of components: over single values, and over groups of at least ten rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LEAST_ROWS = 10
"""Fewest rows behind every number of a page without single rows."""
MAX_GROUPS = 32
N_BINS = 40
MAX_LEVELS = 200
_MAX_DISTINCT = 64  # at most this many values have a bar each


@dataclass(frozen=True)
class ValueSummary:
    """The distribution of a component of one column.

    Attributes:
        kind: "number" or "level".
        values: Values at which its channel is evaluated: numbers, or names of levels. A final None
            after numbers denotes missing values, which also have a last bar.
        places: The corresponding inputs of the model: numbers (NaN if missing) or codes.
        counts: Number of rows at or nearest to each value, `[value]`.
        edges: Edges of the bars of its histogram, `[bar + 1]`; None if each value has a bar.
        bars: Number of rows in each bar.
        group_of_row: Index of the value at or nearest to each row, `[n]`; -1 if hidden.
        n_hidden: Number of rows omitted: of levels with fewer than `LEAST_ROWS` rows, or beyond the
            `MAX_LEVELS` most frequent.
        are_counted: Whether `counts` and `bars` are known; otherwise all are one.
    """

    kind: str
    values: list[Any]
    places: NDArray[Any]
    counts: NDArray[np.int32]
    edges: FloatArray | None
    bars: NDArray[np.int32]
    group_of_row: NDArray[np.int64]
    n_hidden: int = 0
    are_counted: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The summary as data for the page."""
        return {
            "kind": self.kind,
            "values": self.values,
            "counts": self.counts,
            "edges": self.edges,
            "bars": self.bars,
            "n_hidden": self.n_hidden,
            "are_counted": self.are_counted,
        }


def numbers_summary(rows: FloatArray, values: FloatArray | None = None) -> ValueSummary:
    """The distribution of numbers.

    Args:
        rows: Numbers, `[n]`; NaN if missing.
        values: Values at which the channel is evaluated, in ascending order; by default the
            distinct values, or 64 quantiles if there are more.

    Example:
        >>> summary = numbers_summary(np.array([1.0, 1.0, 2.0]))
        >>> summary.values, summary.counts.tolist()
        ([1.0, 2.0], [2, 1])
    """
    if np.isnan(rows).any():
        return _with_missing(numbers_summary(rows[~np.isnan(rows)], values), rows, 0)
    distinct = np.unique(rows)
    if values is None:
        values = distinct
        if len(distinct) > _MAX_DISTINCT:
            steps = np.linspace(0, 1, _MAX_DISTINCT)
            values = np.unique(np.quantile(rows, steps, method="inverted_cdf"))
    group = nearest(values, rows)
    edges, bars = None, np.bincount(group, minlength=len(values))
    if len(distinct) > len(values):
        edges, bars = _histogram(rows, *np.quantile(rows, [0.005, 0.995]))
    return _of_numbers(values, group, edges, bars)


def grouped_numbers(rows: FloatArray) -> ValueSummary:
    """The distribution of the means of groups of at least ten rows, which hides single rows.

    >>> grouped_numbers(np.arange(25.0)).values
    [4.5, 17.0]
    """
    if np.isnan(rows).any():
        return _with_missing(grouped_numbers(rows[~np.isnan(rows)]), rows, LEAST_ROWS)
    if not len(rows):
        return _of_numbers(rows, np.zeros(0, np.int64), None, np.zeros(0, np.int64))
    group = _groups_of_ten(rows)
    sums = np.bincount(group, rows)
    counts = np.bincount(group)
    # The mean of equal numbers is that number, whatever rounding says.
    lowest = np.full(len(counts), np.inf)
    np.minimum.at(lowest, group, rows)
    highest = np.full(len(counts), -np.inf)
    np.maximum.at(highest, group, rows)
    values = np.where(lowest == highest, lowest, sums / counts)
    edges, bars = None, counts
    if len(np.unique(rows)) > len(values) and len(values) > 1:
        edges, bars = _histogram(rows, values[0], values[-1])
        bars = np.where(bars < LEAST_ROWS, 0, bars)
    return _of_numbers(values, group, edges, bars)


def levels_summary(names: Sequence[Any], codes: NDArray[Any], *, grouped: bool) -> ValueSummary:
    """The distribution of a column of levels.

    Args:
        names: Names of the levels, in the order of the codes.
        codes: Code of each row, `[n]`.
        grouped: Whether to omit levels with fewer than ten rows.
    """
    counts = np.bincount(codes, minlength=len(names))
    kept = np.flatnonzero(counts >= (LEAST_ROWS if grouped else 0))
    if len(kept) > MAX_LEVELS:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_LEVELS])
    place = np.full(len(names), -1)
    place[kept] = np.arange(len(kept))
    return ValueSummary(
        "level",
        [
            name if isinstance(name, str) else str(name)
            for name in (names[k] for k in kept.tolist())
        ],
        kept.astype(np.int32),
        counts[kept].astype(np.int32),
        None,
        counts[kept].astype(np.int32),
        place[codes],
        int(counts.sum() - counts[kept].sum()),
    )


def nearest(values: FloatArray, rows: FloatArray) -> NDArray[np.int64]:
    """The index of the nearest of the ascending `values` for each row, `[n]`.

    >>> nearest(np.array([0.0, 1.0, 5.0]), np.array([-3.0, 0.6, 4.0])).tolist()
    [0, 1, 2]
    """
    return np.searchsorted((values[1:] + values[:-1]) / 2, rows, side="right")


def _with_missing(known: ValueSummary, rows: FloatArray, least: int) -> ValueSummary:
    """The summary of the rows that have a number, with "missing" as one more value.

    Fewer than `least` missing rows are hidden.
    """
    missing = np.isnan(rows)
    n_missing = int(missing.sum())
    group = np.full(len(rows), -1 if n_missing < least else len(known.values))
    group[~missing] = known.group_of_row
    if n_missing < least:
        return replace(known, group_of_row=group, n_hidden=n_missing)
    return replace(
        known,
        values=[*known.values, None],
        places=np.append(known.places, np.nan),
        counts=np.append(known.counts, n_missing).astype(np.int32),
        bars=np.append(known.bars, n_missing).astype(np.int32),
        group_of_row=group,
    )


def _of_numbers(
    values: FloatArray, group: NDArray[np.int64], edges: FloatArray | None, bars: NDArray[Any]
) -> ValueSummary:
    counts = np.bincount(group, minlength=len(values))
    return ValueSummary(
        "number",
        values.tolist(),
        values,
        counts.astype(np.int32),
        edges,
        bars.astype(np.int32),
        group,
    )


def _histogram(rows: FloatArray, low: float, high: float) -> tuple[FloatArray, NDArray[Any]]:
    """Bars of equal width; the few rows beyond are counted in the outermost."""
    edges = np.linspace(low, high, N_BINS + 1)
    counts, _ = np.histogram(np.clip(rows, low, high), edges)
    return edges, counts


def _groups_of_ten(rows: FloatArray) -> NDArray[np.int64]:
    """The group of neighbouring values of each row; each group has at least ten rows."""
    distinct, place, counts = np.unique(rows, return_inverse=True, return_counts=True)
    least = LEAST_ROWS if len(distinct) <= MAX_GROUPS else max(LEAST_ROWS, len(rows) // MAX_GROUPS)
    group_of_value = np.zeros(len(distinct), np.int64)
    group, held = 0, 0
    for k, count in enumerate(counts.tolist()):
        group_of_value[k] = group
        held += count
        if held >= least:
            group, held = group + 1, 0
    if held and group:  # the remainder joins the last complete group
        group_of_value[group_of_value == group] = group - 1
    return group_of_value[place]
