"""Ways to split a position in a picture into components."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_values import DistinctRows, distinct_rows
from distributed_ib.errors import UserError
from distributed_ib.studies.image.picture import Picture

MAX_COMPONENTS = 64
FORMS = "horizontal-vertical, axes:6, points:4, points:X,Y;X,Y;..., none"


@dataclass(frozen=True)
class PositionDecomposition:
    """Named components of a position.

    Attributes:
        text: Its name on the command line; empty for a custom decomposition.
        names: Names of the components.
        function: From positions `[n, 2]` (rightward, upward) to components `[n, component]`, or
            `[n, component, feature]` for components of several numbers.

    Example:
        Any function of position will do, such as the distance and the direction from the middle:

        >>> polar = PositionDecomposition(
        ...     "", ("radius", "angle"),
        ...     lambda r: np.stack([np.hypot(*r.T), np.arctan2(r[:, 1], r[:, 0])], axis=1))
        >>> polar.components(np.array([[0.0, 1.0]])).shape
        (1, 2, 1)
    """

    text: str
    names: tuple[str, ...]
    function: Callable[[NDArray[np.float64]], NDArray[Any]]

    def __post_init__(self) -> None:
        """Check that names are unique."""
        if not self.names or len(set(self.names)) != len(self.names):
            raise UserError(f"component names must be different, got {list(self.names)}.")

    def components(self, positions: NDArray[np.float64]) -> NDArray[np.float32]:
        """Components of positions `[n, 2]`, as `[n, component, feature]`.

        Raises:
            UserError: If the function gives another shape, or numbers that are not finite.
        """
        found = np.asarray(self.function(positions))
        found = found[..., None] if found.ndim == 2 else found
        if found.ndim != 3 or found.shape[:2] != (len(positions), len(self.names)):
            raise UserError(
                f"the decomposition into {len(self.names)} components returned an array of shape "
                f"{list(found.shape)} for {len(positions)} positions."
            )
        if found.dtype.kind not in "fiu" or not np.isfinite(found).all():
            raise UserError("the decomposition returned values that are not finite.")
        return found.astype(np.float32)


def horizontal_vertical() -> PositionDecomposition:
    """The two coordinates of a position (the paper's Fig. 3a)."""
    return PositionDecomposition("horizontal-vertical", ("horizontal", "vertical"), lambda r: r)


def undivided() -> PositionDecomposition:
    """The whole position as one component: the standard Information Bottleneck (Fig. 3d)."""
    return PositionDecomposition("none", ("position",), lambda r: r[:, None, :])


def projections(n_axes: int) -> PositionDecomposition:
    """Projections on `n_axes` axes at even angles from the horizontal (Fig. 3b has six).

    Example:
        >>> projections(4).names
        ('0°', '45°', '90°', '135°')
    """
    whole_number("axes", n_axes, 1, MAX_COMPONENTS)
    angles = np.pi * np.arange(n_axes) / n_axes
    # Rounded, so that the cosine of a right angle is 0 and a column of pixels has one value.
    directions = np.round(np.stack([np.cos(angles), np.sin(angles)]), 15)
    names = tuple(f"{math.degrees(angle):.4g}°" for angle in angles)
    return PositionDecomposition(f"axes:{n_axes}", names, lambda r: r @ directions)


def distances(
    picture: Picture, points: Sequence[tuple[float, float]], text: str | None = None
) -> PositionDecomposition:
    """Distances to given points of a picture (Fig. 3c has four).

    Args:
        picture: The picture.
        points: Positions as fractions of the width from the left and of the height from the top;
            (0.5, 0.5) is the centre. Points may lie outside the picture.
        text: Its name on the command line.

    Example:
        >>> from distributed_ib.studies.image.picture import Picture
        >>> ramp = Picture("ramp", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
        >>> corners = distances(ramp, [(0, 0), (1, 0)])
        >>> corners.names, corners.text
        (('A', 'B'), 'points:0,0;1,0')
        >>> corners.function(np.array([[-1.0, 1.0]])).tolist()
        [[0.0, 2.0]]
    """
    whole_number("number of points", len(points), 1, MAX_COMPONENTS)
    places = np.asarray(points, np.float64)
    if places.shape != (len(points), 2) or not np.isfinite(places).all():
        raise UserError(f"points must be pairs of numbers, got {list(points)}.")
    half = half_sides(picture.width, picture.height)
    at = np.stack([(2 * places[:, 0] - 1) * half[0], (1 - 2 * places[:, 1]) * half[1]], axis=1)
    names = tuple(chr(ord("A") + i) if len(points) <= 26 else f"P{i}" for i in range(len(points)))
    return PositionDecomposition(
        text or "points:" + ";".join(f"{x:g},{y:g}" for x, y in places),
        names,
        lambda r: np.stack([np.hypot(*(r - point).T) for point in at], axis=1),
    )


def evenly_placed_points(n_points: int) -> list[tuple[float, float]]:
    """Points on the ellipse that fills the picture, clockwise from the upper left.

    >>> [(round(x, 2), round(y, 2)) for x, y in evenly_placed_points(4)]
    [(0.15, 0.15), (0.85, 0.15), (0.85, 0.85), (0.15, 0.85)]
    """
    whole_number("points", n_points, 1, MAX_COMPONENTS)
    angles = -0.75 * np.pi + 2 * np.pi * np.arange(n_points) / n_points
    return [(0.5 + 0.5 * math.cos(a), 0.5 + 0.5 * math.sin(a)) for a in angles]


def half_sides(width: int, height: int) -> tuple[float, float]:
    """Half the width and height of a picture, in units in which its longer side is 2.

    >>> half_sides(600, 400)
    (1.0, 0.6666666666666666)
    """
    longest = max(width, height)
    return width / longest, height / longest


def pixel_positions(width: int, height: int) -> NDArray[np.float64]:
    """Positions of the centres of all pixels, row by row from the upper left, `[pixel, 2]`.

    Coordinates run rightward and upward from the centre of the picture, whose longer side is 2
    (Appendix A of the paper).

    Example:
        >>> pixel_positions(2, 1).tolist()
        [[-0.5, 0.0], [0.5, 0.0]]
    """
    half = half_sides(width, height)
    across = ((np.arange(width) + 0.5) / width * 2 - 1) * half[0]
    up = (1 - (np.arange(height) + 0.5) / height * 2) * half[1]
    return np.stack(np.broadcast_arrays(across[None, :], up[:, None]), axis=-1).reshape(-1, 2)


def pixel_components(
    decomposition: PositionDecomposition, width: int, height: int, max_values: int
) -> DistinctRows:
    """The components of all pixels; those with at most `max_values` values list each value once."""
    x = decomposition.components(pixel_positions(width, height))
    return distinct_rows(x, max_values)


def parse_decomposition(text: str, picture: Picture) -> PositionDecomposition:
    """The decomposition named by a text such as "axes:6".

    Args:
        text: "horizontal-vertical", "none", "axes:N", "points:N" (evenly placed) or
            "points:X,Y;X,Y;..." as in `distances`.
        picture: The picture whose positions are split.

    Raises:
        UserError: If the text names no decomposition.

    Example:
        >>> from distributed_ib.studies.image.picture import Picture
        >>> ramp = Picture("ramp", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
        >>> parse_decomposition("axes:3", ramp).names
        ('0°', '60°', '120°')
    """
    kind, _, rest = text.strip().partition(":")
    plain = {"horizontal-vertical": horizontal_vertical, "none": undivided}
    if kind in plain and not rest:
        return plain[kind]()
    if kind in ("axes", "points") and re.fullmatch(r"[0-9]{1,6}", rest):
        if kind == "axes":
            return projections(int(rest))
        return distances(picture, evenly_placed_points(int(rest)), text.strip())
    if kind == "points":
        try:
            pairs = [tuple(map(float, pair.split(","))) for pair in rest.split(";")]
            return distances(picture, [(x, y) for x, y in pairs])
        except UserError:
            raise
        except ValueError:
            pass
    raise UserError(f"there is no decomposition {text!r}; choose from {FORMS}.")
