"""Values that occur in a column of numbers, collected while it is read in stretches."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.spikes import spikes_of

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]

MAX_VALUES = 64
"""Largest number of values that is kept of a column."""
# Enough for a standard error of one percent of a quantile, and few enough to keep of every column.
_SAMPLE_ROWS = 2048
# A column of many values has more than `MAX_VALUES` in this many rows already, so that the others
# need not be searched.
_PREVIEW_ROWS = 4096


class RowSample:
    """A uniform random sample of the rows of a table of unknown length.

    Every row gets a random number, and the rows with the smallest are kept: the sample does not
    depend on how the table is divided into stretches.

    Example:
        >>> sample = RowSample(3)
        >>> [rows.tolist() for rows in sample.draw(2)]
        [[], [0, 1]]
        >>> stay, come = sample.draw(100)
        >>> len(stay) + len(come)
        3
    """

    def __init__(self, size: int = _SAMPLE_ROWS, *, seed: int = 0) -> None:
        self._size, self._rng = size, np.random.default_rng(seed)
        self._tags: FloatArray = np.zeros(0)

    def draw(self, n_rows: int) -> tuple[Rows, Rows]:
        """Sample a further stretch of `n_rows`.

        Returns:
            Positions in the previous sample that stay, and the rows of the stretch that follow.
        """
        n_before = len(self._tags)
        tags = np.concatenate([self._tags, self._rng.random(n_rows)])
        kept = np.arange(len(tags))
        if len(tags) > self._size:
            kept = np.sort(np.argpartition(tags, self._size)[: self._size])
        self._tags = tags[kept]
        return kept[kept < n_before], kept[kept >= n_before] - n_before


class SampledValues:
    """The values of a column in the rows that a `RowSample` drew; missing ones are NaN."""

    def __init__(self) -> None:
        self._sample: FloatArray = np.zeros(0)

    def add(self, values: FloatArray, drawn: tuple[Rows, Rows]) -> None:
        """Add the values of a stretch, `[n]`, of which a `RowSample` drew these rows."""
        stay, come = drawn
        self._sample = np.concatenate([self._sample[stay], values[come]])

    @property
    def known(self) -> FloatArray:
        """The values that are not missing."""
        return self._sample[~np.isnan(self._sample)]

    @property
    def spikes(self) -> tuple[float, ...]:
        """Values far more frequent in the sampled rows than neighbouring values."""
        return spikes_of(self.known)


class ObservedValues:
    """The distinct values of a column while there are few, and otherwise a sample of its rows."""

    def __init__(self) -> None:
        self._distinct: set[float] | None = set()
        self._sample = SampledValues()
        self._ends: FloatArray = np.zeros(0)

    def add(self, values: FloatArray, drawn: tuple[Rows, Rows]) -> None:
        """Add the values of a stretch, `[n]`, of which a `RowSample` drew these rows.

        Missing values, NaN, are not counted as values.
        """
        if len(values) == 0:
            return
        self._sample.add(values, drawn)
        missing = np.isnan(values)
        if missing.any():
            values = values[~missing]
        if len(values) == 0:
            return
        self._ends = np.array([f(np.append(self._ends, f(values))) for f in (np.min, np.max)])
        for part in (values[:_PREVIEW_ROWS], values[_PREVIEW_ROWS:]):
            if self._distinct is not None:
                self._distinct.update(pd.unique(part).tolist())
                if len(self._distinct) > MAX_VALUES:
                    self._distinct = None

    def values(self) -> tuple[float, ...]:
        """At most `MAX_VALUES` observed values in ascending order, including both extremes.

        All of them if there are no more; otherwise `spread_values`.
        """
        if self._distinct is not None:
            return tuple(sorted(self._distinct))
        return tuple(spread_values(np.append(self._sample.known, self._ends), MAX_VALUES).tolist())

    @property
    def median(self) -> float:
        """The median of the sampled rows, which is one of their values."""
        known = self._sample.known
        return float(np.quantile(known if len(known) else self._ends, 0.5, method="inverted_cdf"))

    @property
    def spikes(self) -> tuple[float, ...]:
        """Values far more frequent in the sampled rows than neighbouring values."""
        return self._sample.spikes

    @property
    def rows_per_value(self) -> float:
        """Average number of sampled rows per distinct value."""
        known = self._sample.known
        return len(known) / max(len(np.unique(known)), 1)


def spread_values(values: FloatArray, n_values: int) -> FloatArray:
    """A few of the values in ascending order, with about equally many rows between neighbours.

    These are evenly spaced quantiles, except that a value shared by many rows, such as zero
    rainfall, is taken only once, and the other rows share the remaining places. Unlike a grid, they
    leave no row without a neighbour and include no value that does not occur, however skewed the
    column is.

    Args:
        values: A column, `[n]`.
        n_values: How many; all distinct values if there are no more.

    Example:
        >>> spread_values(np.array([0.0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16]), 4).tolist()
        [0.0, 1.0, 4.0, 16.0]
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= n_values:
        return distinct
    weights = np.minimum(counts, _even_share(counts, n_values))
    # No weight is more than total / n_values, so that no two targets fall on the same value.
    ends = np.cumsum(weights)
    targets = np.linspace(0.0, ends[-1], n_values)
    return distinct[np.minimum(np.searchsorted(ends, targets, "right"), len(distinct) - 1)]


def _even_share(counts: NDArray[np.int64], n_values: int) -> float:
    """Rows per value for `n_values` values, if no value may count for more than that."""
    falling = np.sort(counts)[::-1]
    rest = falling[::-1].cumsum()[::-1][:n_values]  # rows of this count and all smaller ones
    shares = rest / np.arange(n_values, 0, -1)
    return float(shares[np.argmax(falling[:n_values] <= shares)])
