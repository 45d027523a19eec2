"""Batches whose components take few values, with each distinct value listed once."""

import numpy as np
from jaxtyping import Shaped

from distributed_ib._checks import whole_number
from distributed_ib.data.batches import ArrayBatches, Batch
from distributed_ib.data.distinct_values import DistinctRows, distinct_rows
from distributed_ib.errors import UserError


class DistinctBatches(ArrayBatches):
    """Rows drawn at random as by `ArrayBatches`, with each distinct value listed once.

    The batches are pairs (`DistinctRows`, y), which `SharedEncoder` and `SeparateEncoder` accept
    instead of arrays. A sweep is the same except for rounding, and a step encodes each value once
    instead of each component of each row. This saves time for pixels, categories, integers and
    everything else with fewer values than a batch has rows; components with more values are encoded
    row by row.

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

    def __init__(
        self,
        x: Shaped[np.ndarray, "n component feature"] | DistinctRows,
        y: Batch,
        batch_size: int,
    ) -> None:
        """Find the distinct values, unless `x` lists them already, and copy all to the device.

        Args:
            x: `[n, component, feature]`, or the result of `distinct_rows` for it.
            y: `[n, ...]`, or a tree of such arrays.
            batch_size: Rows in a batch.

        Raises:
            UserError: If the arrays differ in length or are empty, or `batch_size` is not positive.
        """
        whole_number("batch_size", batch_size, 1)
        found = x if isinstance(x, DistinctRows) else distinct_rows(np.asarray(x), batch_size)
        for part, code in zip(found.parts, found.codes, strict=True):
            if code is not None and not (code.min() >= 0 and code.max() < len(part)):
                raise UserError(f"a code is out of range of the {len(part)} values of a component.")
        super().__init__((found, y), batch_size)
