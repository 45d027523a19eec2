"""The checked options of a sweep, as plain values."""

import math
from dataclasses import dataclass

from distributed_ib._checks import positive_number, whole_number
from distributed_ib.errors import UserError
from distributed_ib.training.schedule import BetaSchedule


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep. A checkpoint can only be resumed with the same options."""

    schedules: tuple[BetaSchedule, ...]
    seed: int
    n_seeds: int
    learning_rate: float
    first_learning_rate: float
    last_learning_rate: float
    weight_decay: float
    averaging_steps: float
    n_records: int
    n_snapshots: int

    def __post_init__(self) -> None:
        """Check the settings."""
        whole_number("n_records", self.n_records, 1)
        whole_number("n_snapshots", self.n_snapshots, 1)
        for name in ("learning_rate", "first_learning_rate", "last_learning_rate"):
            positive_number(name, getattr(self, name))
        if not (self.weight_decay >= 0 and math.isfinite(self.weight_decay)):
            raise UserError(f"weight_decay must not be negative, got {self.weight_decay:g}.")
        if self.averaging_steps and not (1 <= self.averaging_steps < math.inf):
            raise UserError(
                f"averaging_steps must be 0 or at least 1, got {self.averaging_steps:g}."
            )
        lengths = {(one.n_pretraining_steps, one.n_steps) for one in self.schedules}
        if len(self.schedules) != self.n_seeds or len(lengths) != 1:
            raise UserError(
                f"{len(self.schedules)} schedules were given for {self.n_seeds} repeats; give one "
                "for each repeat, all with the same numbers of steps, or a single one for all."
            )
