"""What the chosen models of a ladder convey and know, as the numbers of a scheme."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.scheme._measured_rows import MeasuredRows, Roles
from distributed_ib.scheme._noise import RowLosses
from distributed_ib.scheme._out_of_fold import out_of_fold
from distributed_ib.scheme._paired import Mean, mean_with_error
from distributed_ib.scheme.ladder import CLOSED_BITS, DRAWS_TO_CHOOSE, Ladder, Place
from distributed_ib.training.sweep_result import Snapshots, SweepResult

FloatArray = NDArray[np.float64]
# So many rows that choose are measured with all draws of the noise; more need fewer.
MOST_ROWS_OF_ALL_DRAWS = 4096
SPLITS = ("train", "validation", "test")


class _Step(NamedTuple):
    """Losses of the members of one step: on the rows of each, and on the test rows of all.

    Of the KL only means are kept, `[member, component]` over the training rows of each: those of
    all rows and all steps would take gigabytes.
    """

    kl_nats: FloatArray
    train: list[RowLosses]
    validation: list[RowLosses]
    test: RowLosses | None


def dataset_of_ladder(
    result: SweepResult,
    ladder: Ladder,
    roles: Roles,
    snapshots: Snapshots,
    places: Sequence[Place],
    components: Sequence[str],
    *,
    baseline: str,
    n_draws: int,
) -> xr.Dataset:
    """The data set of a scheme: see `ApproximationScheme`.

    Args:
        result: The sweep.
        ladder: How its repeats are laid out.
        roles: The rows.
        snapshots: The chosen models.
        places: Where on the ladder they come from.
        components: Names of the components.
        baseline: What is predicted without X, in words.
        n_draws: Draws of the noise on the rows that report, as many as predictions average over.
    """
    members = range(ladder.n_members)
    steps = [
        _measure(ladder, roles, [snapshots.model(step, member) for member in members], n_draws)
        for step in range(len(places))
    ]
    splits = SPLITS if roles.test is not None else SPLITS[:2]
    kl_bits = nats_to_bits(np.array([step.kl_nats for step in steps]))
    kl_bits[kl_bits < CLOSED_BITS] = 0.0
    # Where all is closed the marginal is predicted: what remains is rounding.
    is_closed = (kl_bits == 0).all(axis=2) & hasattr(snapshots.static.predictor, "open")
    error, known, scores = _by_split(ladder, roles, steps, splits)
    known[is_closed] = 0.0
    over_split = ("step", "seed", "split")
    choice = _choice(ladder, roles, steps)
    report = [
        _NOTHING if closed.all() else _reported(ladder, roles, step)
        for step, closed in zip(steps, is_closed, strict=True)
    ]
    training_steps = result.annealing.step[result.snapshots.record]
    n_steps, n_members = len(steps), ladder.n_members
    dataset = xr.Dataset(
        {
            "kl_bits": (("step", "seed", "component"), kl_bits),
            "prediction_error_bits": (over_split, error),
            "predictive_information_bits": (over_split, known),
            **{name: (over_split, values) for name, values in scores.items()},
            "known_bits": ("step", [one.known.value for one in report]),
            "known_error_bits": ("step", [one.known.error for one in report]),
            "averaged_known_bits": ("step", [one.averaged.value for one in report]),
            "averaged_known_error_bits": ("step", [one.averaged.error for one in report]),
            "excess_loss_bits": ("step", choice.excess_bits),
            "excess_loss_error_bits": ("step", choice.error_bits),
            "pretraining_error_bits": (
                ("seed", "pretraining_record", "split"),
                np.zeros((n_members, 0, len(splits))),
            ),
        },
        coords={
            "beta": ("step", snapshots.beta),
            "training_step": ("step", [training_steps[place.snapshot] for place in places]),
            "start": ("step", [place.start for place in places]),
            "seed": np.arange(n_members),
            "resample": ("seed", ladder.resample_of_member),
            "direction": ("seed", np.full(n_members, "rising")),
            "component": np.array(components, dtype=str),
            "split": np.array(splits, dtype=str),
            "pretraining_step": ("pretraining_record", np.zeros(0, np.int64)),
            "snapshot_record": ("snapshot", np.arange(n_steps)),
            "snapshot_beta": ("snapshot", snapshots.beta),
        },
        attrs={
            "title": "Scheme of approximations (Distributed Information Bottleneck)",
            "baseline_entropy_bits": roles.baseline_bits,
            "baseline": baseline,
            "best_step": choice.best,
            "simplest_step": choice.simplest,
            "best_steps": np.array(choice.best_of_parts),
            "simplest_steps": np.array(choice.simplest_of_parts),
            "status": result.status,
            "message": result.message,
            "random_seed": result.seed,
            "seconds": result.seconds,
        },
    )
    return dataset.transpose("seed", "step", "component", "split", ...)


def _paired(
    ladder: Ladder, rows: Sequence[MeasuredRows], losses: Sequence[RowLosses]
) -> list[tuple[MeasuredRows, RowLosses]]:
    """The losses of every member with the rows that they are of."""
    return [
        (rows[resample], one)
        for resample, one in zip(ladder.resample_of_member, losses, strict=True)
    ]


def _measure(ladder: Ladder, roles: Roles, models: Sequence[Any], n_draws: int) -> _Step:
    """Losses on all rows."""
    few = len(roles.development.marginal) <= MOST_ROWS_OF_ALL_DRAWS
    n_to_choose = n_draws if few else min(n_draws, DRAWS_TO_CHOOSE)
    losses = roles.losses(models, ladder.resample_of_member, n_to_choose)
    test = None if roles.test is None else roles.test.losses(models, n_draws)
    kl_nats = [rows.mean(one.kl)[0] for rows, one in _paired(ladder, roles.train, losses.train)]
    return _Step(
        np.array(kl_nats),
        list(map(_without_kl, losses.train)),
        list(map(_without_kl, losses.validation)),
        None if test is None else _without_kl(test),
    )


def _without_kl(losses: RowLosses) -> RowLosses:
    return losses._replace(kl=losses.kl[:, :, :0].copy())


def _by_split(
    ladder: Ladder, roles: Roles, steps: Sequence[_Step], splits: Sequence[str]
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
    """Error, what is known, and scores, with one draw of the noise: `[step, seed, split]`."""

    def of_member(step: _Step, member: int, split: str) -> tuple[MeasuredRows, RowLosses, int]:
        if split == "test":
            assert roles.test is not None
            assert step.test is not None
            return roles.test, step.test, member
        resample = ladder.resample_of_member[member]
        return getattr(roles, split)[resample], getattr(step, split)[member], 0

    def collect(read: Any) -> FloatArray:
        return np.array(
            [
                [
                    [read(*of_member(step, member, split)) for split in splits]
                    for member in range(ladder.n_members)
                ]
                for step in steps
            ]
        )

    error = collect(lambda rows, losses, k: rows.mean(losses.single_draw)[k])
    known = collect(lambda rows, losses, k: rows.mean(rows.marginal - losses.single_draw)[k])
    names = steps[0].train[0].scores
    scores = {
        name: collect(lambda rows, losses, k, n=name: rows.mean(losses.scores[n])[k])
        for name in names
    }
    return nats_to_bits(error), nats_to_bits(known), scores


class _Reported(NamedTuple):
    """What is known, in bits: with one draw of the noise, and by averaged predictions."""

    known: Mean
    averaged: Mean


_NOTHING = _Reported(Mean(0.0, 0.0), Mean(0.0, 0.0))


def _reported(ladder: Ladder, roles: Roles, step: _Step) -> _Reported:
    """On the test rows, or on validation rows where there are none."""
    if roles.test is not None and (losses := step.test) is not None:
        single, averaged = losses.single_draw.mean(axis=0), losses.of_all
        return _Reported(_known(roles.test, single), _known(roles.test, averaged))
    rows, single, averaged, _ = out_of_fold(ladder, roles, step.validation)
    return _Reported(_known(rows, single), _known(rows, averaged))


def _known(rows: MeasuredRows, losses_nats: FloatArray) -> Mean:
    gains = nats_to_bits(rows.marginal - losses_nats)
    return mean_with_error(gains, rows.weight, rows.groups)


class _Choice(NamedTuple):
    """Which step is best, and which is the simplest that is no worse, by validation rows.

    By the loss of predictions as `predict` makes them, averaged over noise and models.

    Attributes:
        best: The step of least loss.
        simplest: The step of largest beta whose loss is not larger by more than the standard error
            of the difference.
        best_of_parts: The best step without the validation rows of one resample after the other.
        simplest_of_parts: The simplest likewise.
        excess_bits: Loss of every step beyond that of the best, in bits.
        error_bits: Standard error of that difference, of paired rows.
    """

    best: int
    simplest: int
    best_of_parts: list[int]
    simplest_of_parts: list[int]
    excess_bits: FloatArray
    error_bits: FloatArray


def _choice(ladder: Ladder, roles: Roles, steps: Sequence[_Step]) -> _Choice:
    found = [out_of_fold(ladder, roles, step.validation) for step in steps]
    rows = found[0].rows
    losses = nats_to_bits(np.stack([one.of_all for one in found]))
    best, simplest, excess, error = _chosen(losses, rows)
    chooses = roles.choosing_places
    parts = [np.flatnonzero(~np.isin(chooses, part)) for part in roles.validation_places]
    if len(parts) < 2:
        parts = [np.arange(len(chooses))]
    of_parts = [_chosen(losses[:, part], rows.part(part))[:2] for part in parts]
    first, second = map(list, zip(*of_parts, strict=True))
    return _Choice(best, simplest, first, second, excess, error)


def _chosen(losses: FloatArray, rows: MeasuredRows) -> tuple[int, int, FloatArray, FloatArray]:
    """Best and simplest step by losses `[step, n]`, with the excess over best and its error."""
    best = int(np.argmin(np.average(losses, axis=1, weights=rows.weight)))
    means = [mean_with_error(row - losses[best], rows.weight, rows.groups) for row in losses]
    excess = np.array([one.value for one in means])
    error = np.nan_to_num([one.error for one in means])
    return best, int(np.flatnonzero(excess <= error)[-1]), excess, error
