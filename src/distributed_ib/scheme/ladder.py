"""Several sweeps side by side, combined by keeping the models of the best start at every beta.

A ladder has several starts, each of which trains models from scratch over its own stretch of beta,
on every resample of the rows. The start is selected on validation rows, on which its models were
not trained. What is known about Y is measured on test rows, on which nothing was selected.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from distributed_ib._units import bits_to_nats
from distributed_ib.scheme._measured_rows import Roles
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep_result import Snapshots, SweepResult

# A component whose KL is below this counts as closed: a channel never closes completely.
CLOSED_BITS = 1e-3


class Place(NamedTuple):
    """Place of models on a ladder: their start, and their snapshot along its stretch."""

    start: int
    snapshot: int


@dataclass(frozen=True)
class Ladder:
    """Order of the repeats of a sweep: by resample, then by seed, then by start.

    The models of a place, one for each resample and seed, are its members.

    Attributes:
        stretches: Schedule of each start.
        n_resamples: Number of resamples of the rows.
        n_seeds: Number of repeats of each.
        n_records: Number of records of a start that trained to the end.

    Example:
        >>> stretches = BetaSchedule(0.01, 0.1), BetaSchedule(0.1, 1.0)
        >>> ladder = Ladder(stretches, n_resamples=2, n_seeds=1, n_records=10)
        >>> ladder.resample_of_repeat, ladder.resample_of_member
        ([0, 0, 1, 1], [0, 1])
    """

    stretches: tuple[BetaSchedule, ...]
    n_resamples: int
    n_seeds: int
    n_records: int

    @property
    def n_members(self) -> int:
        """Number of models of a place: resamples times seeds."""
        return self.n_resamples * self.n_seeds

    @property
    def schedules(self) -> tuple[BetaSchedule, ...]:
        """The schedule of every repeat."""
        return self.stretches * self.n_members

    @property
    def resample_of_member(self) -> list[int]:
        """The resample of every member."""
        return [member // self.n_seeds for member in range(self.n_members)]

    @property
    def resample_of_repeat(self) -> list[int]:
        """The resample of every repeat."""
        return [resample for resample in self.resample_of_member for _ in self.stretches]

    def places(self, result: SweepResult) -> dict[float, list[Place]]:
        """The places of the models kept at each beta, in ascending order of beta."""
        found: dict[float, list[Place]] = {}
        for start, stretch in enumerate(self.stretches):
            for snapshot, record in enumerate(result.snapshots.record.tolist()):
                # The end of a record is rounded to whole steps, differently in each stretch, so
                # that beta would differ slightly between models that are to be compared.
                part = (record + 1) / self.n_records
                beta = stretch.beta_at(stretch.n_pretraining_steps + part * stretch.n_steps)
                # Stretches overlap: betas that are equal up to rounding are the same.
                beta = float(np.exp(np.round(np.log(beta), 6)))
                found.setdefault(beta, []).append(Place(start, snapshot))
        return dict(sorted(found.items()))

    def members(self, result: SweepResult, place: Place) -> list[Any]:
        """The models of a place."""
        repeats = [place.start + len(self.stretches) * k for k in range(self.n_members)]
        return [result.snapshots.model(place.snapshot, repeat) for repeat in repeats]


def climb(result: SweepResult, ladder: Ladder, roles: Roles) -> tuple[Snapshots, list[Place]]:
    """The models of the best start at every beta, and their places.

    The start is selected at each beta by the objective, error plus beta times KL, on the validation
    rows of all members; all members of a step come from the same start. Components that convey
    nothing are closed, if the predictor supports this.

    Args:
        result: A sweep with the schedules of the ladder.
        ladder: The order of its repeats.
        roles: The rows.
    """
    all_places = ladder.places(result)

    def best_of(given: tuple[float, list[Place]]) -> tuple[Place, list[Any]]:
        beta, places = given
        found = [_attempt(ladder.members(result, place), ladder, roles, beta) for place in places]
        best = int(np.argmin([attempt.objective for attempt in found]))
        return places[best], found[best].models

    best_of_each = roles.for_each(best_of, all_places.items())
    chosen = [place for place, _ in best_of_each]
    models = [model for _, members in best_of_each for model in members]
    params = jax.tree.map(
        lambda *leaves: np.stack(leaves).reshape(len(chosen), ladder.n_members, *leaves[0].shape),
        *(eqx.filter(model, eqx.is_inexact_array) for model in models),
    )
    all_beta = np.array(list(all_places))
    return Snapshots(params, result.snapshots.static, np.arange(len(chosen)), all_beta), chosen


class _Attempt(NamedTuple):
    """Members of a place, with components that convey nothing closed, and their objective."""

    models: list[Any]
    objective: float


def _attempt(members: list[Any], ladder: Ladder, roles: Roles, beta: float) -> _Attempt:
    """Close components of the members, and average error plus beta times KL, in nats."""
    resamples = ladder.resample_of_member
    if hasattr(members[0].predictor, "open"):
        losses = roles.losses(members, resamples, n_draws=0)
        validation = losses.validation
        models = [
            _closed(model, roles.train[resample].mean(one.kl)[0])
            for model, resample, one in zip(members, resamples, losses.train, strict=True)
        ]
    else:  # The training rows are not needed, and there are many.
        pairs = zip(members, resamples, strict=True)
        validation = [roles.validation[k].losses([m], n_draws=0) for m, k in pairs]
        models = members
    values = []
    for resample, one in zip(resamples, validation, strict=True):
        rows = roles.validation[resample]
        cost = beta * rows.mean(one.kl).sum()
        values.append(float(rows.mean(one.single_draw)[0] + cost))
    return _Attempt(models, float(np.mean(values)))


def _closed(model: Any, kl_nats: np.ndarray) -> Any:
    """The model, with components that convey nothing closed; `kl_nats` is `[component]`."""
    conveys = kl_nats >= bits_to_nats(CLOSED_BITS)
    n_each = model.encoder.embedding_dim
    gate = jnp.asarray(np.repeat(conveys, n_each), jnp.float32)
    return eqx.tree_at(lambda m: m.predictor.open, model, gate)
