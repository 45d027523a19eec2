"""Batches of random rows gathered on the host, for arrays too large for the device."""

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np
from jax import Array
from jaxtyping import Float64, Int64, PyTree, Shaped, UInt64

from distributed_ib.data.batches import Prepared, PreparedBatches
from distributed_ib.errors import UserError

DEVICE_BUDGET_BYTES = 4 << 30
# Philox generates four numbers for each value of its counter.
_NUMBERS_PER_COUNT = 4


class HostArrays:
    """Arrays that the compiled loop never reads, and that all compare equal for the compiler.

    Example:
        >>> HostArrays(np.zeros(3)) == HostArrays(np.ones(4))
        True
    """

    def __init__(self, arrays: PyTree[Shaped[np.ndarray, "n ..."]]) -> None:
        self.arrays = arrays

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostArrays)

    def __hash__(self) -> int:
        return hash(HostArrays)


class RowBatches(PreparedBatches):
    """Rows drawn at random, with replacement, from NumPy arrays or memory-mapped files.

    The rows of batch k of a repeat depend on (seed, repeat, k) alone. They come from a
    counter-based random number generator, so that a whole stretch of steps needs only one draw and
    one gather.

    Attributes:
        data: The arrays.
        batch_size: Rows in a batch.
        seed: Seed of the draws, 0 by default.
        steps_per_transfer: Batches copied to the device at once, 64 by default.
        subsets: The rows that each repeat draws from; None if all repeats draw from all.

    Raises:
        UserError: If the arrays differ in length or are empty, or a number is not positive.

    Example:
        >>> source = RowBatches((np.arange(6.0).reshape(3, 2), np.arange(3)), 4,
        ...                     steps_per_transfer=8)
        >>> [array.shape for array in source.prepare(0, 5, n_repeats=2)]
        [(8, 2, 4, 2), (8, 2, 4)]
    """

    data: HostArrays = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)
    seed: int = eqx.field(static=True)
    steps_per_transfer: int = eqx.field(static=True)
    subsets: HostArrays | None = eqx.field(static=True)

    def __init__(
        self,
        arrays: PyTree[Shaped[np.ndarray, "n ..."]],
        batch_size: int,
        *,
        seed: int = 0,
        steps_per_transfer: int = 64,
        rows: Sequence[Int64[np.ndarray, " _"]] | None = None,
    ) -> None:
        """Draw from `arrays`, a tree of arrays with the same first axis, which is not copied."""
        lengths = {int(leaf.shape[0]) for leaf in jax.tree.leaves(arrays)}
        if len(lengths) != 1 or 0 in lengths:
            raise UserError(
                "arrays of a batch source must have one common, non-zero length, got lengths "
                f"{sorted(lengths)}."
            )
        if batch_size < 1 or steps_per_transfer < 1:
            raise UserError(
                f"batch_size and steps_per_transfer must be positive, got {batch_size} and "
                f"{steps_per_transfer}."
            )
        self.data = HostArrays(arrays)
        self.batch_size = batch_size
        self.seed = seed
        self.steps_per_transfer = steps_per_transfer
        self.subsets = None if rows is None else HostArrays(list(rows))

    @property
    def max_steps(self) -> int:
        """The number of steps of one transfer."""
        return self.steps_per_transfer

    def rows(
        self, first_step: int, n_steps: int, n_repeats: int
    ) -> Int64[np.ndarray, "step repeat batch"]:
        """Indices of the rows in the batches of a stretch of steps, `[step, repeat, batch]`."""
        n_rows = jax.tree.leaves(self.data.arrays)[0].shape[0]
        drawn = np.empty((n_steps, n_repeats, self.batch_size), np.int64)
        for repeat in range(n_repeats):
            steps = uniform_numbers((self.seed, repeat), first_step, n_steps, self.batch_size)
            subset = None if self.subsets is None else self.subsets.arrays[repeat]
            places = (steps * (n_rows if subset is None else len(subset))).astype(np.int64)
            drawn[:, repeat] = places if subset is None else subset[places]
        return drawn

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        """The batches of a stretch of steps, as arrays `[step, repeat, batch, ...]`.

        The arrays always cover `steps_per_transfer` steps, so that the compiled loop gets the same
        shapes; those beyond `n_steps` are zero and never read.
        """
        rows = self.rows(first_step, n_steps, n_repeats)
        batches = empty_batches(
            self.data.arrays, (self.steps_per_transfer, n_repeats, self.batch_size)
        )
        gather(batches, self.data.arrays, rows, 0)
        return batches


def empty_batches(
    arrays: PyTree[Shaped[np.ndarray, "n ..."]], shape: tuple[int, int, int]
) -> PyTree[Shaped[np.ndarray, "step repeat batch ..."]]:
    """Zeros to be filled with rows of `arrays`; `shape` is (steps, repeats, rows in a batch).

    Example:
        >>> empty_batches((np.zeros((9, 2)), np.zeros(9)), (5, 1, 4))[0].shape
        (5, 1, 4, 2)
    """
    return jax.tree.map(lambda leaf: np.zeros((*shape, *leaf.shape[1:]), leaf.dtype), arrays)


def gather(
    batches: PyTree[Shaped[np.ndarray, "step repeat batch ..."]],
    arrays: PyTree[Shaped[np.ndarray, "n ..."]],
    rows: Int64[np.ndarray, "taken repeat batch"],
    first: int,
) -> None:
    """Copy rows into batches, beginning at step `first`; all indices in `rows` must be valid."""
    steps = slice(first, first + len(rows))
    for room, leaf in zip(jax.tree.leaves(batches), jax.tree.leaves(arrays), strict=True):
        # Without mode="clip" NumPy would first fill a copy.
        np.take(leaf, rows, axis=0, out=room[steps], mode="clip")


def fits_on_device(
    arrays: PyTree[Shaped[Array | np.ndarray, "..."]], budget_bytes: int = DEVICE_BUDGET_BYTES
) -> bool:
    """Whether all arrays of a tree together take at most `budget_bytes`, 4 GiB by default.

    Example:
        >>> fits_on_device((np.zeros(10), np.zeros(2)), budget_bytes=80)
        False
    """
    return sum(leaf.nbytes for leaf in jax.tree.leaves(arrays)) <= budget_bytes


def uniform_numbers(
    seed: tuple[int, int], first_step: int, n_steps: int, n_each: int
) -> Float64[np.ndarray, "step each"]:
    """Uniform random numbers in [0, 1) for a stretch of steps, `[step, each]`.

    Those of a step depend only on the seed (that of the run, and the repeat), the step and
    `n_each`.

    Example:
        >>> whole = uniform_numbers((0, 1), 0, 5, n_each=3)
        >>> bool((whole[2:4] == uniform_numbers((0, 1), 2, 2, n_each=3)).all())
        True
    """
    counts = -(-n_each // _NUMBERS_PER_COUNT)
    generator = np.random.Generator(np.random.Philox(counter=first_step * counts, key=_key(seed)))
    uniform = generator.random(n_steps * counts * _NUMBERS_PER_COUNT)
    return uniform.reshape(n_steps, -1)[:, :n_each]


def _key(seed: tuple[int, int]) -> UInt64[np.ndarray, "2"]:
    return np.asarray(np.random.SeedSequence(seed).generate_state(2, np.uint64), np.uint64)
