"""The form in which a model reads rows of a table."""

from typing import Any, NamedTuple


class TableInput(NamedTuple):
    """Rows of a table for a `TableEncoder`: a tree of two arrays with the same first axis.

    The columns stand in the order of the components, and within a component in the order in which
    it lists them. No one-hot is ever made: a category is one small integer.

    Attributes:
        numbers: Standardised continuous columns, `[n, n_numbers]`, float32.
        codes: Index of the level in each categorical column, `[n, n_categorical]`, integers.
    """

    numbers: Any
    codes: Any

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.numbers.shape[0])

    def take(self, rows: Any) -> "TableInput":
        """The given rows (indices, a mask or a slice)."""
        return TableInput(self.numbers[rows], self.codes[rows])
