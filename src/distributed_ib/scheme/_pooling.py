"""All members of a ladder as one: what they convey in the middle, and what they know together."""

import jax
import numpy as np
import xarray as xr

from distributed_ib.scheme.measure import VARIABLES
from distributed_ib.training.sweep_result import Snapshots

CONVEYED = (*VARIABLES.values(), "information_lower_bits", "information_upper_bits")


def pool_members(dataset: xr.Dataset, snapshots: Snapshots) -> tuple[xr.Dataset, Snapshots]:
    """A data set with a single repeat, and the models of the first.

    What components convey is the median over repeats, and what is known about Y the mean.
    """
    columns = {
        name: (
            variable.median("seed", keep_attrs=True)
            if name in CONVEYED
            else variable.mean("seed", keep_attrs=True)
        )
        for name, variable in dataset.data_vars.items()
        if "seed" in variable.dims
    }
    rest = dataset.drop_dims("seed")
    pooled = rest.assign({name: one.expand_dims("seed") for name, one in columns.items()})
    pooled = pooled.assign_coords(seed=np.arange(1), direction=("seed", ["rising"]))
    pooled = pooled.transpose("seed", "step", "component", "split", ..., missing_dims="ignore")
    params = jax.tree.map(lambda leaf: leaf[:, :1], snapshots.params)
    return pooled, Snapshots(params, snapshots.static, snapshots.record, snapshots.beta)
