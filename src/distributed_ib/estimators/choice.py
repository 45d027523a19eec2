"""Which beta of a sweep to predict with, if the user names none."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

_WINDOW_SHARE = 20


def best_record(dataset: xr.Dataset) -> float:
    """The beta of least validation loss, among those at which a model was kept.

    A record has one draw of the noise, so the curve is smoothed over a twentieth of the sweep; it
    is averaged over repeats.
    """
    split = "validation" if "validation" in dataset["split"].values else "train"
    error = dataset["prediction_error_bits"].sel(split=split).mean("seed").values
    smooth = smoothed(error, max(1, len(error) // _WINDOW_SHARE))
    records = dataset["snapshot_record"].values
    return float(dataset["snapshot_beta"].values[int(np.argmin(smooth[records]))])


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Running mean over up to `window` values on either side, fewer at the ends.

    Example:
        >>> smoothed(np.array([0.0, 3.0, 6.0, 0.0]), 1).tolist()
        [1.5, 3.0, 3.0, 3.0]
    """
    half = min(window, len(values) - 1)
    kernel = np.ones(2 * half + 1)
    counts = np.convolve(np.ones(len(values)), kernel, "full")[half : half + len(values)]
    sums = np.convolve(values, kernel, "full")[half : half + len(values)]
    return np.asarray(sums / counts)
