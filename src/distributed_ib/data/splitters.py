"""Which rows to train on and which to hold out."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data._views import series_of
from distributed_ib.errors import UserError

Rows = NDArray[np.int64]


def split_rows(
    n: int,
    fraction: float = 0.2,
    seed: int = 0,
    *,
    groups: Any = None,
    stratify: Any = None,
) -> tuple[Rows, Rows]:
    """Split rows 0 .. n-1 at random into training and validation rows.

    Args:
        n: Number of rows, at least 2.
        fraction: Share of rows to hold out; at least one row is held out and at least one kept.
        seed: The same seed gives the same split.
        groups: A label for each row, `[n]`: rows of one group stay together, for repeated
            measurements of one thing. The share is then met as nearly as whole groups allow.
        stratify: A class for each row, `[n]`: every class is split in the same proportion. A
            class of one row stays in training.

    Returns:
        Sorted indices of training rows and of validation rows.

    Raises:
        UserError: If the fraction is not between 0 and 1, labels are missing or of another
            length, there is only one group, or both `groups` and `stratify` are given.

    Example:
        >>> train, validation = split_rows(10, 0.2, seed=1)
        >>> len(train), len(validation)
        (8, 2)
    """
    if not 0 < fraction < 1:
        raise UserError(f"the validation fraction must lie between 0 and 1, got {fraction:g}.")
    if n < 2:
        raise UserError(f"{n} rows can't be split into training and validation; give at least 2.")
    if groups is not None and stratify is not None:
        raise UserError("rows can be split by groups or by classes, not by both; choose one.")
    rng = np.random.default_rng(seed)
    wanted = min(max(1, round(fraction * n)), n - 1)
    if groups is not None:
        held = _whole_groups(label_codes(groups, n, "groups"), wanted, rng)
    elif stratify is not None:
        held = _from_each_class(label_codes(stratify, n, "stratify"), fraction, wanted, rng)
    else:
        held = np.zeros(n, bool)
        held[rng.permutation(n)[:wanted]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def label_codes(values: Any, n: int, name: str) -> Rows:
    """A label for each of `n` rows, numbered from 0 in order of appearance.

    Raises:
        UserError: If a label is missing or no plain value, or there is another number of them.

    >>> label_codes(["b", "a", "b"], 3, "groups").tolist()
    [0, 1, 0]
    """
    try:
        labels = np.asarray(values).reshape(-1)
        codes, _ = pd.factorize(series_of(labels))
    except (TypeError, ValueError):
        raise UserError(f"{name} should be numbers or text, [n], one for each row.") from None
    if len(labels) != n:
        raise UserError(f"{name} has {len(labels)} labels for {n} rows; give one for each row.")
    if (codes < 0).any():
        row = int((codes < 0).argmax()) + 1
        raise UserError(f"{name} has no label for row {row} (data rows count from 1); fill it in.")
    return codes.astype(np.int64)


def _whole_groups(labels: Rows, wanted: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        raise UserError("all rows belong to one group; a split needs at least two groups.")
    order = rng.permutation(len(sizes))
    taken = np.cumsum(sizes[order])[:-1]  # never all groups
    count = int(np.argmin(np.abs(taken - wanted))) + 1
    return np.isin(labels, order[:count])


def _from_each_class(
    labels: Rows, fraction: float, wanted: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    sizes = np.bincount(labels)
    share = np.minimum(sizes * fraction, sizes - 1)
    counts = np.floor(share).astype(np.int64)
    # Largest remainders first, until the share of the whole is met.
    for k in np.argsort(counts - share, kind="stable")[: max(0, wanted - counts.sum())]:
        counts[k] += counts[k] < sizes[k] - 1
    held = np.zeros(len(labels), bool)
    for k, count in enumerate(counts):
        held[rng.permutation(np.flatnonzero(labels == k))[:count]] = True
    if not held.any():
        held[rng.integers(len(labels))] = True
    return held
