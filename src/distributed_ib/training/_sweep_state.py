"""Everything that a sweep in progress must remember, as one thing that can be put away.

The random keys, the batches and beta follow from the step alone, so they are no part of it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from distributed_ib.training._loop import LoopState
from distributed_ib.training._recorder import Recorder, SnapshotAlbum

Tensors = dict[str, NDArray[Any]]


class MismatchError(Exception):
    """Stored arrays are not those of this sweep; the message says which."""


class Phase(NamedTuple):
    """A run of records that belong together: pre-training or annealing.

    Attributes:
        recorder: The records made so far.
        boundaries: Steps at which the records begin and end; none for a phase without steps.
    """

    recorder: Recorder
    boundaries: list[int]


@dataclass
class SweepState:
    """A sweep in progress.

    Attributes:
        loop: State of the compiled loop, with the sums of the record in progress.
        good: The loop's state at the start of that record, to which a sweep that diverges returns.
        pretraining: Records at beta_start.
        annealing: Records while beta rises.
        album: Models kept so far.
        seconds: Time spent, in earlier processes too.
    """

    loop: LoopState
    good: LoopState
    pretraining: Phase
    annealing: Phase
    album: SnapshotAlbum
    seconds: float = 0.0

    @property
    def step(self) -> int:
        """Training steps made."""
        return int(self.loop.step)

    def records(self) -> Iterator[tuple[Phase, int, int]]:
        """First and last step of every record that is not made yet, in order."""
        for phase in (self.pretraining, self.annealing):
            remaining = phase.boundaries[len(phase.recorder.step) :]
            for first, last in itertools.pairwise(remaining):
                yield phase, first, last


def boundaries(first: int, n_steps: int, n_records: int) -> list[int]:
    """Steps at which the records of a phase begin and end; none for a phase without steps.

    Example:
        >>> boundaries(10, 9, 3)
        [10, 13, 16, 19]
    """
    n_records = min(n_records, n_steps)
    return [first + round(n_steps * k / n_records) for k in range(n_records + 1)] if n_steps else []


def pack(state: SweepState) -> Tensors:
    """The state without its models and seconds, as named arrays."""
    sums = state.loop.sums
    return named_leaves(
        {
            "loop": state.loop,
            "good": {"params": state.good.params, "step": state.good.step},
            "pretraining": state.pretraining.recorder.stacked(sums),
            "annealing": state.annealing.recorder.stacked(sums),
            "album": {
                "record": np.array(state.album.record, np.int64),
                "beta": np.array(state.album.beta, np.float64),
            },
        }
    )


def unpack(tensors: Tensors, models: list[Tensors], fresh: SweepState) -> SweepState:
    """Turn what `pack` and `pack_models` gave into a state again.

    Args:
        tensors: From `pack`.
        models: The models of the album, in any number of parts.
        fresh: State of the same sweep before its first step.

    Raises:
        MismatchError: If the arrays are not those of such a sweep.
    """
    sums, phases = fresh.loop.sums, (fresh.pretraining, fresh.annealing)
    counts = [_length(tensors, f"{name}/step") for name in ("pretraining", "annealing")]
    n_models = _length(tensors, "album/record")
    expected = {
        "loop": fresh.loop,
        "good": {"params": fresh.good.params, "step": fresh.good.step},
        "pretraining": phases[0].recorder.stacked_shapes(sums, counts[0]),
        "annealing": phases[1].recorder.stacked_shapes(sums, counts[1]),
        "album": {
            "record": jax.ShapeDtypeStruct((n_models,), np.int64),
            "beta": jax.ShapeDtypeStruct((n_models,), np.float64),
        },
    }
    found = _fill(expected, tensors)
    loop = jax.tree.map(jnp.asarray, found["loop"])
    good = loop._replace(**jax.tree.map(jnp.asarray, found["good"]))
    state = SweepState(
        loop=loop,
        good=good,
        pretraining=_restored(phases[0], found["pretraining"]),
        annealing=_restored(phases[1], found["annealing"]),
        album=SnapshotAlbum(
            fresh.album.stride,
            fresh.album.final_record,
            params=unpack_models(models, fresh.loop.params),
            record=found["album"]["record"].tolist(),
            beta=found["album"]["beta"].tolist(),
        ),
    )
    _check_position(state)
    return state


def pack_models(models: list[Any]) -> Tensors:
    """Trainable arrays of some snapshots as named arrays `[snapshot, repeat, ...]`."""
    return named_leaves(jax.tree.map(lambda *leaves: np.stack(leaves), *models))


def unpack_models(parts: list[Tensors], like: Any) -> list[Any]:
    """The models in all parts, one after the other."""
    models = []
    for part in parts:
        n_models = max((array.shape[0] for array in part.values() if array.ndim), default=0)
        shapes = jax.tree.map(
            lambda leaf, n=n_models: jax.ShapeDtypeStruct((n, *leaf.shape), leaf.dtype), like
        )
        stacked = _fill(shapes, part)
        models += [jax.tree.map(lambda leaf, k=k: leaf[k], stacked) for k in range(n_models)]
    return models


def named_leaves(tree: Any) -> Tensors:
    """Leaves as arrays by their path, such as "loop/params/encoder/rest/weights/0"."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_name(path): np.array(leaf, order="C", copy=None) for path, leaf in leaves}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _length(tensors: Tensors, name: str) -> int:
    if name not in tensors or tensors[name].ndim != 1:
        raise MismatchError(f"it holds no series {name!r}")
    return len(tensors[name])


def _fill(expected: Any, tensors: Tensors) -> Any:
    """The tree `expected` with the arrays of the same names, shapes and types."""
    leaves, treedef = jax.tree_util.tree_flatten_with_path(expected)
    found = []
    for path, leaf in leaves:
        array = tensors.get(_name(path))
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            raise MismatchError(
                f"its array {_name(path)!r} should be {leaf.dtype} {list(leaf.shape)}"
            )
        found.append(array)
    return jax.tree.unflatten(treedef, found)


def _restored(phase: Phase, found: dict[str, Any]) -> Phase:
    return phase._replace(recorder=Recorder.restored(phase.recorder.splits, found))


def _check_position(state: SweepState) -> None:
    """Refuse records that this sweep can't have made, or a step outside the record in progress."""
    for phase in (state.pretraining, state.annealing):
        n_records = len(phase.recorder.step)
        if phase.recorder.step != phase.boundaries[1 : n_records + 1]:
            raise MismatchError("its records end at other steps")
    first, last = next(((a, b) for _, a, b in state.records()), (state.step, state.step))
    if not first <= state.step <= last or int(state.good.step) != first:
        raise MismatchError(f"its step {state.step} is outside the record in progress")
    if len(state.album.params) != len(state.album.record):
        raise MismatchError("it holds another number of models")
