"""Where the batches of a sweep come from.

A source does its work in three places. `prepare` runs on the host before a stretch of steps and
hands over arrays; `pick` and `draw` run inside the compiled loop and make the batch of one step,
`draw` once for each repeat with a random key of its own. What a batch is made of depends on the
random keys and the step alone, never on how the sweep was cut into stretches.
"""

import itertools
from collections.abc import Callable
from typing import Any, Protocol

import equinox as eqx
import jax
import numpy as np
from jax import Array

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.errors import UserError

Batch = Any  # a tree of arrays [batch, ...], usually the pair (x, y)


class BatchSource(Protocol):
    """What the sweep asks of a source; see the module's text for who calls what."""

    @property
    def max_steps(self) -> int | None:
        """Most steps one `prepare` may serve; None for no limit."""
        ...

    @property
    def repeat_axis(self) -> int | None:
        """Axis of `pick`'s arrays that runs over repeats; None if all repeats share them."""
        ...

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Any:
        """Arrays for the steps `first_step .. first_step + n_steps - 1`."""
        ...

    def pick(self, prepared: Any, offset: Array) -> Any:
        """The part of `prepared` that belongs to one step."""
        ...

    def draw(self, picked: Any, key: Array) -> Batch:
        """The batch of one repeat at one step."""
        ...


def shared_length(arrays: Batch, what: str) -> int:
    """The number of rows that all arrays of a tree share.

    Values that are listed once, as in `DistinctRows`, are no rows and don't count.

    Raises:
        UserError: If they differ, there are no rows, or a leaf of the tree is no array.

    Example:
        >>> shared_length((np.zeros((3, 2)), np.zeros(3)), "data")
        3
    """
    lengths = {np.shape(leaf)[0] if np.ndim(leaf) else 0 for leaf in _arrays_of_rows(arrays)}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(
            f"{what} must be arrays that share a non-zero length, got lengths {sorted(lengths)}."
        )
    return int(lengths.pop())


def take_rows(arrays: Batch, rows: Any) -> Batch:
    """The given rows of all arrays of a tree; values that are listed once stay whole."""
    return jax.tree.map(
        lambda part: part.take(rows) if lists_values(part) else part[rows],
        arrays,
        is_leaf=lists_values,
    )


def _arrays_of_rows(arrays: Batch) -> list[Any]:
    """The leaves of a tree that have an entry for every row."""
    parts = jax.tree.leaves(arrays, is_leaf=lists_values)
    return jax.tree.leaves([part.by_row() if lists_values(part) else part for part in parts])


class ArrayBatches(eqx.Module):
    """Rows drawn at random, with replacement, from arrays that live on the device.

    Attributes:
        arrays: A tree of arrays with the same first axis, usually (x, y). Where it holds
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

    arrays: Any
    batch_size: int = eqx.field(static=True)

    def __init__(self, arrays: Any, batch_size: int) -> None:
        """Move `arrays` to the device."""
        shared_length(arrays, "arrays of a batch source")
        self.arrays = jax.tree.map(jax.numpy.asarray, arrays)
        self.batch_size = whole_number("batch_size", batch_size, 1)

    @property
    def max_steps(self) -> None:
        """No limit: everything is on the device already."""

    @property
    def repeat_axis(self) -> None:
        """All repeats draw from the same arrays."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Any:
        """The arrays themselves."""
        return self.arrays

    def pick(self, prepared: Any, offset: Array) -> Any:
        """The arrays themselves."""
        return prepared

    def draw(self, picked: Any, key: Array) -> Batch:
        """`batch_size` rows, independently and uniformly."""
        n_rows = _arrays_of_rows(picked)[0].shape[0]
        rows = jax.random.randint(key, (self.batch_size,), 0, n_rows)
        return take_rows(picked, rows)


class FreshBatches(eqx.Module):
    """New points every step, made on the device by a function of a random key.

    Attributes:
        function: From a key to a batch; pure, and traceable by JAX. Pass the same function object
            to later sweeps, and they need not compile again.

    Example:
        >>> source = FreshBatches(lambda key: jax.random.uniform(key, (8, 2)))
        >>> source.draw(source.pick(source.prepare(0, 1, 1), 0), jax.random.key(0)).shape
        (8, 2)
    """

    function: Callable[[Array], Batch] = eqx.field(static=True)

    @property
    def max_steps(self) -> None:
        """No limit: nothing is prepared."""

    @property
    def repeat_axis(self) -> None:
        """Nothing is prepared, so there is nothing to share out."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> tuple[()]:
        """Nothing."""
        return ()

    def pick(self, prepared: Any, offset: Array) -> tuple[()]:
        """Nothing."""
        return ()

    def draw(self, picked: Any, key: Array) -> Batch:
        """The function's batch for `key`."""
        return self.function(key)


class HostBatches(eqx.Module):
    """Batches made on the host, for data that does not fit on the device.

    Attributes:
        function: From a seeded `numpy.random.Generator` to a batch of NumPy arrays, always of the
            same shapes.
        seed: Seed of those generators; batch number k of a repeat depends on it and k alone.
        steps_per_transfer: Batches moved to the device at once.

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
        """Refuse what would fail later, in the middle of a sweep."""
        whole_number("seed", self.seed, 0)
        whole_number("steps_per_transfer", self.steps_per_transfer, 1)

    @property
    def max_steps(self) -> int:
        """As many as one transfer holds."""
        return self.steps_per_transfer

    @property
    def repeat_axis(self) -> int:
        """Every repeat has batches of its own."""
        return 0

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Any:
        """The batches of a stretch of steps, as arrays `[step, repeat, batch, ...]`.

        A stretch shorter than `steps_per_transfer` is padded with zeros that are never read, so
        that the compiled loop always meets the same shapes.
        """
        prepared: Any = None
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

    def pick(self, prepared: Any, offset: Array) -> Any:
        """The batches of all repeats at one step."""
        return jax.tree.map(lambda array: array[offset], prepared)

    def draw(self, picked: Any, key: Array) -> Batch:
        """The batch that was prepared for this repeat."""
        return picked

    def _batch(self, step: int, repeat: int) -> Batch:
        return self.function(np.random.default_rng((self.seed, repeat, step)))
