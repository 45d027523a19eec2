"""Spikes of a column of numbers: values that far more rows hold than values beside them."""

import numpy as np
from numpy.typing import NDArray

MOST_SPIKES = 16
"""Most spikes of a column."""
LEAST_ROWS, LEAST_SHARE = 15, 0.02
"""Rows, and share of the rows, that a spike holds."""
TIMES_ITS_NEIGHBOURS = 3
"""A spike holds so many times the rows of the values near it."""
BY_CHANCE = 1
"""Added to the rows of the values near it, which may be few by chance."""
FEW_VALUES = 12
"""In columns of no more different values nothing is beside anything."""
_BESIDE = 4


def spikes_of(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Values of a column that far more rows hold than hold the values beside them, rising.

    Zeros of a rainfall, codes such as 99 for "unknown", and values that were filled in often tell
    something else than the number that they are. A value counts where at least 15 rows and 2 % of
    all hold it, and more than three times as many as hold values near it, on either side: one of
    the next two, so that spikes may lie side by side, and the median of the next four, which is
    less a chance. Of more than 16 these are the most frequent, and columns of at most 12 different
    values have none.

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
    near = np.maximum(_rows_beside(counts), _rows_beside(counts[::-1])[::-1]) + BY_CHANCE
    least = np.maximum(max(LEAST_ROWS, LEAST_SHARE * len(values)), TIMES_ITS_NEIGHBOURS * near)
    found = np.flatnonzero(counts >= least)
    most = found[np.argsort(-counts[found], kind="stable")[:MOST_SPIKES]]
    return tuple(distinct[np.sort(most)].tolist())


def _rows_beside(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the values after each one: see `spikes_of`; of the last one 0."""
    padded = np.pad(counts, (0, _BESIDE), mode="edge")
    following = np.lib.stride_tricks.sliding_window_view(padded, _BESIDE + 1)[:, 1:]
    found = np.maximum(following[:, :2].min(axis=1), np.sort(following, axis=1)[:, 1])
    found[0] = max(found[0], counts[1:3].max())  # which has no values on its other side
    found[-1] = 0
    return np.asarray(found)
