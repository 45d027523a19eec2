"""Smoothing along a sweep, whose records scatter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def running_mean(values: NDArray[Any], window: int) -> NDArray[np.float64]:
    """Mean of each value and its neighbours along the last axis.

    Args:
        values: `[..., n]`.
        window: Number of values in a centred mean; an even number counts as the next larger odd
            one. Near the ends, the mean takes the values that exist, and at most n / 2 on either
            side.

    Returns:
        `[..., n]`.

    Example:
        >>> running_mean(np.array([0.0, 3.0, 6.0, 0.0]), 3).tolist()
        [1.5, 3.0, 3.0, 3.0]
    """
    series = np.asarray(values, np.float64)
    n = series.shape[-1]
    half = min(window // 2, n // 2)
    kernel = np.ones(2 * half + 1)

    def sums(row: NDArray[np.float64]) -> NDArray[np.float64]:
        # NumPy's mode="same" would return the kernel's length if the kernel is longer than the row.
        return np.convolve(row, kernel, mode="full")[half : half + n]

    if series.size == 0:
        return series.copy()
    counts = sums(np.ones(n))
    rows = [sums(row) / counts for row in series.reshape(-1, n)]
    return np.stack(rows).reshape(series.shape)
