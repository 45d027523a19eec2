"""Losses of the validation rows, by models that were not trained on them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._row_losses import RowLosses, loss_of_mixture
from distributed_ib.scheme.ladder import Ladder

FloatArray = NDArray[np.float64]


class OutOfFold(NamedTuple):
    """The validation rows, with the losses of members that were not trained on them.

    Attributes:
        rows: The rows.
        single_draw: Loss with one draw of the noise, averaged over these members, in nats, `[n]`.
        averaged: Loss of predictions averaged over the noise, in nats, `[n]`.
        of_all: Expected loss if predictions were averaged over as many models as there are
            resamples, in nats, `[n]`.
    """

    rows: MeasuredRows
    single_draw: FloatArray
    averaged: FloatArray
    of_all: FloatArray


def out_of_fold(ladder: Ladder, roles: Roles, losses: Sequence[RowLosses]) -> OutOfFold:
    """Losses of the validation rows.

    If the rows are divided into folds several times, a row has a member of each division.

    Args:
        ladder: The order of the members.
        roles: The rows.
        losses: Losses of every member on the validation rows of its resample.
    """
    n_rows, n_resamples = len(roles.development.marginal), ladder.n_resamples
    single, averaged = (np.full((n_resamples, n_rows), np.nan) for _ in range(2))
    for resample, places in enumerate(roles.validation_places):
        first = resample * ladder.n_seeds
        members = losses[first : first + ladder.n_seeds]
        single[resample, places] = np.mean([one.single_draw[0] for one in members], axis=0)
        averaged[resample, places] = loss_of_mixture(np.stack([m.averaged[0] for m in members]))
    chooses = roles.choosing_places
    single, averaged = single[:, chooses], averaged[:, chooses]
    return OutOfFold(
        roles.development.part(chooses),
        np.nanmean(single, axis=0),
        np.nanmean(averaged, axis=0),
        loss_of_average(averaged, n_resamples),
    )


def loss_of_average(losses_nats: FloatArray, n_models: int) -> FloatArray:
    """Expected loss `[n]` of the mean of many predictions, estimated from a few of them.

    The mean of K predictions differs from that of infinitely many with variance var(p) / K. To
    second order, its loss is -log E p + var(p) / (2 K (E p)^2). The few predictions give an
    estimate of the variance, and so of the gain from averaging more of them. Choosing models by
    their individual losses would give models that are too simple: averaged models may scatter more.

    Args:
        losses_nats: Loss of each of a few predictions, `[few, n]`; NaN for those that a row lacks.
        n_models: Number of models that are averaged, K.

    Example:
        >>> losses = -np.log([[0.5, 0.2], [0.5, 0.8]])
        >>> loss_of_average(losses, 2).round(3).tolist()
        [0.693, 0.693]
        >>> loss_of_average(losses, 10).round(3).tolist()
        [0.693, 0.549]
    """
    counts = (~np.isnan(losses_nats)).sum(axis=0)
    shares = np.exp(np.nanmin(losses_nats, axis=0) - losses_nats)
    mean = np.nanmean(shares, axis=0)
    of_mean = np.nanmin(losses_nats, axis=0) - np.log(mean)
    several = np.maximum(counts, 2)
    variance = np.nanvar(shares, axis=0) * several / (several - 1) / mean**2
    fewer = np.maximum(1 / counts - 1 / n_models, 0.0)
    return np.asarray(of_mean - np.where(counts > 1, variance / 2 * fewer, 0.0))
