"""The state of a sweep in progress, and how it becomes named arrays for a checkpoint.

The random keys, the batches and beta follow from the step alone, so they are not part of it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree, Shaped

from distributed_ib.training._loop import LoopState, Params
from distributed_ib.training._recorder import Recorder, SnapshotAlbum, Stacked
from distributed_ib.training.processes import arrays_of_first

Tensors = dict[str, Shaped[np.ndarray, "..."]]


class MismatchError(Exception):
    """Stored arrays do not belong to this sweep; the message says which."""


class Phase(NamedTuple):
    """The records of pre-training or of the annealing.

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
        good: The loop's state at the start of that record, to which the sweep returns if it
            diverges.
        pretraining: Records before beta moves.
        annealing: Records while beta moves.
        album: Models kept so far.
        seconds: Time spent, including earlier processes.
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
        """Phase, first and last step of every remaining record, in order."""
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
            "good": _reached(state.good),
            "pretraining": state.pretraining.recorder.stacked(sums),
            "annealing": state.annealing.recorder.stacked(sums),
            "album": {
                "record": np.array(state.album.record, np.int64),
                "beta": np.array(state.album.beta, np.float64),
            },
        }
    )


def _reached(loop: LoopState) -> dict[str, Any]:
    """Fields of a state that remain if the sweep diverges."""
    return {name: getattr(loop, name) for name in ("params", "average", "step")}


def unpack(tensors: Tensors, models: list[Tensors], fresh: SweepState) -> SweepState:
    """The state from the results of `pack` and `pack_models`.

    Args:
        tensors: From `pack`.
        models: The models of the album, in any number of parts.
        fresh: State of the same sweep before its first step.

    Raises:
        MismatchError: If the arrays do not belong to such a sweep.
    """
    sums, phases = fresh.loop.sums, (fresh.pretraining, fresh.annealing)
    counts = [_length(tensors, f"{name}/step") for name in ("pretraining", "annealing")]
    n_models = _length(tensors, "album/record")
    expected = {
        "loop": fresh.loop,
        "good": _reached(fresh.good),
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
            fresh.album.strongest,
            params=unpack_models(models, fresh.loop.params),
            record=found["album"]["record"].tolist(),
            beta=found["album"]["beta"].tolist(),
        ),
    )
    _check_position(state)
    return state


def state_of_first(state: SweepState) -> SweepState:
    """The state of the first process of a group; `state` gives the shapes."""
    packed = arrays_of_first({**pack(state), "seconds": np.float64(state.seconds)})
    models = arrays_of_first(pack_models(state.album.params) if state.album.params else {})
    shared = unpack(packed, [models] if models else [], state)
    shared.seconds = float(packed["seconds"])
    return shared


def pack_models(models: list[Params]) -> Tensors:
    """Trainable arrays of some snapshots as named arrays `[snapshot, repeat, ...]`."""
    return named_leaves(jax.tree.map(lambda *leaves: np.stack(leaves), *models))


def unpack_models(parts: list[Tensors], like: Params) -> list[Params]:
    """The models in all parts, in order; `like` gives their shapes."""
    models = []
    for part in parts:
        n_models = max((array.shape[0] for array in part.values() if array.ndim), default=0)
        shapes = jax.tree.map(
            lambda leaf, n=n_models: jax.ShapeDtypeStruct((n, *leaf.shape), leaf.dtype), like
        )
        stacked = _fill(shapes, part)
        models += [jax.tree.map(lambda leaf, k=k: leaf[k], stacked) for k in range(n_models)]
    return models


def named_leaves(tree: PyTree[Shaped[jax.Array | np.ndarray, "..."]]) -> Tensors:
    """Leaves as arrays, by their path, such as "loop/params/encoder/rest/weights/0"."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_name(path): np.array(leaf, order="C", copy=None) for path, leaf in leaves}


def _name(path: jax.tree_util.KeyPath) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _length(tensors: Tensors, name: str) -> int:
    if name not in tensors or tensors[name].ndim != 1:
        raise MismatchError(f"it contains no series {name!r}")
    return len(tensors[name])


def _fill(
    expected: PyTree[jax.ShapeDtypeStruct | Shaped[jax.Array, "..."]], tensors: Tensors
) -> PyTree[Shaped[np.ndarray, "..."]]:
    """The tree `expected`, filled with the arrays of the same names, shapes and types."""
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


def _restored(phase: Phase, found: Stacked) -> Phase:
    return phase._replace(recorder=Recorder.restored(phase.recorder.splits, found))


def _check_position(state: SweepState) -> None:
    """Check that the records are those of this sweep, and the step is in the one in progress."""
    for phase in (state.pretraining, state.annealing):
        n_records = len(phase.recorder.step)
        if phase.recorder.step != phase.boundaries[1 : n_records + 1]:
            raise MismatchError("its records end at different steps")
    first, last = next(((a, b) for _, a, b in state.records()), (state.step, state.step))
    if not first <= state.step <= last or int(state.good.step) != first:
        raise MismatchError(f"its step {state.step} is outside the record in progress")
    if len(state.album.params) != len(state.album.record):
        raise MismatchError("it contains a different number of models")
