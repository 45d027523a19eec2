"""Measurements of the members of one step of a ladder, on training, validation and test rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.model.tilted_predictor import TiltedPredictor
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._out_of_fold import OutOfFold, out_of_fold
from distributed_ib.scheme._paired import Mean, mean_with_error
from distributed_ib.scheme._row_losses import RowLosses
from distributed_ib.scheme._sharpness import out_of_fold_probabilities
from distributed_ib.scheme.ladder import CLOSED_BITS, Ladder

FloatArray = NDArray[np.float64]
# Up to this many development rows are measured with all draws of the noise, more with fewer draws.
MOST_ROWS_OF_ALL_DRAWS, DRAWS_TO_CHOOSE = 4096, 8
# Losses of one member on some rows.
_OfMember = tuple[MeasuredRows, RowLosses]


class LadderStep(NamedTuple):
    """KL, losses and information about Y of the members of one step.

    Losses of single rows are kept only for validation rows, on which steps are compared: those of
    all rows, members and steps would take gigabytes.

    Attributes:
        kl_bits: KL averaged over the training rows of each member, `[member, component]`.
        error_bits: Loss with one draw of the noise, `[member, split]`; splits are training rows,
            validation rows, and test rows if there are any.
        known_bits: What is known with one draw, `[member, split]`.
        scores: The predictor's scores with one draw, each `[member, split]`.
        known: What is known with one draw, averaged over the members, in bits, on test rows, or on
            validation rows if there are none.
        averaged_known: What is known by sharpened predictions, averaged over noise and members.
        choosing_bits: Loss of averaged predictions on validation rows, `[n]`, estimated as if all
            members predicted them; not sharpened.
    """

    kl_bits: FloatArray
    error_bits: FloatArray
    known_bits: FloatArray
    scores: dict[str, FloatArray]
    known: Mean
    averaged_known: Mean
    choosing_bits: FloatArray


def measure_step(ladder: Ladder, roles: Roles, models: Sequence[Any], n_draws: int) -> LadderStep:
    """Measure the members of a step.

    Args:
        ladder: The order of the members.
        roles: The rows.
        models: The members.
        n_draws: Draws of the noise on the test rows, as many as predictions average over.
    """
    few = len(roles.development.marginal) <= MOST_ROWS_OF_ALL_DRAWS
    n_to_choose = n_draws if few else min(n_draws, DRAWS_TO_CHOOSE)
    resamples = ladder.resample_of_member
    losses = roles.losses(models, resamples, n_to_choose)
    test = None if roles.test is None else roles.test.losses(models, n_draws)
    by_split: list[list[_OfMember]] = [
        [(roles.train[k], one) for k, one in zip(resamples, losses.train, strict=True)],
        [(roles.validation[k], one) for k, one in zip(resamples, losses.validation, strict=True)],
    ]
    if test is not None and roles.test is not None:
        everyone = slice(None)
        by_split.append([(roles.test, test.part(k, everyone)) for k in range(len(models))])
    kl_bits = nats_to_bits(np.array([rows.mean(one.kl)[0] for rows, one in by_split[0]]))
    kl_bits[kl_bits < CLOSED_BITS] = 0.0
    # If all components are closed, the marginal is predicted: any difference is rounding.
    is_closed = (kl_bits == 0).all(axis=1) & hasattr(models[0].predictor, "open")
    known_bits = nats_to_bits(_means(by_split, lambda rows, one: rows.marginal - one.single_draw))
    known_bits[is_closed] = 0.0
    choosing = out_of_fold(ladder, roles, losses.validation)
    known = averaged = Mean(0.0, 0.0)
    if not is_closed.all():
        known, averaged = _reported(ladder, roles, models, test, choosing, n_draws)
    return LadderStep(
        kl_bits=kl_bits,
        error_bits=nats_to_bits(_means(by_split, lambda _, one: one.single_draw)),
        known_bits=known_bits,
        scores={
            name: _means(by_split, lambda _, one, name=name: one.scores[name])
            for name in losses.train[0].scores
        },
        known=known,
        averaged_known=averaged,
        choosing_bits=nats_to_bits(choosing.of_all),
    )


def _means(by_split: Sequence[Sequence[_OfMember]], of_rows: Any) -> FloatArray:
    """Means over rows of the values `[1, n]` that `of_rows` returns, `[member, split]`."""
    return np.array(
        [[rows.mean(of_rows(rows, one))[0] for rows, one in members] for members in by_split]
    ).T


def _reported(
    ladder: Ladder,
    roles: Roles,
    models: Sequence[Any],
    test: RowLosses | None,
    choosing: OutOfFold,
    n_draws: int,
) -> tuple[Mean, Mean]:
    """What is known with one draw and by averaged predictions, on test rows if there are any.

    Otherwise it is measured on validation rows, by members that were not trained on them; the
    sharpness was chosen on the same rows.
    """
    if roles.test is not None and test is not None:
        rows, single = roles.test, test.single_draw.mean(axis=0)
        return _known(rows, single), _known(rows, rows.losses_of_predictions(models, test, n_draws))
    rows, averaged, predictor = choosing.rows, choosing.averaged, models[0].predictor
    if isinstance(predictor, TiltedPredictor) and predictor.is_sharpened:
        found = out_of_fold_probabilities(models, ladder, roles, roles.choosing_places, rows)
        averaged = rows.losses_of_probabilities(predictor.sharpened(found))
    return _known(rows, choosing.single_draw), _known(rows, averaged)


def _known(rows: MeasuredRows, losses_nats: FloatArray) -> Mean:
    gains = nats_to_bits(rows.marginal - losses_nats)
    return mean_with_error(gains, rows.weight, rows.groups)
