"""Pictures: the relationship between position and colour (the paper's Fig. 3)."""

from distributed_ib.studies.image.decompositions import (
    PositionDecomposition as PositionDecomposition,
)
from distributed_ib.studies.image.decompositions import distances as distances
from distributed_ib.studies.image.decompositions import evenly_placed_points as evenly_placed_points
from distributed_ib.studies.image.decompositions import horizontal_vertical as horizontal_vertical
from distributed_ib.studies.image.decompositions import parse_decomposition as parse_decomposition
from distributed_ib.studies.image.decompositions import pixel_positions as pixel_positions
from distributed_ib.studies.image.decompositions import projections as projections
from distributed_ib.studies.image.decompositions import undivided as undivided
from distributed_ib.studies.image.image_study import ImageStudy as ImageStudy
from distributed_ib.studies.image.painter import Painter as Painter
from distributed_ib.studies.image.painter import Reconstruction as Reconstruction
from distributed_ib.studies.image.painter import psnr_db as psnr_db
from distributed_ib.studies.image.picture import Picture as Picture
from distributed_ib.studies.image.picture import example_picture as example_picture
from distributed_ib.studies.image.picture import load_picture as load_picture
