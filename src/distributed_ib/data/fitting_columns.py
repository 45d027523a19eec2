"""Scaling and levels of the columns of a table, learnt from its training rows."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns._moments import Moments
from distributed_ib.data.columns._observed import MAX_VALUES, ObservedValues, Rows, RowSample
from distributed_ib.data.columns.column import RARE, Column, Level
from distributed_ib.data.columns.column_values import sorted_levels
from distributed_ib.data.columns.date_parts import with_clock_times
from distributed_ib.data.columns.reading_columns import levels_in, numbers_in
from distributed_ib.data.decomposition import Decomposition, ordered_columns
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.table_errors import shown, where
from distributed_ib.data.training_rows import training_mask
from distributed_ib.errors import UserError

MANY_LEVELS = 50
"""In columns with more levels than this, rare ones are grouped into one."""
LEAST_ROWS_OF_LEVEL = 5
"""A level of such a column with fewer training rows than this is rare."""
HEAVY_TAIL_SIGMA = 6.0
"""A normal column has so extreme a value once in a billion rows."""

Mask = NDArray[np.bool_]


@dataclass
class _Numbers:
    """Statistics of a continuous column over the training rows."""

    column: Column
    moments: Moments = field(default_factory=Moments)
    observed: ObservedValues = field(default_factory=ObservedValues)
    n_missing: int = 0

    def add(
        self, values: pd.Series, first_row: int, mask: Mask | None, drawn: tuple[Rows, Rows]
    ) -> None:
        numbers = numbers_in(self.column, values, first_row)
        numbers = numbers if mask is None else numbers[mask]
        missing = np.isnan(numbers)
        n_missing = int(missing.sum())
        self.n_missing += n_missing
        self.moments.add(numbers[~missing] if n_missing else numbers)
        self.observed.add(numbers, drawn)

    def check(self) -> None:
        """Refuse a column that can't be scaled, and warn if it conveys no information."""
        name = self.column.name
        if not self.moments.count:
            _warn(
                f"{where(name)} has no values in the training rows, so it conveys no information."
            )
            self.moments.add(np.zeros(1))
            self.observed.add(np.zeros(1), (np.zeros(0, np.int64), np.zeros(1, np.int64)))
            return
        if not math.isfinite(self.moments.standard_deviation):
            raise UserError(
                f"column {name!r} spans too large a range of values; rescale it, or take its "
                "logarithm."
            )
        if self.moments.is_constant and not self.n_missing:
            _warn(f"{where(name)} is constant in the training rows, so it conveys no information.")

    @property
    def fitted(self) -> Column:
        return replace(self.column, has_missing=self.n_missing > 0)

    @property
    def spikes(self) -> tuple[float, ...]:
        """Spikes of numbers and durations of the table; ranks and parts of dates have none."""
        reading = self.column.reading
        is_measured = reading is None or reading.part == "duration"
        return self.observed.spikes if is_measured else ()


@dataclass
class _Levels:
    """Counts of a categorical column over the training rows; its levels come from all rows."""

    column: Column
    counts: dict[Level, int] = field(default_factory=dict)
    n_missing: int = 0

    def add(self, values: pd.Series, first_row: int, mask: Mask | None) -> None:
        codes, levels = levels_in(self.column, values, first_row)
        for level in levels:
            self.counts.setdefault(level, 0)
        codes = codes if mask is None else codes[mask]
        counts = np.bincount(codes + 1, minlength=len(levels) + 1).tolist()
        self.n_missing += counts[0]
        for level, count in zip(levels, counts[1:], strict=True):
            self.counts[level] += count

    @property
    def fitted(self) -> Column:
        """The column with its levels: the known ones, `RARE`, and None for missing values.

        Raises:
            UserError: If a level is not among the declared ones.
        """
        name, declared = self.column.name, self.column.levels
        levels = sorted_levels(set(self.counts)) if declared is None else self.column.known_levels
        if unknown := set(self.counts) - set(levels):
            raise UserError(
                f"{where(name)} contains {shown(min(unknown, key=str))}, which is not among its "
                "declared categories; add it to the categories, or replace the value."
            )
        if len(self.counts) + (self.n_missing > 0) == 1:
            _warn(f"{where(name)} is constant, so it conveys no information.")
        kept = levels
        if len(levels) > MANY_LEVELS:
            kept = tuple(v for v in levels if self.counts.get(v, 0) >= LEAST_ROWS_OF_LEVEL)
        has_rare = len(kept) < len(levels) or not levels
        all_levels = (*kept, *([RARE] if has_rare else []), *([None] if self.n_missing else []))
        return replace(self.column, levels=all_levels, has_rare=has_rare)

    def most_frequent(self, fitted: Column) -> int:
        """Code of the most frequent level in the training rows, ignoring missing values."""
        known = [self.counts.get(level, 0) for level in fitted.known_levels]
        rare = [sum(self.counts.values()) - sum(known)] if fitted.has_rare else []
        return int(np.argmax([*known, *rare]))


class ColumnStatistics:
    """Scaling and levels of the columns of a table whose rows are added a stretch at a time.

    Args:
        columns: The columns.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._numbers = {c.name: _Numbers(c) for c in columns if c.is_number}
        self._levels = {c.name: _Levels(c) for c in columns if not c.is_number}
        self._sample = RowSample()

    def add(self, start: int, chunk: Mapping[str, pd.Series], mask: Mask | None) -> None:
        """Add rows from index `start` on; `mask` `[n]` marks training rows, None for all."""
        length = len(next(iter(chunk.values()))) if mask is None else int(mask.sum())
        drawn = self._sample.draw(length)
        chunk = with_clock_times(self.columns, chunk, start + 1)
        for one in self._numbers.values():
            one.add(chunk[one.column.read_from], start + 1, mask, drawn)
        for each in self._levels.values():
            each.add(chunk[each.column.read_from], start + 1, mask)

    def keep_only(self, name: str, kind: str | None) -> None:
        """Keep only one kind of a column that was added both as a number and as a category.

        Args:
            name: The column.
            kind: "continuous" or "categorical"; None to drop both.
        """
        if kind != "continuous":
            self._numbers.pop(name, None)
        if kind != "categorical":
            self._levels.pop(name, None)

    def counts(self, name: str) -> Mapping[Level, int] | None:
        """Training rows of each level of a category so far; None for other columns."""
        return self._levels[name].counts if name in self._levels else None

    def copy_from(self, other: "ColumnStatistics") -> list[Column]:
        """Take the statistics of these columns from another object that has seen all rows.

        Returns:
            Columns that it doesn't have, or reads differently.
        """
        missing = []
        for column in self.columns:
            own: dict[str, Any] = self._numbers if column.is_number else self._levels
            others: dict[str, Any] = other._numbers if column.is_number else other._levels
            if column.reading is None and column.name in others:
                own[column.name] = replace(others[column.name], column=column)
            else:
                missing.append(column)
        return missing

    def add_from(self, other: "ColumnStatistics") -> None:
        """Take the statistics of all columns of another object."""
        self._numbers |= other._numbers
        self._levels |= other._levels

    def fitted(self, decomposition: Decomposition) -> FittedDecomposition:
        """The decomposition of these columns with their scaling and levels.

        Raises:
            UserError: As in `Decomposition.fit`.
        """
        columns = ordered_columns(decomposition)
        numbers = [self._numbers[c.name] for c in columns if c.is_number]
        levels = [self._levels[c.name] for c in columns if not c.is_number]
        for one in numbers:
            one.check()
        fitted = {one.column.name: one.fitted for one in numbers}
        fitted |= {each.column.name: each.fitted for each in levels}
        moments = [one.moments for one in numbers]
        values = [one.observed.values() for one in numbers]
        return FittedDecomposition(
            replace(decomposition, columns=tuple(fitted[c.name] for c in decomposition.columns)),
            mean=tuple(s.low if s.is_constant else s.mean for s in moments),
            scale=tuple(1.0 if s.is_constant else s.standard_deviation for s in moments),
            low=tuple(s.low for s in moments),
            high=tuple(s.high for s in moments),
            observed=tuple(values),
            by_rank=tuple(map(_has_heavy_tails, moments, values)),
            median=tuple(one.observed.median for one in numbers),
            spikes=tuple(one.spikes for one in numbers),
            rows_per_value=tuple(one.observed.rows_per_value for one in numbers),
            most_frequent=tuple(each.most_frequent(fitted[each.column.name]) for each in levels),
        )


def fit_decomposition(
    decomposition: Decomposition, data: Any, rows: NDArray[Any] | None, min_rows: int
) -> FittedDecomposition:
    """See `Decomposition.fit`."""
    view = decomposition.view(data)
    if view.n_rows < min_rows:
        raise UserError(f"the data have only {view.n_rows} rows; give at least {min_rows}.")
    training = training_mask(rows, view.n_rows)
    statistics = ColumnStatistics(ordered_columns(decomposition))
    for start, chunk in view.chunks(decomposition.sources):
        length = len(next(iter(chunk.values())))
        mask = None if training is None else training[start : start + length]
        statistics.add(start, chunk, mask)
    return statistics.fitted(decomposition)


def _has_heavy_tails(moments: Moments, observed: tuple[float, ...]) -> bool:
    """Whether a column of many distinct values has some very far from its mean."""
    if moments.is_constant or len(observed) < MAX_VALUES:
        return False
    farthest = max(moments.high - moments.mean, moments.mean - moments.low)
    return bool(farthest > HEAVY_TAIL_SIGMA * moments.standard_deviation)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)
