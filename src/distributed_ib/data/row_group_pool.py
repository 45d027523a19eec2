"""A random sample of a table on disk, kept in memory and refreshed row group by row group."""

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
from distributed_ib.data.reading_progress import ReadingCallback, no_progress
from distributed_ib.data.streamed_statistics import StreamedTable
from distributed_ib.errors import UserError

Transform = Callable[[Chunk], Batch]
"""Maps rows, as they are read, to a tree of arrays `[n, ...]`."""

_THREADS, _WAITING = 2, 4
_FILLING = "filling the pool from"


class RowGroupPool:
    """Random rows of a table for training: the same share of every block of row groups.

    The pool is a stratified uniform sample of all training rows, whatever their order in the files.
    Each of its places belongs to a block. `advance_to` takes the number of the draw that every
    block is to contain, and reads the draws that are not there yet. The places are followed by the
    rows that are set aside for measurement, some of which are trained on in some repeats.

    All pools compare equal for the compiler, since the compiled loop never reads them.

    Args:
        streamed: The table.
        n_training: Number of training rows of each block, `[block]`.
        measured: The rows that are set aside, as model input: a tree of arrays `[n, ...]`.
        transform: Converts rows, as they are read, to the same form.
        columns: Columns that `transform` needs.
        n_places: Largest number of rows in the pool; exceeded if there are more blocks, each of
            which has at least one.
        seed: Seed of the draws.
        on_read: Called to report progress as the pool is filled.
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
        on_read: ReadingCallback = no_progress,
    ) -> None:
        used = np.flatnonzero(n_training)
        self.n_rows_of = n_training[used]
        self.n_places_of = _shares(self.n_rows_of, n_places)
        self._streamed, self._measured, self._on_read = streamed, measured, on_read
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
        """Number of blocks that have training rows."""
        return len(self._blocks)

    @cached_property
    def n_rows(self) -> int:
        """Number of training rows of the table, without those set aside."""
        return int(self.n_rows_of.sum())

    @cached_property
    def n_places(self) -> int:
        """Number of rows in the pool."""
        return int(self.n_places_of.sum())

    @cached_property
    def contents(self) -> str:
        """A fingerprint that must be the same in a resumed run: draws, and contents of the files.

        The contents are represented by the footers of all files and by the rows that are set aside,
        a random sample in which exchanged or changed rows are likely to show.
        """
        digest = hashlib.sha256(self._streamed.table.checksum().encode())
        for leaf in jax.tree.leaves(self._measured):
            digest.update(np.ascontiguousarray(leaf).tobytes())
        return f"{self.n_places} of {self.n_rows} rows, seed {self._seed}, {digest.hexdigest()}"

    @cached_property
    def arrays(self) -> Batch:
        """The places of the pool, followed by the rows set aside: a tree of `[n, ...]`."""

        def room(leaf: NDArray[Any]) -> NDArray[Any]:
            found = np.zeros((self.n_places + len(leaf), *leaf.shape[1:]), leaf.dtype)
            found[self.n_places :] = leaf
            return found

        return jax.tree.map(room, self._measured)

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places that stand for training rows of the table, numbered from 0 to `n_rows` - 1.

        Each row is assigned a place of its block, and all places of a block are assigned equally
        many rows, give or take one. Uniformly random numbers therefore give every row of the table
        the same probability, even if the sizes of blocks don't allow equal shares of them.
        """
        ends, starts = self._ends, self._starts
        block = np.searchsorted(ends, rows, side="right")
        inside = rows - (ends[block] - self.n_rows_of[block])
        return starts[block] + inside * self.n_places_of[block] // self.n_rows_of[block]

    def advance_to(self, draws: NDArray[np.int64]) -> None:
        """Advance every block to the draw of this number, `[block]`; waits until it is read."""
        wanted = [(int(k), int(draws[k])) for k in np.flatnonzero(self._held != draws)]
        # Progress is reported only for the first filling, not during training.
        on_read = self._on_read if (self._held < 0).any() else no_progress
        total, done = int(self.n_rows_of[[k for k, _ in wanted]].sum()), 0
        try:
            for number, (block, draw) in enumerate(wanted):
                self.read_later(wanted[number : number + _WAITING])
                rows = self._coming.pop((block, draw)).result()
                self._held[block] = -1  # invalid while it is replaced, which may be interrupted
                self._put(block, rows)
                self._held[block] = draw
                done += int(self.n_rows_of[block])
                on_read(_FILLING, done, total)
        finally:
            if done < total:  # leaves no progress line on the terminal after an error
                on_read(_FILLING, total, total)

    def read_later(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Start reading draws, given as pairs (block, draw), in other threads."""
        for block, draw in wanted:
            if (block, draw) not in self._coming:
                self._coming[block, draw] = self._threads.submit(self.read, block, draw)

    def discard_except(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Drop draws that were read early and are no longer wanted."""
        for key in set(self._coming) - set(wanted):
            self._coming.pop(key).cancel()

    def read(self, block: int, draw: int) -> Batch:
        """A random draw of a block's training rows, one for each of its places, in random order.

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
    """Number of places for each block, in proportion to its rows, and at least one.

    >>> _shares(np.array([10, 30, 1]), 9).tolist(), int(_shares(np.full(10, 9), 16).sum())
    ([2, 6, 1], 16)
    """
    exact = n_rows * min(1.0, n_places / n_rows.sum())
    shares = np.clip(np.rint(exact).astype(np.int64), 1, n_rows)
    while (n_beyond := int(shares.sum()) - n_places) > 0 and (shares > 1).any():
        # From blocks with more than one place, those farthest above their exact share first.
        above = np.where(shares > 1, shares - exact, -np.inf)
        shares[np.argsort(-above, kind="stable")[: min(n_beyond, (shares > 1).sum())]] -= 1
    return shares
