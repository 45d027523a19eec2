"""The rows of a study of a table, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from distributed_ib.data.columns.declared_kinds import DeclaredKind
from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.files.table_files import read_table
from distributed_ib.errors import UserError
from distributed_ib.studies.table.streamed_rows import (
    DEFAULT_MEMORY_GIB,
    StreamedRows,
    read_streamed,
    table_beyond,
)
from distributed_ib.studies.table.table_columns import (
    ColumnRoles,
    TableColumns,
    columns_of,
    held_out_columns,
)
from distributed_ib.studies.table.text_input import TextInput


@dataclass(frozen=True)
class TableRows:
    """A table, and optionally another one with the held-out rows; each is read when needed.

    Attributes:
        source: The file, or the text from standard input.
        validation: The file of held-out rows.
        memory_gib: Memory for data, in GiB: a larger table of Parquet files is not loaded.
        loads_many: Whether a table of more than a million rows is loaded if it fits.
    """

    source: Path | TextInput
    validation: Path | None = None
    memory_gib: float = DEFAULT_MEMORY_GIB
    loads_many: bool = False

    @cached_property
    def beyond_memory(self) -> ParquetTable | None:
        """The table if it is too large to be loaded, otherwise None."""
        source = self.source
        if not isinstance(source, Path):
            return None
        return table_beyond(source, self.memory_gib, loads_many=self.loads_many)

    def streamed(
        self, roles: ColumnRoles, grouped: Sequence[str], declared: Mapping[str, DeclaredKind]
    ) -> StreamedRows | None:
        """The result of one pass over a table beyond memory, else None; see `read_streamed`."""
        table = self.beyond_memory
        if table is None:
            return None
        return read_streamed(table, roles, grouped, declared, self.memory_gib)

    def columns(self, roles: ColumnRoles, grouped: Sequence[str]) -> TableColumns:
        """The columns by their roles; see `columns_of`."""
        source = self.source
        place = str(source) if isinstance(source, Path) else source.place
        return columns_of(self._table, place, roles, grouped)

    def held_out(self, roles: ColumnRoles, names: Sequence[str]) -> tuple[Any, ...] | None:
        """Held-out rows from a separate table, if there is one; see `held_out_columns`."""
        if self.validation is None:
            return None
        if roles.time is not None:
            raise UserError(
                "--time and --validation both define the held-out rows; give only one of them."
            )
        place = f"--validation: {self.validation}"
        return held_out_columns(self._validation_table, place, roles, names)

    def shared_groups(self, roles: ColumnRoles) -> str:
        """A warning about groups with both training and held-out rows; "" if there are none."""
        name = roles.group
        if self.validation is None or name is None or name not in self._validation_table:
            return ""
        given, own = (
            set(map(str, table[name].dropna().unique()))
            for table in (self._validation_table, self._table)
        )
        n_shared = len(given & own)
        if not n_shared:
            return ""
        return (
            f"{n_shared:,} of the {len(given):,} groups in {self.validation} (column {name!r}) are "
            "also in the training table, so information about Y is overstated with regard to rows "
            "of new groups."
        )

    def keep(self, folder: Path) -> None:
        """Store the table if it came from standard input, which can be read only once."""
        if isinstance(self.source, TextInput):
            self.source.keep(folder)

    @cached_property
    def _table(self) -> pd.DataFrame:
        source = self.source
        return read_table(source) if isinstance(source, Path) else source.table()

    @cached_property
    def _validation_table(self) -> pd.DataFrame:
        assert self.validation is not None  # otherwise it is not read
        stored = self.beyond_memory
        table = self._table if stored is None else pd.DataFrame(stored.head())
        is_text = [isinstance(dtype, pd.StringDtype) for dtype in table.dtypes]
        return read_table(self.validation, text=list(table.columns[is_text]))
