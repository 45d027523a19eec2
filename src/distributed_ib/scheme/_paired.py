"""Means over rows with standard errors, for weighted and grouped rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Mean(NamedTuple):
    """A mean over rows and its standard error.

    Attributes:
        value: The mean.
        error: Its standard error; NaN for a single row or group.
    """

    value: float
    error: float


def mean_with_error(
    values: FloatArray,
    weight: NDArray[np.floating] | None = None,
    groups: NDArray[np.generic] | None = None,
) -> Mean:
    """Mean of `values`, `[n]`, and its standard error.

    The error is that of a ratio of sums over independent groups (Cochran, Sampling Techniques,
    section 6.4); without groups, every row is a group.

    Args:
        values: A value for each row, `[n]`, such as differences of paired losses.
        weight: Weight of each row, `[n]`; by default all are equal.
        groups: A label for each row, `[n]`: rows of one group may be dependent.

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
