"""The span of the dates of a column, which determines its natural parts."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Part
from distributed_ib.data.columns.date_parts import WEEK_DAYS, YEAR_DAYS, clock_times, part_of
from distributed_ib.data.columns.date_text import (
    Times,
    example_of,
    reject_ambiguous_order,
    reject_mixed_orders,
)
from distributed_ib.errors import UserError


@dataclass
class _Range:
    """Smallest and largest of values that are added in stretches."""

    ends: list[Any] = field(default_factory=list)

    def add(self, values: NDArray[Any]) -> None:
        if len(values):
            ends = [*self.ends, values.min(), values.max()]
            self.ends = [min(ends), max(ends)]

    @property
    def varies(self) -> bool:
        return bool(self.ends) and self.ends[0] != self.ends[1]


@dataclass
class _Span:
    dates: _Range = field(default_factory=_Range)
    hours: _Range = field(default_factory=_Range)
    weekdays: _Range = field(default_factory=_Range)
    year_days: _Range = field(default_factory=_Range)

    def add(self, times: Times) -> None:
        known = times[~np.isnat(times)]
        self.dates.add(known)
        self.hours.add(part_of(known, "hour of day"))
        self.weekdays.add(part_of(known, "weekday"))
        self.year_days.add(part_of(known, "day of year"))


class DateSpan:
    """The span of the dates of a column, read in stretches.

    While day and month in texts can't be distinguished, both orders are followed.

    Args:
        name: Name of the column.
        day_first: Whether the day comes before the month; None if the user did not declare it.
        only_times: Whether these are times of day without a date.
    """

    def __init__(self, name: str, day_first: bool | None, *, only_times: bool = False) -> None:
        self._name, self._only_times = name, only_times
        orders = (True, False) if day_first is None else (day_first,)
        self._spans = {order: _Span() for order in orders}
        self._example, self._all_dotted = "", True

    def add(self, values: pd.Series, first_row: int) -> None:
        """Add a stretch of rows.

        Raises:
            UserError: If a value is not a date: names column, row and remedy.
        """
        is_text = isinstance(values.dtype, pd.StringDtype) or (
            pd.api.types.is_object_dtype(values.dtype)
            and any(isinstance(value, str) for value in values)
        )
        orders = list(self._spans)
        if is_text:
            example, all_dotted = example_of(self._name, values)
            self._example = self._example or example
            self._all_dotted &= all_dotted
        if not self._example:  # the order makes no difference
            times = clock_times(self._name, values, first_row, orders[0])
            for span in self._spans.values():
                span.add(times)
            return
        faults: list[UserError] = []
        for order in orders:
            try:
                times = clock_times(self._name, values, first_row, order)
            except UserError as fault:
                faults.append(fault)
                del self._spans[order]
            else:
                self._spans[order].add(times)
        if not self._spans:
            if len({str(fault) for fault in faults}) > 1:
                reject_mixed_orders(self._name)
            raise faults[0]

    @property
    def day_first(self) -> bool | None:
        """Whether the day comes before the month; None if that makes no difference.

        Raises:
            UserError: If both are possible.
        """
        if not self._example:
            return None
        if len(self._spans) > 1 and not self._all_dotted:
            reject_ambiguous_order(self._name, self._example)
        return next(iter(self._spans))  # dates with dots begin with the day

    @property
    def _span(self) -> _Span:
        return next(iter(self._spans.values()))

    @property
    def is_constant(self) -> bool:
        """Whether all dates are the same."""
        return not self._span.dates.varies

    @property
    def origin(self) -> str:
        """The first date, in ISO form."""
        return str(self._span.dates.ends[0])

    @property
    def text(self) -> str:
        """First and last date, as shown to a user."""
        first, last = self._span.dates.ends
        hours = self._span.hours
        unit = "m" if hours.varies or hours.ends[0] else "D"
        texts = [str(end.astype(f"datetime64[{unit}]")).replace("T", " ") for end in (first, last)]
        if self._only_times:
            texts = [text[-5:] for text in texts]
        return " to ".join(texts)

    def parts(self) -> tuple[Part, ...]:
        """The natural parts: the trend, and the cycles that the dates cover.

        The cycles are the hour of day, the weekday if the dates span two weeks, and the day of the
        year if they span a year; each only if it varies.
        """
        if self._only_times:
            return ("hour of day",)
        span = self._span
        days = (span.dates.ends[1] - span.dates.ends[0]) / np.timedelta64(1, "D")
        found: list[Part] = ["trend"]
        if span.hours.varies:
            found.append("hour of day")
        if days >= WEEK_DAYS and span.weekdays.varies:
            found.append("weekday")
        if days >= YEAR_DAYS and span.year_days.varies:
            found.append("day of year")
        return tuple(found)
