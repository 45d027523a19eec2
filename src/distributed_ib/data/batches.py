"""Sources of training batches.

A source has three methods. `prepare` runs on the host before a stretch of steps and returns arrays;
`pick` and `draw` run inside the compiled loop and make the batch of one step, `draw` once for each
repeat with its own random key. A batch depends on the random keys and the step alone, never on how
the sweep is divided into stretches.
"""

import itertools
from collections.abc import Callable
from typing import Protocol, TypeAlias

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jaxtyping import Bool, Integer, PRNGKeyArray, PyTree, Shaped

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.errors import UserError

Batch: TypeAlias = PyTree[Shaped[Array | np.ndarray, "..."]]
"""A tree of arrays `[batch, ...]`, usually the pair (x, y)."""

Prepared: TypeAlias = PyTree[Shaped[Array | np.ndarray, "..."]]
"""What a source passes from `prepare` to `pick`, or from `pick` to `draw`."""

RepeatAxis: TypeAlias = PyTree[int | None]
Step: TypeAlias = Integer[Array, ""]
Rows: TypeAlias = Integer[Array | np.ndarray, " taken"] | Bool[np.ndarray, " n"] | slice


class BatchSource(Protocol):
    """The interface of a source of batches; the module's docstring says what runs where.

    Example:
        >>> from distributed_ib.data.batches import ArrayBatches
        >>> source: BatchSource = ArrayBatches(np.arange(3), batch_size=4)
        >>> prepared = source.prepare(0, n_steps=10, n_repeats=2)
        >>> source.draw(source.pick(prepared, jax.numpy.int32(0)), jax.random.key(0)).shape
        (4,)
    """

    @property
    def max_steps(self) -> int | None:
        """Largest number of steps that one call of `prepare` may cover; None for no limit."""
        ...

    @property
    def repeat_axis(self) -> RepeatAxis:
        """Axis of the arrays from `pick` that runs over repeats; None if all repeats share them.

        A tuple has an entry for each part of the result of `pick`; it may contain tuples itself.
        """
        ...

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """Arrays for the steps `first_step .. first_step + n_steps - 1`."""
        ...

    def pick(self, prepared: Prepared, offset: Step) -> Prepared:
        """The part of `prepared` that belongs to one step, number `offset` of the prepared ones."""
        ...

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """The batch of one repeat at one step."""
        ...


def shared_length(arrays: Batch, what: str) -> int:
    """The number of rows that all arrays of a tree share.

    Values that are listed once, as in `DistinctRows`, are not rows and don't count. `what` names
    the arrays in an error message.

    Raises:
        UserError: If the lengths differ, there are no rows, or a leaf of the tree is not an array.

    Example:
        >>> shared_length((np.zeros((3, 2)), np.zeros(3)), "data")
        3
    """
    lengths = {np.shape(leaf)[0] if np.ndim(leaf) else 0 for leaf in _arrays_of_rows(arrays)}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(
            f"{what} must be arrays of one common, non-zero length, got lengths {sorted(lengths)}."
        )
    return int(lengths.pop())


def take_rows(arrays: Batch, rows: Rows) -> Batch:
    """The given rows of all arrays of a tree; values that are listed once are kept whole.

    Args:
        arrays: A tree of arrays `[n, ...]`.
        rows: Indices, a mask or a slice.

    Example:
        >>> x, y = take_rows((np.arange(6).reshape(3, 2), np.arange(3)), np.array([2, 0]))
        >>> x.tolist(), y.tolist()
        ([[4, 5], [0, 1]], [2, 0])
    """
    return jax.tree.map(
        lambda part: part.take(rows) if lists_values(part) else part[rows],
        arrays,
        is_leaf=lists_values,
    )


def _arrays_of_rows(arrays: Batch) -> list[Shaped[Array | np.ndarray, "..."]]:
    """The leaves of a tree that have an entry for every row."""
    parts = jax.tree.leaves(arrays, is_leaf=lists_values)
    return jax.tree.leaves([part.by_row() if lists_values(part) else part for part in parts])


def in_program(source: BatchSource) -> BatchSource:
    """The part of a source with which the loop is compiled; by default the source itself.

    A compiled program keeps that part in memory.

    Example:
        >>> in_program(HostBatches(lambda rng: rng.random(3)))
        PreparedBatches()
    """
    part: BatchSource = source.in_program() if hasattr(source, "in_program") else source
    return part


class ArrayBatches(eqx.Module):
    """Rows drawn at random, with replacement, from arrays in the device's memory.

    Attributes:
        arrays: A tree of arrays with the same first axis, usually (x, y). If it contains
            `DistinctRows` or `RepeatedNumbers`, every batch has all of their values.
        batch_size: Rows in a batch.

    Raises:
        UserError: If the arrays differ in length or are empty, or `batch_size` is not positive.

    Example:
        >>> source = ArrayBatches((np.arange(6.0).reshape(3, 2), np.arange(3)), batch_size=4)
        >>> x, y = source.draw(source.pick(source.prepare(0, 1, 1), 0), jax.random.key(0))
        >>> x.shape, y.shape
        ((4, 2), (4,))
    """

    arrays: Batch
    batch_size: int = eqx.field(static=True)

    def __init__(self, arrays: Batch, batch_size: int) -> None:
        """Copy `arrays` to the device."""
        shared_length(arrays, "arrays of a batch source")
        self.arrays = jax.tree.map(jax.numpy.asarray, arrays)
        self.batch_size = whole_number("batch_size", batch_size, 1)

    @property
    def max_steps(self) -> None:
        """No limit: everything is on the device already."""

    @property
    def repeat_axis(self) -> None:
        """All repeats draw from the same arrays."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """The arrays themselves."""
        return self.arrays

    def pick(self, prepared: Prepared, offset: Step) -> Prepared:
        """The arrays themselves."""
        return prepared

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """`batch_size` rows, independently and uniformly."""
        n_rows = _arrays_of_rows(picked)[0].shape[0]
        rows = jax.random.randint(key, (self.batch_size,), 0, n_rows)
        return take_rows(picked, rows)


class FreshBatches(eqx.Module):
    """New points at every step, made on the device by a function of a random key.

    Attributes:
        function: Maps a key to a batch; pure, and traceable by JAX. Later sweeps with the same
            function object are not compiled again.

    Example:
        >>> source = FreshBatches(lambda key: jax.random.uniform(key, (8, 2)))
        >>> source.draw(source.pick(source.prepare(0, 1, 1), 0), jax.random.key(0)).shape
        (8, 2)
    """

    function: Callable[[PRNGKeyArray], Batch] = eqx.field(static=True)

    @property
    def max_steps(self) -> None:
        """No limit: nothing is prepared."""

    @property
    def repeat_axis(self) -> None:
        """None: nothing is prepared."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> tuple[()]:
        """Nothing."""
        return ()

    def pick(self, prepared: tuple[()], offset: Step) -> tuple[()]:
        """Nothing."""
        return ()

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """The function's batch for `key`."""
        return self.function(key)


class PreparedBatches(eqx.Module):
    """The part that the compiled loop needs of a source whose `prepare` makes whole batches.

    They are arrays `[step, repeat, batch, ...]`. The loop is compiled with this part alone, and so
    does not keep the data of a source in memory.

    Example:
        >>> PreparedBatches().repeat_axis
        0
    """

    @property
    def repeat_axis(self) -> int:
        """Every repeat has its own batches."""
        return 0

    def pick(self, prepared: Prepared, offset: Step) -> Prepared:
        """The batches of all repeats at one step."""
        return jax.tree.map(lambda array: array[offset], prepared)

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """The batch that was prepared for this repeat."""
        return picked

    def in_program(self) -> "PreparedBatches":
        """The part of this source with which the loop is compiled."""
        return PreparedBatches()


class HostBatches(PreparedBatches):
    """Batches made on the host, for data that does not fit on the device.

    Attributes:
        function: Maps a seeded `numpy.random.Generator` to a batch of NumPy arrays, always of the
            same shapes.
        seed: Seed of those generators, 0 by default; batch k of a repeat depends on the seed, the
            repeat and k alone.
        steps_per_transfer: Batches copied to the device at once, 64 by default.

    Raises:
        UserError: If `seed` is negative or `steps_per_transfer` not positive.

    Example:
        >>> def batch(rng):
        ...     return rng.random((8, 2)), rng.integers(0, 2, 8)
        >>> source = HostBatches(batch, seed=0, steps_per_transfer=4)
        >>> [array.shape for array in source.prepare(0, 4, n_repeats=3)]
        [(4, 3, 8, 2), (4, 3, 8)]
    """

    function: Callable[[np.random.Generator], Batch] = eqx.field(static=True)
    seed: int = eqx.field(static=True, default=0)
    steps_per_transfer: int = eqx.field(static=True, default=64)

    def __check_init__(self) -> None:
        """Check the settings, which would otherwise fail in the middle of a sweep."""
        whole_number("seed", self.seed, 0)
        whole_number("steps_per_transfer", self.steps_per_transfer, 1)

    @property
    def max_steps(self) -> int:
        """The number of steps of one transfer."""
        return self.steps_per_transfer

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """The batches of a stretch of steps, as arrays `[step, repeat, batch, ...]`.

        A stretch shorter than `steps_per_transfer` is padded with zeros that are never read, so
        that the compiled loop always gets the same shapes.
        """
        prepared: Prepared = None
        for k, repeat in itertools.product(range(n_steps), range(n_repeats)):
            batch = jax.tree.map(np.asarray, self._batch(first_step + k, repeat))
            if prepared is None:
                prepared = jax.tree.map(
                    lambda a: np.zeros((self.steps_per_transfer, n_repeats, *a.shape), a.dtype),
                    batch,
                )
            for whole, part in zip(jax.tree.leaves(prepared), jax.tree.leaves(batch), strict=True):
                whole[k, repeat] = part
        return prepared

    def _batch(self, step: int, repeat: int) -> Batch:
        return self.function(np.random.default_rng((self.seed, repeat, step)))
