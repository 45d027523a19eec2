"""Scores of predictions with bootstrap intervals over the rows on which they are measured."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.evidence.interval import LEVEL, Interval, share_interval

N_BOOTSTRAPS = 1000
LEAST_UNITS = 5  # fewest rows or groups for an interval


def score_intervals(
    y: NDArray[Any],
    predicted: NDArray[Any],
    *,
    is_class: bool,
    weight: NDArray[np.float64] | None = None,
    groups: NDArray[np.int64] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """`accuracy` of classes, `r2` and `rmse` of numbers, with percentile intervals.

    The accuracy of independent rows of equal weight has an exact binomial interval instead.
    Bootstrap intervals are omitted for fewer than five rows or groups.

    If rows come in groups, whole groups are drawn. The models stay fixed: the intervals account
    for the choice of these rows, not of the training rows.

    Args:
        y: The true Y, `[n]` or `[n, d]`; R2 and RMSE of a vector are means over entries.
        predicted: The predicted Y, of the same shape.
        is_class: Whether Y is a class.
        weight: Weight of each row, `[n]`.
        groups: Group number of each row, `[n]`; rows of a group may be dependent.
        level: Coverage.
        seed: Seed of the bootstrap.

    Example:
        >>> y = np.array([0, 1] * 50)
        >>> scores = score_intervals(y, y, is_class=True)
        >>> round(scores["accuracy"].low, 2), scores["accuracy"].high
        (0.97, 1.0)
    """
    n = len(y)
    if is_class and weight is None and groups is None:
        right = np.asarray(y).reshape(n, -1) == np.asarray(predicted).reshape(n, -1)
        return {"accuracy": share_interval(right.all(axis=1), level)}
    weight = np.ones(n) if weight is None else np.asarray(weight, np.float64)
    labels = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    truth, guess = np.asarray(y).reshape(n, -1), np.asarray(predicted).reshape(n, -1)
    if is_class:
        terms = (truth == guess).all(axis=1)[None].astype(np.float64)[..., None]
    else:
        # R2 also needs sums of y and y^2; y is centred for numerical precision.
        centered = truth - np.average(truth, axis=0, weights=weight)
        terms = np.stack([(truth - guess) ** 2, centered, centered**2])
    # Sums over groups, [term, entry, group], and their weights.
    size = int(labels.max()) + 1 if n else 0
    sums = np.stack([[_sums(labels, weight * part, size) for part in term.T] for term in terms])
    weights = _sums(labels, weight, size)
    random = np.random.default_rng([seed, 6])
    counts = random.multinomial(size, np.full(size, 1 / size), size=N_BOOTSTRAPS)
    counts = np.concatenate([np.ones((1, size)), counts])
    means = np.einsum("bg,teg->bte", counts, sums) / (counts @ weights)[:, None, None]
    values = _scores(means, is_class)
    ends = [(1 - level) / 2, (1 + level) / 2]
    return {
        name: Interval(float(found[0]), *map(float, np.nanquantile(found[1:], ends)))
        if size >= LEAST_UNITS and np.isfinite(found[1:]).any()
        else Interval(float(found[0]))
        for name, found in values.items()
    }


def _sums(labels: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return np.bincount(labels, values, minlength=size).astype(np.float64)


def _scores(means: NDArray[np.float64], is_class: bool) -> dict[str, NDArray[np.float64]]:
    """Scores of each bootstrap, from means of terms `[bootstrap, term, entry]`."""
    if is_class:
        return {"accuracy": means[:, 0, 0]}
    squared, first, second = means[:, 0], means[:, 1], means[:, 2]
    variance = second - first**2
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(variance > 0, 1 - squared / variance, np.nan).mean(axis=1)
    return {"rmse": np.sqrt(squared).mean(axis=1), "r2": r2}
