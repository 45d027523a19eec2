"""Values of components as plain numbers and codes, whatever form an encoder takes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.distinct_values import lists_values
from distributed_ib.data.table_input import TableInput


class ComponentValues(NamedTuple):
    """The values of one component.

    Attributes:
        numbers: Its measured numbers, `[n, d]`, NaN if missing; d may be 0.
        codes: Its categories as integers, `[n, d]`; d may be 0.
    """

    numbers: NDArray[np.float64]
    codes: NDArray[np.int64]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.numbers)

    def take(self, rows: NDArray[np.int64]) -> "ComponentValues":
        """Some of the rows."""
        return ComponentValues(self.numbers[rows], self.codes[rows])


def values_of_array(x: Any, n_components: int) -> list[ComponentValues] | None:
    """Values of the components of an array `[n, component]` or `[n, component, feature]`.

    Integers are categories. Returns None if `x` is something else, such as a tree of arrays.

    Example:
        >>> a, b = values_of_array(np.array([[0, 1], [1, 1], [0, 0]]), 2)
        >>> a.codes[:, 0].tolist(), b.numbers.shape
        ([0, 1, 0], (3, 0))
    """
    if lists_values(x):
        x = x.rows()
    if isinstance(x, (tuple, list, dict)) or not hasattr(x, "shape"):
        return None
    array = np.asarray(x)
    if array.ndim not in (2, 3) or array.shape[1] != n_components:
        return None
    array = array.reshape(len(array), n_components, -1)
    is_code = array.dtype.kind in "biu"
    found = []
    for k in range(n_components):
        part, none = array[:, k], np.zeros((len(array), 0))
        found.append(
            ComponentValues(none, part.astype(np.int64))
            if is_code
            else ComponentValues(part.astype(np.float64), none.astype(np.int64))
        )
    return found


def values_of_table(
    x: TableInput,
    n_numbers: Sequence[int],
    n_levels: Sequence[Sequence[int]],
    codes_of_missing: Sequence[tuple[int, int]] = (),
) -> list[ComponentValues]:
    """Values of the components of a table.

    Args:
        x: The rows.
        n_numbers: Number of continuous columns of each component.
        n_levels: For each component the numbers of levels of its columns that have a code.
        codes_of_missing: Index pairs of a number and the code that is 1 if that number is missing;
            the number then becomes NaN, and the code is left out.

    Example:
        >>> x = TableInput(np.ones((3, 2), np.float32), np.zeros((3, 1), np.uint8))
        >>> [part.numbers.shape for part in values_of_table(x, [2, 0], [[], [4]])]
        [(3, 2), (3, 0)]
    """
    whole, all_codes = np.array(x.numbers, np.float64), np.asarray(x.codes, np.int64)
    is_category = np.ones(all_codes.shape[1], bool)
    for number, code in codes_of_missing:
        whole[all_codes[:, code] == 1, number] = np.nan
        is_category[code] = False
    numbers = np.split(whole, np.cumsum(n_numbers)[:-1], axis=1)
    ends = np.cumsum([len(levels) for levels in n_levels])[:-1]
    codes = [
        part[:, kept]
        for part, kept in zip(
            np.split(all_codes, ends, axis=1), np.split(is_category, ends), strict=True
        )
    ]
    return [ComponentValues(*pair) for pair in zip(numbers, codes, strict=True)]
