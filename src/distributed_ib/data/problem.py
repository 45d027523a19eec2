"""The relationship X -> Y to be explained: its rows, their labels, and their division."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.data.batches import ArrayBatches, Batch, BatchSource, shared_length, take_rows
from distributed_ib.data.component_values import ComponentValues, values_of_array
from distributed_ib.data.distinct_batches import DistinctBatches
from distributed_ib.data.distinct_values import DistinctRows
from distributed_ib.data.resampled_batches import ResampledBatches
from distributed_ib.data.row_batches import RowBatches, fits_on_device
from distributed_ib.data.splitters import HoldOut, HoldOutGiven, KeepAll, Splitter, folds
from distributed_ib.data.weighted_batches import WeightedBatches
from distributed_ib.errors import UserError

RowIndex = NDArray[np.int64]
# Most folds in one division of the training rows; more resamples need several divisions.
MOST_FOLDS = 5
# Number of blocks into which rows in time order are divided.
TIME_BLOCKS = 50


@dataclass(frozen=True)
class ComponentLabels:
    """How the values of a component are shown.

    Attributes:
        unit: Unit of its numbers, such as "mm"; empty for none.
        levels: Names of its levels, in the order of their codes; empty for numbers.
        missing: Label of a missing value; empty if none is missing.
    """

    unit: str = ""
    levels: tuple[str, ...] = ()
    missing: str = ""


class Rows(NamedTuple):
    """Some rows of a problem.

    Attributes:
        x: Components, in the form that the encoder takes.
        y: The target, `[n]` or `[n, d]`.
        weight: Weight of each row, `[n]`, with mean one; None if all count equally.
    """

    x: Any
    y: Any
    weight: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Problem:
    """All rows of a relationship X -> Y, or a source of fresh ones.

    Make one with `from_arrays` or `fresh`.

    Attributes:
        names: Names of the components of X, `[component]`.
        x: The components of all rows in the form that the encoder takes: an array
            `[n, component, feature]` or a tree of arrays `[n, ...]`. For a source of fresh rows, a
            sample of them.
        y: The target, `[n]` or `[n, d]`.
        weight: Weight of each row, `[n]`; None if all count equally.
        splitter: Chooses the rows that are held out.
        source: Maps a batch size to a source of fresh rows; None if `x` contains all rows.
        complete: Whether the rows are the whole population, such as a truth table, not a sample.
        entropy_bits: H(Y) if it is known exactly; None to take it from the training rows.
        labels: How the values of components are shown, by name.
        baseline: What is predicted without X, in words: H(Y) if Y has classes.
    """

    names: tuple[str, ...]
    x: Any
    y: Any
    weight: NDArray[np.float64] | None = None
    splitter: Splitter = field(default_factory=KeepAll)
    source: Callable[[int], BatchSource] | None = None
    complete: bool = False
    entropy_bits: float | None = None
    labels: Mapping[str, ComponentLabels] = field(default_factory=dict)
    baseline: str = "H(Y)"

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names) or not self.names:
            raise UserError(f"component names must be different, got {list(self.names)}.")
        n_rows = shared_length((self.x, self.y), "x and y of a problem")
        if self.weight is not None and np.shape(self.weight) != (n_rows,):
            raise UserError(f"weight must contain one number for each of the {n_rows} rows.")
        if unknown := set(self.labels) - set(self.names):
            raise UserError(f"labels are given for {min(unknown)!r}, which is not a component.")

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: ArrayLike,
        names: Sequence[str],
        *,
        held_out: float | ArrayLike | Splitter = 0.0,
        groups: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        complete: bool = False,
        labels: Mapping[str, ComponentLabels] | None = None,
    ) -> "Problem":
        """A problem with a fixed set of rows.

        Args:
            x: `[n, component, feature]`, `[n, component]` for an encoder of integers, or a tree of
                arrays `[n, ...]` such as `DistinctRows`.
            y: Integers from 0 for classes, or numbers, `[n]` or `[n, d]`.
            names: Names of the components.
            held_out: Share of rows to hold out, 0 for none; or a mask `[n]` of held-out rows; or a
                splitter of your own.
            groups: A label for each row, `[n]`: rows of one group stay together.
            weight: Weight of each row, `[n]`.
            complete: Whether the rows are the whole population, not a sample.
            labels: How values are shown, by component.

        Raises:
            UserError: If lengths differ or an option is out of range.

        Example:
            >>> x = np.zeros((10, 2, 1))
            >>> problem = Problem.from_arrays(x, np.arange(10) % 2, ["a", "b"], held_out=0.2)
            >>> len(problem.split(seed=0).train)
            8
        """
        y = np.asarray(y)
        return cls(
            names=tuple(map(str, names)),
            x=x,
            y=y,
            weight=None if weight is None else np.asarray(weight, np.float64),
            splitter=_splitter(held_out, groups, len(y)),
            complete=complete,
            labels=labels or {},
        )

    @classmethod
    def fresh(
        cls,
        source: Callable[[int], BatchSource],
        sample: Batch,
        names: Sequence[str],
        *,
        entropy_bits: float | None = None,
        labels: Mapping[str, ComponentLabels] | None = None,
    ) -> "Problem":
        """A problem whose rows are generated as needed, so that none is used twice.

        Args:
            source: Maps a batch size to a batch source, such as `FreshBatches`.
            sample: Some rows (x, y), on which the information of components is measured.
            names: Names of the components.
            entropy_bits: H(Y), if it is known; otherwise it is estimated from the sample.
            labels: How values are shown, by component.
        """
        x, y = sample
        return cls(
            names=tuple(map(str, names)),
            x=x,
            y=y,
            source=source,
            entropy_bits=entropy_bits,
            labels=labels or {},
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return shared_length(self.y, "y of a problem")

    @property
    def outcome(self) -> NDArray[Any]:
        """Y in its own units, `[n]` or `[n, d]`: integers are classes."""
        return np.asarray(self.y)

    @property
    def row_groups(self) -> NDArray[np.int64] | None:
        """A group number for each row, `[n]`, equal for rows that may be alike; None if no groups.

        Rows in time order are grouped in blocks; rows of the same time are in the same block.
        """
        groups = getattr(self.splitter, "groups", None)
        if groups is not None:
            return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
        times = getattr(self.splitter, "times", None)
        if times is None:
            return None
        place = np.searchsorted(np.sort(times), times)  # the same for rows of the same time
        return (place * min(TIME_BLOCKS, self.n_rows) // self.n_rows).astype(np.int64)

    def component_values(self) -> list[ComponentValues] | None:
        """Values of every component; None if X has a custom form."""
        return values_of_array(self.x, len(self.names))

    def split(self, seed: int) -> "Split":
        """Training and held-out rows; the same seed gives the same split."""
        train, held_out = self.splitter.split(self.n_rows, seed)
        return Split(self, train, held_out, seed)

    def folds(self, rows: RowIndex, n_folds: int, seed: int) -> list[tuple[RowIndex, RowIndex]]:
        """Divide some rows into folds, by the splitter's own rule if it has one.

        Args:
            rows: The rows.
            n_folds: Number of folds, at least 2.
            seed: The same seed gives the same folds.

        Returns:
            For each fold, the rows outside and inside it.
        """
        divide = getattr(self.splitter, "folds", None)
        return folds(rows, n_folds, seed) if divide is None else divide(rows, n_folds, seed)

    def rows(self, which: RowIndex) -> "Rows":
        """Some of the rows, with weights of mean one."""
        if len(which) == self.n_rows:
            x, y = self.x, self.y
        else:
            x, y = take_rows((self.x, self.y), which)
        if self.weight is None:
            return Rows(x, y, None)
        weight = self.weight[which]
        return Rows(x, y, (weight / weight.mean()).astype(np.float32))

    def batches(self, train: RowIndex, batch_size: int, seed: int) -> BatchSource:
        """The source of training batches.

        Args:
            train: Rows to train on.
            batch_size: Rows in a batch.
            seed: Seed of batches that are drawn on the host.
        """
        if self.source is not None:
            return self.source(batch_size)
        rows = self.rows(train)
        if rows.weight is not None:
            return WeightedBatches((rows.x, rows.y), rows.weight, batch_size)
        if isinstance(rows.x, DistinctRows):
            return DistinctBatches(rows.x, rows.y, batch_size)
        if not fits_on_device((rows.x, rows.y)):
            return RowBatches((rows.x, rows.y), batch_size, seed=seed)
        return ArrayBatches((rows.x, rows.y), batch_size)

    def resampled_batches(
        self, train: Sequence[RowIndex], batch_size: int, seed: int
    ) -> BatchSource:
        """The source of training batches if every repeat has rows of its own.

        Args:
            train: The rows of each repeat.
            batch_size: Rows in a batch.
            seed: Seed of batches that are drawn on the host.

        Raises:
            UserError: If rows are generated as needed.
        """
        if self.source is not None:
            raise UserError("a problem that draws fresh rows has no resamples; give n_resamples=0.")
        if self.weight is None and not fits_on_device((self.x, self.y)):
            return RowBatches((self.x, self.y), batch_size, seed=seed, rows=train)
        return ResampledBatches((self.x, self.y), train, batch_size, weights=self.weight)

    def held_out_batch(self, which: RowIndex) -> Batch | None:
        """Some held-out rows as a batch; None if there are none."""
        if not len(which):
            return None
        rows = self.rows(which)
        return (rows.x, rows.y) if rows.weight is None else tuple(rows)


class Division(NamedTuple):
    """Rows by role; no row has more than one role within a resample.

    Attributes:
        train: Rows to train on, for each resample.
        validation: Rows on which models are chosen, for each resample; empty if there are none.
        test: Rows on which results are reported, and on which no model was trained or chosen; empty
            if there are none.
    """

    train: tuple[RowIndex, ...]
    validation: tuple[RowIndex, ...]
    test: RowIndex


@dataclass(frozen=True, eq=False)
class Split:
    """A problem with its rows divided into training and held-out rows.

    Attributes:
        problem: The problem.
        train: Rows to train on, `[n_train]`.
        held_out: Rows that are never trained on, `[n_held_out]`; empty if there are none.
        seed: Seed of further divisions.
    """

    problem: Problem
    train: RowIndex
    held_out: RowIndex
    seed: int = 0

    def divided(self, n_resamples: int = 0) -> Division:
        """Rows for training, for choosing models and for reporting.

        Args:
            n_resamples: If 0, all training rows are trained on, and one half of the held-out rows
                is for choosing. Otherwise each resample holds out a different fold of the training
                rows for choosing; with more than five, the rows are divided repeatedly, into about
                the same number of folds each time.

        Raises:
            UserError: If there are too few rows or groups for two folds.

        Example:
            >>> problem = Problem.from_arrays(np.zeros((20, 1)), np.arange(20) % 2, ["a"],
            ...                               held_out=0.2)
            >>> division = problem.split(seed=0).divided(n_resamples=4)
            >>> len(division.train), [len(rows) for rows in division.validation]
            (4, [4, 4, 4, 4])
        """
        if n_resamples:
            pairs = [
                pair
                for number, n_folds in enumerate(_fold_sizes(n_resamples))
                for pair in self.problem.folds(self.train, n_folds, self.seed + number)
            ]
            train = tuple(outside for outside, _ in pairs)
            return Division(train, tuple(inside for _, inside in pairs), self.held_out)
        try:
            test, validation = self.problem.folds(self.held_out, 2, self.seed)[0]
        except UserError:  # a single row or group
            test, validation = self.held_out[:0], self.held_out
        return Division((self.train,), (validation,), test)

    def batches(self, batch_size: int, seed: int) -> BatchSource:
        """The source of training batches."""
        return self.problem.batches(self.train, batch_size, seed)


def _fold_sizes(n_resamples: int) -> list[int]:
    """Number of folds in each division, as equal as possible.

    >>> _fold_sizes(5), _fold_sizes(10), _fold_sizes(7)
    ([5], [5, 5], [4, 3])
    """
    n_divisions = -(-n_resamples // MOST_FOLDS)
    return [len(part) for part in np.array_split(np.arange(n_resamples), n_divisions)]


def _splitter(
    held_out: float | ArrayLike | Splitter, groups: ArrayLike | None, n_rows: int
) -> Splitter:
    if isinstance(held_out, Splitter):
        return held_out
    if np.ndim(held_out) == 1:
        return HoldOutGiven(np.asarray(held_out))
    share = float(held_out)  # type: ignore[arg-type]
    if share == 0:
        return KeepAll()
    return HoldOut(share, groups=None if groups is None else np.asarray(groups))


def sample_rows(x: Any, n_rows: int, n_wanted: int, seed: int) -> Any:
    """At most `n_wanted` rows of `x`, drawn without replacement."""
    if n_rows <= n_wanted:
        return x
    drawn = np.random.default_rng(seed).choice(n_rows, n_wanted, replace=False)
    return take_rows(jax.tree.map(np.asarray, x), drawn)
