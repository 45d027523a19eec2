"""Mean, spread and range of a column that is read in stretches."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Moments:
    """Running count, mean, sum of squared deviations and range, in double precision.

    Stretches are merged by the update of Chan, Golub and LeVeque, which does not suffer from a
    large offset.

    Example:
        >>> moments = Moments()
        >>> moments.add(np.array([1e9 + 1, 1e9 + 3]))
        >>> moments.add(np.array([1e9 + 5.0]))
        >>> moments.mean - 1e9, round(moments.standard_deviation, 6)
        (3.0, 1.632993)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: NDArray[np.float64]) -> None:
        """Add the values of a stretch, `[n]`."""
        if len(values) == 0:
            return
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean())
            deviations = values - mean
            # Not as a dot product, whose threads wait for each other if there are few cores.
            squares = float(np.square(deviations, out=deviations).sum())
            total = self.count + len(values)
            gap = mean - self.mean
            self.squares += squares + gap * gap * self.count * len(values) / total
        self.mean += gap * len(values) / total
        self.count = total
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))

    @property
    def is_constant(self) -> bool:
        """Whether all values are the same number."""
        return self.low == self.high

    @property
    def standard_deviation(self) -> float:
        """Root of the mean squared deviation; not finite if the range overflows."""
        return math.sqrt(self.squares / self.count) if self.squares >= 0 else math.nan
