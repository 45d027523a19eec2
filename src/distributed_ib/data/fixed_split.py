"""A split that is fixed, whatever the seed of later steps."""

from dataclasses import dataclass
from typing import Any

from distributed_ib.data.splitters import Rows, Splitter, folds


@dataclass(frozen=True, eq=False)
class FixedSplit:
    """A splitter with a seed of its own, such as the seed with which columns were scaled.

    Further divisions follow the rule of the splitter, with the seed that they are given.

    Attributes:
        splitter: The splitter.
        seed: The seed of its split.

    Example:
        >>> from distributed_ib.data.splitters import HoldOut
        >>> fixed = FixedSplit(HoldOut(0.2), seed=3)
        >>> all((fixed.split(10, seed=k)[1] == fixed.split(10, seed=0)[1]).all() for k in range(9))
        True
    """

    splitter: Splitter
    seed: int

    @property
    def groups(self) -> Any:
        """A label for each row, `[n]`, if rows of one group stay together."""
        return getattr(self.splitter, "groups", None)

    @property
    def times(self) -> Any:
        """A time for each row, `[n]`, if they are split by time."""
        return getattr(self.splitter, "times", None)

    def split(self, n_rows: int, seed: int) -> tuple[Rows, Rows]:
        """Training and held-out rows; `seed` is ignored."""
        return self.splitter.split(n_rows, self.seed)

    def folds(self, rows: Rows, n_folds: int, seed: int) -> list[tuple[Rows, Rows]]:
        """Divide some of the rows further."""
        divide = getattr(self.splitter, "folds", None)
        return folds(rows, n_folds, seed) if divide is None else divide(rows, n_folds, seed)
