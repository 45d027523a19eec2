"""A measured number with its unit, its interval, and the rows on which it was measured."""

import math
from dataclasses import dataclass
from typing import Literal

Rows = Literal["held-out rows", "validation rows", "training rows", "all rows", ""]
"""The rows that a number was measured on; empty if it was not measured on rows."""


@dataclass(frozen=True)
class Quantity:
    """A measured number.

    Attributes:
        value: The number; NaN where it is not known.
        unit: Its unit, such as "bits"; empty for a pure number.
        low: Lower end of its interval; None where there is none.
        high: Upper end; None likewise.
        level: Coverage of the interval, such as 0.9; None where it is a bound, not an interval.
        rows: The rows it was measured on.
        digits: Digits after the decimal point in text.
        is_bound: Whether the value is only a lower bound, shown after ">".

    Example:
        >>> Quantity(0.5814, "bits", low=0.55, high=0.61, level=0.9).text()
        '0.581 (0.550 to 0.610) bits'
        >>> Quantity(8.25, "bits", digits=2, is_bound=True).text()
        '> 8.25 bits'
    """

    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    rows: Rows = ""
    digits: int = 3
    is_bound: bool = False

    def text(self, *, with_unit: bool = True) -> str:
        """The number as text: value, interval in brackets unless it has no width, unit."""
        parts = [self.number()]
        if self.low is not None and self.high is not None:
            low, high = self._format(self.low), self._format(self.high)
            # An exact number, or one that is sure to all digits shown, has no interval to show.
            if not low == high == parts[0]:
                parts.append(f"({low} to {high})")
        if with_unit and self.unit:
            parts.append(self.unit)
        return " ".join(parts)

    def number(self) -> str:
        """The value alone; "-" where it is not known."""
        if math.isnan(self.value):
            return "-"
        return f"> {self._format(self.value)}" if self.is_bound else self._format(self.value)

    def _format(self, value: float) -> str:
        text = f"{value:.{self.digits}f}"
        # "0.000" in place of "-0.000".
        return text.lstrip("-") if float(text) == 0 else text
