"""Atoms of a component of several columns: the leaves of a tree over its columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from distributed_ib.data.columns.column import MISSING
from distributed_ib.readable.atoms import Atoms, interval_text, shortest_between

Codes = NDArray[np.int64]
Values = Sequence[NDArray[np.generic]]

MOST_LEAVES = 12
_LEAST_ROWS = 5


@dataclass(frozen=True, eq=False)
class GroupColumn:
    """A column of a component of several columns.

    Attributes:
        name: Name of the column.
        levels: Names of its levels; empty for numbers.
        values: Codes of levels, or numbers or ranks, NaN if missing, `[n]`.
        is_ordered: Whether the values are ranks of levels.
        source: The column of the table from which it is derived, and with which it is missing.
    """

    name: str
    levels: tuple[str, ...]
    values: NDArray[np.generic]
    is_ordered: bool = False
    source: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether the values are ordered: numbers, or ranks of levels."""
        return self.is_ordered or not self.levels

    @property
    def whole(self) -> str:
        """Name of the table's column that is missing if this one is."""
        return self.name if self.source is None else self.source

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no number, `[n]`."""
        return np.isnan(np.asarray(self.values, np.float64))

    @property
    def middle(self) -> float:
        """The median, which replaces a missing number when it is compared with cuts."""
        known = np.asarray(self.values, np.float64)[~self.missing]
        return float(np.median(known)) if self.is_number and len(known) else 0.0


_IS_MISSING = -1


@dataclass(frozen=True)
class _Test:
    """Test of a row: whether a number is below a cut, or missing, or a level is a given one."""

    column: int
    level: int | None
    cut: float
    middle: float

    def holds(self, values: Values) -> NDArray[np.bool_]:
        column = np.asarray(values[self.column], np.float64)
        if self.level == _IS_MISSING:
            return np.isnan(column)
        if self.level is not None:
            return np.asarray(column == self.level)
        return np.where(np.isnan(column), self.middle, column) < self.cut


# Tests on the path from the root to a leaf, each with its outcome.
_Path = tuple[tuple[_Test, bool], ...]


def grouped_atoms(
    component: str, columns: Sequence[GroupColumn], told_apart: NDArray[np.float64]
) -> tuple[Atoms, Callable[[Values], Codes]]:
    """The atoms of a component of several columns, and a function that assigns values to atoms.

    Args:
        component: Name of the component.
        columns: Its columns.
        told_apart: Means of the channels of each row, in units of their noise, `[n, d]`.
    """
    features: list[tuple[int, int | None]] = []
    for k, column in enumerate(columns):
        if column.is_number:
            features += [(k, None), *([(k, _IS_MISSING)] if column.missing.any() else [])]
        else:
            features += [(k, level) for level in range(len(column.levels))]
    x = np.stack([_feature(columns[k], level) for k, level in features], axis=1)
    least = max(_LEAST_ROWS, len(x) // 100)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=MOST_LEAVES, min_samples_leaf=min(least, len(x)), random_state=0
    ).fit(x, told_apart)
    nodes = tree.tree_
    paths: list[_Path] = []

    def descend(node: int, rows: NDArray[np.bool_], path: _Path) -> None:
        if nodes.children_left[node] < 0:
            paths.append(path)
            return
        column, level = features[nodes.feature[node]]
        middle = columns[column].middle
        below = x[:, nodes.feature[node]] <= nodes.threshold[node]
        if level is None:
            here = x[:, nodes.feature[node]]
            cut = shortest_between(
                float(here[rows & below].max()), float(here[rows & ~below].min())
            )
            test, yes, no = _Test(column, None, cut, middle), below, ~below
            first, second = nodes.children_left[node], nodes.children_right[node]
        else:
            test, yes, no = _Test(column, level, 0.0, middle), ~below, below
            first, second = nodes.children_right[node], nodes.children_left[node]
        descend(int(first), rows & yes, (*path, (test, True)))
        descend(int(second), rows & no, (*path, (test, False)))

    descend(0, np.ones(len(x), bool), ())

    def code(values: Values) -> Codes:
        found = np.zeros(len(values[0]), np.int64)
        for k, path in enumerate(paths):
            fits = np.ones(len(found), bool)
            for test, answer in path:
                fits &= test.holds(values) == answer
            found[fits] = k
        return found

    texts = tuple(_text(path, columns) for path in paths)
    return Atoms(component, texts, np.zeros(0), joiner=" or "), code


def _feature(column: GroupColumn, level: int | None) -> NDArray[np.float64]:
    """A feature of the tree: a number, whether it is missing, or whether a level is a given one."""
    values = np.asarray(column.values, np.float64)
    if level == _IS_MISSING:
        return column.missing.astype(np.float64)
    if level is not None:
        return (values == level).astype(np.float64)
    return np.where(column.missing, column.middle, values)


def _text(path: _Path, columns: Sequence[GroupColumn]) -> str:
    """A leaf in words."""
    parts: list[str] = []
    for k, column in enumerate(columns):
        asked = [(test, answer) for test, answer in path if test.column == k]
        if not asked:
            continue
        text = _numbers_text(column, asked) if column.is_number else _levels_text(column, asked)
        if text not in parts:  # parts of a date that are missing together
            parts.append(text)
    return " and ".join(parts) or "any"


def _levels_text(column: GroupColumn, asked: Sequence[tuple[_Test, bool]]) -> str:
    left = set(range(len(column.levels)))
    for test, answer in asked:
        left &= {test.level or 0} if answer else left - {test.level or 0}
    return f"{column.name} {', '.join(column.levels[level] for level in sorted(left))}"


def _numbers_text(column: GroupColumn, asked: Sequence[tuple[_Test, bool]]) -> str:
    """The range of a number or of ranks, and whether it is missing."""
    is_missing = next((answer for test, answer in asked if test.level == _IS_MISSING), None)
    if is_missing:
        return f"{column.whole} {MISSING}"
    cuts = [(test.cut, answer) for test, answer in asked if test.level is None]
    if not cuts:
        return f"{column.whole} not {MISSING}"
    low = max((cut for cut, answer in cuts if not answer), default=None)
    high = min((cut for cut, answer in cuts if answer), default=None)
    text = _ranks_text(column, low, high) if column.is_ordered else interval_text(low, high)
    holds_middle = (low is None or column.middle >= low) and (high is None or column.middle < high)
    also = f" or {MISSING}" if is_missing is None and column.missing.any() and holds_middle else ""
    return f"{column.name} {text}{also}"


def _ranks_text(column: GroupColumn, low: float | None, high: float | None) -> str:
    first = 0 if low is None else ceil(low)
    after = len(column.levels) if high is None else ceil(high)
    names = column.levels[first:after]
    return f"{names[0]} to {names[-1]}" if len(names) > 2 else ", ".join(names)
