"""The settings of a sweep: how its models are trained, recorded and measured."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from distributed_ib._checks import positive_number, whole_number
from distributed_ib.errors import UserError
from distributed_ib.training.schedule import BetaSchedule, Direction

Directions = Literal["rising", "falling", "both"]

# Adam moves a parameter by about its learning rate per step. A channel starts with log variance -3
# and must have reached 0 before beta falls.
_CLOSING = 6.0
_PRETRAINING_SHARE = 13


@dataclass(frozen=True)
class TrainSettings:
    """Settings of training, records and measurements of a sweep.

    Attributes:
        beta: Smallest and largest bottleneck strength. Nothing survives beta = 1 if the prediction
            loss measures information.
        n_steps: Number of training steps while beta changes.
        n_pretraining_steps: Number of training steps before beta changes; by default a thirteenth
            of `n_steps`. A falling sweep makes at least 6 / learning_rate of them, so that all
            channels are closed when it begins.
        batch_size: Number of rows in a batch.
        learning_rate: Learning rate of Adam.
        first_learning_rate: Learning rate at the first step, from which it falls to `learning_rate`
            during pre-training; by default the same.
        last_learning_rate: Learning rate at the last step, to which it falls while beta changes; by
            default the same.
        weight_decay: Share of each weight that a step with a learning rate of 1 takes away.
        averaging: Share of `n_steps` over which the weights of a model are averaged, with weights
            that fall exponentially into the past: the models of several starts or resamples then
            have less of the noise of single steps. 0, the default, for none.
        direction: Direction of the sweep: "rising", "falling", or "both" (one sweep of each).
        n_starts: Number of intervals into which the range of `beta` is divided, evenly in its
            logarithm; half of each is covered by the next. Models are trained from scratch in each
            interval, in parallel, and at every beta the models of the interval are kept that do
            best on rows that none of them was trained on. With 1, the default, beta sweeps the
            whole range. A model that has memorised its rows, or lost a component, seldom recovers,
            so with a single start much depends on the first beta.
        n_resamples: Number of splits of the training rows into rows for training and rows for model
            selection, each with its own models; with 0, the default, all models are trained on the
            same rows.
        n_seeds: Number of independent repeats, trained in parallel.
        n_records: Number of records along the sweep, evenly spaced in log beta.
        n_draws: Number of draws of the noise over which predictions are averaged when several
            starts or resamples are measured.
        n_snapshots: Largest number of models to keep along the sweep.
        n_information_inputs: Number of inputs from which the information that components convey is
            estimated; with 0 it is not measured, and only the KL that bounds it is given.
        n_information_records: Largest number of models for which information is measured; None for
            all.
        evidence: Measure how certain the findings are: p-values, intervals, what components tell by
            themselves, and reference models. It needs held-out rows.

    Raises:
        UserError: If a number is out of range or there is no such direction.

    Example:
        >>> settings = TrainSettings(beta=(1e-3, 1.0), n_steps=1300)
        >>> settings.schedule().n_pretraining_steps, settings.total_steps
        (100, 1400)
    """

    beta: tuple[float, float] = (1e-4, 1.0)
    n_steps: int = 10_000
    n_pretraining_steps: int | None = None
    batch_size: int = 256
    learning_rate: float = 1e-3
    first_learning_rate: float | None = None
    last_learning_rate: float | None = None
    weight_decay: float = 0.0
    averaging: float = 0.0
    direction: Directions = "rising"
    n_starts: int = 1
    n_resamples: int = 0
    n_seeds: int = 1
    n_records: int = 200
    n_snapshots: int = 200
    n_draws: int = 32
    n_information_inputs: int = 1024
    n_information_records: int | None = 60
    evidence: bool = True

    def __post_init__(self) -> None:
        """Check the settings."""
        whole_number("n_steps", self.n_steps, 1)
        whole_number("batch_size", self.batch_size, 1)
        for name in ("n_seeds", "n_records", "n_snapshots", "n_draws"):
            whole_number(name, getattr(self, name), 1)
        if self.n_information_inputs != 0:
            whole_number("n_information_inputs", self.n_information_inputs, 2)
        if self.n_information_records is not None:
            whole_number("n_information_records", self.n_information_records, 1)
        positive_number("learning_rate", self.learning_rate)
        for name in ("first_learning_rate", "last_learning_rate"):
            if getattr(self, name) is not None:
                positive_number(name, getattr(self, name))
        if self.weight_decay != 0:
            positive_number("weight_decay", self.weight_decay)
        if self.averaging != 0 and positive_number("averaging", self.averaging) > 1:
            raise UserError(f"averaging must be a share from 0 to 1, got {self.averaging:g}.")
        whole_number("n_starts", self.n_starts, 1)
        whole_number("n_resamples", self.n_resamples, 0)
        if self.n_resamples == 1:
            raise UserError("n_resamples must be 0 or at least 2, got 1.")
        if self.is_ladder and self.direction != "rising":
            raise UserError(
                "several starts or resamples need direction='rising', got "
                f"direction={self.direction!r}."
            )
        if self.direction not in get_args(Directions):
            raise UserError(
                f"there is no direction {self.direction!r}; choose rising, falling or both."
            )
        if len(self.beta) != 2:
            raise UserError(
                f"beta must be a pair of the smallest and the largest value, got {self.beta}."
            )
        if self.averaging and not self.is_ladder:
            raise UserError(
                "averaging needs several starts or resamples, since a single sweep records what it "
                "trains; set averaging to 0."
            )
        for direction in self.directions:
            self.schedule(direction)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions of the sweeps, in order."""
        return get_args(Direction) if self.direction == "both" else (self.direction,)

    @property
    def is_ladder(self) -> bool:
        """Whether models of several starts or resamples are trained, from which some are chosen."""
        return self.n_starts > 1 or self.n_resamples > 0

    @property
    def n_records_of_stretch(self) -> int:
        """Number of records of one start, such that neighbouring starts have the same betas."""
        if self.n_starts == 1:
            return min(self.n_records, self.n_steps)
        half = max(1, round(self.n_records / (self.n_starts + 1)))
        return min(2 * half, max(1, self.n_steps - self.n_steps % 2))

    def stretches(self) -> tuple[BetaSchedule, ...]:
        """The schedules of all starts, in ascending order of beta.

        Example:
            >>> settings = TrainSettings(beta=(1e-3, 1.0), n_starts=5, n_steps=12)
            >>> [round(one.beta_start, 4) for one in settings.stretches()]
            [0.001, 0.0032, 0.01, 0.0316, 0.1]
        """
        if self.n_starts == 1:
            return (self.schedule(),)
        low, high = self.beta
        half = math.log(high / low) / (self.n_starts + 1)
        ends = [
            (low * math.exp(half * k), low * math.exp(half * (k + 2))) for k in range(self.n_starts)
        ]
        return tuple(
            replace(self.schedule(), beta_start=first, beta_end=last) for first, last in ends
        )

    def schedule(self, direction: Direction | None = None) -> BetaSchedule:
        """The schedule of beta, by default in the first direction."""
        direction = self.directions[0] if direction is None else direction
        n_pretraining = self.n_pretraining_steps
        if n_pretraining is None:
            n_pretraining = max(1, round(self.n_steps / _PRETRAINING_SHARE))
        if direction == "falling":
            n_pretraining = max(n_pretraining, math.ceil(_CLOSING / self.learning_rate))
        low, high = self.beta
        return BetaSchedule(low, high, self.n_steps, n_pretraining, direction)

    def resolved(self) -> dict[str, Any]:
        """All settings as plain values, with None replaced by the resulting values.

        With both directions, `n_pretraining_steps` is a list with the number for each.

        >>> brief = TrainSettings(n_steps=1300, learning_rate=0.01, direction="both").resolved()
        >>> brief["n_pretraining_steps"], brief["first_learning_rate"]
        ([100, 600], 0.01)
        """
        steps = [self.schedule(direction).n_pretraining_steps for direction in self.directions]
        first, last = (
            self.learning_rate if rate is None else rate
            for rate in (self.first_learning_rate, self.last_learning_rate)
        )
        return asdict(self) | {
            "beta": list(self.beta),
            "n_pretraining_steps": steps[0] if len(steps) == 1 else steps,
            "first_learning_rate": first,
            "last_learning_rate": last,
            "n_information_records": self.n_information_records or "all",
        }

    @property
    def averaging_steps(self) -> float:
        """Number of steps over which weights are averaged; 0 for none.

        >>> TrainSettings(n_steps=1000, n_starts=2, averaging=0.05).averaging_steps
        50.0
        """
        return max(self.averaging * self.n_steps, 1.0) if self.averaging else 0.0

    @property
    def total_steps(self) -> int:
        """Total number of steps of all sweeps."""
        return sum(self.schedule(direction).total_steps for direction in self.directions)

    def with_steps(self, n_steps: int) -> "TrainSettings":
        """The same settings with another number of steps, and pre-training in proportion.

        >>> TrainSettings(n_steps=100, n_pretraining_steps=50).with_steps(10).n_pretraining_steps
        5
        """
        before = self.n_pretraining_steps
        if before is not None:
            before = round(before * n_steps / self.n_steps)
        return replace(self, n_steps=n_steps, n_pretraining_steps=before)
