"""Batches whose components take few values, in the form that is cheap to encode."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib.checks import whole_number
from distributed_ib.components.distinct import DistinctRows, distinct_rows
from distributed_ib.errors import UserError
from distributed_ib.training.batches import Batch, shared_length, take_rows


class DistinctBatches(eqx.Module):
    """Rows drawn at random as by `ArrayBatches`, with each distinct value listed once.

    The batches are pairs (`DistinctRows`, y), which `SharedEncoder` and `SeparateEncoder` take in
    the place of arrays: a sweep follows the same path, but for rounding, and a step costs as many
    encodings as there are values instead of batch size times components. It pays for pixels,
    categories, integers and everything else with fewer values than a batch has rows; components
    with more values are encoded row by row, as ever.

    Attributes:
        x: All rows, from `distinct_rows`.
        y: `[n, ...]`, or a tree of such arrays.
        batch_size: Rows in a batch.

    Example:
        >>> x = np.array([[[5.0], [0.1]], [[7.0], [0.2]], [[5.0], [0.3]]])
        >>> source = DistinctBatches(x, np.arange(3), batch_size=4)
        >>> few, y = source.draw(source.pick(source.prepare(0, 1, 1), 0), jax.random.key(0))
        >>> few.parts[0].shape, few.codes[0].shape, few.rows().shape, y.shape
        ((2, 1), (4,), (4, 2, 1), (4,))
    """

    x: DistinctRows
    y: Any
    batch_size: int = eqx.field(static=True)

    def __init__(self, x: NDArray[Any] | DistinctRows, y: Any, batch_size: int) -> None:
        """Find the distinct values, unless `x` has them already, and move all to the device.

        Args:
            x: `[n, component, feature]`, or what `distinct_rows` gave for it.
            y: `[n, ...]`, or a tree of such arrays.
            batch_size: Rows in a batch.

        Raises:
            UserError: If the arrays differ in length or are empty, or `batch_size` is not positive.
        """
        self.batch_size = whole_number("batch_size", batch_size, 1)
        found = x if isinstance(x, DistinctRows) else distinct_rows(np.asarray(x), batch_size)
        for part, code in zip(found.parts, found.codes, strict=True):
            if code is not None and not (code.min() >= 0 and code.max() < len(part)):
                raise UserError(f"a code points at none of the {len(part)} values of a component.")
        shared_length((found, y), "arrays of a batch source")
        self.x, self.y = jax.tree.map(jnp.asarray, (found, y))

    @property
    def max_steps(self) -> None:
        """No limit: everything is on the device already."""

    @property
    def repeat_axis(self) -> None:
        """All repeats draw from the same arrays."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Any:
        """The arrays themselves."""
        return self.x, self.y

    def pick(self, prepared: Any, offset: Array) -> Any:
        """The arrays themselves."""
        return prepared

    def draw(self, picked: Any, key: Array) -> Batch:
        """`batch_size` rows, independently and uniformly: those that `ArrayBatches` draws."""
        n_rows = jax.tree.leaves(picked[1])[0].shape[0]
        return take_rows(picked, jax.random.randint(key, (self.batch_size,), 0, n_rows))
