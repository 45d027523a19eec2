"""Measured numbers with their unit, interval, and the rows on which they were measured."""

import math
from dataclasses import dataclass
from typing import Literal

Rows = Literal["held-out rows", "validation rows", "training rows", "all rows", ""]
"""The rows on which a number was measured; empty if it was not measured on rows."""


@dataclass(frozen=True)
class Quantity:
    """A measured number.

    Attributes:
        value: The number; NaN if unknown.
        unit: Its unit, such as "bits"; empty for a dimensionless number.
        low: Lower end of its interval; None if there is none.
        high: Upper end of its interval; None if there is none.
        level: Coverage of the interval, such as 0.9; None if its ends are bounds.
        rows: The rows on which it was measured.
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
            # No interval is shown for a number that is certain to all digits shown.
            if not low == high == parts[0]:
                parts.append(f"({low} to {high})")
        if with_unit and self.unit:
            parts.append(self.unit)
        return " ".join(parts)

    def number(self) -> str:
        """The value as text without unit and interval; "-" if unknown."""
        if math.isnan(self.value):
            return "-"
        return f"> {self._format(self.value)}" if self.is_bound else self._format(self.value)

    def _format(self, value: float) -> str:
        text = f"{value:.{self.digits}f}"
        # "0.000" in place of "-0.000".
        return text.lstrip("-") if float(text) == 0 else text
