"""Atoms of a component of several columns: the leaves of a tree over its columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from distributed_ib.readable.atoms import Atoms, interval_text, shortest_between

Codes = NDArray[np.int64]
Values = Sequence[NDArray[np.generic]]

MOST_LEAVES = 12
_LEAST_ROWS = 5


@dataclass(frozen=True, eq=False)
class GroupColumn:
    """A column of a component of several.

    Attributes:
        name: Its name.
        levels: Names of its levels; empty for numbers.
        values: Codes of levels, or numbers, `[n]`.
    """

    name: str
    levels: tuple[str, ...]
    values: NDArray[np.generic]


@dataclass(frozen=True)
class _Test:
    """A question to a row: is a number below a cut, or a level this one?"""

    column: int
    level: int | None
    cut: float

    def holds(self, values: Values) -> NDArray[np.bool_]:
        column = np.asarray(values[self.column], np.float64)
        return np.asarray(column < self.cut if self.level is None else column == self.level)


# Tests on the way from the root to a leaf, and how each was answered.
_Path = tuple[tuple[_Test, bool], ...]


def grouped_atoms(
    component: str, columns: Sequence[GroupColumn], told_apart: NDArray[np.float64]
) -> tuple[Atoms, Callable[[Values], Codes]]:
    """The atoms of a component of several columns, and a function from values to atoms.

    Args:
        component: Its name.
        columns: Its columns.
        told_apart: Where the channels put each row, in units of their noise, `[n, d]`.
    """
    features = [
        (k, level, column.values == level if level is not None else column.values)
        for k, column in enumerate(columns)
        for level in (range(len(column.levels)) if column.levels else (None,))
    ]
    x = np.stack([np.asarray(values, np.float64) for _, _, values in features], axis=1)
    least = max(_LEAST_ROWS, len(x) // 100)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=MOST_LEAVES, min_samples_leaf=min(least, len(x)), random_state=0
    ).fit(x, told_apart)
    nodes, values = tree.tree_, [column.values for column in columns]
    paths: list[_Path] = []

    def descend(node: int, rows: NDArray[np.bool_], path: _Path) -> None:
        if nodes.children_left[node] < 0:
            paths.append(path)
            return
        column, level, _ = features[nodes.feature[node]]
        below = x[:, nodes.feature[node]] <= nodes.threshold[node]
        if level is None:
            here = np.asarray(values[column], np.float64)
            cut = shortest_between(
                float(here[rows & below].max()), float(here[rows & ~below].min())
            )
            test, yes, no = _Test(column, None, cut), below, ~below
            first, second = nodes.children_left[node], nodes.children_right[node]
        else:
            test, yes, no = _Test(column, level, 0.0), ~below, below
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


def _text(path: _Path, columns: Sequence[GroupColumn]) -> str:
    """A leaf in words."""
    parts = []
    for k, column in enumerate(columns):
        asked = [(test, answer) for test, answer in path if test.column == k]
        if not asked:
            continue
        if column.levels:
            left = set(range(len(column.levels)))
            for test, answer in asked:
                left &= {test.level} if answer else left - {test.level}
            names = ", ".join(column.levels[level] for level in sorted(left))
            parts.append(f"{column.name} {names}")
        else:
            low = max((test.cut for test, answer in asked if not answer), default=None)
            high = min((test.cut for test, answer in asked if answer), default=None)
            parts.append(f"{column.name} {interval_text(low, high)}")
    return " and ".join(parts) or "any"
