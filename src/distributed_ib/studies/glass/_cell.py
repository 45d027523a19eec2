"""Geometry of a periodic cell; the columns of its matrix are its edges."""

import numpy as np


def cell_width(box: np.ndarray) -> float:
    """Smallest distance between opposite faces of the cell `[d, d]`.

    >>> import numpy as np
    >>> cell_width(np.array([[10.0, 0.0], [0.0, 4.0]]))
    4.0
    """
    return float(1 / np.max(np.linalg.norm(np.linalg.inv(box), axis=1)))


def fractions(positions: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Positions `[..., d]` in units of the cell's edges."""
    return positions @ np.linalg.inv(box).T


def nearest_images(vectors: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Vectors `[..., d]` shifted by whole cells to within half a cell along every edge.

    The result is the nearest image if that is closer than half the cell's width.

    >>> import numpy as np
    >>> nearest_images(np.array([6.0, 0.5]), 8 * np.eye(2)).tolist()
    [-2.0, 0.5]
    """
    inside = fractions(vectors, box)
    return (inside - np.rint(inside)) @ box.T
