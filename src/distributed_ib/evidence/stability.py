"""Variation of the findings between resamples of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from distributed_ib.evidence.interval import LEVEL, Interval

FloatArray = NDArray[np.float64]
LEAST_RESAMPLES = 3
# Number of quantiles that represent Student's t distribution in a mixture.
N_QUANTILES = 400
TOTALS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Sums over components at which resamples are compared."""


@dataclass(frozen=True)
class LastComponent:
    """How often a component is the last in use as the bottleneck becomes stronger.

    Attributes:
        name: The component.
        n: Number of resamples in which it is the last.
        n_resamples: Number of all resamples.
    """

    name: str
    n: int
    n_resamples: int


@dataclass(frozen=True)
class AtEqualBits:
    """What components convey when they convey a given number of bits in total.

    Attributes:
        total_bits: The sum over components.
        bits: What each component conveys there.
    """

    total_bits: float
    bits: tuple[Interval, ...]


def at_equal_bits(bits: FloatArray, level: float = LEVEL) -> list[AtEqualBits]:
    """What components convey at totals of 0.5, 1, 2, 4, ... bits that all resamples reach.

    Args:
        bits: Conveyed bits, `[step, resample, component]`, in ascending order of beta.
        level: Coverage of the intervals.

    Example:
        >>> bits = np.linspace(3, 0, 4)[:, None, None] * np.ones((4, 3, 1))
        >>> [(one.total_bits, one.bits[0].value) for one in at_equal_bits(bits)]
        [(0.5, 0.5), (1.0, 1.0), (2.0, 2.0)]
    """
    totals = bits.sum(axis=2)
    least, most = totals[-1].max(), totals.max(axis=0).min()
    return [
        AtEqualBits(total, tuple(bits_intervals(bits_at_total(bits, total), level)))
        for total in TOTALS
        if least <= total <= most
    ]


def bits_intervals(bits: FloatArray, level: float = LEVEL) -> list[Interval]:
    """Mean bits over resamples, with Student's t intervals of what another table would give.

    Args:
        bits: Conveyed bits, `[resample, component]`.
        level: Coverage.

    Example:
        >>> (interval,) = bits_intervals(np.array([[1.0], [1.1], [0.9]]))
        >>> round(interval.value, 2), round(interval.low, 2), round(interval.high, 2)
        (1.0, 0.71, 1.29)
    """
    means, n = bits.mean(axis=0), len(bits)
    if n < LEAST_RESAMPLES:
        return [Interval(float(mean)) for mean in means]
    half = t.ppf((1 + level) / 2, n - 1) * bits.std(axis=0, ddof=1)
    return [
        Interval(float(mean), max(0.0, float(mean - one)), float(mean + one))
        for mean, one in zip(means, half, strict=True)
    ]


def bits_where_chosen(
    bits: FloatArray, step: int, share: FloatArray, level: float = LEVEL
) -> list[Interval]:
    """Mean bits over resamples at a chosen step, with intervals of what another table would give.

    Another table would choose another step and train other models. The ends of an interval are
    therefore quantiles of a mixture over steps: Student's t distribution over resamples at each
    step, weighted by the share of bootstraps that choose that step. The interval can be
    asymmetric: if the loss hardly depends on beta, a component may convey nothing or several bits.

    Args:
        bits: Conveyed bits, `[step, resample, component]`.
        step: The step chosen with all rows.
        share: Share of bootstraps that choose each step, `[step]`.
        level: Coverage.

    Example:
        >>> bits = np.array([[[2.0]] * 3, [[0.1]] * 3])
        >>> (interval,) = bits_where_chosen(bits, 1, np.array([0.2, 0.8]))
        >>> round(interval.value, 2), round(interval.low, 2), round(interval.high, 2)
        (0.1, 0.1, 2.0)
    """
    means, n = bits.mean(axis=1), bits.shape[1]
    if n < LEAST_RESAMPLES:
        return [Interval(float(mean)) for mean in means[step]]
    spread = t.ppf((np.arange(N_QUANTILES) + 0.5) / N_QUANTILES, n - 1)[:, None, None]
    values = np.maximum(means + spread * bits.std(axis=1, ddof=1), 0.0)  # [quantile, step, ...]
    weight = np.broadcast_to(share[None, :], values.shape[:2]).ravel()
    tails = [(1 - level) / 2, (1 + level) / 2]
    found = []
    for mean, mixture in zip(means[step], values.reshape(len(weight), -1).T, strict=True):
        low, high = np.quantile(mixture, tails, weights=weight, method="inverted_cdf")
        found.append(Interval(float(mean), min(float(low), mean), max(float(high), mean)))
    return found


def bits_at_total(bits: FloatArray, total_bits: float) -> FloatArray:
    """What components convey at a given total, `[resample, component]`, by interpolation.

    Args:
        bits: Conveyed bits, `[step, resample, component]`, in ascending order of beta.
        total_bits: The sum over components.

    Example:
        >>> bits_at_total(np.array([[[2.0, 2.0]], [[1.0, 0.0]]]), 2.5)
        array([[1.5, 1. ]])
    """
    found = np.empty(bits.shape[1:])
    for member in range(bits.shape[1]):
        totals = bits[:, member].sum(axis=1)
        # The last step that conveys at least the total, and the next.
        enough = np.flatnonzero(totals >= total_bits)
        first = int(enough[-1]) if len(enough) else 0
        second = min(first + 1, len(totals) - 1)
        span = totals[first] - totals[second]
        part = 0.0 if span <= 0 else min(max((totals[first] - total_bits) / span, 0.0), 1.0)
        found[member] = (1 - part) * bits[first, member] + part * bits[second, member]
    return found


def last_components(
    bits: FloatArray, names: Sequence[str], threshold_bits: float
) -> list[LastComponent]:
    """The components that are the last in use, the most frequent first.

    Args:
        bits: Conveyed bits, `[step, resample, component]`, in ascending order of beta.
        names: Names of the components.
        threshold_bits: A component is in use if it conveys more than this.

    Example:
        >>> bits = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.5, 0.0], [0.0, 0.5]]])
        >>> [(last.name, last.n) for last in last_components(bits, ["a", "b"], 0.1)]
        [('a', 1), ('b', 1)]
    """
    last = []
    for member in range(bits.shape[1]):
        used = np.flatnonzero((bits[:, member] > threshold_bits).any(axis=1))
        if len(used):
            last.append(int(bits[used[-1], member].argmax()))
    counts = np.bincount(last, minlength=len(names)) if last else np.zeros(len(names), int)
    order = np.argsort(-counts, kind="stable")
    n = bits.shape[1]
    return [LastComponent(names[k], int(counts[k]), n) for k in order if counts[k]]
