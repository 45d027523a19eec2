"""Means and ratios of means over rows, with standard errors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Estimate(NamedTuple):
    """A number and its standard error, which is NaN if unknown."""

    value: float
    error: float


def ratio_of_means(
    above: FloatArray,
    below: FloatArray,
    weight: FloatArray,
    groups: NDArray[np.generic] | None = None,
) -> Estimate:
    """Ratio of two means over the same rows, with paired errors.

    The standard error is from linearisation (Cochran, Sampling Techniques, section 6.4); rows of
    one group may be dependent.

    Example:
        >>> ones = np.ones(4)
        >>> ratio_of_means(np.array([2.0, 4.0, 2.0, 4.0]), np.array([1.0, 2.0, 1.0, 2.0]), ones)
        Estimate(value=2.0, error=0.0)
    """
    total = float((weight * below).sum())
    if total == 0:
        return Estimate(float("nan"), float("nan"))
    ratio = float((weight * above).sum()) / total
    rest = weight * (above - ratio * below)
    if groups is not None:
        _, codes = np.unique(groups, return_inverse=True)
        rest = np.bincount(codes, rest).astype(np.float64)
    n = len(rest)
    if n < 2:
        return Estimate(ratio, float("nan"))
    return Estimate(ratio, float(np.sqrt(n / (n - 1) * (rest**2).sum()) / abs(total)))


def mean(
    values: FloatArray, weight: FloatArray, groups: NDArray[np.generic] | None = None
) -> Estimate:
    """Weighted mean over rows."""
    return ratio_of_means(values, np.ones(len(values)), weight, groups)
