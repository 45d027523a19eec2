"""Training batches in which rows appear in proportion to their weights."""

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jaxtyping import Float32, Float64, Int32, Int64, PRNGKeyArray, Real

from distributed_ib._checks import whole_number
from distributed_ib.data.batches import Batch, Prepared, Step, shared_length, take_rows


class WeightedBatches(eqx.Module):
    """Rows drawn with replacement in proportion to their weights.

    The expected loss is the weighted objective, with less noise than weighted losses of uniform
    batches. The time of a draw does not depend on the number of rows (alias method, Walker 1977):
    every row has a cell, shared with at most one other row.

    Attributes:
        arrays: A tree of arrays with the same first axis, usually (x, y).
        share: Share of each cell that belongs to its own row, `[n]`.
        other: The row to which the rest of the cell belongs, `[n]`.
        batch_size: Rows in a batch.

    Example:
        >>> source = WeightedBatches(np.arange(3), np.array([0.0, 1.0, 0.0]), batch_size=4)
        >>> source.draw(source.pick(source.prepare(0, 1, 1), 0), jax.random.key(0)).tolist()
        [1, 1, 1, 1]
    """

    arrays: Batch
    share: Float32[Array, " n"]
    other: Int32[Array, " n"]
    batch_size: int = eqx.field(static=True)

    def __init__(self, arrays: Batch, weights: Real[np.ndarray, " n"], batch_size: int) -> None:
        """Copy `arrays` to the device.

        Args:
            arrays: A tree of arrays `[n, ...]`.
            weights: Weight of each row, `[n]`; not negative, and not all zero.
            batch_size: Rows in a batch.

        Raises:
            UserError: If the lengths differ or are 0, or `batch_size` is not positive.
        """
        shared_length((arrays, weights), "arrays and weights")
        share, other = alias_table(np.asarray(weights, np.float64))
        self.arrays = jax.tree.map(jax.numpy.asarray, arrays)
        self.share = jax.numpy.asarray(share, np.float32)
        self.other = jax.numpy.asarray(other, np.int32)
        self.batch_size = whole_number("batch_size", batch_size, 1)

    @property
    def max_steps(self) -> None:
        """No limit: everything is on the device already."""

    @property
    def repeat_axis(self) -> None:
        """All repeats draw from the same arrays."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """The arrays themselves, with the alias table."""
        return self.arrays, self.share, self.other

    def pick(self, prepared: Prepared, offset: Step) -> Prepared:
        """The same."""
        return prepared

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """`batch_size` rows, independently, in proportion to their weights."""
        arrays, share, other = picked
        key_cell, key_share = jax.random.split(key)
        cell = jax.random.randint(key_cell, (self.batch_size,), 0, share.shape[0])
        own = jax.random.uniform(key_share, (self.batch_size,)) < share[cell]
        rows = jax.numpy.where(own, cell, other[cell])
        return take_rows(arrays, rows)


def alias_table(
    weights: Float64[np.ndarray, " n"],
) -> tuple[Float64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Cells of equal size, each shared by its own row and at most one other (Walker 1977).

    Args:
        weights: `[n]`, not negative, and not all zero.

    Returns:
        The share of each cell that belongs to its own row, and the row to which the rest belongs,
        both `[n]`.

    Example:
        >>> alias_table(np.array([1.0, 3.0]))
        (array([0.5, 1. ]), array([1, 1]))
    """
    size = weights * (len(weights) / weights.sum())
    share, other = np.ones(len(size)), np.arange(len(size))
    small, large = np.flatnonzero(size < 1).tolist(), np.flatnonzero(size >= 1).tolist()
    left = size.tolist()
    while small and large:
        poor, rich = small.pop(), large[-1]
        share[poor], other[poor] = left[poor], rich
        left[rich] -= 1.0 - left[poor]
        if left[rich] < 1.0:
            small.append(large.pop())
    return share, other
