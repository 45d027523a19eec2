"""Components that take few values: each value once, and for every row a code that points at it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from distributed_ib.errors import UserError


class DistinctRows(NamedTuple):
    """A batch for an encoder that encodes each distinct value of a component once.

    It stands for the array `x` with `x[:, i] = parts[i][codes[i]]`, or `parts[i]` itself where the
    component has no codes. An encoder that takes `x` takes this too and gives the same channels,
    with less work wherever a component has fewer values than the batch has rows.

    Attributes:
        parts: For each component its distinct values, `[n_values, feature]`, or, if it has no
            codes, its rows, `[batch, feature]`.
        codes: For each component which value every row has, `[batch]` integers, or None.
    """

    parts: tuple[Any, ...]
    codes: tuple[Any, ...]

    def rows(self) -> Any:
        """The array this stands for, `[batch, component, feature]`.

        Example:
            >>> few = DistinctRows((np.array([[5.0], [7.0]]),), (np.array([0, 0, 1]),))
            >>> few.rows()[:, 0, 0].tolist()
            [5.0, 5.0, 7.0]
        """
        columns = [
            part if code is None else part[code]
            for part, code in zip(self.parts, self.codes, strict=True)
        ]
        return np.stack(columns, axis=1)


def distinct_rows(x: NDArray[Any], max_values: int) -> DistinctRows:
    """Find the distinct values of each component of `x`.

    Args:
        x: `[n, component, feature]`.
        max_values: Components with more values than this keep their rows. What pays is the size of
            a batch, which is what a plain encoder encodes.

    Raises:
        UserError: If `x` has another number of axes.

    Example:
        >>> x = np.array([[[5], [0.1]], [[7], [0.2]], [[5], [0.3]]])
        >>> found = distinct_rows(x, max_values=2)
        >>> found.parts[0].tolist(), found.codes[0].tolist(), found.codes[1]
        ([[5.0], [7.0]], [0, 1, 0], None)
    """
    if x.ndim != 3:
        raise UserError(f"X should have shape [n, component, feature], got {list(x.shape)}.")
    return _from_columns([x[:, i] for i in range(x.shape[1])], max_values)


def _from_columns(columns: Sequence[NDArray[Any]], max_values: int) -> DistinctRows:
    parts, codes = [], []
    for rows in columns:
        values, code = np.unique(rows, axis=0, return_inverse=True)
        few = len(values) <= max_values
        parts.append(values if few else rows)
        codes.append(code.reshape(-1).astype(np.int32) if few else None)
    return DistinctRows(tuple(parts), tuple(codes))
