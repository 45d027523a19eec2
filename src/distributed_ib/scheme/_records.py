"""The data set of a scheme, in bits, from the records of a sweep, in nats."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.scheme._joining import by_rising_beta
from distributed_ib.training.sweep_result import Snapshots, SweepResult


def dataset_of_sweep(
    result: SweepResult,
    components: Sequence[str],
    baseline_entropy_bits: float,
    baseline: str,
    held_out_baseline_bits: Mapping[str, float],
) -> tuple[xr.Dataset, Snapshots]:
    """The data set of a scheme and its models, in ascending order of beta.

    Arguments and errors are those of `ApproximationScheme.from_sweep`.
    """
    n_components = result.annealing.kl_nats.shape[-1]
    if len(components) != n_components or len(set(components)) != n_components:
        raise UserError(
            f"the model has {n_components} components, so it needs as many different names; "
            f"got {list(components)}."
        )
    result, direction = by_rising_beta(result)
    records = result.annealing
    error_bits = nats_to_bits(records.prediction_error_nats)
    over_split = ("seed", "step", "split")
    without_x = np.array(
        [held_out_baseline_bits.get(split, baseline_entropy_bits) for split in records.splits]
    )
    dataset = xr.Dataset(
        {
            "kl_bits": (("seed", "step", "component"), nats_to_bits(records.kl_nats)),
            "prediction_error_bits": (over_split, error_bits),
            "predictive_information_bits": (over_split, without_x - error_bits),
            **{name: (over_split, values) for name, values in records.scores.items()},
            "pretraining_error_bits": (
                ("seed", "pretraining_record", "split"),
                nats_to_bits(result.pretraining.prediction_error_nats)
                if len(result.pretraining.step)
                else np.zeros((error_bits.shape[0], 0, error_bits.shape[2])),
            ),
        },
        coords={
            "beta": ("step", records.beta),
            "training_step": ("step", records.step),
            "seed": np.arange(records.kl_nats.shape[0]),
            "direction": ("seed", np.full(records.kl_nats.shape[0], direction)),
            "component": np.array(components, dtype=str),
            "split": np.array(records.splits, dtype=str),
            "pretraining_step": ("pretraining_record", result.pretraining.step),
            "snapshot_record": ("snapshot", result.snapshots.record),
            "snapshot_beta": ("snapshot", result.snapshots.beta),
        },
        attrs={
            "title": "Scheme of approximations (Distributed Information Bottleneck)",
            "baseline_entropy_bits": float(baseline_entropy_bits),
            "baseline": baseline,
            "status": result.status,
            "message": result.message,
            "random_seed": result.seed,
            "seconds": result.seconds,
        },
    )
    return dataset, result.snapshots
