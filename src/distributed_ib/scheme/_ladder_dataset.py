"""What the chosen models of a ladder convey and know, as the data set of a scheme."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from distributed_ib.scheme._best_and_simplest import best_and_simplest
from distributed_ib.scheme._ladder_step import LadderStep, measure_step
from distributed_ib.scheme._measured_rows import Roles
from distributed_ib.scheme.ladder import Ladder, Place
from distributed_ib.training.sweep_result import Snapshots, SweepResult

SPLITS = ("train", "validation", "test")


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
        ladder: The order of its repeats.
        roles: The rows.
        snapshots: The chosen models.
        places: Their places on the ladder.
        components: Names of the components.
        baseline: Description of the prediction without X.
        n_draws: Draws of the noise on the test rows, as many as predictions average over.
    """

    def measured(step: int) -> LadderStep:
        models = [snapshots.model(step, member) for member in range(ladder.n_members)]
        return measure_step(ladder, roles, models, n_draws)

    steps = roles.for_each(measured, range(len(places)))
    splits = SPLITS if roles.test is not None else SPLITS[:2]
    over_split = ("step", "seed", "split")
    choice = best_and_simplest([step.choosing_bits for step in steps], roles)
    training_steps = result.annealing.step[result.snapshots.record]
    n_steps, n_members = len(steps), ladder.n_members
    dataset = xr.Dataset(
        {
            "kl_bits": (("step", "seed", "component"), [step.kl_bits for step in steps]),
            "prediction_error_bits": (over_split, [step.error_bits for step in steps]),
            "predictive_information_bits": (over_split, [step.known_bits for step in steps]),
            **{
                name: (over_split, [step.scores[name] for step in steps])
                for name in steps[0].scores
            },
            "known_bits": ("step", [step.known.value for step in steps]),
            "known_error_bits": ("step", [step.known.error for step in steps]),
            "averaged_known_bits": ("step", [step.averaged_known.value for step in steps]),
            "averaged_known_error_bits": ("step", [step.averaged_known.error for step in steps]),
            "excess_loss_bits": ("step", choice.excess_bits),
            "excess_loss_error_bits": ("step", choice.error_bits),
            "best_share": ("step", choice.best_share),
            "simplest_share": ("step", choice.simplest_share),
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
            "simplest_steps": np.array(choice.simplest_of_parts),
            "status": result.status,
            "message": result.message,
            "random_seed": result.seed,
            "seconds": result.seconds,
        },
    )
    return dataset.transpose("seed", "step", "component", "split", ...)
