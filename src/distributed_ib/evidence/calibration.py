"""Calibration of predicted class probabilities, and of prediction intervals of numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.evidence.interval import LEVEL, Interval, share_interval

FloatArray = NDArray[np.float64]
N_BINS, LEAST_ROWS_OF_BIN = 5, 10


@dataclass(frozen=True)
class CalibrationRow:
    """A stated probability, and how often the prediction was right on held-out rows.

    Attributes:
        stated: The stated probability, a mean over rows.
        observed: The share of rows predicted correctly, with an exact binomial interval.
        n_rows: Number of these rows.
    """

    stated: float
    observed: Interval
    n_rows: int


def calibration_of_classes(
    probabilities: FloatArray, y: NDArray[np.generic], level: float = LEVEL
) -> list[CalibrationRow]:
    """How often the most probable class was the true one, binned by its stated probability.

    Rows are divided into at most five bins of about equal size; rows of equal probability share a
    bin. Rows are treated as independent and equally weighted.

    Args:
        probabilities: Probabilities of the classes, `[n, class]`.
        y: Codes of the true classes, `[n]`.
        level: Coverage of the intervals.

    Example:
        >>> sure = np.tile([0.9, 0.1], (20, 1))
        >>> (row,) = calibration_of_classes(sure, np.array([0] * 18 + [1] * 2))
        >>> round(row.stated, 3), row.observed.value, row.n_rows
        (0.9, 0.9, 20)
    """
    best = np.round(probabilities.max(axis=1), 6)
    is_right = probabilities.argmax(axis=1) == y
    n_bins = max(1, min(N_BINS, len(best) // LEAST_ROWS_OF_BIN))
    edges = np.unique(np.quantile(best, np.arange(1, n_bins) / n_bins))
    codes = np.searchsorted(edges, best, side="left")
    return [
        CalibrationRow(
            float(best[codes == code].mean()),
            share_interval(is_right[codes == code], level),
            int((codes == code).sum()),
        )
        for code in np.unique(codes)
    ]


def coverage_of_numbers(
    low: FloatArray, high: FloatArray, y: FloatArray, stated: FloatArray, level: float = LEVEL
) -> list[CalibrationRow]:
    """How often the true numbers lay within the prediction intervals.

    Args:
        low: Lower ends, `[n, interval]`.
        high: Upper ends.
        y: The true numbers, `[n]`.
        stated: Nominal probability of each interval, `[interval]`.
        level: Coverage of the confidence intervals of the observed shares.
    """
    inside = (y[:, None] >= low) & (y[:, None] <= high)
    return [
        CalibrationRow(float(share), share_interval(inside[:, k], level), len(y))
        for k, share in enumerate(stated)
    ]
