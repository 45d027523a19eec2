"""The result of a sweep, as plain NumPy arrays in nats."""

from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Float64, Int64, PyTree

from distributed_ib.training.schedule import Direction

Status = Literal["finished", "interrupted", "diverged"]


@dataclass(frozen=True)
class Snapshots:
    """The models of a sweep, frozen at some of its records.

    Attributes:
        params: Trainable arrays, each `[snapshot, repeat, ...]`.
        static: The model without those arrays; `equinox.combine` puts the two together.
        record: For each snapshot the record at whose end it was taken, `[snapshot]`; if beta falls,
            the record at whose beginning it was taken: in both cases where beta is larger.
        beta: Bottleneck strength at that moment, `[snapshot]`.
    """

    params: PyTree[Float[np.ndarray, "snapshot repeat ..."]]
    static: PyTree
    record: Int64[np.ndarray, " snapshot"]
    beta: Float64[np.ndarray, " snapshot"]

    def model(self, snapshot: int, repeat: int) -> Any:
        """One of the models."""
        params = jax.tree.map(lambda leaf: leaf[snapshot, repeat], self.params)
        return eqx.combine(params, self.static)


@dataclass(frozen=True)
class History:
    """Measurements along one phase of a sweep; each record averages the steps since the last.

    Attributes:
        beta: Bottleneck strength halfway through the record, `[record]`.
        step: Training step at the record's end, `[record]`.
        kl_nats: KL divergence of each channel from the prior, measured in training, `[repeat,
            record, component]`.
        prediction_error_nats: Loss of the prediction of Y, `[repeat, record, split]`.
        scores: Further measures such as `accuracy`, each `[repeat, record, split]`.
        splits: Names along `split`: "train", and "validation" and "test" if there are such data.
    """

    beta: Float64[np.ndarray, " record"]
    step: Int64[np.ndarray, " record"]
    kl_nats: Float64[np.ndarray, "repeat record component"]
    prediction_error_nats: Float64[np.ndarray, "repeat record split"]
    scores: dict[str, Float64[np.ndarray, "repeat record split"]]
    splits: tuple[str, ...]


@dataclass(frozen=True)
class SweepResult:
    """A sweep, complete or up to the record at which it ended.

    Attributes:
        annealing: Records while beta moved; none if the sweep ended before the first.
        pretraining: Records before that, at constant beta.
        snapshots: Models along the annealing.
        status: "finished", "interrupted" (Ctrl-C), or "diverged" (a loss that was not finite).
        message: How the sweep ended: the rest of a sentence that begins with "The sweep".
        seed: Random seed of the sweep; its repeats derive theirs from it.
        seconds: Wall-clock time from the first step to the last, compilation included.
        direction: How beta moved.
    """

    annealing: History
    pretraining: History
    snapshots: Snapshots
    status: Status
    message: str
    seed: int
    seconds: float
    direction: Direction = "rising"
