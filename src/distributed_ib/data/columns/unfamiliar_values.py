"""Values of new rows that did not occur in training, reported once for each column."""

import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column
from distributed_ib.data.columns.reading_columns import UNSEEN, Codes, reject_unseen
from distributed_ib.data.table_errors import shown
from distributed_ib.errors import UserError

Unseen = Literal["rare", "error"]
UNSEEN_OPTIONS: tuple[Unseen, ...] = ("rare", "error")


def check_unseen(unseen: str) -> None:
    """Check the option.

    Raises:
        UserError: If it is not one of `UNSEEN_OPTIONS`.
    """
    if unseen not in UNSEEN_OPTIONS:
        raise UserError(f"unseen={unseen!r} is unknown; choose one of {', '.join(UNSEEN_OPTIONS)}.")


@dataclass
class UnfamiliarValues:
    """Replaces and counts values that are missing or unknown, but never were in training.

    Attributes:
        unseen: "rare" or "error"; see `FittedDecomposition.transform`.
        missing: For each column the number of rows, and what they are read as.
        levels: For each column the number of rows, an example, and what they are read as.
    """

    unseen: Unseen
    missing: dict[Column, tuple[int, str]] = field(default_factory=dict)
    levels: dict[Column, tuple[int, str, str]] = field(default_factory=dict)

    def numbers(
        self, column: Column, values: NDArray[np.float64], median: float
    ) -> NDArray[np.float64]:
        """Numbers with the median in place of missing ones, if none were missing in training."""
        missing = np.isnan(values)
        if column.has_missing or not missing.any():
            return values
        self._count_missing(column, int(missing.sum()), _median_text(column, median))
        return np.where(missing, median, values)

    def codes(
        self,
        column: Column,
        codes: Codes,
        names: NDArray[Any],
        first_row: int,
        typical: int,
        *,
        refused: bool = False,
    ) -> Codes:
        """Codes with negative ones replaced by those of rare, missing or typical levels.

        Args:
            column: A category, possibly ordered.
            codes: From `codes_in`.
            names: Likewise.
            first_row: Number of the first row, for messages.
            typical: Code of the most frequent level.
            refused: Whether unknown levels are an error, whatever `unseen` says.

        Raises:
            UserError: If a level is unknown and that is not allowed.
        """
        unseen, missing = codes == UNSEEN, codes == -1
        n_known = len(column.known_levels)
        if unseen.any():
            if refused or self.unseen == "error":
                reject_unseen(column, codes, names, first_row)
            label = column.labels[typical]
            if not column.has_rare:
                self._count_level(column, int(unseen.sum()), names[unseen.argmax()], label)
            codes = np.where(unseen, n_known if column.has_rare else typical, codes)
        if missing.any() and column.is_number:
            return codes
        if missing.any():
            if not column.can_be_missing:
                self._count_missing(
                    column,
                    int(missing.sum()),
                    f"the most frequent value, {shown(column.labels[typical])}",
                )
            code = column.n_codes - 1 if column.can_be_missing else typical
            codes = np.where(missing, code, codes)
        return codes

    def warn(self, stacklevel: int = 3) -> None:
        """Warn about the values that were counted."""
        warned = set()
        for column, (count, text) in self.missing.items():
            if column.read_from in warned:  # another part of the same dates
                continue
            warned.add(column.read_from)
            warnings.warn(
                f"column {column.read_from!r} is missing in {_rows(count)}, but was never missing "
                f"in training; it is read as {text}.",
                UserWarning,
                stacklevel=stacklevel,
            )
        for column, (count, example, label) in self.levels.items():
            warnings.warn(
                f"column {column.read_from!r} has a category not seen in training, such as "
                f"{example}, in {_rows(count)}; it is read as the most frequent category, "
                f"{shown(label)}.",
                UserWarning,
                stacklevel=stacklevel,
            )

    def _count_missing(self, column: Column, count: int, text: str) -> None:
        before, _ = self.missing.get(column, (0, ""))
        self.missing[column] = (before + count, text)

    def _count_level(self, column: Column, count: int, example: Any, label: str) -> None:
        before, first, _ = self.levels.get(column, (0, shown(example), label))
        self.levels[column] = (before + count, first, label)


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count > 1 else ''}"


def _median_text(column: Column, median: float) -> str:
    if column.source is not None:
        return "its median"
    if column.is_ordered:
        return f"its median, {column.labels[int(median)]!r}"
    return f"its median, {median:.6g}"
