"""Do stated probabilities come true? Of classes, and of intervals for numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from distributed_ib.evidence.interval import LEVEL, Interval

FloatArray = NDArray[np.float64]
N_BINS, LEAST_ROWS_OF_BIN = 5, 10


@dataclass(frozen=True)
class CalibrationRow:
    """One stated probability, and how often it came true on held-out rows.

    Attributes:
        stated: The probability; a mean over rows.
        observed: The share of rows in which it came true, with an exact binomial interval.
        n_rows: Rows that it was stated for.
    """

    stated: float
    observed: Interval
    n_rows: int


def calibration_of_classes(
    probabilities: FloatArray, y: NDArray[np.generic], level: float = LEVEL
) -> list[CalibrationRow]:
    """How often the likeliest class was the true one, by the probability that it was given.

    Rows are divided into at most five bins of equally many.

    Args:
        probabilities: Of the classes, `[n, class]`.
        y: Codes of the true classes, `[n]`.
        level: Coverage of the intervals.

    Example:
        >>> sure = np.tile([0.9, 0.1], (20, 1))
        >>> (row, _) = calibration_of_classes(sure, np.array([0] * 18 + [1] * 2))
        >>> round(row.stated, 3), row.n_rows
        (0.9, 10)
    """
    best = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == y
    n_bins = max(1, min(N_BINS, len(best) // LEAST_ROWS_OF_BIN))
    order = np.argsort(best, kind="stable")
    return [
        CalibrationRow(float(best[part].mean()), _share(is_right[part], level), len(part))
        for part in np.array_split(order, n_bins)
        if len(part)
    ]


def coverage_of_numbers(
    low: FloatArray, high: FloatArray, y: FloatArray, stated: FloatArray, level: float = LEVEL
) -> list[CalibrationRow]:
    """How often numbers lay within the stated intervals.

    Args:
        low: Lower ends, `[n, interval]`.
        high: Upper ends.
        y: The true numbers, `[n]`.
        stated: Probability of each interval, `[interval]`.
        level: Coverage of the intervals of the shares.
    """
    inside = (y[:, None] >= low) & (y[:, None] <= high)
    return [
        CalibrationRow(float(share), _share(inside[:, k], level), len(y))
        for k, share in enumerate(stated)
    ]


def _share(is_true: NDArray[np.bool_], level: float) -> Interval:
    """A share with its exact interval (Clopper and Pearson 1934)."""
    n, k, tail = len(is_true), int(is_true.sum()), (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(k / n, low, high)
