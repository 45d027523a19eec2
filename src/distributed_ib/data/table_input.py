"""The form in which a model reads rows of a table."""

from typing import Any, NamedTuple

from jaxtyping import Float, Integer


class TableInput(NamedTuple):
    """Rows of a table for a `TableEncoder`: a tree of two arrays with the same first axis.

    The columns are in the order of the components, and within a component in the order in which
    it lists them. Categories are small integers, not one-hot vectors.

    Attributes:
        numbers: Standardised continuous columns, `[n, n_numbers]`, float32.
        codes: Index of the level in each column that has a code, `[n, n_categorical]`, integers.

    Example:
        >>> import numpy as np
        >>> table = TableInput(np.zeros((3, 2), np.float32), np.zeros((3, 1), np.uint8))
        >>> table.n_rows, table.take([0, 2]).numbers.shape
        (3, (2, 2))
    """

    numbers: Float[Any, "n number"]
    codes: Integer[Any, "n categorical"]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.numbers.shape[0])

    def take(self, rows: Any) -> "TableInput":
        """The given rows (indices, a mask or a slice)."""
        return TableInput(self.numbers[rows], self.codes[rows])
