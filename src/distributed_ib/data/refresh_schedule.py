"""The schedule by which parts of a pool of rows are refreshed: a function of the step alone."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LEAST_DRAWS = 4
"""A row of a pool is drawn this many times, on average, before it is replaced."""


@dataclass(frozen=True)
class RefreshSchedule:
    """A schedule that refreshes the blocks of a pool in turn, in a new random order each time.

    Attributes:
        n_blocks: Number of blocks of the pool.
        draws_per_step: Number of rows drawn in a step, by all repeats together.
        draws_per_block: Number of rows drawn between two refreshed blocks; 0 if none is ever
            refreshed, because the pool contains the whole table.
        seed: Seed of the order.

    Example:
        >>> schedule = RefreshSchedule(n_blocks=3, draws_per_step=2, draws_per_block=5, seed=0)
        >>> [schedule.n_before(step) for step in range(8)]
        [0, 0, 0, 1, 1, 2, 2, 2]
        >>> schedule.step_of(1), schedule.draws_at(step=7).tolist()
        (5, [1, 0, 1])
    """

    n_blocks: int
    draws_per_step: int
    draws_per_block: int
    seed: int

    @classmethod
    def of_pool(
        cls, n_blocks: int, n_places: int, n_rows: int, draws_per_step: int, seed: int
    ) -> "RefreshSchedule":
        """The schedule of a pool of `n_places` rows of a table with `n_rows` rows.

        Every row of the pool is drawn `LEAST_DRAWS` times, on average, before it is replaced; more
        often if the pool is so small a part of the table that otherwise more rows would be read
        than drawn.
        """
        if n_places >= n_rows:
            return cls(n_blocks, draws_per_step, 0, seed)
        lifetime = max(LEAST_DRAWS * n_places, n_rows)
        return cls(n_blocks, draws_per_step, max(1, lifetime // n_blocks), seed)

    def n_before(self, step: int) -> int:
        """Number of refreshed blocks before the batch of this step is drawn."""
        if not self.draws_per_block:
            return 0
        return step * self.draws_per_step // self.draws_per_block

    def step_of(self, number: int) -> int:
        """The first step whose batch is drawn after refresh `number` (counted from 0)."""
        return -(-(number + 1) * self.draws_per_block // self.draws_per_step)

    def block_of(self, number: int) -> tuple[int, int]:
        """The block of refresh `number`, and how many times it was filled before."""
        cycle, place = divmod(number, self.n_blocks)
        return int(_order(self.n_blocks, self.seed, cycle)[place]), cycle + 1

    def draws_at(self, step: int) -> NDArray[np.int64]:
        """How many times each block was refreshed before the batch of this step, `[block]`."""
        cycle, place = divmod(self.n_before(step), self.n_blocks)
        draws = np.full(self.n_blocks, cycle, np.int64)
        draws[_order(self.n_blocks, self.seed, cycle)[:place]] += 1
        return draws


@lru_cache(maxsize=4)
def _order(n_blocks: int, seed: int, cycle: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, cycle]).permutation(n_blocks)
