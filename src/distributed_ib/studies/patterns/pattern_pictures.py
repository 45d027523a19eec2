"""A pattern and its approximations as pictures."""

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme.approximation import Approximation
from distributed_ib.studies.patterns.pattern_batches import as_components
from distributed_ib.studies.patterns.pattern_library import HALF_SIDE, Pattern

PatternPicture = NDArray[np.floating]


def pixel_positions(n_pixels: int) -> NDArray[np.float32]:
    """Centres of the pixels of a square picture, `[n_pixels**2, 2]`, top row first.

    >>> pixel_positions(2).tolist()
    [[-0.25, 0.25], [0.25, 0.25], [-0.25, -0.25], [0.25, -0.25]]
    """
    along = (np.arange(n_pixels) + 0.5) / n_pixels - HALF_SIDE
    horizontal, vertical = np.meshgrid(along, along[::-1])
    return np.stack([horizontal.ravel(), vertical.ravel()], axis=-1).astype(np.float32)


def pattern_picture(pattern: Pattern, n_pixels: int = 96) -> NDArray[np.float64]:
    """The pattern itself, zeros and ones `[row, column]`, top row first."""
    y = np.asarray(pattern.function(jnp.asarray(pixel_positions(n_pixels))), np.float64)
    return y.reshape(n_pixels, n_pixels)


def approximation_picture(
    approximation: Approximation, n_pixels: int = 90, *, n_samples: int = 16, seed: int = 0
) -> PatternPicture:
    """Picture of a pattern by an approximation: p(Y=1|U) at every position.

    Args:
        approximation: An approximation from the scheme of a pattern.
        n_pixels: Width and height.
        n_samples: Draws of U from p(u|x) to average over at each position.
        seed: Seed of those draws.

    Returns:
        `[row, column]`, top row first.
    """
    x = as_components(pixel_positions(n_pixels), len(approximation.components))
    probability = approximation.predict_proba(x, n_samples=n_samples, seed=seed)[:, 1]
    return probability.reshape(n_pixels, n_pixels)
