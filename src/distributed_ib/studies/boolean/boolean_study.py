"""Opens a Boolean circuit with one sweep (paper Fig. 2)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jax import Array

from distributed_ib.data.batches import ArrayBatches
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import BinaryEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean.circuit import Circuit
from distributed_ib.training.progress import ProgressCallback, part_of_a_whole
from distributed_ib.training.schedule import BetaSchedule, Direction
from distributed_ib.training.sweep import sweep

# Adam moves a parameter by about its learning rate a step. A channel starts with log variance -3
# and must come to rest at 0 before beta falls.
_CLOSING = 6.0

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True)
class BooleanSettings:
    """How a circuit is opened.

    Attributes:
        beta_start: Bottleneck strength while the circuit is first learned.
        beta_end: Strength at the end of the sweep.
        n_steps: Training steps while beta moves.
        n_pretraining_steps: Steps before that.
        batch_size: Rows of the truth table in a batch, drawn at random.
        learning_rate: Adam's.
        hidden: Widths of the predictor's layers of tanh units.
    """

    beta_start: float
    beta_end: float
    n_steps: int
    n_pretraining_steps: int
    batch_size: int
    learning_rate: float
    hidden: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse a schedule that can't be walked before anything is begun."""
        _ = self.schedule

    @property
    def schedule(self) -> BetaSchedule:
        """How beta moves, if it rises."""
        return BetaSchedule(self.beta_start, self.beta_end, self.n_steps, self.n_pretraining_steps)


PRESETS: Mapping[str, BooleanSettings] = {
    # Finds the paper's subsets in a small part of the paper's time.
    "quick": BooleanSettings(
        beta_start=1e-3,
        beta_end=0.5,
        n_steps=6_000,
        n_pretraining_steps=500,
        batch_size=512,
        learning_rate=3e-3,
        hidden=(64, 64, 64),
    ),
    # The paper's own, from its Appendix A.
    "paper": BooleanSettings(
        beta_start=1e-4,
        beta_end=0.3,
        n_steps=200_000,
        n_pretraining_steps=10_000,
        batch_size=512,
        learning_rate=3e-4,
        hidden=(128, 128, 128),
    ),
}


def check_varies(circuit: Circuit) -> None:
    """Refuse a circuit whose output is always the same.

    Raises:
        UserError: If it is; there is nothing to explain then.
    """
    if circuit.output_entropy_bits() == 0:
        raise UserError(
            f"the output of circuit {circuit.name!r} is the same for all inputs, so there is "
            "nothing to explain; give a circuit whose output varies."
        )


def circuit_model(
    circuit: Circuit, settings: BooleanSettings
) -> Callable[[Array], DistributedBottleneck]:
    """From a random key to the paper's model of a circuit: two constants an input, tanh units."""

    def make_model(key: Array) -> DistributedBottleneck:
        predictor = BernoulliPredictor(
            circuit.n_inputs, hidden=settings.hidden, activation="tanh", key=key
        )
        return DistributedBottleneck(BinaryEncoder(circuit.n_inputs), predictor)

    return make_model


def open_circuit(
    circuit: Circuit,
    settings: BooleanSettings = PRESETS["quick"],
    *,
    seed: int = 0,
    n_seeds: int = 1,
    direction: Direction | Literal["both"] = "rising",
    progress: ProgressCallback | None = None,
) -> ApproximationScheme:
    """Find the scheme of approximations of a circuit from input-output pairs alone.

    Args:
        circuit: The circuit; its inputs are uniform and independent.
        settings: How to train; by default the preset "quick".
        seed: Seed of everything random.
        n_seeds: Independent repeats.
        direction: How beta moves. With "both" there are as many repeats again with beta falling,
            after those with beta rising; the coordinate `direction` tells them apart. A falling
            sweep is pre-trained for at least 6 / learning_rate steps, until all channels are shut.
        progress: Called as the sweep goes on; with "both" it counts the steps of both sweeps.

    Returns:
        A scheme whose components are the circuit's inputs, with the exact information of each. Of
        "both" sweeps it holds the first alone if the second did not finish; `status` and `message`
        are those of the second then.

    Raises:
        UserError: If the output is the same for all inputs, or there are too many inputs.

    Example:
        >>> from distributed_ib.studies.boolean import circuit_from_expression
        >>> from dataclasses import replace
        >>> brief = replace(PRESETS["quick"], n_steps=300, n_pretraining_steps=100, hidden=(16,))
        >>> open_circuit(circuit_from_expression("a & b"), brief).components
        ('a', 'b')
    """
    check_varies(circuit)
    check_direction(direction)
    schedules = [
        _schedule(settings, one) for one in (DIRECTIONS if direction == "both" else (direction,))
    ]
    n_total, n_before = sum(schedule.total_steps for schedule in schedules), 0
    parts: list[ApproximationScheme] = []
    for schedule in schedules:
        told = part_of_a_whole(progress, n_before, n_total)
        parts.append(_sweep_once(circuit, settings, schedule, seed, n_seeds, told))
        n_before += schedule.total_steps
        if parts[-1].status != "finished":
            return parts[0] if len(parts) == 1 else _without_the_second(*parts)
    return ApproximationScheme.joined(parts) if len(parts) > 1 else parts[0]


def _without_the_second(
    first: ApproximationScheme, second: ApproximationScheme
) -> ApproximationScheme:
    """The first of two sweeps alone, because the second did not finish, with words on both."""
    data = first.to_xarray().assign_attrs(
        status=second.status,
        message=f"{first.message} with beta {first.directions[0]}; with beta "
        f"{second.directions[0]}, which is left out, it {second.message}",
    )
    return ApproximationScheme(data, first.snapshots)


def check_direction(direction: str) -> None:
    """Refuse a direction that beta can't take.

    Raises:
        UserError: If it is neither rising, falling nor both.
    """
    if direction not in (*DIRECTIONS, "both"):
        raise UserError(f"there is no direction {direction!r}; say rising, falling or both.")


def _schedule(settings: BooleanSettings, direction: Direction) -> BetaSchedule:
    """How beta moves in that direction; before it falls there is time for channels to shut."""
    schedule = replace(settings.schedule, direction=direction)
    if direction == "rising":
        return schedule
    closing = math.ceil(_CLOSING / settings.learning_rate)
    return replace(schedule, n_pretraining_steps=max(schedule.n_pretraining_steps, closing))


def _sweep_once(
    circuit: Circuit,
    settings: BooleanSettings,
    schedule: BetaSchedule,
    seed: int,
    n_seeds: int,
    progress: ProgressCallback | None,
) -> ApproximationScheme:
    """One sweep, with the exact information of every input."""
    result = sweep(
        circuit_model(circuit, settings),
        ArrayBatches(circuit.truth_table(), settings.batch_size),
        schedule,
        seed=seed,
        n_seeds=n_seeds,
        learning_rate=settings.learning_rate,
        progress=progress,
    )
    scheme = ApproximationScheme.from_sweep(
        result, circuit.inputs, baseline_entropy_bits=circuit.output_entropy_bits(), baseline="H(Y)"
    )
    if len(scheme.snapshots.record) == 0:  # interrupted before its first record
        return scheme
    both_values = np.arange(2)[:, None].repeat(circuit.n_inputs, axis=1)
    return scheme.with_information(both_values, complete=True, n_records=None)
