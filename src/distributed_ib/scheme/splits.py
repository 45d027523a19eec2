"""The rows of a scheme by what they are for: to train, to choose, to report."""

from typing import Literal

import xarray as xr

ROWS: dict[str, Literal["training rows", "validation rows", "held-out rows"]] = {
    "train": "training rows",
    "validation": "validation rows",
    "test": "held-out rows",
}
"""The rows of each split, in words."""


def scoring_split(dataset: xr.Dataset) -> str:
    """The split on which what is known about Y is measured, the last of those that there are."""
    return str(dataset["split"].values[-1])


def choosing_split(dataset: xr.Dataset) -> str:
    """The split by which approximations are chosen: "validation" where there is one."""
    return "validation" if "validation" in dataset["split"].values else "train"
