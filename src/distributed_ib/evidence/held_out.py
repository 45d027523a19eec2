"""Permutation test of whether predictions of held-out rows depend on their Y."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

FloatArray = NDArray[np.float64]
N_DRAWS = 999


def held_out_p_value(
    log_likelihood: FloatArray,
    groups: NDArray[np.int64] | None = None,
    weight: FloatArray | None = None,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> float:
    """p-value of the null hypothesis that predictions are independent of Y on held-out rows.

    The log-likelihood of the observed pairs of prediction and Y is compared with that of permuted
    pairs; if rows have weights or groups, random signs of whole groups are drawn instead.

    Args:
        log_likelihood: Log-likelihood of the Y of row j under the prediction for row i, `[i, j]`.
        groups: Group number of each row, `[n]`; rows of a group may be dependent.
        weight: Weight of each row, `[n]`.
        n_draws: Number of permutations.
        seed: Seed of the permutations.

    Example:
        >>> good = np.where(np.eye(30) > 0, 0.0, -1.0)
        >>> held_out_p_value(good)
        0.001
    """
    random = np.random.default_rng([seed, 4])
    n = len(log_likelihood)
    if n < 2:
        return 1.0
    # Centred over rows and over predictions.
    share = np.full(n, 1 / n) if weight is None else weight / weight.sum()
    of_row, of_prediction = share @ log_likelihood, log_likelihood @ share
    centered = log_likelihood - of_row - of_prediction[:, None] + share @ of_prediction
    rows = np.arange(n)
    if groups is None and weight is None:
        observed = centered[rows, rows].sum()
        drawn = np.array([centered[rows, random.permutation(n)].sum() for _ in range(n_draws)])
    else:
        own = centered[rows, rows] * (1.0 if weight is None else weight)
        labels = rows if groups is None else groups
        _, codes = np.unique(labels, return_inverse=True)
        sums = np.bincount(codes, own)
        observed = sums.sum()
        drawn = random.choice((-1.0, 1.0), size=(n_draws, len(sums))) @ sums
    tolerance = 1e-9 * max(1.0, abs(observed))
    return float((1 + (drawn >= observed - tolerance).sum()) / (n_draws + 1))


def joined_p_value(p_values: list[float]) -> float:
    """Combined p-value of independent tests of the same null hypothesis (Fisher 1925).

    >>> round(joined_p_value([0.05, 0.05]), 4), joined_p_value([0.3])
    (0.0175, 0.3)
    """
    if len(p_values) == 1:
        return p_values[0]
    return float(chi2.sf(-2 * np.log(p_values).sum(), 2 * len(p_values)))
