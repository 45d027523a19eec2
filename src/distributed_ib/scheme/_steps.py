"""The training steps of the records, in joined repeats of several sweeps.

The repeats of one sweep are recorded at the same steps, so `training_step` needs no dimension
`seed`. Those of a rising and a falling sweep are recorded at different steps, and may differ in the
number of pre-training records; missing records are NaN.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

TRAINING, PRETRAINING, ERROR = "training_step", "pretraining_step", "pretraining_error_bits"
RECORD = "pretraining_record"


def with_own_steps(datasets: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """The same data sets, with steps for each seed if the data sets differ in them.

    If the pre-training differs, all get as many pre-training records as the longest has.

    Example:
        >>> one, other = (xr.Dataset(coords={"seed": [0], "training_step": ("step", steps)})
        ...               for steps in ([1, 2], [2, 1]))
        >>> with_own_steps([one, other])[1]["training_step"].values.tolist()
        [[2, 1]]
    """
    found = list(datasets)
    if _differ(found, TRAINING):
        found = [
            data.assign_coords({TRAINING: (("seed", "step"), _by_seed(data, TRAINING))})
            for data in found
        ]
    if _differ(found, PRETRAINING):
        longest = max(data.sizes[RECORD] for data in found)
        found = [_with_pretraining(data, longest) for data in found]
    return found


def with_shared_steps(dataset: xr.Dataset) -> xr.Dataset:
    """The same data set, with one set of steps for all seeds if these are equal.

    Example:
        >>> data = xr.Dataset(coords={"training_step": (("seed", "step"), [[2, 1], [2, 1]])})
        >>> with_shared_steps(data)["training_step"].values.tolist()
        [2, 1]
    """
    found = dataset
    if _has_seeds(found, TRAINING):
        steps = found[TRAINING].transpose("seed", "step").values
        if np.all(steps == steps[0]):
            found = found.assign_coords({TRAINING: ("step", steps[0])})
    if _has_seeds(found, PRETRAINING):
        recorded = found[PRETRAINING].notnull().any("seed").values
        found = found.isel({RECORD: recorded})
        steps = found[PRETRAINING].transpose("seed", RECORD).values
        if np.all(steps == steps[:1]):
            found = found.assign_coords({PRETRAINING: (RECORD, steps[0].astype(np.int64))})
    return found


def _has_seeds(dataset: xr.Dataset, name: str) -> bool:
    return name in dataset and "seed" in dataset[name].dims


def _differ(datasets: Sequence[xr.Dataset], name: str) -> bool:
    """Whether all data sets have these steps, but they differ."""
    if not all(name in data for data in datasets):
        return False
    first, *others = (data[name].variable for data in datasets)
    return any(not first.equals(other) for other in others) or "seed" in first.dims


def _by_seed(dataset: xr.Dataset, name: str) -> NDArray[Any]:
    steps = dataset[name]
    if "seed" in steps.dims:
        return np.asarray(steps.transpose("seed", ...).values)
    return np.tile(steps.values, (dataset.sizes["seed"], 1))


def _with_pretraining(dataset: xr.Dataset, n_records: int) -> xr.Dataset:
    """The data set with steps for each seed, padded with NaN to a number of records."""
    missing = n_records - dataset.sizes[RECORD]
    steps = _by_seed(dataset, PRETRAINING).astype(np.float64)
    errors = dataset[ERROR].transpose("seed", RECORD, "split").values

    def padded(values: NDArray[np.float64]) -> NDArray[np.float64]:
        widths = [(0, missing if axis == 1 else 0) for axis in range(values.ndim)]
        return np.pad(values, widths, constant_values=np.nan)

    return (
        dataset.drop_vars([PRETRAINING, ERROR])
        .assign({ERROR: (("seed", RECORD, "split"), padded(errors))})
        .assign_coords({PRETRAINING: (("seed", RECORD), padded(steps))})
    )
