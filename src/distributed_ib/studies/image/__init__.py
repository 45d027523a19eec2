"""Pictures: the relationship between position and colour (the paper's Fig. 3)."""

from distributed_ib.scheme.telling import telling_betas
from distributed_ib.studies.image.decompositions import (
    PositionDecomposition,
    distances,
    evenly_placed_points,
    horizontal_vertical,
    parse_decomposition,
    pixel_positions,
    projections,
    undivided,
)
from distributed_ib.studies.image.image_study import PRESETS, ImageSettings, open_picture
from distributed_ib.studies.image.painter import Painter, Reconstruction, psnr_db
from distributed_ib.studies.image.picture import Picture, example_picture, load_picture

__all__ = [
    "PRESETS",
    "ImageSettings",
    "Painter",
    "Picture",
    "PositionDecomposition",
    "Reconstruction",
    "distances",
    "evenly_placed_points",
    "example_picture",
    "horizontal_vertical",
    "load_picture",
    "open_picture",
    "parse_decomposition",
    "pixel_positions",
    "projections",
    "psnr_db",
    "telling_betas",
    "undivided",
]
