"""Spikes of a column of numbers: values far more frequent than neighbouring values."""

import numpy as np
from numpy.typing import NDArray

MOST_SPIKES = 16
"""Largest number of spikes of a column."""
LEAST_ROWS, LEAST_SHARE = 15, 0.02
"""Fewest rows, and smallest share of the rows, in which a spike occurs."""
TIMES_ITS_NEIGHBOURS = 3
"""A spike is at least this many times as frequent as the values near it."""
BY_CHANCE = 1
"""Added to the number of rows of the values near it, which may be few by chance."""
FEW_VALUES = 12
"""Columns with at most this many distinct values have no spikes."""
_BESIDE = 4


def spikes_of(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Values of a column far more frequent than neighbouring values, in ascending order.

    Zeros of rainfall, codes such as 99 for "unknown", and imputed values often mean something other
    than their number. A spike occurs in at least 15 rows and in 2 % of all rows, and on either side
    it is more than three times as frequent as the values near it: as the rarer of the next two, so
    that spikes may be adjacent, and as the lower median of the next four, which varies less by
    chance. At most 16 spikes, the most frequent ones, are returned; columns with at most 12
    distinct values have none.

    Args:
        values: The column, `[n]`, without missing values.

    Example:
        >>> waited = np.concatenate([np.arange(100) / 7, np.full(30, 5.0)])
        >>> spikes_of(waited), spikes_of(np.arange(100.0)), spikes_of(np.repeat([0.0, 1.0], 50))
        ((5.0,), (), ())
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= FEW_VALUES:
        return ()
    near = np.maximum(_neighbour_counts(counts), _neighbour_counts(counts[::-1])[::-1]) + BY_CHANCE
    least = np.maximum(max(LEAST_ROWS, LEAST_SHARE * len(values)), TIMES_ITS_NEIGHBOURS * near)
    found = np.flatnonzero(counts >= least)
    most = found[np.argsort(-counts[found], kind="stable")[:MOST_SPIKES]]
    return tuple(distinct[np.sort(most)].tolist())


def _neighbour_counts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of rows of the values after each one, see `spikes_of`; 0 for the last one."""
    padded = np.pad(counts, (0, _BESIDE), mode="edge")
    following = np.lib.stride_tricks.sliding_window_view(padded, _BESIDE + 1)[:, 1:]
    found = np.maximum(following[:, :2].min(axis=1), np.sort(following, axis=1)[:, 1])
    found[0] = max(found[0], counts[1:3].max())  # there are no values before it
    found[-1] = 0
    return np.asarray(found)
