"""Tables beyond memory: which ones are, and what is read from them before a sweep."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from distributed_ib._reading_line import ReadingLine
from distributed_ib.data.columns.declared_kinds import DeclaredKind
from distributed_ib.data.decomposition import reject_unknown
from distributed_ib.data.files.parquet_parts import is_parquet
from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.streamed_statistics import (
    StreamedTable,
    gather_statistics,
    measured_rows_of,
)
from distributed_ib.errors import UserError
from distributed_ib.estimators._known_rows import dropped_in_words
from distributed_ib.estimators._plan import Plan
from distributed_ib.estimators._streamed import StreamedProblem, StreamedSource
from distributed_ib.report.report import Finding
from distributed_ib.studies.table.table_columns import ColumnRoles, TableColumns, columns_of

DEFAULT_MEMORY_GIB = 4.0
CELL_BYTES = 16
"""Memory per cell of a table that is loaded whole: as it was read, and as model input."""
MANY_ROWS = 1_000_000
"""Number of rows up to which all rows of a table are measured."""


@dataclass(frozen=True, eq=False)
class StreamedRows:
    """What is known about a table beyond memory before a sweep.

    Attributes:
        columns: Columns of the measured rows, by their roles.
        source: The whole table.
    """

    columns: TableColumns
    source: StreamedSource

    @property
    def classes(self) -> "pd.Series[Any]":
        """All distinct values of a single target, if few enough to be classes; otherwise empty."""
        return pd.Series(list(self.source.statistics.class_counts or ()))

    def findings(self, plan: Plan, validation: Path | None) -> list[Finding]:
        """Which rows batches were drawn from and which were measured, and rows without Y.

        Args:
            plan: How the sweeps were trained.
            validation: Table of held-out rows, if given.
        """
        source, statistics, train = self.source, self.source.statistics, plan.train
        assert isinstance(plan.problem, StreamedProblem)  # always, for such a table
        n_places = plan.problem.pool.n_places
        through = (
            "all of them in memory"
            if n_places >= source.n_training
            else f"through a pool of {n_places:,} in memory, which are replaced by others during "
            "training"
        )
        n_models = train.n_starts * max(train.n_resamples, 1) * train.n_seeds
        n_draws = train.total_steps * train.batch_size * n_models
        measured = (
            "training, validation and held-out rows; every number is measured on some of these."
            if validation is None
            else "training and validation rows; information about Y is reported on the rows of "
            f"{validation.name}."
        )
        texts = [
            f"The table has {source.streamed.table.n_rows:,} rows. Batches come from "
            f"{source.n_training:,} of them, {through}: at most {n_draws:,} draws for "
            f"{n_models:,} models. {len(statistics.measured):,} others, a random sample, were "
            f"divided into {measured}"
        ]
        if n_missing := statistics.n_without_y:
            sentence = dropped_in_words(n_missing, source.streamed.table.n_rows)
            texts.append(f"{sentence[:1].upper()}{sentence[1:]}")
        return [Finding(text, kind="note") for text in texts]


def table_beyond(path: Path, memory_gib: float, *, loads_many: bool) -> ParquetTable | None:
    """A table of Parquet files that is too large to be loaded.

    This is a table that does not fit into `memory_gib` at 16 bytes a cell, or that has more than a
    million rows, on which it would take too long to measure each model.

    Args:
        path: The table.
        memory_gib: Memory for data, in GiB.
        loads_many: Whether a table of any number of rows is loaded if it fits into memory.

    Returns:
        The table; None if it can be loaded, or does not consist of Parquet files.

    Raises:
        UserError: If the memory is not positive, or the files can't be read.
    """
    if not memory_gib > 0:
        raise UserError(f"--memory must be a positive number of GiB, got {memory_gib:g}.")
    if not is_parquet(path):
        return None
    table = ParquetTable(path)
    n_bytes = table.n_rows * len(table.names) * CELL_BYTES
    is_beyond = n_bytes > memory_gib * 2**30 or (table.n_rows > MANY_ROWS and not loads_many)
    return table if is_beyond else None


def read_streamed(
    table: ParquetTable,
    roles: ColumnRoles,
    grouped: Sequence[str],
    declared: Mapping[str, DeclaredKind],
    memory_gib: float,
) -> StreamedRows:
    """Read all rows of a table once.

    Args:
        table: The table.
        roles: Columns that are not components.
        grouped: Columns in groups of components.
        declared: Kinds of columns declared by the user.
        memory_gib: Memory for data, in GiB.

    Raises:
        UserError: If an option does not apply to such a table, or as for `columns_of` and
            `gather_statistics`.
    """
    _reject_roles(table, roles, memory_gib)
    inputs = columns_of(pd.DataFrame(table.head()), table.place, roles, grouped).x.columns
    streamed = StreamedTable(
        table,
        roles.targets,
        tuple(map(str, inputs)),
        measured_rows_of(table.n_rows),
        tuple(table.blocks()),
    )
    outside = {name for _, name in roles.named()}
    used = {name: kind for name, kind in declared.items() if name not in outside}
    reject_unknown(used, table.names, "kinds")
    line = ReadingLine(Path(table.place).name)
    with closing(line):
        statistics = gather_statistics(streamed, used, kept=grouped, on_read=line)
    only_y = ColumnRoles(roles.targets)  # columns with other roles were not read
    columns = columns_of(statistics.measured, table.place, only_y, grouped)
    return StreamedRows(columns, StreamedSource(streamed, statistics, memory_gib, line))


def _reject_roles(table: ParquetTable, roles: ColumnRoles, memory_gib: float) -> None:
    for option, name, what in (
        ("weight", roles.weight, "all rows have the same weight"),
        ("group", roles.group, "single rows are held out, not groups"),
        ("time", roles.time, "rows are held out at random, not by time"),
    ):
        if name is not None:
            raise UserError(
                f"--{option} is only for tables that fit into memory. {table.place} "
                f"({table.n_rows:,} rows x {len(table.names)} columns) exceeds --memory "
                f"{memory_gib:g}, and for such tables {what}. Leave it out, or increase --memory."
            )
