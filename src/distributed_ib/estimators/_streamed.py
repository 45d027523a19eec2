"""A table larger than memory: measured rows in memory, training rows in a pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.batches import Batch, BatchSource
from distributed_ib.data.decomposition import Decomposition, Groups
from distributed_ib.data.files._views import Chunk
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.pool_batches import ListedValues, PoolBatches
from distributed_ib.data.problem import RowIndex
from distributed_ib.data.reading_progress import ReadingCallback, no_progress
from distributed_ib.data.row_group_pool import RowGroupPool
from distributed_ib.data.streamed_statistics import (
    MOST_CLASSES,
    StreamedStatistics,
    StreamedTable,
    fit_streamed,
)
from distributed_ib.data.table_input import TableInput
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.estimators._plan import TableProblem

POOL_SHARE = 0.5
"""Share of the memory for data that the pool takes; the rest is for rows that are being read."""
POOL_SEED = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamedProblem(TableProblem):
    """Measured rows of a table on disk, with a pool of its training rows.

    All measurements, including the evidence, use the rows in memory; the sweeps train on the rows
    of the pool and on the training rows in memory.

    Attributes:
        pool: The training rows that are not in memory.
        values: The values of each component that is a number with few values; None if there are
            none.
    """

    pool: RowGroupPool
    values: ListedValues | None = None

    @property
    def n_streamed(self) -> int:
        """Number of training rows on disk."""
        return self.pool.n_rows

    def in_memory(self) -> TableProblem:
        """Only the measured rows."""
        return TableProblem(**_of_table(self))

    def batches(self, train: RowIndex, batch_size: int, seed: int) -> BatchSource:
        """Training batches from the pool, and from the measured rows in `train`."""
        return self._from_pool([train], batch_size, seed)

    def resampled_batches(
        self, train: Sequence[RowIndex], batch_size: int, seed: int
    ) -> BatchSource:
        """Training batches from the pool, and from the measured rows of each repeat."""
        return self._from_pool(train, batch_size, seed)

    def _from_pool(self, rows: Sequence[RowIndex], batch_size: int, seed: int) -> BatchSource:
        return PoolBatches(self.pool, rows, batch_size, seed=seed, values=self.values)


@dataclass(frozen=True, eq=False)
class StreamedSource:
    """A table on disk and the statistics of one pass over its rows.

    Attributes:
        streamed: The table.
        statistics: The statistics of its rows.
        memory_gib: Memory for data, in GiB.
        on_read: Progress callback, called while rows are read.
    """

    streamed: StreamedTable
    statistics: StreamedStatistics
    memory_gib: float
    on_read: ReadingCallback = no_progress

    def fitted(self, components: Groups | str | Decomposition | None) -> FittedDecomposition:
        """The components, with the scaling and levels of all training rows; see `fit_streamed`."""
        return fit_streamed(self.streamed, self.statistics, components, on_read=self.on_read)

    def target(self, target: Target) -> Target:
        """Y with the classes of all rows, and their shares among the training rows on disk.

        Bins and scaling of a numeric Y remain those of the training rows in memory.

        Raises:
            UserError: If there are too many classes.
        """
        if target.task != "classification":
            return target
        counts = self.statistics.class_counts
        if counts is None:
            raise UserError(
                f"the target {target.name!r} has more than {MOST_CLASSES:,} classes; choose "
                "another target, or set the task to regression if these are numbers."
            )
        return target.with_counts(counts)

    @property
    def n_training(self) -> int:
        """Number of training rows on disk."""
        return int(self.statistics.n_training.sum())

    def problem(
        self,
        problem: TableProblem,
        fitted: FittedDecomposition,
        target: Target,
        *,
        binned: bool,
        most_values: int,
    ) -> StreamedProblem:
        """The problem of the measured rows, with a pool of the other rows.

        Args:
            problem: The measured rows.
            fitted: The components.
            target: Y.
            binned: Whether a numeric Y is encoded as bins.
            most_values: Numbers with at most this many values have them listed, instead of being
                encoded row by row.
        """
        names = self.streamed.targets
        values = listed_values(fitted, self.statistics.few_values, most_values)
        is_listed = any(part is not None for part in values)

        def with_codes(x: TableInput) -> Any:
            return (x, codes_of_values(x, values, fitted)) if is_listed else x

        def transform(chunk: Chunk) -> Batch:
            x = fitted.transform(pd.DataFrame({n: chunk[n] for n in fitted.decomposition.sources}))
            y = chunk[names[0]] if len(names) == 1 else pd.DataFrame({n: chunk[n] for n in names})
            return with_codes(x), target.transform(y, binned=binned)

        measured = jax.tree.map(np.asarray, (with_codes(problem.x), problem.y))
        pool = RowGroupPool(
            self.streamed,
            self.statistics.n_training,
            measured,
            transform,
            fitted.decomposition.sources,
            max(1, int(POOL_SHARE * self.memory_gib * 2**30) // _row_bytes(measured)),
            seed=POOL_SEED,
            on_read=self.on_read,
        )
        return StreamedProblem(
            **_of_table(problem), pool=pool, values=values if is_listed else None
        )


def _of_table(problem: TableProblem) -> dict[str, Any]:
    """The fields of a problem that it has as a `TableProblem`."""
    return {field.name: getattr(problem, field.name) for field in fields(TableProblem)}


def listed_values(
    fitted: FittedDecomposition,
    few_values: Mapping[str, NDArray[np.float64]],
    most_values: int,
) -> ListedValues:
    """The scaled values of each component that is a number with few values.

    Args:
        fitted: The components.
        few_values: All values of some columns.
        most_values: Largest number of values to list.

    Returns:
        For each component its values in ascending order, `[value, 1]`; None if it has more values
        or is of another kind.
    """
    found: list[NDArray[np.float32] | None] = []
    for component in fitted.decomposition.components:
        column = fitted.column(component.columns[0])
        values = few_values.get(column.name)
        is_plain = column.is_number and column.reading is None and not column.n_codes
        if len(component.columns) > 1 or values is None or not is_plain:
            found.append(None)
            continue
        scaled = np.unique(fitted.scaled(column.name, values).astype(np.float32))
        found.append(scaled[:, None] if 1 < len(scaled) <= most_values else None)
    return tuple(found)


def codes_of_values(
    x: TableInput, values: ListedValues, fitted: FittedDecomposition
) -> NDArray[np.uint8]:
    """Codes of the listed values of each row, `[n, listed]`; see `RepeatedNumbers`."""
    codes = []
    for component, part in zip(fitted.decomposition.components, values, strict=True):
        if part is not None:
            numbers = x.numbers[:, fitted.continuous.index(component.columns[0])]
            codes.append(np.searchsorted(np.asarray(part)[:, 0], numbers).astype(np.uint8))
    return np.stack(codes, axis=1)


def _row_bytes(arrays: Batch) -> int:
    leaves: list[NDArray[Any]] = jax.tree.leaves(arrays)
    return max(1, sum(leaf.nbytes // max(len(leaf), 1) for leaf in leaves))
