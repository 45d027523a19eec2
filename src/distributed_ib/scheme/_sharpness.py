"""How sharp averaged predictions of classes should be, by rows that did not train them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from distributed_ib.model.tilted_predictor import TiltedPredictor
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._noise import probabilities_of_each
from distributed_ib.scheme.ladder import Ladder
from distributed_ib.training.sweep_result import Snapshots

FloatArray = NDArray[np.float64]
LIMITS = (0.5, 4.0)
"""Least and largest sharpness."""
PRIOR_DEVIATION = 0.5
"""Of the logarithm of the sharpness."""
MOST_ROWS, N_DRAWS = 2048, 16


class Sharpened(NamedTuple):
    """Models with the sharpness of their averaged predictions.

    Attributes:
        snapshots: The models; all of a step have the same sharpness.
        losses_nats: Of every step, what the rows that choose lose by predictions as `predict` makes
            them, `[step][n]`; None if there are no classes, or no resamples.
    """

    snapshots: Snapshots
    losses_nats: list[FloatArray] | None


def sharpen(snapshots: Snapshots, ladder: Ladder, roles: Roles) -> Sharpened:
    """Find the sharpness of averaged predictions, for every step of a ladder.

    It is the one under which the rows that choose are likeliest, as predicted by the members that
    were not trained on them, times a prior: the logarithm of the sharpness is normal about 0 with
    a standard deviation of 0.5, so that a few rows change little. (Guo et al. 2017 scale logits
    likewise; here it is the logarithm of the ratio to the marginal.) There is one for classes
    alone: averaged predictions of numbers gained nothing. Without resamples it stays 1.

    Args:
        snapshots: The models of a ladder, `[step, member]`.
        ladder: How its repeats are laid out.
        roles: The rows.
    """
    predictor = snapshots.static.predictor
    is_free = isinstance(predictor, TiltedPredictor) and predictor.is_free
    if not is_free or ladder.n_resamples < 2:
        return Sharpened(snapshots, None)
    rows, members = roles.development.part(roles.choosing_places), range(ladder.n_members)
    values, losses = [], []
    for step in range(len(snapshots.record)):
        models = [snapshots.model(step, member) for member in members]
        chances = out_of_fold_chances(models, ladder, roles, rows)
        values.append(sharpness(models[0].predictor, chances, rows, ladder.n_members))
        sharp = with_sharpness(models[0].predictor, values[-1])
        losses.append(losses_of_average(sharp, chances, rows, ladder.n_members))
    of_members = np.repeat(np.array(values, np.float32)[:, None], ladder.n_members, axis=1)
    params = eqx.tree_at(lambda model: model.predictor.sharpness, snapshots.params, of_members)
    return Sharpened(replace(snapshots, params=params), losses)


def out_of_fold_chances(
    models: Sequence[Any], ladder: Ladder, roles: Roles, rows: MeasuredRows
) -> FloatArray:
    """Probabilities of the rows that choose by members not trained on them, `[few, n, class]`.

    NaN where a row has fewer such members than others.
    """
    each = probabilities_of_each(models, rows.x, n_samples=N_DRAWS, seed=0)
    chooses = np.array([np.isin(roles.choosing_places, part) for part in roles.validation_places])
    is_out = chooses[ladder.resample_of_member]  # [member, n]
    few = np.argsort(~is_out, axis=0, kind="stable")[: is_out.sum(axis=0).max()]
    found = np.take_along_axis(each, few[:, :, None], axis=0)
    return np.where(np.take_along_axis(is_out, few, axis=0)[:, :, None], found, np.nan)


def losses_of_average(
    predictor: TiltedPredictor, chances: FloatArray, rows: MeasuredRows, n_models: int
) -> FloatArray:
    """Loss `[n]` to expect of sharpened averages over many models, from the chances of a few.

    To second order, as `loss_of_average` without sharpness: the average of few scatters more than
    that of many, and the curvature of the loss between the few tells what that costs.

    Args:
        predictor: A predictor with the sharpness.
        chances: From `out_of_fold_chances`.
        rows: The rows, `[n]`.
        n_models: How many are averaged.
    """

    def loss(probabilities: FloatArray) -> FloatArray:
        return rows.losses_of_probabilities(predictor.sharpened(probabilities))

    mean = np.nanmean(chances, axis=0)
    counts = (~np.isnan(chances[:, :, 0])).sum(axis=0)
    at_mean, curvature = loss(mean), np.zeros(len(mean))
    for one in chances:
        half = np.nan_to_num(one - mean) / 2
        there = np.maximum(mean + half, 0.0), np.maximum(mean - half, 0.0)
        curvature += 4 * (loss(there[0]) + loss(there[1]) - 2 * at_mean)
    fewer = np.where(counts > 1, 1 / counts - 1 / n_models, 0.0)
    return np.asarray(at_mean - curvature / np.maximum(counts - 1, 1) / 2 * np.maximum(fewer, 0.0))


def sharpness(
    predictor: TiltedPredictor, chances: FloatArray, rows: MeasuredRows, n_models: int
) -> float:
    """The sharpness of averages over many models, from the chances `[few, n, class]` of a few."""
    weight = np.ones(len(rows.marginal)) if rows.weight is None else rows.weight.astype(np.float64)
    if len(weight) > MOST_ROWS:
        some = np.sort(np.random.default_rng(0).choice(len(weight), MOST_ROWS, replace=False))
        rows, chances, weight = rows.part(some), chances[:, some], weight[some]
    n_independent = weight.sum() ** 2 / (weight**2).sum()  # Kish 1965
    if rows.groups is not None:
        n_independent = min(n_independent, len(np.unique(rows.groups)))
    weight = weight * n_independent / weight.sum()

    def loss(log_sharpness: float) -> float:
        """Negative logarithm of likelihood and prior, in nats."""
        sharp = with_sharpness(predictor, float(np.exp(log_sharpness)))
        losses = losses_of_average(sharp, chances, rows, n_models)
        return float((log_sharpness / PRIOR_DEVIATION) ** 2 / 2 + weight @ losses)

    found = minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded", options={"xatol": 0.01})
    return float(np.exp(found.x))


def with_sharpness(predictor: TiltedPredictor, sharpness: float) -> TiltedPredictor:
    """The predictor with another sharpness."""
    found: TiltedPredictor = eqx.tree_at(lambda p: p.sharpness, predictor, np.float32(sharpness))
    return found
