"""The training settings of an estimator's sweeps, from its parameters."""

from typing import Any

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.estimators.table_settings import Settings, resolve
from distributed_ib.model.losses import Loss
from distributed_ib.training.train_settings import TrainSettings

INFORMATION_RECORDS = (12, 60)
INFORMATION_CHANNELS = 720


def training_of(
    parameters: dict[str, Any], *, n_rows: int, n_components: int, loss: Loss
) -> tuple[Settings, TrainSettings]:
    """All settings of the sweeps.

    Args:
        parameters: Parameters of the estimator; None for a default that depends on the data.
        n_rows: Number of training rows.
        n_components: Number of components of X.
        loss: The loss.

    Raises:
        UserError: If a parameter is out of range, or several starts or resamples are given with a
            falling beta.
    """
    settings = resolve(
        _with_direction(parameters), n_rows=n_rows, n_components=n_components, loss=loss
    )
    n_channels = n_components * parameters["n_seeds"] * max(settings.n_resamples, 1)
    train = settings.train(
        n_seeds=parameters["n_seeds"],
        n_snapshots=parameters["n_snapshots"],
        n_draws=parameters["n_samples"],
        n_information_inputs=parameters["n_information_inputs"],
        evidence=parameters["evidence"],
        n_information_records=_information_records(n_channels),
        direction=parameters["direction"],
    )
    return settings, train


def _with_direction(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with one start and no resamples if beta falls in some sweep."""
    direction = parameters["direction"]
    if direction == "rising":
        return parameters
    single = {"n_starts": 1, "n_resamples": 0}
    for name, only in single.items():
        if parameters[name] not in (None, only):
            raise UserError(
                f"direction={direction!r} makes a single sweep and can't be combined with "
                f"{name}={parameters[name]}; leave {name} out, or choose direction='rising'."
            )
    return {**parameters, **single}


def _information_records(n_channels: int) -> int:
    """Number of models to measure: fewer if there are many channels, to take about ten seconds."""
    return int(np.clip(INFORMATION_CHANNELS // n_channels, *INFORMATION_RECORDS))
