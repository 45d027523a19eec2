"""One pass over all rows of a table, to find how each of its columns is to be read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from distributed_ib.data.columns._observed import FloatArray, Rows, RowSample, SampledValues
from distributed_ib.data.columns.column import Column, Level, Reading, level_text
from distributed_ib.data.columns.column_values import (
    factorised,
    level_of,
    numbers_of,
    reject_objects,
    sorted_levels,
    without_signals,
)
from distributed_ib.data.columns.date_parts import (
    SECONDS,
    columns_of_date,
    date_type,
    durations,
    natural_unit,
)
from distributed_ib.data.columns.date_span import DateSpan
from distributed_ib.data.columns.declared_kinds import ColumnKind, DeclaredKind
from distributed_ib.data.columns.inferred_kind import ReadAs, read_as
from distributed_ib.data.files._views import View
from distributed_ib.data.reading_progress import ReadingCallback, no_progress
from distributed_ib.data.table_errors import reject, shown, with_place
from distributed_ib.errors import UserError

LEAST_ROWS = 10
"""In tables with fewer rows no column is left out as constant, row numbers or free text."""
FREE_TEXT_LEVELS, FREE_TEXT_SHARE = 20, 0.9
"""Text is left out if it has more levels than this, and at least this many levels per row."""
MOST_LEVELS = 1 << 16
"""Largest number of levels that is counted."""
SHOWN_LEVELS = 6
_MOST_CHARACTERS = 80


@dataclass(frozen=True)
class SurveyedColumn:
    """How a column of a table is read.

    Attributes:
        name: Its name.
        kind: Its kind, in the form that a user may declare.
        columns: The columns that a model reads from it; empty if it is left out.
        n_missing: Number of rows without a value.
        n_levels: Number of distinct values of a category; None for numbers and dates.
        values: Its values in words: a range, or the levels.
        note: Why it is left out; "" if it isn't.
        problem: Why it can't be read; "" if it can.
        levels: Its levels in order, if they are ordered or were declared.
        day_first: For dates written as text, whether the day comes before the month.
        spikes: Spikes of a number (`spikes_of`) in a sample of about two thousand rows; which of
            them a model distinguishes depends on the training rows.
    """

    name: str
    kind: ColumnKind
    columns: tuple[Column, ...] = ()
    n_missing: int = 0
    n_levels: int | None = None
    values: str = ""
    note: str = ""
    problem: str = ""
    levels: tuple[Level, ...] = ()
    day_first: bool | None = None
    spikes: tuple[float, ...] = ()

    @property
    def levels_text(self) -> str:
        """The number of levels in words; "" if there are none."""
        if self.n_levels is None:
            return ""
        many = self.n_levels > MOST_LEVELS
        return f"over {MOST_LEVELS:,}" if many else f"{self.n_levels:,}"


def survey(
    view: View,
    declared: Mapping[str, DeclaredKind],
    *,
    kept: Collection[str] = (),
    on_read: ReadingCallback = no_progress,
) -> list[SurveyedColumn]:
    """Read all rows once, a stretch at a time, to find how each column is to be read.

    Args:
        view: The table.
        declared: What the user declared about its columns.
        kept: Columns that are not left out even if they are constant, row numbers or free text.
        on_read: Called to report progress.

    Returns:
        An entry for each column, in their order; `problem` says why a column can't be read.
    """
    begun = Survey(view.names, declared)
    if begun.wanted:
        for start, chunk in view.chunks(begun.wanted):
            begun.add(start, chunk, getattr(view, "place_of", None))
            on_read("reading", start + len(chunk[begun.wanted[0]]), view.n_rows)
    return begun.result(view.n_rows, kept=kept)


class Survey:
    """A survey of a table whose rows are added a stretch at a time.

    Args:
        names: Its columns.
        declared: What the user declared about them.

    Example:
        >>> look = Survey(["x"], {})
        >>> look.add(0, {"x": pd.Series([0.5, 2.0])})
        >>> look.read_as("x"), look.result(2)[0].values
        ('continuous', '0.5 to 2')
    """

    def __init__(self, names: Sequence[str], declared: Mapping[str, DeclaredKind]) -> None:
        self._looks = {name: _Look(name, declared.get(name)) for name in names}
        self.declared = frozenset(declared)
        self._sample = RowSample()

    @property
    def wanted(self) -> list[str]:
        """Columns that are surveyed: those that are not declared "left out"."""
        return [name for name, look in self._looks.items() if not look.is_left_out]

    def add(
        self,
        start: int,
        chunk: Mapping[str, pd.Series],
        place_of: Callable[[int], str] | None = None,
    ) -> None:
        """Survey some more rows.

        Args:
            start: Index of the first of them.
            chunk: The wanted columns.
            place_of: Returns the file that contains a row, for messages.
        """
        wanted = self.wanted
        drawn = self._sample.draw(len(chunk[wanted[0]]) if wanted else 0)
        for name in wanted:
            look = self._looks[name]
            before = look.problem
            look.add(chunk[name], start + 1, drawn)
            if look.problem and not before and place_of is not None:
                look.problem = with_place(look.problem, place_of(start))

    def read_as(self, name: str) -> ReadAs | None:
        """How a column is read; None if none of its values has been seen yet."""
        return self._looks[name].read_as

    def has_problem(self, name: str) -> bool:
        """Whether a column can't be read."""
        return bool(self._looks[name].problem)

    def result(self, n_rows: int, *, kept: Collection[str] = ()) -> list[SurveyedColumn]:
        """The result of the survey; see `survey`."""
        return [look.result(n_rows, look.name not in kept) for look in self._looks.values()]


@dataclass
class _Look:
    """What is known so far about one column."""

    name: str
    declared: DeclaredKind | None
    read_as: ReadAs | None = None
    problem: str = ""
    n_missing: int = 0
    low: float = np.inf
    high: float = -np.inf
    are_row_numbers: bool = True
    counts: dict[Level, int] = field(default_factory=dict)
    n_counted: int = 0
    given_levels: tuple[Level, ...] = ()
    dates: DateSpan | None = None
    sample: SampledValues = field(default_factory=SampledValues)

    @property
    def is_left_out(self) -> bool:
        return self.declared is not None and self.declared.kind == "left out"

    def add(self, values: pd.Series, first_row: int, drawn: tuple[Rows, Rows]) -> None:
        if self.problem:
            return
        try:
            self._add(without_signals(values), first_row, drawn)
        except UserError as error:
            self.problem = str(error)

    def _add(self, values: pd.Series, first_row: int, drawn: tuple[Rows, Rows]) -> None:
        if self.read_as is None:
            if isinstance(values.dtype, pd.CategoricalDtype) and date_type(values) is None:
                found = (level_of(self.name, level) for level in values.dtype.categories)
                self.given_levels = tuple(found)
            if values.isna().all() and not self.given_levels:
                self.n_missing += len(values)
                self.sample.add(np.full(len(values), np.nan), drawn)
                return
            self.read_as = read_as(self.name, values, self.declared, first_row)
        if self.read_as in ("date", "time"):
            if self.dates is None:
                day_first = self.declared.day_first if self.declared else None
                self.dates = DateSpan(self.name, day_first, only_times=self.read_as == "time")
            self.n_missing += int(values.isna().sum())
            self.dates.add(values, first_row)
        elif self.read_as in ("continuous", "duration"):
            self.sample.add(self._add_numbers(values, first_row), drawn)
        else:
            self._add_levels(values, first_row)

    def _add_numbers(self, values: pd.Series, first_row: int) -> FloatArray:
        if self.read_as == "duration":
            numbers = durations(self.name, values, "seconds")
        else:
            numbers = numbers_of(self.name, values, first_row, allow_missing=True)
        is_missing = np.isnan(numbers)
        n_missing = int(is_missing.sum())
        self.n_missing += n_missing
        known = numbers[~is_missing] if n_missing else numbers
        if len(known):
            self.low = min(self.low, float(known.min()))
            self.high = max(self.high, float(known.max()))
        self.are_row_numbers = bool(
            self.are_row_numbers
            and not n_missing
            and pd.api.types.is_integer_dtype(values.dtype)
            and self.low in (0.0, 1.0)
            and (numbers == np.arange(first_row, first_row + len(numbers)) - 1 + self.low).all()
        )
        return numbers

    def _add_levels(self, values: pd.Series, first_row: int) -> None:
        if len(self.counts) > MOST_LEVELS:  # enough is known
            reject_objects(self.name, values, first_row)
            self.n_missing += int(values.isna().sum())
            return
        codes, levels = factorised(self.name, values, first_row)
        counts = np.bincount(codes + 1, minlength=len(levels) + 1)
        self.n_missing += int(counts[0])
        self.n_counted += len(codes) - int(counts[0])
        for level, count in zip(levels, counts[1:].tolist(), strict=True):
            self.counts[level] = self.counts.get(level, 0) + count

    def result(self, n_rows: int, leaves_out: bool) -> SurveyedColumn:
        """The entry of the column in the result of the survey."""
        if self.is_left_out:
            return SurveyedColumn(self.name, "left out", note="it is declared as left out")
        try:
            found = SurveyedColumn(self.name, "left out") if self.problem else self._result()
        except UserError as error:
            found, self.problem = SurveyedColumn(self.name, "left out"), str(error)
        if self.problem:
            return SurveyedColumn(self.name, "left out", problem=self.problem)
        if self.read_as is None:
            return SurveyedColumn(
                self.name, "left out", n_missing=self.n_missing, note="it has no values"
            )
        if not leaves_out or self.declared is not None or n_rows < LEAST_ROWS:
            return found
        note = self._why_left_out(found)
        if not note:
            return found
        return SurveyedColumn(
            self.name,
            "left out",
            n_missing=self.n_missing,
            n_levels=found.n_levels,
            values=found.values,
            note=note,
        )

    def _why_left_out(self, found: SurveyedColumn) -> str:
        if self.n_missing == 0 and self._is_constant:
            return "it is constant and so conveys no information"
        if self.read_as == "continuous" and self.are_row_numbers:
            return "it contains the row numbers"
        n_levels = len(self.counts)
        is_distinct = n_levels > FREE_TEXT_LEVELS and n_levels >= FREE_TEXT_SHARE * self.n_counted
        if self.read_as == "categorical" and not self.given_levels and is_distinct:
            return "nearly every row has a different value, as in free text or an identifier"
        return ""

    @property
    def _is_constant(self) -> bool:
        if self.dates is not None:
            return self.dates.is_constant
        if self.read_as in ("continuous", "duration"):
            return self.low == self.high
        return len(self.counts) == 1

    def _result(self) -> SurveyedColumn:
        """How the column is read, even if it is then left out."""
        if self.read_as in ("date", "time"):
            return self._as_date()
        if self.read_as == "duration":
            unit = natural_unit(max(abs(self.low), abs(self.high)))
            name = f"{self.name} ({unit})"
            column = Column(name, "continuous", (), self.name, Reading("duration", unit=unit))
            ends = (end / SECONDS[unit] for end in (self.low, self.high))
            words = f"{_range(*ends)} {unit}"
            return SurveyedColumn(
                self.name,
                "continuous",
                (column,),
                self.n_missing,
                values=words,
                spikes=tuple(value / SECONDS[unit] for value in self.sample.spikes),
            )
        if self.read_as == "ordered":
            return self._as_ordered()
        if self.read_as == "categorical":
            given = self.declared.levels if self.declared else ()
            levels = given or self.given_levels
            column = Column(self.name, "categorical", levels or None)
            n_levels = len(self.counts)
            return SurveyedColumn(
                self.name,
                "categorical",
                (column,),
                self.n_missing,
                n_levels,
                _listed(sorted_levels(set(self.counts))),
                levels=given,
            )
        words = _range(self.low, self.high)
        column = Column(self.name, "continuous")
        return SurveyedColumn(
            self.name,
            "continuous",
            (column,),
            self.n_missing,
            values=words,
            spikes=self.sample.spikes,
        )

    def _as_date(self) -> SurveyedColumn:
        assert self.dates is not None  # `read_as` says so
        by_part = self.declared is not None and self.declared.kind == "date parts"
        day_first = self.dates.day_first
        columns = columns_of_date(self.name, self.dates.parts(), self.dates.origin, day_first)
        return SurveyedColumn(
            self.name,
            "date parts" if by_part else "date",
            columns,
            self.n_missing,
            values=self.dates.text,
            day_first=day_first,
        )

    def _as_ordered(self) -> SurveyedColumn:
        levels = (self.declared.levels if self.declared else ()) or self.given_levels
        if not levels:
            if any(isinstance(level, str) for level in self.counts):
                reject(
                    self.name,
                    "is declared ordered, but the order of its levels is unknown",
                    'declare the order, such as {kind = "ordered", levels = ["low", "high"]}',
                )
            levels = sorted_levels(set(self.counts))
        if unknown := set(self.counts) - set(levels):
            reject(
                self.name,
                f"contains {shown(min(unknown, key=str))}, which is not among its levels",
                "add it to the levels, or replace the value",
            )
        column = Column(self.name, "continuous", tuple(levels), reading=Reading("rank"))
        return SurveyedColumn(
            self.name,
            "ordered",
            (column,),
            self.n_missing,
            len(levels),
            " < ".join(map(level_text, levels[:8])) + (" < ..." if len(levels) > 8 else ""),
            levels=tuple(levels),
        )


def _range(low: float, high: float) -> str:
    return f"{low:.6g} to {high:.6g}" if low <= high else ""


def _listed(levels: Sequence[Level]) -> str:
    """The first levels, as many as fit into a few lines of a table."""
    texts = [
        shown(level).strip("'") if isinstance(level, str) else level_text(level)
        for level in levels[:SHOWN_LEVELS]
    ]
    while len(texts) > 1 and sum(map(len, texts)) > _MOST_CHARACTERS:
        texts.pop()
    return ", ".join(texts) + (", ..." if len(levels) > len(texts) else "")
