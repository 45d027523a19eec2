"""Selection of the step of a ladder that predicts best, and of the simplest that is no worse."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._paired import mean_with_error

FloatArray = NDArray[np.float64]
# Excess loss that `best` may have, as a share of what is known, or of the remaining loss if less.
BEST_TOLERANCE = 0.01
N_BOOTSTRAPS = 200


class BestAndSimplest(NamedTuple):
    """The choice among the steps of a ladder, on validation rows.

    It uses the loss of predictions that are averaged over noise and models, before sharpening.

    Attributes:
        best: The step of largest beta whose loss is the smallest, up to `BEST_TOLERANCE`.
        simplest: The step of largest beta whose loss exceeds that of the best by at most the
            standard error of the difference.
        best_share: Share of 200 bootstraps of the rows in which each step is the best, `[step]`.
        simplest_share: Share in which each step is the simplest, `[step]`.
        simplest_of_parts: The simplest step if the validation rows of one resample are left out,
            for each resample.
        excess_bits: Difference between the loss of every step and that of the best, in bits.
        error_bits: Standard error of that difference over paired rows.
    """

    best: int
    simplest: int
    best_share: FloatArray
    simplest_share: FloatArray
    simplest_of_parts: list[int]
    excess_bits: FloatArray
    error_bits: FloatArray


def best_and_simplest(losses_bits: Sequence[FloatArray], roles: Roles) -> BestAndSimplest:
    """Choose by the losses of the validation rows, `[step][n]`."""
    chooses = roles.choosing_places
    losses, rows = np.stack(losses_bits), roles.development.part(chooses)
    best = best_step(losses, rows)
    excess, error = _excess(losses, rows, best)
    parts = [np.flatnonzero(~np.isin(chooses, part)) for part in roles.validation_places]
    if len(parts) < 2:
        parts = [np.arange(len(chooses))]
    best_share, simplest_share = _shares(losses, rows)
    return BestAndSimplest(
        best,
        _simplest(excess, error),
        best_share,
        simplest_share,
        [_simplest_of(losses[:, part], rows.part(part)) for part in parts],
        excess,
        error,
    )


def _simplest_of(losses: FloatArray, rows: MeasuredRows) -> int:
    return _simplest(*_excess(losses, rows, best_step(losses, rows)))


def _excess(losses: FloatArray, rows: MeasuredRows, best: int) -> tuple[FloatArray, FloatArray]:
    """Difference of the loss to that of the best step and its standard error, both `[step]`."""
    means = [mean_with_error(row - losses[best], rows.weight, rows.groups) for row in losses]
    error = np.nan_to_num([one.error for one in means])
    return np.array([one.value for one in means]), error


def _simplest(excess: FloatArray, error: FloatArray) -> int:
    return int(np.flatnonzero(excess <= error)[-1])


def _shares(losses: FloatArray, rows: MeasuredRows) -> tuple[FloatArray, FloatArray]:
    """Shares of bootstraps of rows or groups in which each step is the best and the simplest.

    The standard errors by which a step counts as no worse are those of all rows.
    """
    n_steps, n_rows = losses.shape
    weight = np.ones(n_rows) if rows.weight is None else np.asarray(rows.weight, np.float64)
    groups = np.arange(n_rows) if rows.groups is None else rows.groups
    names, unit = np.unique(groups, return_inverse=True)
    n_units = len(names)
    marginal = nats_to_bits(rows.marginal)
    random = np.random.default_rng(0)
    errors: dict[int, FloatArray] = {}
    found = []
    for _ in range(N_BOOTSTRAPS):
        drawn = np.bincount(random.integers(n_units, size=n_units), minlength=n_units)
        times = weight * drawn[unit]
        if not times.any():  # all drawn rows have weight zero
            continue
        # Averaged as in `best_step`, so that equal losses have equal means here too.
        mean = np.average(losses, axis=1, weights=times)
        best = _best_of_means(mean, float(np.average(marginal, weights=times)))
        if best not in errors:
            errors[best] = _excess(losses, rows, best)[1]
        found.append((best, _simplest(mean - mean[best], errors[best])))
    best_share, simplest_share = (
        np.bincount(steps, minlength=n_steps) / len(steps) for steps in np.array(found).T
    )
    return best_share, simplest_share


def best_step(losses_bits: FloatArray, rows: MeasuredRows) -> int:
    """The last step whose loss is the smallest, up to `BEST_TOLERANCE`.

    The tolerance is a hundredth of the bits that are known, or of the remaining loss if this is
    less. Without it, chance would select the step where the loss hardly depends on beta, and so
    determine how much uninformative components convey.

    Args:
        losses_bits: Losses `[step, n]`, in ascending order of beta.
        rows: The rows, with their loss without X.
    """
    marginal = np.average(nats_to_bits(rows.marginal), weights=rows.weight)
    return _best_of_means(np.average(losses_bits, axis=1, weights=rows.weight), float(marginal))


def _best_of_means(losses: FloatArray, marginal: float) -> int:
    """The best step, given mean losses `[step]` and the mean loss without X."""
    least = losses.min()
    tolerance = BEST_TOLERANCE * max(min(marginal - least, least), 0.0)
    return int(np.flatnonzero(losses <= least + tolerance)[-1])
