"""Seven binary patterns on the unit square, each with an entropy of exactly one bit (paper Fig. 5).

A pattern gives Y, 0 or 1, for every position, horizontal and vertical between -1/2 and 1/2. By
construction, half of the square is 1 in each pattern, so that H(Y) = 1 bit exactly and the patterns
differ only in their geometry.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax.numpy as jnp
from jax import Array

from distributed_ib.errors import UserError

PatternFunction = Callable[[Array], Array]

HALF_SIDE = 0.5
CIRCLE_RADIUS = 1 / math.sqrt(2 * math.pi)
# How far each coordinate is shifted by the other in the warped checkerboard; a cell is 0.25 wide.
WARP = 0.04
SLANT_DEGREES = 30.0
# Centres and radii of the lakes of the archipelago; each has an island opposite.
LAKES = ((-0.27, 0.36, 0.06), (-0.05, 0.25, 0.09), (0.21, 0.37, 0.055), (0.38, 0.24, 0.07))


@dataclass(frozen=True)
class Pattern:
    """A binary relationship between a position and Y.

    Attributes:
        name: Name, a single word.
        function: From positions `[..., 2]` (horizontal, vertical) to 0 or 1, `[...]`; JAX must be
            able to trace it. Half of the square should be 1: H(Y) is taken to be one bit.
        words: Short description.
    """

    name: str
    function: PatternFunction
    words: str


def halves(position: Array) -> Array:
    """The right half is 1.

    >>> halves(jnp.array([[-0.2, 0.4], [0.2, 0.4]])).tolist()
    [0, 1]
    """
    return (position[..., 0] > 0).astype(jnp.int32)


def stripes(position: Array) -> Array:
    """Eight vertical stripes of equal width; every second one is 1."""
    return _band(position[..., 0], 8)


def checkerboard(position: Array) -> Array:
    """Four by four squares; Y differs between neighbours.

    Half of the columns and, independently, half of the rows have even numbers: the exclusive or of
    two fair bits is a fair bit.
    """
    return _band(position[..., 0], 4) ^ _band(position[..., 1], 4)


def warped_checkerboard(position: Array) -> Array:
    """The checkerboard with wavy lines.

    Two shears are applied first: the horizontal coordinate is shifted by a wave of the vertical
    one, then the vertical by a wave of the new horizontal one. A shear preserves areas, and what
    leaves the square on one side enters on the other, because the checkerboard is periodic.
    """
    horizontal, vertical = position[..., 0], position[..., 1]
    horizontal = horizontal + WARP * jnp.sin(2 * math.pi * vertical)
    vertical = vertical + WARP * jnp.sin(2 * math.pi * horizontal)
    return _band(horizontal, 4) ^ _band(vertical, 4)


def slant(position: Array) -> Array:
    """One side of a straight line through the centre, 30 degrees from the vertical.

    Rotating the square by half a turn exchanges the sides, so they have the same area.
    """
    angle = math.radians(SLANT_DEGREES)
    side = math.cos(angle) * position[..., 0] + math.sin(angle) * position[..., 1]
    return (side > 0).astype(jnp.int32)


def circle(position: Array) -> Array:
    """A disc around the centre; its radius, 1 / sqrt(2 pi), gives it the area 1/2."""
    return (jnp.sum(position**2, axis=-1) < CIRCLE_RADIUS**2).astype(jnp.int32)


def archipelago(position: Array) -> Array:
    """Land above a ragged coast, with large, medium and small lakes in it and islands off it.

    Rotating the square by half a turn exchanges land and sea, so both have the same area: the coast
    is an odd function, and every lake has an island of the same size opposite.
    """
    horizontal, vertical = position[..., 0], position[..., 1]
    coast = 0.1 * jnp.sin(2 * math.pi * horizontal) + 0.05 * jnp.sin(10 * math.pi * horizontal)
    land = vertical > coast
    for x, y, radius in LAKES:
        lake = (horizontal - x) ** 2 + (vertical - y) ** 2 < radius**2
        island = (horizontal + x) ** 2 + (vertical + y) ** 2 < radius**2
        land = land ^ (lake | island)
    return land.astype(jnp.int32)


def _band(coordinate: Array, n_bands: int) -> Array:
    """Whether a coordinate lies in an odd one of `n_bands` equal bands, continued periodically."""
    return jnp.floor(n_bands * (coordinate + HALF_SIDE)).astype(jnp.int32) & 1


PATTERNS: Mapping[str, Pattern] = {
    pattern.name: pattern
    for pattern in (
        Pattern("halves", halves, "two halves"),
        Pattern("stripes", stripes, "eight stripes"),
        Pattern("checkerboard", checkerboard, "a checkerboard"),
        Pattern("warped", warped_checkerboard, "a checkerboard of wavy lines"),
        Pattern("slant", slant, "a slanted half"),
        Pattern("circle", circle, "a circle"),
        Pattern("archipelago", archipelago, "a ragged coast with lakes and islands"),
    )
}


def pattern_named(name: str) -> Pattern:
    """The pattern of that name.

    Raises:
        UserError: If there is none.
    """
    if name not in PATTERNS:
        raise UserError(f"there is no pattern {name!r}; choose from {', '.join(PATTERNS)}.")
    return PATTERNS[name]
