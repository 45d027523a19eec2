"""A random sample of a table on disk, kept in memory and read anew row group by row group."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.batches import Batch
from distributed_ib.data.files._views import Chunk
from distributed_ib.data.reading_progress import Told, tell_nobody
from distributed_ib.data.streamed_statistics import StreamedTable
from distributed_ib.errors import UserError

Transform = Callable[[Chunk], Batch]
"""From rows as they are read to a tree of arrays `[n, ...]`."""

_THREADS, _WAITING = 2, 4
_FILLING = "filling the pool from"


class RowGroupPool:
    """Rows of a table for training: of every block of row groups the same share, drawn at random.

    The pool is a stratified uniform sample of all training rows, whatever their order in the files.
    Its places belong to blocks. `bring_to` says which draw of its block every place is to hold, and
    what it does not hold yet is read. After the places come the rows that are kept apart to be
    measured, of which some train in some repeats.

    To the compiler all pools are equal, since the compiled loop never reads them.

    Args:
        streamed: The table.
        n_training: Training rows of each block, `[block]`.
        measured: The rows that are kept apart, as model input: a tree of arrays `[n, ...]`.
        transform: Makes the same of rows as they are read.
        columns: Columns that it needs.
        n_places: Most rows in the pool; more where there are more blocks, which have one each.
        seed: Seed of the draws.
        told: Called as the pool is filled.
    """

    def __init__(
        self,
        streamed: StreamedTable,
        n_training: NDArray[np.int64],
        measured: Batch,
        transform: Transform,
        columns: Sequence[str],
        n_places: int,
        *,
        seed: int = 0,
        told: Told = tell_nobody,
    ) -> None:
        used = np.flatnonzero(n_training)
        self.n_rows_of = n_training[used]
        self.n_places_of = _shares(self.n_rows_of, n_places)
        self._streamed, self._measured, self._told = streamed, measured, told
        self._blocks = [streamed.blocks[k] for k in used]
        self._transform, self._columns = transform, [*dict.fromkeys([*columns, *streamed.targets])]
        self._seed = seed
        self._held = np.full(len(used), -1)
        self._coming: dict[tuple[int, int], Future[Batch]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowGroupPool)

    def __hash__(self) -> int:
        return hash(RowGroupPool)

    @property
    def n_blocks(self) -> int:
        """Blocks that have training rows."""
        return len(self._blocks)

    @cached_property
    def n_rows(self) -> int:
        """Training rows of the table, those kept apart not among them."""
        return int(self.n_rows_of.sum())

    @cached_property
    def n_places(self) -> int:
        """Rows in the pool."""
        return int(self.n_places_of.sum())

    @cached_property
    def contents(self) -> str:
        """What a resumed run must find again: which rows are drawn, and what the files hold.

        Of that it has the footers of all files, and the rows that are kept apart: random ones,
        among which rows that were exchanged or changed are met.
        """
        digest = hashlib.sha256(self._streamed.table.checksum().encode())
        for leaf in jax.tree.leaves(self._measured):
            digest.update(np.ascontiguousarray(leaf).tobytes())
        return f"{self.n_places} of {self.n_rows} rows, seed {self._seed}, {digest.hexdigest()}"

    @cached_property
    def arrays(self) -> Batch:
        """The places of the pool and after them the rows kept apart, a tree of `[n, ...]`."""

        def room(leaf: NDArray[Any]) -> NDArray[Any]:
            found = np.zeros((self.n_places + len(leaf), *leaf.shape[1:]), leaf.dtype)
            found[self.n_places :] = leaf
            return found

        return jax.tree.map(room, self._measured)

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where training rows of the table are looked for, by their number from 0 to `n_rows`.

        Each row has a place of its block, and places of a block have equally many rows, one more or
        less. Numbers that are uniformly random so give every row of the table the same probability,
        even where the sizes of blocks don't allow equal shares of them.
        """
        ends, starts = self._ends, self._starts
        block = np.searchsorted(ends, rows, side="right")
        inside = rows - (ends[block] - self.n_rows_of[block])
        return starts[block] + inside * self.n_places_of[block] // self.n_rows_of[block]

    def bring_to(self, draws: NDArray[np.int64]) -> None:
        """Let every block hold the draw of this number, `[block]`; waits for what must be read."""
        wanted = [(int(k), int(draws[k])) for k in np.flatnonzero(self._held != draws)]
        # What is read anew during training is not told.
        told = self._told if (self._held < 0).any() else tell_nobody
        total, done = int(self.n_rows_of[[k for k, _ in wanted]].sum()), 0
        try:
            for number, (block, draw) in enumerate(wanted):
                self.read_later(wanted[number : number + _WAITING])
                rows = self._coming.pop((block, draw)).result()
                self._held[block] = -1  # while it is replaced, which may be interrupted
                self._put(block, rows)
                self._held[block] = draw
                done += int(self.n_rows_of[block])
                told(_FILLING, done, total)
        finally:
            if done < total:  # no line stays on the terminal after an error
                told(_FILLING, total, total)

    def read_later(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Begin to read draws of blocks, as pairs of their numbers, in other threads."""
        for block, draw in wanted:
            if (block, draw) not in self._coming:
                self._coming[block, draw] = self._threads.submit(self.read, block, draw)

    def forget_others(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Give up what was read early and is not wanted any more."""
        for key in set(self._coming) - set(wanted):
            self._coming.pop(key).cancel()

    def read(self, block: int, draw: int) -> Batch:
        """A random draw of the training rows of a block, as many as it has places, in random order.

        The same seed, block and number of the draw give the same rows.

        Raises:
            UserError: If the files can't be read, or have changed.
        """
        n_rows, n_places = int(self.n_rows_of[block]), int(self.n_places_of[block])
        random = np.random.default_rng([self._seed, block, draw])
        chosen = random.choice(n_rows, n_places, replace=False)
        order = np.argsort(chosen)
        rising = chosen[order]
        found = jax.tree.map(
            lambda leaf: np.zeros((n_places, *leaf.shape[1:]), leaf.dtype), self._measured
        )
        n_seen = 0
        table = self._streamed.table
        for start, chunk in table.block_chunks(
            self._blocks[block], self._columns, use_threads=False
        ):
            rows = np.flatnonzero(self._streamed.training_mask(start, chunk))
            first, last = np.searchsorted(rising, [n_seen, n_seen + len(rows)])
            local = rows[rising[first:last] - n_seen]
            n_seen += len(rows)
            if len(local):
                taken = {name: values.iloc[local] for name, values in chunk.items()}
                _put(found, order[first:last], self._transform(taken))
        if n_seen != n_rows:
            raise UserError(f"{table.place} has changed since it was first read; start again.")
        return found

    def _put(self, block: int, rows: Batch) -> None:
        first = self._starts[block]
        _put(self.arrays, slice(first, first + self.n_places_of[block]), rows)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum(self.n_rows_of)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum(self.n_places_of) - self.n_places_of

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="row-groups")


def _put(arrays: Batch, places: Any, rows: Batch) -> None:
    for whole, part in zip(jax.tree.leaves(arrays), jax.tree.leaves(rows), strict=True):
        whole[places] = part


def _shares(n_rows: NDArray[np.int64], n_places: int) -> NDArray[np.int64]:
    """How many of `n_places` each block gets, in proportion to its rows, and at least one.

    >>> _shares(np.array([10, 30, 1]), 9).tolist(), int(_shares(np.full(10, 9), 16).sum())
    ([2, 6, 1], 16)
    """
    exact = n_rows * min(1.0, n_places / n_rows.sum())
    shares = np.clip(np.rint(exact).astype(np.int64), 1, n_rows)
    while (n_beyond := int(shares.sum()) - n_places) > 0 and (shares > 1).any():
        # Of those that have more than one place, the ones that are farthest above their share.
        above = np.where(shares > 1, shares - exact, -np.inf)
        shares[np.argsort(-above, kind="stable")[: min(n_beyond, (shares > 1).sum())]] -= 1
    return shares
