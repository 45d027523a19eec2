"""Which rows to train on and which to hold out."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from distributed_ib.data.files._views import series_of
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
            measurements of one thing. The fraction is then a share of groups, not of rows.
        stratify: A class for each row, `[n]`: every class is split in the same proportion. A
            class of one row stays in training.

    Returns:
        Sorted indices of training rows and of validation rows.

    Raises:
        UserError: If the fraction is not between 0 and 1, labels are missing or of the wrong
            length, there is only one group, or both `groups` and `stratify` are given.

    Example:
        >>> train, validation = split_rows(10, 0.2, seed=1)
        >>> len(train), len(validation)
        (8, 2)
    """
    if not 0 < fraction < 1:
        raise UserError(f"the validation fraction must be between 0 and 1, got {fraction:g}.")
    if n < 2:
        raise UserError(f"{n} rows can't be split into training and validation; give at least 2.")
    if groups is not None and stratify is not None:
        raise UserError("rows can be split by groups or by classes, not by both; choose one.")
    wanted = min(max(1, round(fraction * n)), n - 1)
    if groups is not None:
        return _whole_groups(label_codes(groups, n, "groups"), fraction, seed)
    if stratify is not None:
        return _from_each_class(label_codes(stratify, n, "stratify"), wanted, seed)
    return _first(ShuffleSplit(1, test_size=wanted, random_state=seed).split(np.empty(n)))


def folds(
    rows: Rows, n_folds: int, seed: int = 0, *, groups: Any = None, stratify: Any = None
) -> list[tuple[Rows, Rows]]:
    """Divide rows into folds, each held out once from the others.

    Args:
        rows: The rows to divide, `[n]`.
        n_folds: Number of folds, at least 2; at most as many as there are rows or groups are made.
        seed: The same seed gives the same folds.
        groups: A label for each of them, `[n]`: rows of one group stay together.
        stratify: A class for each of them, `[n]`: every class is divided as evenly as possible.

    Returns:
        For each fold, the sorted rows outside and inside it.

    Raises:
        UserError: If there are fewer than two rows or groups.

    Example:
        >>> [inside.tolist() for _, inside in folds(np.arange(4), 2, seed=0)]
        [[2, 3], [0, 1]]
    """
    kinds = rows if groups is None else np.unique(groups)
    n_folds = min(n_folds, len(kinds))
    if n_folds < 2:
        raise UserError(f"{len(kinds)} rows or groups can't be divided; give at least 2.")
    if groups is not None:
        splitter: Any = GroupKFold(n_folds, shuffle=True, random_state=seed)
    elif stratify is not None and np.unique(stratify, return_counts=True)[1].max() >= n_folds:
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    else:
        splitter = KFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is missing in some of them.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        found = list(splitter.split(rows, stratify, groups))
    return [(np.sort(rows[outside]), np.sort(rows[inside])) for outside, inside in found]


def label_codes(values: Any, n: int, name: str) -> Rows:
    """A label for each of `n` rows, numbered from 0 in order of appearance.

    Raises:
        UserError: If a label is missing or not a plain value, or there are not `n` of them.

    >>> label_codes(["b", "a", "b"], 3, "groups").tolist()
    [0, 1, 0]
    """
    try:
        labels = np.asarray(values).reshape(-1)
        codes, _ = pd.factorize(series_of(labels))
    except (TypeError, ValueError):
        raise UserError(
            f"{name} must be a 1D array of numbers or text, one for each row."
        ) from None
    if len(labels) != n:
        raise UserError(f"{name} has {len(labels)} labels for {n} rows; give one for each row.")
    if (codes < 0).any():
        row = int((codes < 0).argmax()) + 1
        raise UserError(f"{name} has no label for row {row} (data rows count from 1); fill it in.")
    return codes.astype(np.int64)


def _whole_groups(labels: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    n_groups = len(np.unique(labels))
    if n_groups < 2:
        raise UserError("all rows belong to one group; a split needs at least two groups.")
    wanted = min(max(1, round(fraction * n_groups)), n_groups - 1)
    splitter = GroupShuffleSplit(1, test_size=wanted, random_state=seed)
    return _first(splitter.split(labels, groups=labels))


def _from_each_class(labels: Rows, wanted: int, seed: int) -> tuple[Rows, Rows]:
    """Every class in the same proportion; classes of one row stay in training."""
    sizes = np.bincount(labels)
    alone = sizes[labels] == 1
    rows = np.flatnonzero(~alone)
    n_classes = int((sizes > 1).sum())
    wanted = min(wanted, len(rows) - n_classes)
    if wanted < n_classes or n_classes == 0:  # too few rows for one of each class
        rows = rows if len(rows) > 1 else np.arange(len(labels))
        splitter = ShuffleSplit(1, test_size=max(1, wanted), random_state=seed)
        _, held = _first(splitter.split(rows))
    else:
        stratified = StratifiedShuffleSplit(1, test_size=wanted, random_state=seed)
        _, held = _first(stratified.split(rows, labels[rows]))
    held_out = np.sort(rows[held])
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def _first(splits: Iterator[tuple[Any, Any]]) -> tuple[Rows, Rows]:
    train, held_out = next(splits)
    return np.sort(train).astype(np.int64), np.sort(held_out).astype(np.int64)


@runtime_checkable
class Splitter(Protocol):
    """A rule by which rows are held out."""

    def split(self, n_rows: int, seed: int) -> tuple[Rows, Rows]:
        """Training rows and held-out rows, sorted; the same seed gives the same split."""
        ...


@dataclass(frozen=True, eq=False)
class KeepAll:
    """A splitter that holds out no rows.

    Example:
        >>> [rows.tolist() for rows in KeepAll().split(3, seed=0)]
        [[0, 1, 2], []]
    """

    def split(self, n_rows: int, seed: int) -> tuple[Rows, Rows]:
        """All rows, and none."""
        return np.arange(n_rows), np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class HoldOut:
    """A share of the rows, drawn at random; see `split_rows`.

    Attributes:
        fraction: Share of rows to hold out.
        groups: A label for each row, `[n]`: rows of one group stay together.
        stratify: A class for each row, `[n]`: every class is split in the same proportion.
    """

    fraction: float = 0.2
    groups: Any = None
    stratify: Any = None

    def split(self, n_rows: int, seed: int) -> tuple[Rows, Rows]:
        """Training and held-out rows."""
        return split_rows(n_rows, self.fraction, seed, groups=self.groups, stratify=self.stratify)

    def folds(self, rows: Rows, n_folds: int, seed: int) -> list[tuple[Rows, Rows]]:
        """The training rows divided by the same rule; see `folds`."""
        groups = None if self.groups is None else np.asarray(self.groups)[rows]
        stratify = None if self.stratify is None else np.asarray(self.stratify)[rows]
        return folds(rows, n_folds, seed, groups=groups, stratify=stratify)


@dataclass(frozen=True, eq=False)
class HoldOutLast:
    """The latest rows, to be predicted from the earlier ones.

    Attributes:
        times: When each row was measured, `[n]`, of any type that can be sorted.
        fraction: Share of rows to hold out. Rows of the same time are never separated.

    Example:
        >>> [rows.tolist() for rows in HoldOutLast([3, 1, 2, 0], 0.25).split(4, seed=0)]
        [[1, 2, 3], [0]]
    """

    times: Any
    fraction: float = 0.2

    def split(self, n_rows: int, seed: int) -> tuple[Rows, Rows]:
        """Training and held-out rows.

        Raises:
            UserError: If there is not one time for each row, or all are the same.
        """
        times = np.asarray(self.times)
        if times.shape != (n_rows,):
            raise UserError(
                f"times must have shape [{n_rows}], one time for each row, got {times.shape}."
            )
        wanted = min(max(1, round(self.fraction * n_rows)), n_rows - 1)
        first = np.sort(times)[n_rows - wanted]
        held = times >= first
        if held.all():
            held = times > first
        if not held.any():
            raise UserError("all rows have the same time, so no later rows can be held out.")
        return np.flatnonzero(~held), np.flatnonzero(held)

    def folds(self, rows: Rows, n_folds: int, seed: int) -> list[tuple[Rows, Rows]]:
        """The training rows divided into stretches of time; rows of the same time stay together.

        Raises:
            UserError: If all rows have the same time.
        """
        del seed
        _, moment, counts = np.unique(
            np.asarray(self.times)[rows], return_inverse=True, return_counts=True
        )
        # The middle of its rows determines to which of the equal parts a time belongs.
        middle = np.cumsum(counts) - counts / 2
        _, stretch_of = np.unique(np.floor(middle * n_folds / len(rows)), return_inverse=True)
        stretch = stretch_of[moment]
        if stretch.max() == 0:
            raise UserError("all rows have the same time, so they can't be divided by time.")
        return [(rows[stretch != k], rows[stretch == k]) for k in range(stretch.max() + 1)]


@dataclass(frozen=True, eq=False)
class HoldOutGiven:
    """Rows that the user has chosen to hold out.

    Attributes:
        held_out: Mask of the held-out rows, `[n]`.
        groups: A label for each row, `[n]`: if rows are divided further, those of one group stay
            together.
    """

    held_out: Any
    groups: Any = None

    def split(self, n_rows: int, seed: int) -> tuple[Rows, Rows]:
        """Training and held-out rows.

        Raises:
            UserError: If `held_out` is not a mask of all rows, or leaves one side empty.
        """
        held = np.asarray(self.held_out)
        if held.shape != (n_rows,) or held.dtype != bool:
            raise UserError(
                f"held_out must be a boolean mask of {n_rows} rows, got {held.dtype} {held.shape}."
            )
        if held.all() or not held.any():
            raise UserError(
                "held_out is the same for all rows; some rows must be held out, and others not."
            )
        return np.flatnonzero(~held), np.flatnonzero(held)

    def folds(self, rows: Rows, n_folds: int, seed: int) -> list[tuple[Rows, Rows]]:
        """Divide some of the rows further; see `folds`."""
        groups = None if self.groups is None else np.asarray(self.groups)[rows]
        return folds(rows, n_folds, seed, groups=groups)
