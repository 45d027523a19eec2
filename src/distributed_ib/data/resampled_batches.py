"""Training batches in which every repeat has rows of its own, such as a resample of the data."""

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jaxtyping import Float32, Float64, Int32, Int64, PRNGKeyArray

from distributed_ib._checks import whole_number
from distributed_ib.data.batches import Batch, Prepared, Step, shared_length, take_rows
from distributed_ib.data.weighted_batches import alias_table
from distributed_ib.errors import UserError


class ResampledBatches(eqx.Module):
    """Rows drawn with replacement from each repeat's set of rows, uniformly or by weight.

    Attributes:
        arrays: A tree of arrays with the same first axis, usually (x, y).
        rows: The rows of each repeat, `[repeat, row]`; padded if other repeats have more.
        counts: Number of rows of each repeat, `[repeat]`.
        aliases: For draws by weight, the alias table of each repeat, two arrays `[repeat, row]`;
            None if all rows count equally.
        batch_size: Rows in a batch.

    Example:
        >>> source = ResampledBatches(np.arange(4), [np.array([0, 1]), np.array([3])], batch_size=5)
        >>> prepared = source.prepare(0, 1, 2)
        >>> arrays, rows, counts, _ = source.pick(prepared, 0)
        >>> source.draw((arrays, rows[1], counts[1], None), jax.random.key(0)).tolist()
        [3, 3, 3, 3, 3]
    """

    arrays: Batch
    rows: Int32[Array, "repeat row"]
    counts: Int32[Array, " repeat"]
    aliases: tuple[Float32[Array, "repeat row"], Int32[Array, "repeat row"]] | None
    batch_size: int = eqx.field(static=True)

    def __init__(
        self,
        arrays: Batch,
        rows: Sequence[Int64[np.ndarray, " _"]],
        batch_size: int,
        *,
        weights: Float64[np.ndarray, " n"] | None = None,
    ) -> None:
        """Copy `arrays` to the device.

        Args:
            arrays: A tree of arrays `[n, ...]`.
            rows: The rows of each repeat.
            batch_size: Rows in a batch.
            weights: Weight of each row, `[n]`; by default all count equally.

        Raises:
            UserError: If lengths differ, a repeat has no rows, or `batch_size` is not positive.
        """
        shared_length(arrays, "arrays")
        if not rows or not all(map(len, rows)):
            raise UserError("every repeat needs at least one training row.")
        self.arrays = jax.tree.map(jax.numpy.asarray, arrays)
        self.rows = jax.numpy.asarray(_filled(rows), np.int32)
        self.counts = jax.numpy.asarray([len(part) for part in rows], np.int32)
        self.aliases = None
        if weights is not None:
            tables = [alias_table(np.asarray(weights[part], np.float64)) for part in rows]
            self.aliases = (
                jax.numpy.asarray(_filled([share for share, _ in tables]), np.float32),
                jax.numpy.asarray(_filled([other for _, other in tables]), np.int32),
            )
        self.batch_size = whole_number("batch_size", batch_size, 1)

    @property
    def max_steps(self) -> None:
        """No limit: everything is on the device already."""

    @property
    def repeat_axis(self) -> tuple[int | None, ...]:
        """The arrays are shared; each repeat has its own rows, counts and alias tables."""
        return None, 0, 0, None if self.aliases is None else 0

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """The arrays, rows, counts and alias tables."""
        if n_repeats != len(self.counts):
            raise UserError(
                f"there are rows for {len(self.counts)} repeats, but {n_repeats} repeats were "
                "asked for."
            )
        return self.arrays, self.rows, self.counts, self.aliases

    def pick(self, prepared: Prepared, offset: Step) -> Prepared:
        """The same."""
        return prepared

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """`batch_size` rows of one repeat, independently, uniformly or in proportion to weights."""
        arrays, rows, count, aliases = picked
        if aliases is None:
            return take_rows(arrays, rows[jax.random.randint(key, (self.batch_size,), 0, count)])
        share, other = aliases
        key_cell, key_share = jax.random.split(key)
        cell = jax.random.randint(key_cell, (self.batch_size,), 0, count)
        own = jax.random.uniform(key_share, (self.batch_size,)) < share[cell]
        return take_rows(arrays, rows[jax.numpy.where(own, cell, other[cell])])


def _filled(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of different lengths as rows of one array, padded with their first entries."""
    longest = max(map(len, parts))
    return np.stack([np.resize(part, longest) for part in parts])
