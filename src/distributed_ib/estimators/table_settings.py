"""The settings of a sweep, and how those that are not given are set from the data."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model.losses import Loss
from distributed_ib.training.train_settings import TrainSettings

# Learning rate at the end of each stretch of beta, as a share of that at its start.
LAST_RATE = 0.1
# Largest number of units of the predictor, whatever the number of components.
MOST_UNITS = 64
# With fewer training rows than the key, a column has sines if it has this many rows per value.
ROWS_PER_VALUE = {400: 8.0, 1600: 1.5}


@dataclass(frozen=True)
class Settings:
    """All settings of a sweep.

    Attributes:
        beta_start: Smallest bottleneck strength.
        beta_end: Largest bottleneck strength.
        n_starts: Number of stretches of beta, each trained from scratch.
        n_resamples: Number of splits of the training rows into rows for training and validation
            rows.
        n_steps: Steps of each start while beta rises.
        n_pretraining_steps: Steps of each start before beta rises.
        n_records: Number of approximations along beta that are measured and kept.
        batch_size: Number of rows in a batch.
        learning_rate: Learning rate of Adam; it falls to a tenth while beta rises.
        weight_decay: Share of each weight that a step with a learning rate of 1 takes away.
        encoder_hidden: Widths of the encoder's hidden layers.
        embedding_dim: Number of dimensions of each u_i.
        predictor_hidden: Widths of the predictor's hidden layers.
        n_frequencies: Number of sines in the positional encoding of continuous columns.
        least_rows_per_value: A column has sines if it has at least this many training rows per
            value on average; 1 for all columns.
        longest_period: Period of the slowest sine, in standard deviations of the column.
    """

    beta_start: float
    beta_end: float
    n_starts: int
    n_resamples: int
    n_steps: int
    n_pretraining_steps: int
    n_records: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    encoder_hidden: tuple[int, ...]
    embedding_dim: int
    predictor_hidden: tuple[int, ...]
    n_frequencies: int
    least_rows_per_value: float
    longest_period: float

    def train(self, **options: Any) -> TrainSettings:
        """The training settings of the sweeps; `options` are further ones of `TrainSettings`."""
        return TrainSettings(
            beta=(self.beta_start, self.beta_end),
            n_steps=self.n_steps,
            n_pretraining_steps=self.n_pretraining_steps,
            n_records=self.n_records,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            last_learning_rate=LAST_RATE * self.learning_rate,
            weight_decay=self.weight_decay,
            n_starts=self.n_starts,
            n_resamples=self.n_resamples,
            **options,
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def resolve(
    given: dict[str, Any], *, n_rows: int, n_components: int = 1, loss: Loss | None = None
) -> Settings:
    """Replace settings that are None by defaults, some of which depend on the data.

    - `beta_start`: 0.001. Open channels then cost a few hundredths of a nat.
    - `beta_end`: 2. No information survives above 1, because a nat conveyed lowers the loss by at
      most a nat, and channels follow beta with a delay.
    - `n_starts`: 5, each over a decade of beta.
    - `n_resamples`: 10 up to 2,000 rows, so that results can be stated as "in nine of ten"; 5 up to
      20,000 and 3 above, where resamples differ less.
    - `batch_size`: 64 up to 2,000 rows, 256 above.
    - `n_steps`: from 1,200 for small tables to 2,000 from 16,000 rows on; half as many before beta
      rises.
    - `n_records`: 192 up to 4,000 rows, for smooth curves; 96 up to 20,000 and 48 above, where each
      record takes longer to measure.
    - `predictor_hidden`: one layer, of 16 units up to 1,000 rows to 64 from 16,000 on, but with at
      least as many units as there are components, up to 64.
    - `weight_decay`: from 0.5 up to 1,000 rows to 0.1 from 16,000 on.
    - `n_frequencies`: 3. Sines can follow narrow steps, but also fit noise. So only columns whose
      values repeat have them, such as ages and hours: below 400 rows columns with at least 8 rows
      per value, below 1,600 with at least 1.5, and above all columns. All columns have them if
      `n_frequencies` is given.

    Args:
        given: Values by the names of `Settings`; None or absent for the default.
        n_rows: Number of training rows.
        n_components: Number of components of X.
        loss: The loss, which may limit the batch size.

    Raises:
        UserError: If a value is out of range.

    Example:
        >>> settings = resolve({"n_steps": 100}, n_rows=500)
        >>> settings.n_steps, settings.batch_size, settings.n_pretraining_steps
        (100, 64, 50)
    """
    size = math.log2(max(n_rows, 1) / 1000) / 4  # 0 at 1,000 rows, 1 at 16,000
    size = min(max(size, 0.0), 1.0)
    n_steps = given.get("n_steps")
    n_steps = round(1200 + 800 * size) if n_steps is None else n_steps
    usual = 64 if n_rows <= 2000 else 256
    has_all_sines = given.get("n_frequencies") is not None
    automatic: dict[str, Any] = {
        "beta_start": 1e-3,
        "beta_end": 2.0,
        "n_starts": 5,
        "n_resamples": 10 if n_rows <= 2000 else 5 if n_rows <= 20_000 else 3,
        "n_steps": n_steps,
        "n_pretraining_steps": max(1, round(whole_number("n_steps", n_steps, 1) / 2)),
        "n_records": 192 if n_rows <= 4000 else 96 if n_rows <= 20_000 else 48,
        "batch_size": usual if loss is None else loss.usual_batch_size(usual, n_rows),
        "learning_rate": 3e-3,
        "weight_decay": round(0.5 * 0.2**size, 3),
        "encoder_hidden": (32,),
        "embedding_dim": 2,
        "predictor_hidden": (max(round(16 * 4**size), min(n_components, MOST_UNITS)),),
        "n_frequencies": 3,
        "least_rows_per_value": 1.0 if has_all_sines else _rows_per_value(n_rows),
        "longest_period": 8.0,
    }
    values: dict[str, Any] = {
        field.name: automatic[field.name] if given.get(field.name) is None else given[field.name]
        for field in fields(Settings)
    }
    for name in ("encoder_hidden", "predictor_hidden"):
        values[name] = _widths(name, values[name])
    values["batch_size"] = whole_number("batch_size", values["batch_size"], 1)
    for field in fields(Settings):
        if field.type is float:
            values[field.name] = float(values[field.name])
        elif isinstance(values[field.name], np.integer):
            values[field.name] = int(values[field.name])
    settings = Settings(**values)
    settings.train()  # checks itself
    return settings


def _rows_per_value(n_rows: int) -> float:
    """Smallest average number of rows per value for which a column has sines."""
    return next((least for below, least in ROWS_PER_VALUE.items() if n_rows < below), 1.0)


def _widths(name: str, given: int | Sequence[int]) -> tuple[int, ...]:
    widths = (given,) if isinstance(given, int) else tuple(given)
    if not widths:
        raise UserError(f"{name} needs at least one hidden layer, e.g. {name}=(64, 64).")
    return tuple(whole_number(f"a width in {name}", width, 1) for width in widths)
