"""Components that take few values: each value listed once, and the code of each row's value."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from jaxtyping import Float, Integer, PyTree, Shaped, UInt

from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError

# This many rows per allowed value are examined first, so that columns with very many values are
# found without sorting all rows.
_PREVIEW = 16


class DistinctRows(NamedTuple):
    """A batch for an encoder that encodes each distinct value of a component once.

    It represents the array `x` with `x[:, i] = parts[i][codes[i]]`, or `parts[i]` itself if the
    component has no codes. An encoder gives the same channels for it as for `x`, with less work if
    a component has fewer values than the batch has rows.

    Attributes:
        parts: For each component its distinct values, `[n_values, feature]`, or, if it has no
            codes, its rows, `[batch, feature]`.
        codes: For each component the index of each row's value, `[batch]` integers, or None.

    Example:
        >>> few = DistinctRows((np.array([[5.0], [7.0]]),), (np.array([0, 0, 1]),))
        >>> few.rows()[:, 0, 0].tolist()
        [5.0, 5.0, 7.0]
    """

    parts: tuple[Shaped[Any, "_ feature"], ...]
    codes: tuple[Integer[Any, " batch"] | None, ...]

    def rows(self) -> Shaped[np.ndarray, "batch component feature"]:
        """The array this represents, `[batch, component, feature]`."""
        columns = [
            part if code is None else part[code]
            for part, code in zip(self.parts, self.codes, strict=True)
        ]
        return np.stack(columns, axis=1)

    def take(self, rows: Any) -> "DistinctRows":
        """The given rows (indices, a mask or a slice); the values stay as they are."""
        pairs = list(zip(self.parts, self.codes, strict=True))
        return DistinctRows(
            tuple(part[rows] if code is None else part for part, code in pairs),
            tuple(None if code is None else code[rows] for _, code in pairs),
        )

    def by_row(self) -> PyTree[Shaped[Any, "batch ..."]]:
        """A tree of the arrays that have an entry for every row."""
        return [p if code is None else code for p, code in zip(self.parts, self.codes, strict=True)]


class RepeatedNumbers(NamedTuple):
    """Rows of a table in which some numeric components list each of their values once.

    It represents `table`: a `TableEncoder` gives the same channels, but encodes the values instead
    of the rows. Ages, counts and ratings take fewer values than a batch has rows.

    Attributes:
        table: The rows, all columns included.
        values: For each component its distinct numbers, `[n_values, column]`, or None if it is
            encoded row by row.
        codes: Index of each row's value, `[batch, listed]` integers: a column for each component
            that lists its values, in the order of the components.

    Example:
        >>> table = TableInput(np.array([[5.0, 0.1], [7.0, 0.2]]), np.empty((2, 0), np.uint8))
        >>> values = (np.array([[5.0], [7.0]]), None)
        >>> RepeatedNumbers(table, values, np.array([[0], [1]])).listed
        (0,)
    """

    table: TableInput
    values: tuple[Float[Any, "_ column"] | None, ...]
    codes: Integer[Any, "batch listed"]

    @property
    def listed(self) -> tuple[int, ...]:
        """The components that list their values."""
        return tuple(k for k, part in enumerate(self.values) if part is not None)

    def rows(self) -> TableInput:
        """The rows this represents."""
        return self.table

    def take(self, rows: Any) -> "RepeatedNumbers":
        """The given rows (indices, a mask or a slice); the values stay as they are."""
        return RepeatedNumbers(self.table.take(rows), self.values, self.codes[rows])

    def by_row(self) -> PyTree[Shaped[Any, "batch ..."]]:
        """A tree of the arrays that have an entry for every row."""
        return self.table, self.codes


def lists_values(part: Any) -> TypeGuard[DistinctRows | RepeatedNumbers]:
    """Whether a part of a batch lists values in addition to its rows.

    Example:
        >>> lists_values(DistinctRows((np.zeros((2, 1)),), (np.array([0, 1, 0]),)))
        True
    """
    return isinstance(part, DistinctRows | RepeatedNumbers)


def distinct_rows(x: Shaped[np.ndarray, "n component feature"], max_values: int) -> DistinctRows:
    """Find the distinct values of each component of `x`.

    Args:
        x: `[n, component, feature]`.
        max_values: Components with more values than this keep their rows. A good choice is the
            batch size, the number of rows that are otherwise encoded at every step.

    Raises:
        UserError: If `x` does not have three axes.

    Example:
        >>> x = np.array([[[5], [0.1]], [[7], [0.2]], [[5], [0.3]]])
        >>> found = distinct_rows(x, max_values=2)
        >>> found.parts[0].tolist(), found.codes[0].tolist(), found.codes[1]
        ([[5.0], [7.0]], [0, 1, 0], None)
    """
    if x.ndim != 3:
        raise UserError(f"X must have shape [n, component, feature], got {list(x.shape)}.")
    parts, codes = [], []
    for k in range(x.shape[1]):
        found = _values(x[:, k], max_values)
        parts.append(x[:, k] if found is None else found[0])
        codes.append(None if found is None else found[1].astype(np.int32))
    return DistinctRows(tuple(parts), tuple(codes))


def repeated_numbers(
    table: TableInput,
    max_values: int,
    *,
    n_numbers: Sequence[int],
    n_levels: Sequence[Sequence[int]],
) -> TableInput | RepeatedNumbers:
    """List the values of the components that consist only of numbers and take few values.

    Components with categories are not changed: the encoder knows their values in advance.

    Args:
        table: All rows.
        max_values: Components with more values than this are encoded row by row, as are those
            whose rows all differ.
        n_numbers: Continuous columns of each component, from
            `FittedDecomposition.encoder_options`.
        n_levels: Levels of each categorical column of each component, from the same.

    Returns:
        The table with its values, or the table itself if no component takes few values.

    Example:
        >>> numbers = np.array([[5.0, 0.1], [7.0, 0.2], [5.0, 0.3]])
        >>> table = TableInput(numbers, np.empty((3, 0), np.uint8))
        >>> found = repeated_numbers(table, 2, n_numbers=[1, 1], n_levels=[[], []])
        >>> found.values[0].tolist(), found.values[1], found.codes[:, 0].tolist()
        ([[5.0], [7.0]], None, [0, 1, 0])
    """
    columns = np.split(np.asarray(table.numbers), np.cumsum(n_numbers)[:-1], axis=1)
    most = min(max_values, table.n_rows - 1)
    found = [
        None if levels else _values(numbers, most)
        for numbers, levels in zip(columns, n_levels, strict=True)
    ]
    codes = [each[1] for each in found if each is not None]
    if not codes:
        return table
    values = tuple(None if each is None else each[0] for each in found)
    return RepeatedNumbers(table, values, np.stack(codes, axis=1))


def _values(
    rows: Shaped[np.ndarray, "n feature"], max_values: int
) -> tuple[Shaped[np.ndarray, "value feature"], UInt[np.ndarray, " n"]] | None:
    """The distinct values of `rows` and the index of each row's value; None if too many."""
    # Sorting plain numbers is many times faster than sorting rows of one number.
    plain, axis = (rows[:, 0], None) if rows.shape[1] == 1 else (rows, 0)
    if len(np.unique(plain[: _PREVIEW * max_values], axis=axis)) > max_values:
        return None
    values, codes = np.unique(plain, axis=axis, return_inverse=True)
    if len(values) > max_values:
        return None
    smallest = np.min_scalar_type(len(values) - 1)
    return values.reshape(-1, rows.shape[1]), codes.reshape(-1).astype(smallest)
