"""Collects the measurements and models of a running sweep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import jax
import numpy as np
from jax import Array
from jaxtyping import Float, Float64, PyTree, Shaped

from distributed_ib.training._loop import Params, Static, Sums
from distributed_ib.training.sweep_result import History, Snapshots

Stacked: TypeAlias = dict[str, PyTree[Shaped[np.ndarray, "record ..."]]]
"""The records of a phase as arrays: "beta", "step", and `Sums` under the name of each split."""


@dataclass
class Recorder:
    """Collects one record at a time; `history` gives all of them.

    Attributes:
        splits: Names along `split` of the history: "train", and "validation" and "test" if they
            are measured.
        beta: Bottleneck strength of each record.
        step: Training step at the end of each record.
        sums: Mean measurements of each record, for each split.
    """

    splits: tuple[str, ...]
    beta: list[float] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    sums: dict[str, list[Sums]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make a list for each split."""
        self.sums = {name: self.sums.get(name, []) for name in self.splits}

    def add(
        self, *, beta: float, step: int, sums: Sums, n_steps: int, held_out: Mapping[str, Sums]
    ) -> None:
        """Append the mean of `sums` over `n_steps`, and the means on held-out data if any."""
        self.beta.append(beta)
        self.step.append(step)
        train = jax.tree.map(lambda s: np.asarray(s, np.float64) / n_steps, sums)
        for name, found in {"train": train, **held_out}.items():
            self.sums[name].append(found)

    def stacked(self, like: Sums) -> Stacked:
        """All records as arrays `[record, ...]`; `like` gives the shapes if there are none."""

        def stack(records: list[Sums]) -> Sums:
            empty = jax.tree.map(lambda leaf: np.zeros((0, *leaf.shape)), like)
            return jax.tree.map(lambda *rows: np.stack(rows), *records) if records else empty

        return {
            "beta": np.array(self.beta, np.float64),
            "step": np.array(self.step, np.int64),
            **{name: stack(self.sums[name]) for name in self.splits},
        }

    def stacked_shapes(self, like: Sums, n_records: int) -> dict[str, PyTree[jax.ShapeDtypeStruct]]:
        """Shapes and types of the result of `stacked` for a number of records."""
        sums = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((n_records, *leaf.shape), np.float64), like
        )
        return {
            "beta": jax.ShapeDtypeStruct((n_records,), np.float64),
            "step": jax.ShapeDtypeStruct((n_records,), np.int64),
            **{name: sums for name in self.splits},
        }

    @classmethod
    def restored(cls, splits: tuple[str, ...], stacked: Stacked) -> "Recorder":
        """The recorder with the records in `stacked`."""
        n_records = len(stacked["step"])
        rows = {
            name: [jax.tree.map(lambda leaf, k=k: leaf[k], stacked[name]) for k in range(n_records)]
            for name in splits
        }
        return cls(splits, stacked["beta"].tolist(), stacked["step"].tolist(), rows)

    def history(self, like: Sums) -> History:
        """All records so far; `like` gives the shapes if there are none."""
        splits = [self.sums[name] for name in self.splits]

        def stack(
            read: Callable[[Sums], Float[Array | np.ndarray, "repeat ..."]],
        ) -> Float64[np.ndarray, "repeat record split ..."]:
            shape = np.shape(read(like))
            per_split = [
                np.stack([np.asarray(read(record)) for record in records], axis=1)
                if records
                else np.zeros((shape[0], 0, *shape[1:]))
                for records in splits
            ]
            return np.stack(per_split, axis=2)

        return History(
            beta=np.array(self.beta, np.float64),
            step=np.array(self.step, np.int64),
            kl_nats=stack(lambda sums: sums.kl_nats)[:, :, 0],
            prediction_error_nats=stack(lambda sums: sums.prediction_error_nats),
            scores={
                name: stack(lambda sums, name=name: sums.scores[name])  # type: ignore[misc]
                for name in like.scores
            },
            splits=self.splits,
        )


@dataclass
class SnapshotAlbum:
    """The models of a sweep at chosen records, kept in the host's memory.

    Attributes:
        stride: Every `stride`-th record is kept, counted from `strongest`.
        strongest: The record of the largest beta: the last if beta rises, the first if it falls.
        params: The models kept so far.
        record: Their records.
        beta: Their bottleneck strengths.
    """

    stride: int
    strongest: int
    params: list[PyTree[Float[np.ndarray, "repeat ..."]]] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    beta: list[float] = field(default_factory=list)

    def add_if_due(self, record: int, beta: float, params: Params, *, keep: bool) -> None:
        """Add the model of a record if it is one of every `stride`, or if `keep` is True.

        The record that was added last is not added again.
        """
        due = (self.strongest - record) % self.stride == 0
        if (due or keep) and record not in self.record[-1:]:
            self.params.append(jax.tree.map(np.asarray, params))
            self.record.append(record)
            self.beta.append(beta)

    def snapshots(self, static: Static, like: Params) -> Snapshots:
        """All kept models, stacked; `like` gives the shapes if there are none."""
        params = (
            jax.tree.map(lambda *leaves: np.stack(leaves), *self.params)
            if self.params
            else jax.tree.map(lambda leaf: np.zeros((0, *leaf.shape), leaf.dtype), like)
        )
        return Snapshots(
            params=params,
            static=static,
            record=np.array(self.record, np.int64),
            beta=np.array(self.beta, np.float64),
        )
