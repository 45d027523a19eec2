"""Statistics of the columns of a table larger than memory, from one pass over its rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column, Level
from distributed_ib.data.columns.column_values import numbers_of
from distributed_ib.data.columns.declared_kinds import DeclaredKind
from distributed_ib.data.columns.survey import Survey, SurveyedColumn
from distributed_ib.data.decomposition import Decomposition, Groups, ordered_columns
from distributed_ib.data.files._views import Chunk
from distributed_ib.data.files.parquet_table import ParquetTable, RowBlock
from distributed_ib.data.files.reading_ahead import read_ahead
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.fitting_columns import ColumnStatistics
from distributed_ib.data.reading_progress import ReadingCallback, no_progress
from distributed_ib.data.table_errors import with_place
from distributed_ib.errors import UserError

MOST_MEASURED_ROWS = 100_000
"""Largest number of rows on which a model of a table larger than memory is measured."""
MOST_KEPT_LEVELS = 1 << 20
"""Largest number of levels of a category, since all of them are kept in memory."""
MOST_CLASSES = 1 << 16
"""Largest number of classes of Y, likewise."""
MOST_VALUES = 255
"""Largest number of listed values of a number: their codes are single bytes."""
_PREVIEW_ROWS = 4096


@dataclass(frozen=True, eq=False)
class StreamedTable:
    """A table on disk, of which some rows are set aside for measurement.

    Attributes:
        table: All columns.
        targets: Columns of Y.
        inputs: Columns that X may contain.
        measured: Indices of the rows that are set aside, in ascending order.
        blocks: Row groups that are read together.
    """

    table: ParquetTable
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    measured: NDArray[np.int64]
    blocks: tuple[RowBlock, ...]

    def training_mask(self, start: int, chunk: Chunk) -> NDArray[np.bool_]:
        """Mask of the training rows from index `start` on: those with a Y, not set aside."""
        mask = self.has_y(chunk)
        mask[self._measured_in(start, len(mask))] = False
        return mask

    def has_y(self, chunk: Chunk) -> NDArray[np.bool_]:
        """Mask of the rows in which no column of Y is missing."""
        return np.all([chunk[name].notna().to_numpy(bool) for name in self.targets], axis=0)

    def measured_rows(self, start: int, chunk: Chunk) -> pd.DataFrame:
        """The rows from index `start` on that are set aside."""
        places = self._measured_in(start, len(chunk[self.targets[0]]))
        return pd.DataFrame({name: values.iloc[places] for name, values in chunk.items()})

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, int, Chunk]]:
        """All rows in order, as (number of the block, index of the first row, columns)."""
        return read_ahead(
            (number, start, chunk)
            for number, block in enumerate(self.blocks)
            for start, chunk in self.table.block_chunks(block, names)
        )

    def _measured_in(self, start: int, n_rows: int) -> NDArray[np.int64]:
        first, last = np.searchsorted(self.measured, [start, start + n_rows])
        return self.measured[first:last] - start


@dataclass(frozen=True, eq=False)
class StreamedStatistics:
    """Statistics of all rows of a table.

    Attributes:
        surveyed: How each column of X is read.
        declared: Columns whose kind the user declared.
        columns: Scaling and levels of numbers and categories, from the training rows.
        too_many_levels: Columns with more levels than can be kept.
        few_values: All values of numbers with at most 255 distinct values, by column.
        class_counts: Training rows of each value of a single Y; None if there are too many values.
        n_training: Number of training rows of each block.
        n_without_y: Number of rows whose Y is missing.
        measured: The rows that are set aside and have a Y, with the columns that were read.
    """

    surveyed: tuple[SurveyedColumn, ...]
    declared: frozenset[str]
    columns: ColumnStatistics
    too_many_levels: frozenset[str]
    few_values: Mapping[str, NDArray[np.float64]]
    class_counts: Mapping[Level, int] | None
    n_training: NDArray[np.int64]
    n_without_y: int
    measured: pd.DataFrame


def measured_rows_of(n_rows: int, most: int = MOST_MEASURED_ROWS) -> NDArray[np.int64]:
    """Rows to set aside: a uniform random sample of at most `most`, and at most half of all rows.

    They do not depend on the seed of a run.

    >>> len(measured_rows_of(1000)), len(measured_rows_of(1_000_000))
    (500, 100000)
    """
    drawn = np.random.default_rng(0).choice(n_rows, min(most, n_rows // 2), replace=False)
    return np.sort(drawn)


def gather_statistics(
    streamed: StreamedTable,
    declared: Mapping[str, DeclaredKind],
    *,
    kept: Sequence[str] = (),
    on_read: ReadingCallback = no_progress,
) -> StreamedStatistics:
    """Read all rows once: how columns are read, their scaling, the levels, Y, and measured rows.

    Args:
        streamed: The table.
        declared: What the user declared about its columns.
        kept: Columns that are not left out even if they are constant, row numbers or free text.
        on_read: Called to report progress.

    Raises:
        UserError: If a value of Y is infinite, or there are no training rows with a Y.
    """
    survey = Survey(streamed.inputs, declared)
    both = [Column(name, kind) for name in survey.wanted for kind in ("continuous", "categorical")]
    pass_ = _Pass(
        streamed,
        survey,
        ColumnStatistics(both),
        ColumnStatistics([Column(name, "categorical") for name in streamed.targets]),
    )
    for number, start, chunk in streamed.chunks([*survey.wanted, *streamed.targets]):
        pass_.add(number, start, chunk)
        on_read("reading", pass_.n_rows, streamed.table.n_rows)
    return pass_.result(kept)


def is_plain_number(values: "pd.Series[Any]") -> bool:
    """Whether a stretch of a column contains numbers, none of them missing.

    >>> is_plain_number(pd.Series([1, 2])), is_plain_number(pd.Series([1, None]))
    (True, False)
    """
    return pd.api.types.is_numeric_dtype(values.dtype) and not bool(values.isna().any())


class _Pass:
    """The pass over the rows in progress."""

    def __init__(
        self,
        streamed: StreamedTable,
        survey: Survey,
        columns: ColumnStatistics,
        targets: ColumnStatistics,
    ) -> None:
        self.streamed, self.survey, self.columns, self.targets = streamed, survey, columns, targets
        self.undecided = set(survey.wanted)
        self.too_many: set[str] = set()
        self.few_values: dict[str, set[float]] = {name: set() for name in survey.wanted}
        self.n_rows = 0
        self.n_without_y = 0
        self.n_training = np.zeros(len(streamed.blocks), np.int64)
        self.measured: list[pd.DataFrame] = []

    def add(self, number: int, start: int, chunk: Chunk) -> None:
        streamed = self.streamed
        mask = streamed.training_mask(start, chunk)
        self.n_rows += len(mask)
        self.n_training[number] += int(mask.sum())
        self.measured.append(streamed.measured_rows(start, chunk))
        self._add_targets(start, chunk, mask)
        self.survey.add(start, chunk, streamed.table.place_of)
        self._decide()
        self.columns.add(start, chunk, mask)
        self._add_values(chunk)
        for name in self.survey.wanted:
            counts = self.columns.counts(name)
            if counts is not None and len(counts) > MOST_KEPT_LEVELS:
                self.too_many.add(name)
                self.columns.keep_only(name, None)

    def _add_targets(self, start: int, chunk: Chunk, mask: NDArray[np.bool_]) -> None:
        for name in self.streamed.targets:
            values = chunk[name]
            if not pd.api.types.is_numeric_dtype(values.dtype):
                continue
            try:
                numbers_of(name, values, start + 1, allow_missing=True)
            except UserError as error:
                place = self.streamed.table.place_of(start)
                raise UserError(with_place(str(error), place)) from None
        self.n_without_y += int((~self.streamed.has_y(chunk)).sum())
        if len(self.streamed.targets) > 1:
            return
        (name,) = self.streamed.targets
        if (counts := self.targets.counts(name)) is not None:
            self.targets.add(start, chunk, mask)
            if len(counts) > MOST_CLASSES:
                self.targets.keep_only(name, None)

    def _add_values(self, chunk: Chunk) -> None:
        """Add to the values of numbers that take few; the first rows are examined first."""
        for name in list(self.few_values):
            values = chunk[name]
            if self.survey.read_as(name) != "continuous" or not is_plain_number(values):
                del self.few_values[name]
                continue
            for part in (values[:_PREVIEW_ROWS], values[_PREVIEW_ROWS:]):
                self.few_values[name].update(pd.unique(part).tolist())
                if len(self.few_values[name]) > MOST_VALUES:
                    del self.few_values[name]
                    break

    def _decide(self) -> None:
        """Keep only the actual kind of each column, as soon as one of its values is known."""
        for name in list(self.undecided):
            found = self.survey.read_as(name)
            if found is not None:
                self.undecided.discard(name)
                self.columns.keep_only(name, found)
        for name in self.survey.wanted:
            if self.survey.has_problem(name):
                self.undecided.discard(name)
                self.columns.keep_only(name, None)

    def result(self, kept: Sequence[str]) -> StreamedStatistics:
        streamed = self.streamed
        name = streamed.targets[0]
        counts = self.targets.counts(name) if len(streamed.targets) == 1 else None
        if not self.n_training.sum():
            raise UserError(
                f"the target {name!r} is missing in every row; there is nothing to learn."
            )
        measured = pd.concat(self.measured)
        measured = measured[measured[list(streamed.targets)].notna().all(axis=1)]
        return StreamedStatistics(
            tuple(self.survey.result(self.n_rows, kept=kept)),
            self.survey.declared,
            self.columns,
            frozenset(self.too_many),
            {
                name: np.array(sorted(values), np.float64)
                for name, values in self.few_values.items()
            },
            counts,
            self.n_training,
            self.n_without_y,
            streamed.table.as_stored(measured.reset_index(drop=True)),
        )


def fit_streamed(
    streamed: StreamedTable,
    statistics: StreamedStatistics,
    components: Groups | str | Decomposition | None,
    *,
    on_read: ReadingCallback = no_progress,
) -> FittedDecomposition:
    """Components with the scaling and levels of all training rows, as from `Decomposition.fit`.

    Dates, durations and ordered categories are read a second time, since how they are read depends
    on all of their values.

    Args:
        streamed: The table.
        statistics: Statistics of its rows.
        components: Groups of columns, as in `Decomposition.from_frame`, or the components.
        on_read: Called to report progress.

    Raises:
        UserError: If a column can't be used.

    Warns:
        UserWarning: For columns that are left out or constant.
    """
    decomposition = (
        components
        if isinstance(components, Decomposition)
        else Decomposition.from_survey(statistics.surveyed, components)
    )
    decomposition.warn_of_left_out(statistics.declared, stacklevel=3)
    for name in decomposition.sources:
        if name in statistics.too_many_levels:
            raise UserError(
                f"column {name!r} has more than {MOST_KEPT_LEVELS:,} levels, too many to keep in "
                f"memory; leave it out (--exclude {name})."
            )
    found = ColumnStatistics(ordered_columns(decomposition))
    if missing := found.copy_from(statistics.columns):
        again = ColumnStatistics(missing)
        sources = dict.fromkeys(column.read_from for column in missing)
        n_rows = 0
        for _, start, chunk in streamed.chunks([*sources, *streamed.targets]):
            mask = streamed.training_mask(start, chunk)
            again.add(start, chunk, mask)
            n_rows += len(mask)
            on_read("reading dates and ranks", n_rows, streamed.table.n_rows)
        found.add_from(again)
    return found.fitted(decomposition)
