"""The default beta of the predictions of a sweep."""

import numpy as np
import xarray as xr

from distributed_ib.scheme._smoothing import running_mean

_WINDOW_SHARE = 20


def best_record(dataset: xr.Dataset) -> float:
    """The beta with the smallest validation loss, among those at which a model was kept.

    Since a record uses one draw of the noise, the loss is averaged over repeats and smoothed over a
    twentieth of the sweep on either side.
    """
    split = "validation" if "validation" in dataset["split"].values else "train"
    error = dataset["prediction_error_bits"].sel(split=split).mean("seed").values
    smooth = running_mean(error, 2 * max(1, len(error) // _WINDOW_SHARE) + 1)
    records = dataset["snapshot_record"].values
    return float(dataset["snapshot_beta"].values[int(np.argmin(smooth[records]))])
