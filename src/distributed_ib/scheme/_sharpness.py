"""Sharpness of averaged predictions of classes, fitted on rows not used to train them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
"""Smallest and largest sharpness."""
PRIOR_DEVIATION = 0.5
"""Prior standard deviation of the logarithm of the sharpness."""
MOST_ROWS, N_DRAWS = 2048, 16


def sharpened_snapshots(snapshots: Snapshots, ladder: Ladder, roles: Roles) -> Snapshots:
    """The models with the sharpness of their averaged predictions, the same for all of a step.

    The sharpness maximises the likelihood of the validation rows, as predicted by the members that
    were not trained on them, times a prior: the logarithm of the sharpness is normal with mean 0
    and standard deviation 0.5, so that a few rows change little. (Guo et al. 2017 scale logits in
    the same way; here it is the logarithm of the ratio to the marginal.) Only one or two members
    were not trained on a given row, and their average is sharper than that of all members; so the
    sharpness is slightly too small. It is fitted only for classes, since predictions of numbers did
    not improve. Without resamples it remains 1.

    Args:
        snapshots: The models of a ladder, `[step, member]`.
        ladder: The order of its repeats.
        roles: The rows.
    """
    predictor = snapshots.static.predictor
    is_measured = isinstance(predictor, TiltedPredictor) and predictor.is_free
    if not is_measured or ladder.n_resamples < 2:
        return snapshots
    places, members = _sampled_validation_rows(roles), range(ladder.n_members)
    found = [
        sharpness([snapshots.model(step, member) for member in members], ladder, roles, places)
        for step in range(len(snapshots.record))
    ]
    values = np.repeat(np.array(found, np.float32)[:, None], ladder.n_members, axis=1)
    params = eqx.tree_at(lambda model: model.predictor.sharpness, snapshots.params, values)
    return replace(snapshots, params=params)


def _sampled_validation_rows(roles: Roles) -> NDArray[np.int64]:
    """Indices of the validation rows, or of a sample of `MOST_ROWS` of them."""
    places = roles.choosing_places
    if len(places) <= MOST_ROWS:
        return places
    return np.sort(np.random.default_rng(0).choice(places, MOST_ROWS, replace=False))


def sharpness(
    models: Sequence[Any], ladder: Ladder, roles: Roles, places: NDArray[np.int64]
) -> float:
    """The sharpness of a step, fitted on the rows at some indices into `Roles.development`."""
    rows = roles.development.part(places)
    averaged = out_of_fold_probabilities(models, ladder, roles, places, rows)
    weight = np.ones(len(places)) if rows.weight is None else np.asarray(rows.weight, np.float64)
    n_independent = weight.sum() ** 2 / (weight**2).sum()  # Kish 1965
    if rows.groups is not None:
        n_independent = min(n_independent, len(np.unique(rows.groups)))
    weight = weight * n_independent / weight.sum()

    def loss(log_sharpness: float) -> float:
        """Negative logarithm of likelihood times prior, in nats."""
        predictor = with_sharpness(models[0].predictor, float(np.exp(log_sharpness)))
        losses = rows.losses_of_probabilities(predictor.sharpened(averaged))
        return float((log_sharpness / PRIOR_DEVIATION) ** 2 / 2 + weight @ losses)

    found = minimize_scalar(loss, bounds=np.log(LIMITS), method="bounded", options={"xatol": 0.01})
    return float(np.exp(found.x))


def with_sharpness(predictor: TiltedPredictor, sharpness: float) -> TiltedPredictor:
    """The predictor with another sharpness."""
    found: TiltedPredictor = eqx.tree_at(lambda p: p.sharpness, predictor, np.float32(sharpness))
    return found


def out_of_fold_probabilities(
    models: Sequence[Any],
    ladder: Ladder,
    roles: Roles,
    places: NDArray[np.int64],
    rows: MeasuredRows,
) -> FloatArray:
    """Probabilities `[n, class]`, averaged over noise and the members not trained on each row."""
    each = probabilities_of_each(models, rows.x, n_samples=N_DRAWS, seed=0)
    chooses = np.array([np.isin(places, part) for part in roles.validation_places])
    counts = chooses[ladder.resample_of_member].astype(np.float64)  # [member, n]
    return np.asarray(np.einsum("mn,mnc->nc", counts / counts.sum(axis=0), each))
