"""Batches of random rows of a table on disk, drawn from a pool in memory."""

from collections.abc import Sequence
from typing import TypeAlias

import equinox as eqx
import numpy as np
from jax import Array
from jaxtyping import Float, Int64, PRNGKeyArray

from distributed_ib._checks import whole_number
from distributed_ib.data.batches import Batch, Prepared, PreparedBatches
from distributed_ib.data.distinct_values import RepeatedNumbers
from distributed_ib.data.refresh_schedule import RefreshSchedule
from distributed_ib.data.row_batches import (
    HostArrays,
    empty_batches,
    gather,
    uniform_numbers,
)
from distributed_ib.data.row_group_pool import RowGroupPool
from distributed_ib.errors import UserError

ListedValues: TypeAlias = tuple[Float[Array | np.ndarray, "_ 1"] | None, ...]

# Number of blocks that are read ahead of their step.
_BLOCKS_AHEAD = 2


class PoolBatches(PreparedBatches):
    """Rows drawn with replacement from a table on disk: every training row is equally likely.

    A batch is drawn from a `RowGroupPool`, in which the rows of one block after the other are
    replaced by others of that block, following a `RefreshSchedule`. The batch of step k of a repeat
    depends on the seed, the number of repeats, the repeat and k alone, and not on earlier calls of
    `prepare`.

    Attributes:
        pool: The pool, with the rows that are set aside for measurement.
        rows: Rows set aside that are trained on, for each repeat, or one entry for all repeats.
        batch_size: Rows in a batch.
        seed: Seed of the draws.
        steps_per_transfer: Batches copied to the device at once.
        values: If numbers that take few values are listed, the values of each component, or None;
            the arrays of the pool are then those of ((rows, codes), y). See `RepeatedNumbers`.
        contents: A fingerprint that must be the same in a resumed sweep; see `RowGroupPool`.
    """

    pool: RowGroupPool = eqx.field(static=True)
    rows: HostArrays = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    seed: int = eqx.field(static=True)
    steps_per_transfer: int = eqx.field(static=True)
    contents: str = eqx.field(static=True)
    values: ListedValues | None

    def __init__(
        self,
        pool: RowGroupPool,
        rows: Sequence[Int64[np.ndarray, " _"]],
        batch_size: int,
        *,
        seed: int = 0,
        steps_per_transfer: int = 64,
        values: ListedValues | None = None,
    ) -> None:
        """Draw from `pool`, including those of its measured rows that are in `rows`.

        Raises:
            UserError: If `batch_size` or `steps_per_transfer` is not positive.
        """
        self.pool, self.rows = pool, HostArrays(list(rows))
        self.batch_size = whole_number("batch_size", batch_size, 1)
        self.steps_per_transfer = whole_number("steps_per_transfer", steps_per_transfer, 1)
        self.seed, self.contents, self.values = seed, pool.contents, values

    @property
    def max_steps(self) -> int:
        """The number of steps of one transfer."""
        return self.steps_per_transfer

    def schedule(self, n_repeats: int) -> RefreshSchedule:
        """The order and steps in which blocks are refreshed."""
        return RefreshSchedule.of_pool(
            self.pool.n_blocks,
            self.pool.n_places,
            self.pool.n_rows,
            self.batch_size * n_repeats,
            self.seed,
        )

    def places(
        self, first_step: int, n_steps: int, n_repeats: int
    ) -> Int64[np.ndarray, "step repeat batch"]:
        """Indices of the rows of batches in the arrays of the pool, `[step, repeat, batch]`."""
        found = np.empty((n_steps, n_repeats, self.batch_size), np.int64)
        n_outside = self.pool.n_rows
        for repeat in range(n_repeats):
            own = self.rows.arrays[repeat % len(self.rows.arrays)]
            uniform = uniform_numbers((self.seed, repeat), first_step, n_steps, self.batch_size)
            numbers = (uniform * (n_outside + len(own))).astype(np.int64)
            is_own = numbers >= n_outside
            places = self.pool.places(np.minimum(numbers, n_outside - 1))
            if is_own.any():
                places[is_own] = self.pool.n_places + own[numbers[is_own] - n_outside]
            found[:, repeat] = places
        return found

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """The batches of a stretch of steps, as arrays `[step, repeat, batch, ...]`.

        They are gathered from the pool in its state at each step; if other threads have not yet
        read what a step needs, this waits for them. The arrays always cover `steps_per_transfer`
        steps; those beyond `n_steps` are zero and never read.

        Raises:
            UserError: If `rows` does not match the number of repeats, or files can't be read.
        """
        if len(self.rows.arrays) not in (1, n_repeats):
            raise UserError(
                f"there are rows for {len(self.rows.arrays)} repeats, but {n_repeats} repeats were "
                "asked for."
            )
        places = self.places(first_step, n_steps, n_repeats)
        schedule = self.schedule(n_repeats)
        prepared = empty_batches(
            self.pool.arrays, (self.steps_per_transfer, n_repeats, self.batch_size)
        )
        step, last = first_step, first_step + n_steps
        while step < last:
            number = schedule.n_before(step)
            self.pool.advance_to(schedule.draws_at(step))
            end = last
            if schedule.draws_per_block:
                end = min(last, schedule.step_of(number))
                coming = [schedule.block_of(number + k) for k in range(_BLOCKS_AHEAD)]
                self.pool.discard_except(coming)
                self.pool.read_later(coming)
            first, after = step - first_step, end - first_step
            gather(prepared, self.pool.arrays, places[first:after], first)
            step = end
        return prepared

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        """The batch that was prepared for this repeat."""
        return self.in_program().draw(picked, key)

    def in_program(self) -> PreparedBatches:
        """The part of this source with which the loop is compiled."""
        return PreparedBatches() if self.values is None else _WithListedValues(self.values)


class _WithListedValues(PreparedBatches):
    """Prepared batches of ((rows, codes), y), with the values that the codes stand for."""

    values: ListedValues

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        (table, codes), y = picked
        return RepeatedNumbers(table, self.values, codes), y
