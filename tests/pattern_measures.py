"""Measures of pictures and curves for tests of patterns."""

from collections.abc import Sequence

import numpy as np

from distributed_ib.studies.patterns import PatternSweep
from distributed_ib.studies.patterns.pattern_pictures import PatternPicture


def rectilinear_share(picture: PatternPicture) -> float:
    """How closely a picture is the product of a row profile and a column profile.

    The squared share of the largest singular value of 2p - 1: 1 for halves, stripes and
    checkerboards, whose borders are all vertical or horizontal.

    """
    squared = np.linalg.svd(2.0 * np.asarray(picture, np.float64) - 1.0, compute_uv=False) ** 2
    return float(squared[0] / squared.sum())


def widest_gap_bits(sweeps: Sequence[PatternSweep], beta_from: float) -> float:
    """The largest difference between the prediction errors of several sweeps, in bits.

    Args:
        sweeps: Sweeps with the same settings, so that their records are at the same betas.
        beta_from: The lowest beta to compare; below it the patterns are still being learned.
    """
    curves = [one.scheme.to_xarray().isel(seed=0, split=0) for one in sweeps]
    n_records = min(curve.sizes["step"] for curve in curves)
    beta = curves[0]["beta"].values[:n_records]
    errors = np.stack([curve["prediction_error_bits"].values[:n_records] for curve in curves])
    gaps = np.ptp(errors, axis=0)[beta >= beta_from]
    return float(gaps.max()) if len(gaps) else 0.0
