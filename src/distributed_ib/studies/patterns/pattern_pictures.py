"""Approximations of a pattern as pictures, and which of them to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.patterns.pattern_batches import as_components
from distributed_ib.studies.patterns.pattern_library import HALF_SIDE, Pattern
from distributed_ib.studies.patterns.patterns_findings import END_BITS

Picture = NDArray[np.floating]

# Enough to see what a picture shows; the pictures that are drawn are finer.
_COARSE_PIXELS = 32
_COARSE_SAMPLES = 8


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
) -> Picture:
    """What an approximation makes of a pattern: p(Y=1|U) at every position.

    Args:
        approximation: Of a scheme from `sweep_pattern`.
        n_pixels: Width and height.
        n_samples: Draws of U from p(u|x) to average over at each position.
        seed: Seed of those draws.

    Returns:
        `[row, column]`, top row first.
    """
    x = as_components(pixel_positions(n_pixels), len(approximation.components))
    probability = approximation.predict_proba(x, n_samples=n_samples, seed=seed)[:, 1]
    return probability.reshape(n_pixels, n_pixels)


@dataclass(frozen=True)
class TellingApproximation:
    """One of a few approximations that stand for all of a scheme.

    Attributes:
        snapshot: Which snapshot of the scheme.
        beta: Its bottleneck strength.
        approximation: The model frozen there.
    """

    snapshot: int
    beta: float
    approximation: Approximation


def telling_approximations(
    scheme: ApproximationScheme, n_shown: int = 4
) -> list[TellingApproximation]:
    """The few approximations that stand for the scheme best, in order of beta.

    The pictures of all snapshots, from the one that knows most about Y to the end of the scheme,
    are cut into `n_shown` stretches that are as uniform as possible; the picture nearest to the
    mean of each stretch stands for it.

    Args:
        scheme: From `sweep_pattern`.
        n_shown: How many; fewer come if the scheme has fewer snapshots.
    """
    snapshots = scheme.snapshots
    predictive = scheme.to_xarray()["predictive_information_bits"].values[0, :, 0]
    predictive = predictive[snapshots.record]
    known = np.flatnonzero(predictive >= END_BITS)
    if len(known) == 0:
        return []
    chosen = np.arange(int(np.argmax(predictive)), known[-1] + 1)
    approximations = [scheme.at(beta=float(snapshots.beta[index])) for index in chosen]
    pictures = np.stack(
        [
            approximation_picture(one, _COARSE_PIXELS, n_samples=_COARSE_SAMPLES).ravel()
            for one in approximations
        ]
    )
    return [
        TellingApproximation(int(chosen[k]), approximations[k].beta, approximations[k])
        for k in representatives(pictures, n_shown)
    ]


def representatives(rows: NDArray[np.floating], n_stretches: int) -> list[int]:
    """Cut a series into uniform stretches, and name the most typical member of each.

    Args:
        rows: `[n, d]`, in order.
        n_stretches: How many stretches; at most n.

    Returns:
        One index for each stretch, rising.

    Example:
        >>> representatives(np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [9.0]]), 3)
        [1, 3, 5]
    """
    n = len(rows)
    starts = _best_cuts(_scatter(rows), min(n_stretches, n))
    middles = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        part = rows[start:stop]
        distance = np.sum((part - part.mean(axis=0)) ** 2, axis=1)
        middles.append(start + int(np.argmin(distance)))
    return middles


def _scatter(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum of squared distances from the mean, of the rows i .. j, `[n, n]`."""
    n = len(rows)
    scatter = np.zeros((n, n))
    for i in range(n):
        part = np.asarray(rows[i:], np.float64)
        counts = np.arange(1, n - i + 1)[:, None]
        sums, squares = np.cumsum(part, axis=0), np.cumsum(np.sum(part**2, axis=1))
        scatter[i, i:] = squares - np.sum(sums**2 / counts, axis=1)
    return scatter


def _best_cuts(scatter: NDArray[np.float64], n_stretches: int) -> Sequence[int]:
    """Starts of the stretches with the least scatter in all, by dynamic programming."""
    n = len(scatter)
    cost = scatter[0].copy()  # least cost of rows 0 .. j in as many stretches as so far
    history = []
    for _ in range(n_stretches - 1):
        options = np.full((n, n), np.inf)  # [start of the last stretch, its last row]
        for start in range(1, n):
            options[start, start:] = cost[start - 1] + scatter[start, start:]
        history.append(np.argmin(options, axis=0))
        cost = np.min(options, axis=0)
    starts, last = [], n - 1
    for best in reversed(history):
        starts.append(int(best[last]))
        last = starts[-1] - 1
    return [0, *reversed(starts)]


def rectilinear_share(picture: Picture) -> float:
    """How nearly a picture is one profile along the rows times one along the columns.

    The share of the largest singular value of 2p - 1, squared: 1 for halves, stripes and
    checkerboards, whose borders are all straight and upright or level.

    >>> from distributed_ib.studies.patterns.pattern_library import PATTERNS
    >>> round(rectilinear_share(pattern_picture(PATTERNS["checkerboard"])), 3)
    1.0
    """
    squared = np.linalg.svd(2.0 * np.asarray(picture, np.float64) - 1.0, compute_uv=False) ** 2
    return float(squared[0] / squared.sum())
