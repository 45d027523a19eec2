"""The average over all members of a ladder of what they convey and know."""

import jax
import numpy as np
import xarray as xr

from distributed_ib.training.sweep_result import Snapshots


def pool_members(dataset: xr.Dataset, snapshots: Snapshots) -> tuple[xr.Dataset, Snapshots]:
    """A data set with a single repeat, the mean of all, and the models of the first repeat.

    Means are used instead of medians, so that no more is known on average than is conveyed.
    """
    columns = {
        name: variable.mean("seed", keep_attrs=True)
        for name, variable in dataset.data_vars.items()
        if "seed" in variable.dims
    }
    rest = dataset.drop_dims("seed")
    pooled = rest.assign({name: one.expand_dims("seed") for name, one in columns.items()})
    pooled = pooled.assign_coords(seed=np.arange(1), direction=("seed", ["rising"]))
    pooled = pooled.transpose("seed", "step", "component", "split", ..., missing_dims="ignore")
    params = jax.tree.map(lambda leaf: leaf[:, :1], snapshots.params)
    return pooled, Snapshots(params, snapshots.static, snapshots.record, snapshots.beta)
