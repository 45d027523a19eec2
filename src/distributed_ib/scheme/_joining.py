"""Sweeps in both directions as one scheme, with records in ascending order of beta."""

from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.scheme._steps import with_own_steps, with_shared_steps
from distributed_ib.training.schedule import Direction
from distributed_ib.training.sweep_result import Snapshots, SweepResult


def by_rising_beta(result: SweepResult) -> tuple[SweepResult, Direction]:
    """The records and models in ascending order of beta, and the direction of the sweep."""
    records = result.annealing
    if result.direction == "rising":
        return result, "rising"
    turned = replace(
        records,
        beta=records.beta[::-1],
        step=records.step[::-1],
        kl_nats=records.kl_nats[:, ::-1],
        prediction_error_nats=records.prediction_error_nats[:, ::-1],
        scores={name: values[:, ::-1] for name, values in records.scores.items()},
    )
    models = result.snapshots
    snapshots = replace(
        models,
        params=jax.tree.map(lambda leaf: leaf[::-1], models.params),
        record=len(records.beta) - 1 - models.record[::-1],
        beta=models.beta[::-1],
    )
    return replace(result, annealing=turned, snapshots=snapshots), "falling"


def join_repeats(
    datasets: Sequence[xr.Dataset], snapshots: Sequence[Snapshots]
) -> tuple[xr.Dataset, Snapshots]:
    """Join the repeats of several schemes; see `ApproximationScheme.joined`."""
    first, *others = datasets
    for other in others:
        fits = other.sizes["step"] == first.sizes["step"] and np.allclose(
            np.log(other["beta"]), np.log(first["beta"]), atol=0.05
        )
        same = np.array_equal(first["component"], other["component"])
        if not (fits and same and set(first.data_vars) == set(other.data_vars)):
            raise UserError(
                "the schemes differ in components, records or measurements; join sweeps over the "
                "same relationship with the same settings."
            )
    common = sorted(set.intersection(*(set(models.record.tolist()) for models in snapshots)))
    if not common and all(len(models.record) for models in snapshots):
        raise UserError(
            "the schemes kept their models at different records; join sweeps with the same "
            "n_records and n_snapshots."
        )
    places = [np.flatnonzero(np.isin(models.record, common)) for models in snapshots]
    params = [
        jax.tree.map(lambda leaf, p=place: leaf[p], models.params)
        for place, models in zip(places, snapshots, strict=True)
    ]
    record = np.array(common, np.int64)
    # Equal, except for one step if the records of the two directions are divided differently.
    ends = [np.log(models.beta[p]) for p, models in zip(places, snapshots, strict=True)]
    joined = Snapshots(
        params=jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=1), *params),
        static=snapshots[0].static,
        record=record,
        beta=np.exp(np.mean(ends, axis=0)),
    )
    parts = [
        data.drop_vars(["snapshot_record", "snapshot_beta"]) for data in with_own_steps(datasets)
    ]
    dataset = xr.concat(
        parts, "seed", data_vars="minimal", coords="minimal", compat="override", join="override"
    )
    messages = dict.fromkeys(str(data.attrs["message"]) for data in datasets)
    unfinished = [s for data in datasets if (s := str(data.attrs["status"])) != "finished"]
    return dataset.assign_coords(
        seed=np.arange(dataset.sizes["seed"]),
        snapshot_record=("snapshot", record),
        snapshot_beta=("snapshot", joined.beta),
    ).assign_attrs(
        status=next(iter(unfinished), "finished"),
        message="; ".join(messages),
        seconds=float(sum(float(data.attrs["seconds"]) for data in datasets)),
    ), joined


def some_repeats(
    dataset: xr.Dataset, snapshots: Snapshots, chosen: NDArray[np.int64]
) -> tuple[xr.Dataset, Snapshots]:
    """Some of the repeats, given by number, renumbered from 0."""
    params = jax.tree.map(lambda leaf: leaf[:, chosen], snapshots.params)
    part = dataset.isel(seed=chosen).assign_coords(seed=np.arange(len(chosen)))
    return with_shared_steps(part), replace(snapshots, params=params)
