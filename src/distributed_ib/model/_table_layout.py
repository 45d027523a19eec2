"""The columns of each component of a table as index arrays, computed once."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int32

from distributed_ib.errors import UserError


@dataclass(frozen=True)
class TableLayout:
    """Index arrays of a `TableEncoder`; hashable, so that it can be part of a compiled shape.

    The encoder sorts the components into groups. Components of numbers only, of numbers and
    categories, and of categories with very many values are encoded row by row. They are followed by
    components with few values, which are encoded value by value: first those of categories, then
    those of numbers whose values the batch lists.

    Attributes:
        n_numbers: Continuous columns of each component.
        n_levels: Levels of each categorical column of each component.
        max_values: Largest number of values of a categorical component encoded value by value.
        listed: Components of numbers only whose values the batch lists (`RepeatedNumbers`).

    Raises:
        UserError: If the two lists describe different components, a size is negative, a component
            has no columns, or a component that lists its values has categories.

    Example:
        >>> layout = TableLayout((1, 0, 2), ((), (4,), (3,)), max_values=256)
        >>> layout.numeric, layout.mixed, layout.large, layout.few
        ((0,), (2,), (), (1,))
        >>> layout.number_columns.tolist()  # 3 stands for a column of zeros
        [[0, 3], [1, 2]]
        >>> layout.columns[2]
        (slice(1, 3, None), slice(1, 2, None))
    """

    n_numbers: tuple[int, ...]
    n_levels: tuple[tuple[int, ...], ...]
    max_values: int
    listed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the sizes."""
        sizes = [*self.n_numbers, *itertools.chain.from_iterable(self.n_levels)]
        if len(self.n_numbers) != len(self.n_levels) or any(size < 0 for size in sizes):
            raise UserError(
                f"n_numbers and n_levels must describe the same components, got "
                f"{len(self.n_numbers)} and {len(self.n_levels)}."
            )
        for k, (count, levels) in enumerate(zip(self.n_numbers, self.n_levels, strict=True)):
            if count == 0 and not levels:
                raise UserError(f"component {k} of the table has no columns.")
        if stray := set(self.listed) - set(self.numeric):
            raise UserError(
                f"the values of component {min(stray)} can't be listed, because it is categorical."
            )

    @property
    def n_components(self) -> int:
        """Number of components."""
        return len(self.n_numbers)

    @property
    def n_vectors(self) -> int:
        """Total number of levels of all categorical columns."""
        return sum(itertools.chain.from_iterable(self.n_levels))

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """Components of numbers only."""
        return tuple(k for k in range(self.n_components) if not self.n_levels[k])

    @cached_property
    def mixed(self) -> tuple[int, ...]:
        """Components of numbers and categories."""
        return tuple(k for k in range(self.n_components) if self.n_numbers[k] and self.n_levels[k])

    @cached_property
    def few(self) -> tuple[int, ...]:
        """Components of categories only, with at most `max_values` combinations of levels."""
        return tuple(
            k
            for k in range(self.n_components)
            if not self.n_numbers[k] and math.prod(self.n_levels[k]) <= self.max_values
        )

    @cached_property
    def large(self) -> tuple[int, ...]:
        """Components of categories only, with more than `max_values` combinations of levels."""
        others = {*self.numeric, *self.mixed, *self.few}
        return tuple(k for k in range(self.n_components) if k not in others)

    @property
    def by_row(self) -> tuple[int, ...]:
        """Components that are encoded row by row."""
        numeric = (k for k in self.numeric if k not in self.listed)
        return (*numeric, *self.mixed, *self.large)

    @cached_property
    def to_declared_order(self) -> Int32[np.ndarray, " component"]:
        """Position of each component in the encoder's order, `[component]`."""
        return np.argsort((*self.by_row, *self.few, *self.listed)).astype(np.int32)

    @cached_property
    def columns(self) -> tuple[tuple[slice, slice], ...]:
        """Columns of numbers and columns of codes of each component."""
        parts = []
        for counts in (self.n_numbers, [len(levels) for levels in self.n_levels]):
            stops = list(itertools.accumulate(counts))
            parts.append([slice(b - n, b) for n, b in zip(counts, stops, strict=True)])
        return tuple(zip(*parts, strict=True))

    @cached_property
    def number_columns(self) -> Int32[np.ndarray, "numeric column"]:
        """Columns of each component with numbers, `[component, column]`.

        Padded with the index after the last column, where the encoder puts a column of zeros.
        """
        starts = np.concatenate([[0], np.cumsum(self.n_numbers)])
        rows = [range(starts[k], starts[k + 1]) for k in (*self.numeric, *self.mixed)]
        return _pad(rows, int(starts[-1]))

    @cached_property
    def row_numbers(self) -> Int32[np.ndarray, " row_numeric"]:
        """Rows of `number_columns` whose components are encoded row by row."""
        with_numbers = (*self.numeric, *self.mixed)
        return np.array([j for j, k in enumerate(with_numbers) if k not in self.listed], np.int32)

    @cached_property
    def listed_numbers(self) -> Int32[np.ndarray, " listed"]:
        """Rows of `number_columns` whose components list their values, in the order of `listed`."""
        return np.array([self.numeric.index(k) for k in self.listed], np.int32)

    @cached_property
    def row_codes(
        self,
    ) -> tuple[Int32[np.ndarray, "component column"], Int32[np.ndarray, "component column"]]:
        """Columns of codes of the components `mixed` and `large`, and their first vectors.

        Both `[component, column]`; padded with the indices of a column and a vector of zeros.
        """
        members = (*self.mixed, *self.large)
        return (
            _pad([self._code_columns(k) for k in members], self._n_codes),
            _pad([self._first_vectors(k) for k in members], self.n_vectors),
        )

    @cached_property
    def value_codes(
        self,
    ) -> tuple[
        Int32[np.ndarray, "component column"],
        Int32[np.ndarray, "component column"],
        Int32[np.ndarray, " component"],
    ]:
        """Columns of codes of the components `few`, their place values, and their first values.

        `[component, column]` twice, and `[component]`: the value of component c in a row is
        first[c] + sum over columns of place_value[c] * code, as in a number with digits.
        """
        counts = [
            [math.prod(self.n_levels[k][j + 1 :]) for j in range(len(self.n_levels[k]))]
            for k in self.few
        ]
        sizes = [math.prod(self.n_levels[k]) for k in self.few]
        first = np.concatenate([[0], np.cumsum(sizes)])[: len(sizes)].astype(np.int32)
        return (
            _pad([self._code_columns(k) for k in self.few], self._n_codes),
            _pad(counts, 0),
            first,
        )

    @cached_property
    def value_vectors(self) -> Int32[np.ndarray, "value column"]:
        """Vectors that add up to the first layer of each value, `[value, column]`."""
        rows = []
        for k in self.few:
            first = self._first_vectors(k)
            for levels in itertools.product(*(range(count) for count in self.n_levels[k])):
                rows.append([start + level for start, level in zip(first, levels, strict=True)])
        return _pad(rows, self.n_vectors)

    @cached_property
    def value_owner(self) -> Int32[np.ndarray, " value"]:
        """Component of each value, `[value]`."""
        return np.array([k for k in self.few for _ in range(math.prod(self.n_levels[k]))], np.int32)

    @cached_property
    def vector_owner(self) -> Int32[np.ndarray, " vector"]:
        """Component of each learned vector, `[vector]`."""
        return np.repeat(
            np.arange(self.n_components), [sum(levels) for levels in self.n_levels]
        ).astype(np.int32)

    @property
    def _n_codes(self) -> int:
        return sum(len(levels) for levels in self.n_levels)

    def _code_columns(self, component: int) -> list[int]:
        first = sum(len(levels) for levels in self.n_levels[:component])
        return list(range(first, first + len(self.n_levels[component])))

    def _first_vectors(self, component: int) -> list[int]:
        first = sum(sum(levels) for levels in self.n_levels[:component])
        levels = self.n_levels[component]
        return [first + sum(levels[:j]) for j in range(len(levels))]


def _pad(ragged: Iterable[Sequence[int]], filler: int) -> Int32[np.ndarray, "row longest"]:
    """Rows of unequal lengths as one array, `[row, longest]`."""
    rows = [list(row) for row in ragged]
    padded = np.full((len(rows), max(map(len, rows), default=0)), filler, np.int32)
    for k, row in enumerate(rows):
        padded[k, : len(row)] = row
    return padded
