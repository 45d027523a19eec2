"""Schemes made without training, for tests of figures and tables of many components."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training.sweep_result import Snapshots

N_STEPS = 60


def falling_scheme(
    names: Sequence[str], *, n_seeds: int = 1, most_bits: float = 3.0, known: float = 0.8
) -> ApproximationScheme:
    """A scheme whose components fall one after the other in the order of `names`, with noise.

    Args:
        names: Names of the components.
        n_seeds: Number of repeats.
        most_bits: The most that a component conveys.
        known: The most that is known about Y, out of one bit; negative if the model is worse than
            none.
    """
    rng = np.random.default_rng(len(names))
    beta = np.geomspace(1e-3, 1.0, N_STEPS)
    end = np.geomspace(5e-3, 0.8, len(names))
    height = rng.uniform(0.3, 1.0, len(names)) * most_bits
    shape = (n_seeds, N_STEPS, len(names))
    bits = height / (1 + (beta[:, None] / end) ** 4)
    bits = bits * np.exp(0.05 * rng.normal(size=shape).cumsum(axis=1) / 3)
    in_use = (bits > 0.1).mean(axis=2, keepdims=True)
    knows = known * in_use * np.array([1.2, 1.0])  # training, held out
    dims = ("seed", "step", "split")
    dataset = xr.Dataset(
        {
            "kl_bits": (("seed", "step", "component"), bits),
            "predictive_information_bits": (dims, knows),
            "prediction_error_bits": (dims, 1.0 - knows),
        },
        coords={
            "beta": ("step", beta),
            "component": list(names),
            "split": ["train", "validation"],
        },
        attrs={"baseline": "H(Y)", "baseline_entropy_bits": 1.0, "status": "finished"},
    )
    return ApproximationScheme(dataset, Snapshots(None, None, np.arange(0), np.zeros(0)))
