"""Batches whose components take few values, in the form that is cheap to encode."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib._checks import whole_number
from distributed_ib.data.batches import ArrayBatches
from distributed_ib.data.distinct_values import DistinctRows, distinct_rows
from distributed_ib.errors import UserError


class DistinctBatches(ArrayBatches):
    """Rows drawn at random as by `ArrayBatches`, with each distinct value listed once.

    The batches are pairs (`DistinctRows`, y), which `SharedEncoder` and `SeparateEncoder` take in
    the place of arrays: a sweep follows the same path, but for rounding, and a step costs as many
    encodings as there are values instead of batch size times components. It pays for pixels,
    categories, integers and everything else with fewer values than a batch has rows; components
    with more values are encoded row by row, as ever.

    Attributes:
        arrays: All rows of X, from `distinct_rows`, and Y.
        batch_size: Rows in a batch.

    Example:
        >>> import jax
        >>> x = np.array([[[5.0], [0.1]], [[7.0], [0.2]], [[5.0], [0.3]]])
        >>> source = DistinctBatches(x, np.arange(3), batch_size=4)
        >>> few, y = source.draw(source.pick(source.prepare(0, 1, 1), 0), jax.random.key(0))
        >>> few.parts[0].shape, few.codes[0].shape, few.rows().shape, y.shape
        ((2, 1), (4,), (4, 2, 1), (4,))
    """

    def __init__(self, x: NDArray[Any] | DistinctRows, y: Any, batch_size: int) -> None:
        """Find the distinct values, unless `x` has them already, and move all to the device.

        Args:
            x: `[n, component, feature]`, or what `distinct_rows` gave for it.
            y: `[n, ...]`, or a tree of such arrays.
            batch_size: Rows in a batch.

        Raises:
            UserError: If the arrays differ in length or are empty, or `batch_size` is not positive.
        """
        whole_number("batch_size", batch_size, 1)
        found = x if isinstance(x, DistinctRows) else distinct_rows(np.asarray(x), batch_size)
        for part, code in zip(found.parts, found.codes, strict=True):
            if code is not None and not (code.min() >= 0 and code.max() < len(part)):
                raise UserError(f"a code points at none of the {len(part)} values of a component.")
        super().__init__((found, y), batch_size)
