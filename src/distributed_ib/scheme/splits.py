"""The splits of the rows of a scheme, by role: training, validation and test."""

from typing import Literal

import xarray as xr

ROWS: dict[str, Literal["training rows", "validation rows", "held-out rows"]] = {
    "train": "training rows",
    "validation": "validation rows",
    "test": "held-out rows",
}
"""The rows of each split, in words."""


def scoring_split(dataset: xr.Dataset) -> str:
    """The split on which what is known about Y is measured: the last one."""
    return str(dataset["split"].values[-1])


def choosing_split(dataset: xr.Dataset) -> str:
    """The split on which approximations are chosen: "validation", or "train" if there is none."""
    return "validation" if "validation" in dataset["split"].values else "train"
