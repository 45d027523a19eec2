"""What a sweep leaves behind, as plain NumPy arrays in nats."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distributed_ib.training.schedule import Direction

Status = Literal["finished", "interrupted", "diverged"]


@dataclass(frozen=True)
class Snapshots:
    """The models of a sweep, frozen at some of its records.

    Attributes:
        params: Trainable arrays, each `[snapshot, repeat, ...]`.
        static: The model without those arrays; `equinox.combine` puts the two together.
        record: For each snapshot the record at whose end it was taken, `[snapshot]`.
        beta: Bottleneck strength at that moment, `[snapshot]`.
    """

    params: Any
    static: Any
    record: NDArray[np.int64]
    beta: NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Measurements along one phase of a sweep; each record averages the steps since the last.

    Attributes:
        beta: Bottleneck strength halfway through the record, `[record]`.
        step: Training step at the record's end, `[record]`.
        kl_nats: KL divergence of each channel from the prior, `[repeat, record, component]`.
        prediction_error_nats: `[repeat, record, split]`.
        scores: Measures such as `accuracy`, each `[repeat, record, split]`.
        splits: Names along `split`: "train", and "validation" where there was such data.
    """

    beta: NDArray[np.float64]
    step: NDArray[np.int64]
    kl_nats: NDArray[np.float64]
    prediction_error_nats: NDArray[np.float64]
    scores: dict[str, NDArray[np.float64]]
    splits: tuple[str, ...]


@dataclass(frozen=True)
class SweepResult:
    """A sweep, whole or as far as it came.

    Attributes:
        annealing: Records while beta moved; none if the sweep ended before the first.
        pretraining: Records before that, while beta stood still.
        snapshots: Models along the annealing.
        status: "finished", "interrupted" (Ctrl-C), or "diverged" (a loss that was not finite).
        message: How the sweep ended, for people: the end of a sentence that begins "The sweep".
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
