"""Which step of a ladder predicts best, and which is the simplest that is no worse."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._paired import mean_with_error

FloatArray = NDArray[np.float64]
# Share of what is known, or of what is still lost if that is less, that `best` may lose.
BEST_TOLERANCE = 0.01
N_BOOTSTRAPS = 200


class BestAndSimplest(NamedTuple):
    """The choice among the steps of a ladder, by the rows that choose.

    By the loss of predictions that are averaged over noise and models, before they are sharpened.

    Attributes:
        best: The step of largest beta that predicts as well as any, up to `BEST_TOLERANCE`.
        simplest: The step of largest beta whose loss is not larger by more than the standard error
            of the difference.
        best_share: In which share of 200 bootstraps of the rows each step is the best, `[step]`.
        simplest_share: In which share each is the simplest.
        simplest_of_parts: The simplest step without the validation rows of one resample after the
            other.
        excess_bits: Loss of every step beyond that of the best, in bits.
        error_bits: Standard error of that difference, of paired rows.
    """

    best: int
    simplest: int
    best_share: FloatArray
    simplest_share: FloatArray
    simplest_of_parts: list[int]
    excess_bits: FloatArray
    error_bits: FloatArray


def best_and_simplest(losses_bits: Sequence[FloatArray], roles: Roles) -> BestAndSimplest:
    """Choose by the losses of the rows that choose, `[step][n]`."""
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
    """Loss beyond that of the best step and its standard error, both `[step]`."""
    means = [mean_with_error(row - losses[best], rows.weight, rows.groups) for row in losses]
    error = np.nan_to_num([one.error for one in means])
    return np.array([one.value for one in means]), error


def _simplest(excess: FloatArray, error: FloatArray) -> int:
    return int(np.flatnonzero(excess <= error)[-1])


def _shares(losses: FloatArray, rows: MeasuredRows) -> tuple[FloatArray, FloatArray]:
    """How often each step is the best and the simplest, if rows or groups are drawn again.

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
        if not times.any():  # every row that was drawn has weight zero
            continue
        # As `best_step` averages, so that equal losses have equal means here too.
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
    """The last step whose loss is the least, up to `BEST_TOLERANCE`.

    That is a hundredth of the bits that are known, or of those that are not, whichever is less.

    Where the loss hardly depends on beta, chance would decide where it is least, and with it how
    much components convey that tell nothing.

    Args:
        losses_bits: Losses `[step, n]`, beta rising.
        rows: The rows, with what is lost without X.
    """
    marginal = np.average(nats_to_bits(rows.marginal), weights=rows.weight)
    return _best_of_means(np.average(losses_bits, axis=1, weights=rows.weight), float(marginal))


def _best_of_means(losses: FloatArray, marginal: float) -> int:
    """The best step by mean losses `[step]`, and that of someone who knows nothing of X."""
    least = losses.min()
    tolerance = BEST_TOLERANCE * max(min(marginal - least, least), 0.0)
    return int(np.flatnonzero(losses <= least + tolerance)[-1])
