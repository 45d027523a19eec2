"""Closed-form optimum for a Gaussian outcome that is a sum of independent Gaussian components.

For Y = sum_i a_i X_i + noise the objective depends on the channels only through the distortions
D_i = a_i^2 Var(X_i | U_i): I(U_i; X_i) = 1/2 log(w_i / D_i) with w_i = a_i^2 Var(X_i), and
I(U; Y) = 1/2 log(Var Y / V) with V = noise variance + sum_i D_i. Setting the derivative to zero
yields D_i = min(w_i, beta V): reverse water-filling with a self-consistent water level.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class GaussianFrontier:
    """The optimum for Gaussian components at each bottleneck strength.

    Attributes:
        beta: Bottleneck strengths in the given order, `[b]`.
        objective_bits: `beta * sum_i I(U_i; X_i) - I(U; Y)`, `[b]`.
        information_bits: I(U_i; X_i), `[b, m]`.
        predictive_bits: I(U; Y), `[b]`.
        distortion: Part of Var(Y) that is lost with each component, in squared units of Y,
            `[b, m]`.
    """

    beta: FloatArray
    objective_bits: FloatArray
    information_bits: FloatArray
    predictive_bits: FloatArray
    distortion: FloatArray

    @property
    def total_bits(self) -> FloatArray:
        """Information conveyed by all components together, sum_i I(U_i; X_i), `[b]`."""
        return self.information_bits.sum(axis=1)


def optimal_gaussian_frontier(
    coefficients: ArrayLike,
    component_std: ArrayLike,
    noise_std: float,
    beta: ArrayLike,
) -> GaussianFrontier:
    """Minimise the objective for `Y = sum_i a_i X_i + noise` with independent Gaussian components.

    Args:
        coefficients: a_i, `[m]`.
        component_std: Standard deviation of each X_i, `[m]` or one number for all.
        noise_std: Standard deviation of the noise, positive.
        beta: Bottleneck strengths, positive; `[b]` or a number. Nothing is conveyed at beta >= 1.

    Returns:
        The global optimum at each beta.

    Raises:
        UserError: If a standard deviation or beta is not positive, or shapes disagree.

    >>> frontier = optimal_gaussian_frontier([1.0, 1.0], 1.0, 0.5, [0.01, 2.0])
    >>> frontier.information_bits.round(3).tolist()
    [[4.307, 4.307], [0.0, 0.0]]
    """
    strengths = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    slopes = np.asarray(coefficients, dtype=np.float64)
    spread = np.asarray(component_std, dtype=np.float64)
    if slopes.ndim != 1 or not len(slopes) or spread.shape not in ((), slopes.shape):
        raise UserError(
            "Coefficients must have shape [m], and standard deviations shape [m] or be a single "
            f"number; got {slopes.shape} and {spread.shape}."
        )
    if not (np.all(np.isfinite(slopes)) and np.all(spread > 0) and np.all(np.isfinite(spread))):
        raise UserError(
            "Coefficients must be finite; standard deviations must be finite and positive."
        )
    if not 0 < noise_std < np.inf:
        raise UserError(f"The standard deviation of the noise must be positive; got {noise_std}.")
    if strengths.ndim != 1 or not np.all(strengths > 0) or not np.all(np.isfinite(strengths)):
        raise UserError("Beta must be a positive, finite number or a list of such numbers.")
    weight = (slopes * spread) ** 2
    left_over = _left_over_variance(weight, noise_std**2, strengths)
    distortion = np.minimum(weight, strengths[:, None] * left_over[:, None])
    used = distortion < weight  # never where a coefficient is 0
    ratio = np.divide(weight, distortion, out=np.ones_like(distortion), where=used)
    information = 0.5 * np.log2(ratio)
    predictive = 0.5 * np.log2((noise_std**2 + weight.sum()) / left_over)
    return GaussianFrontier(
        beta=strengths,
        objective_bits=strengths * information.sum(axis=1) - predictive,
        information_bits=information,
        predictive_bits=predictive,
        distortion=distortion,
    )


def _left_over_variance(weight: FloatArray, noise: float, beta: FloatArray) -> FloatArray:
    """The V that solves V = noise + sum_i min(w_i, beta V), for each beta.

    The right-hand side is concave in V and positive at 0, so there is one solution. It is the
    minimum of the lines noise + sum_{i not in A} w_i + |A| beta V over the sets A in use, and for
    each size of A the largest w_i are in use, so that V is the minimum of m + 1 candidates.
    """
    weakest_last = np.sort(weight)[::-1]
    in_use = np.arange(len(weight) + 1)
    lost = noise + np.concatenate([[weight.sum()], weight.sum() - np.cumsum(weakest_last)])
    slope = 1.0 - beta[:, None] * in_use
    safe = np.where(slope > 0, slope, 1.0)
    candidates = np.where(slope > 0, np.maximum(lost, noise) / safe, np.inf)
    return candidates.min(axis=1)
