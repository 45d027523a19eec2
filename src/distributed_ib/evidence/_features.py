"""Features of components and outcomes, for tests of their dependence."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from distributed_ib.data.component_values import ComponentValues

FloatArray = NDArray[np.float64]
# Cosines of the rank of a number; the k-th has weight 1/k^2, as in distance-based tests.
N_COSINES = 4
# With more columns of a component, or entries of Y, their principal components are used.
MOST_COLUMNS = 8
# Levels with fewer rows are pooled into one: each has too few rows to distinguish anything.
LEAST_ROWS_OF_LEVEL = 5


def features_of_component(values: ComponentValues, n_cosines: int = N_COSINES) -> FloatArray:
    """Features of a component, `[n, feature]`, each of mean zero.

    A number yields cosines of its rank, which do not depend on its unit or on monotonic maps; a
    category yields an indicator of each level. A missing number is replaced by the median, with
    an indicator. Constant features are omitted.
    """
    missing = np.isnan(values.numbers)
    known = _filled(values.numbers, missing)
    numbers = [features_of_numbers(column, n_cosines) for column in _few(known).T]
    gaps = [features_of_codes(gap.astype(np.int64)) for gap in _distinct(missing)]
    codes = [features_of_codes(column) for column in values.codes.T]
    return _joined([*numbers, *gaps, *codes], values.n_rows)


def features_of_outcome(y: NDArray[np.generic], n_cosines: int = N_COSINES) -> FloatArray:
    """Features of Y, `[n, feature]`, entry by entry; integers are classes."""
    entries = np.asarray(y).reshape(len(y), -1)
    if entries.dtype.kind in "biu":
        return _joined([features_of_codes(column) for column in entries.T], len(y))
    columns = _few(entries.astype(np.float64)).T
    return _joined([features_of_numbers(column, n_cosines) for column in columns], len(y))


def features_of_numbers(values: FloatArray, n_cosines: int = N_COSINES) -> FloatArray:
    """Cosines of the rank, `[n, cosine]`, standardised and weighted by 1/k.

    Example:
        >>> features_of_numbers(np.array([3.0, 1.0, 2.0]), 1).round(2).tolist()
        [[-1.22], [1.22], [0.0]]
    """
    place = (rankdata(values) - 0.5) / len(values)
    order = np.arange(1, n_cosines + 1)
    waves = np.cos(np.pi * order * place[:, None])
    waves = waves - waves.mean(axis=0)
    deviation = waves.std(axis=0)
    kept = deviation > 1e-9
    return np.asarray(waves[:, kept] / deviation[kept] / order[kept])


def features_of_codes(codes: NDArray[np.generic]) -> FloatArray:
    """An indicator of each level, `[n, level]`, scaled so that the sum of squares is chi-square.

    >>> features_of_codes(np.array([0] * 5 + [1] * 5))[0].round(3).tolist()
    [0.707, -0.707]
    """
    _, codes, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rare = counts < LEAST_ROWS_OF_LEVEL
    level = np.where(rare, -1, np.arange(len(counts)))[codes]
    _, level = np.unique(level, return_inverse=True)
    share = np.bincount(level) / len(level)
    if len(share) < 2:
        return np.zeros((len(codes), 0))
    indicators = np.eye(len(share))[level] - share
    return np.asarray(indicators / np.sqrt(share))


def _filled(columns: FloatArray, missing: NDArray[np.bool_]) -> FloatArray:
    """The numbers, with missing ones replaced by the median of their column."""
    if not missing.any():
        return columns
    pairs = zip(columns.T, missing.T, strict=True)
    middles = [0.0 if gone.all() else np.median(column[~gone]) for column, gone in pairs]
    return np.where(missing, middles, columns)


def _distinct(missing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The distinct patterns of missing numbers, `[pattern, n]`."""
    return np.unique(missing[:, missing.any(axis=0)], axis=1).T


def _few(columns: FloatArray) -> FloatArray:
    """The columns, or their first `MOST_COLUMNS` principal components if there are more."""
    if columns.shape[1] <= MOST_COLUMNS:
        return columns
    centered = columns - columns.mean(axis=0)
    deviation = centered.std(axis=0)
    scaled = centered / np.where(deviation > 0, deviation, 1)
    left, size, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, :MOST_COLUMNS] * size[:MOST_COLUMNS])


def _joined(parts: list[FloatArray], n_rows: int) -> FloatArray:
    return np.concatenate(parts, axis=1) if parts else np.zeros((n_rows, 0))
