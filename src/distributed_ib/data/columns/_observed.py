"""Values that occur in a column of numbers, gathered while it is read in stretches."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.spikes import spikes_of

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]

MAX_VALUES = 64
"""Most values that are kept of a column."""
# Enough that a quantile is off by one percent (standard error), little enough to keep of every
# column.
_SAMPLE_ROWS = 2048
# A column of many values shows more than `MAX_VALUES` in so many rows already, so that the others
# need not be searched.
_PREVIEW_ROWS = 4096


class RowSample:
    """A uniform random sample of the rows of a table of unknown length.

    Every row gets a random number, and those with the smallest are kept: the sample does not depend
    on where the table is cut into stretches.

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
            Which places of the sample so far stay, and which rows of the stretch follow them.
        """
        n_before = len(self._tags)
        tags = np.concatenate([self._tags, self._rng.random(n_rows)])
        kept = np.arange(len(tags))
        if len(tags) > self._size:
            kept = np.sort(np.argpartition(tags, self._size)[: self._size])
        self._tags = tags[kept]
        return kept[kept < n_before], kept[kept >= n_before] - n_before


class ObservedValues:
    """The distinct values of a column while they are few, and otherwise a sample of its rows."""

    def __init__(self) -> None:
        self._distinct: set[float] | None = set()
        self._sample: FloatArray = np.zeros(0)
        self._ends: FloatArray = np.zeros(0)

    def add(self, values: FloatArray, drawn: tuple[Rows, Rows]) -> None:
        """Add the values of a stretch, `[n]`, of which a `RowSample` drew these rows.

        Missing ones, NaN, are no values.
        """
        if len(values) == 0:
            return
        stay, come = drawn
        self._sample = np.concatenate([self._sample[stay], values[come]])
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
        """At most `MAX_VALUES` observed values, in order, the smallest and the largest included.

        All of them if there are no more; otherwise `spread_values`.
        """
        if self._distinct is not None:
            return tuple(sorted(self._distinct))
        return tuple(spread_values(np.append(self._known, self._ends), MAX_VALUES).tolist())

    @property
    def median(self) -> float:
        """The median of the sampled rows, which is one of their values."""
        known = self._known
        return float(np.quantile(known if len(known) else self._ends, 0.5, method="inverted_cdf"))

    @property
    def spikes(self) -> tuple[float, ...]:
        """Values that far more of the sampled rows hold than hold the values beside them."""
        return spikes_of(self._known)

    @property
    def rows_per_value(self) -> float:
        """Sampled rows for each of their different values, on average."""
        known = self._known
        return len(known) / max(len(np.unique(known)), 1)

    @property
    def _known(self) -> FloatArray:
        return self._sample[~np.isnan(self._sample)]


def spread_values(values: FloatArray, n_values: int) -> FloatArray:
    """A few of the values, in order, such that about equally many rows lie between them.

    These are quantiles at even distances, but a value that many rows share, such as the zeros of a
    rainfall, takes one place only, and the other rows share those that are left. Unlike a grid they
    leave no row without a neighbour and look at no value that does not occur, however skewed the
    column is.

    Args:
        values: A column, `[n]`.
        n_values: How many; all distinct values if they are no more.

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
    """The rows for each of `n_values` values if no value may count for more than that share."""
    falling = np.sort(counts)[::-1]
    rest = falling[::-1].cumsum()[::-1][:n_values]  # rows of this count and all smaller ones
    shares = rest / np.arange(n_values, 0, -1)
    return float(shares[np.argmax(falling[:n_values] <= shares)])
