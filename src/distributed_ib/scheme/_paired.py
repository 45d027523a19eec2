"""Means over rows with standard errors: of weighted rows, and of rows that come in groups."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Mean(NamedTuple):
    """A mean over rows and its standard error.

    Attributes:
        value: The mean.
        error: Its standard error: NaN for a single row or group.
    """

    value: float
    error: float


def mean_with_error(
    values: FloatArray,
    weight: NDArray[np.floating] | None = None,
    groups: NDArray[np.generic] | None = None,
) -> Mean:
    """Mean of `values`, `[n]`, and how far it is likely to be from that of other such rows.

    The error is that of a ratio of sums over independent groups (Cochran, Sampling Techniques,
    section 6.4); without groups every row is one.

    Args:
        values: What was measured of each row, `[n]`; differences of paired losses, say.
        weight: How much each row counts, `[n]`; by default all count the same.
        groups: A label for each row, `[n]`: rows of one group may be alike.

    Example:
        >>> mean_with_error(np.array([1.0, 2.0, 3.0]))
        Mean(value=2.0, error=0.5773502691896257)
    """
    weight = np.ones(len(values)) if weight is None else np.asarray(weight, np.float64)
    mean = float(np.average(values, weights=weight))
    deviations = weight * (values - mean)
    if groups is not None:
        _, codes = np.unique(groups, return_inverse=True)
        deviations = np.bincount(codes, deviations).astype(np.float64)
    n = len(deviations)
    if n < 2:
        return Mean(mean, float("nan"))
    variance = n / (n - 1) * (deviations**2).sum() / weight.sum() ** 2
    return Mean(mean, float(np.sqrt(variance)))
