"""A number with its interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm, t

from distributed_ib.scheme._paired import Mean

LEVEL = 0.9
"""Coverage of all intervals of the evidence."""


@dataclass(frozen=True)
class Interval:
    """A number and the ends of its interval.

    Attributes:
        value: The number.
        low: Lower end; NaN if unknown.
        high: Upper end; NaN if unknown.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    @classmethod
    def of(cls, mean: Mean, level: float = LEVEL, n: int | None = None) -> "Interval":
        """The interval of a mean over rows.

        Args:
            mean: The mean with its standard error.
            level: Coverage.
            n: Number of independent rows or groups, for Student's t distribution; None for the
                normal distribution.

        Example:
            >>> interval = Interval.of(Mean(1.0, 0.1), 0.95)
            >>> round(interval.low, 2), round(interval.high, 2)
            (0.8, 1.2)
        """
        tail = (1 + level) / 2
        times = norm.ppf(tail) if n is None else t.ppf(tail, max(n - 1, 1))
        half = float(times) * mean.error
        return cls(mean.value, mean.value - half, mean.value + half)

    @property
    def is_known(self) -> bool:
        """Whether both ends are known."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def to_dict(self, name: str) -> dict[str, float | None]:
        """Three JSON values, named `name`, `name_low` and `name_high`; None if unknown.

        >>> Interval(1.0, 0.5, 1.5).to_dict("bits")
        {'bits': 1.0, 'bits_low': 0.5, 'bits_high': 1.5}
        """
        ends = {"": self.value, "_low": self.low, "_high": self.high}
        return {name + end: float(v) if np.isfinite(v) else None for end, v in ends.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], name: str) -> "Interval":
        """Read the output of `to_dict`."""
        read = [values.get(name + end) for end in ("", "_low", "_high")]
        return cls(*(math.nan if v is None else float(v) for v in read))


def share_interval(is_true: NDArray[np.bool_], level: float = LEVEL) -> Interval:
    """The share of rows in which a statement is true, with its exact interval.

    The interval is that of Clopper and Pearson (1934), for independent rows.

    Example:
        >>> interval = share_interval(np.ones(10, bool))
        >>> round(interval.low, 2), interval.high
        (0.74, 1.0)
    """
    n, k, tail = len(is_true), int(is_true.sum()), (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(k / n, low, high)
