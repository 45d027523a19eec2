"""Exact I(U; X) of Gaussian channels whose input takes few values.

With p(u) = sum_a p_a p(u|a) a mixture of Gaussians,

    I(U; X) = -sum_a p_a E_{u ~ p(u|a)} log[ p(u) / p(u|a) ],

an integral over the dimensions of u. Two values with equal variances differ only along one line, so
that the integral is one-dimensional for any embedding. One-dimensional integrals are computed by
quadrature, others by Monte Carlo with a standard error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError

_Means = Float64[np.ndarray, "channel value k"]
_Scalars = Float64[np.ndarray, "channel value"]
_Nats = Float64[np.ndarray, " channel"]

_REACH = 9.0  # standard deviations on either side; 2e-19 of the weight lies beyond
_STEP = 0.125  # of the trapezoid: error below 1e-11 bits at any separation
_PANEL_EDGES = np.arange(-12, 13) * 0.75  # standard deviations around each value's mean
_PANEL_NODES = 8
_BATCH_CELLS = 2**17  # about what a core's cache holds
_MAX_LOG_VARIANCE = 600.0
_FAR = 1e100  # distances in standard deviations are clipped here to keep their squares finite


@dataclass(frozen=True)
class ExactInformation:
    """I(U; X) of channels, each attribute of the channels' leading shape.

    Attributes:
        information_bits: I(U; X) in bits.
        error_bits: Standard error of the Monte Carlo integral in bits; 0 for quadrature, which is
            accurate to 1e-8 bits.
    """

    information_bits: Float64[np.ndarray, "*channels"]
    error_bits: Float64[np.ndarray, "*channels"]


def exact_information(
    mean: ArrayLike,
    log_variance: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    n_samples: int = 4096,
    seed: int = 0,
) -> ExactInformation:
    """I(U; X) of diagonal Gaussian channels for an input with few values.

    One-dimensional embeddings, and two values with equal variances (any k), are integrated by
    quadrature, all others by Monte Carlo with antithetic pairs. All channels share the same noise,
    so that curves along a sweep are smooth.

    Args:
        mean: Means of p(u|x) at each value of x, `[.., v, k]`; leading axes are separate channels
            (seeds, snapshots, components).
        log_variance: Natural logarithm of the variances, broadcast against `mean`.
        probabilities: p(x), `[v]` or `[.., v]`, rescaled to sum to 1; uniform by default.
        n_samples: Noise vectors per value for Monte Carlo, at least 4. The default of 4096 gives an
            error of about 0.01 bits.
        seed: Seed of the noise, 0 by default.

    Returns:
        The information in bits and its standard error.

    Raises:
        UserError: If shapes disagree, a value is not finite or probabilities are invalid.

    >>> wide = exact_information([[-4.0], [4.0]], 0.0)
    >>> float(wide.information_bits.round(4)), float(wide.error_bits)
    (0.9999, 0.0)
    """
    means, log_variances, weights = _checked(mean, log_variance, probabilities)
    *leading, values, dims = means.shape
    means = means.reshape(-1, values, dims)
    log_variances = log_variances.reshape(-1, values, dims)
    weights = weights.reshape(-1, values)
    error = np.zeros(len(means))
    equal = bool(np.all(log_variances == log_variances[:, :1]))
    if equal and (dims == 1 or values == 2):
        offsets = _offsets_on_a_line(means, log_variances)
        nats = _in_batches(
            _equal_widths, values * values * int(2 * _REACH / _STEP), offsets, weights
        )
    elif dims == 1:
        cells = values**3 * len(_PANEL_EDGES) * _PANEL_NODES
        nats = _in_batches(_unequal_widths, cells, means[..., 0], log_variances[..., 0], weights)
    else:
        if n_samples < 4:
            raise UserError(f"Monte Carlo needs at least 4 samples; n_samples is {n_samples}.")
        noise = np.random.default_rng(seed).standard_normal((n_samples // 2, dims))
        nats, error = _monte_carlo(means, log_variances, weights, noise)
    return ExactInformation(
        nats_to_bits(nats).reshape(leading), nats_to_bits(error).reshape(leading)
    )


def _checked(
    mean: ArrayLike, log_variance: ArrayLike, probabilities: ArrayLike | None
) -> tuple[
    Float64[np.ndarray, "*channels value k"],
    Float64[np.ndarray, "*channels value k"],
    Float64[np.ndarray, "*channels value"],
]:
    """Means, log variances and probabilities as arrays of matching shapes."""
    means = np.asarray(mean, dtype=np.float64)
    if means.ndim < 2 or 0 in means.shape[-2:]:
        raise UserError(f"The means must have shape [.., values, dimensions]; got {means.shape}.")
    try:
        log_variances = np.broadcast_to(np.asarray(log_variance, dtype=np.float64), means.shape)
    except ValueError:
        raise UserError(
            f"Log variances of shape {np.shape(log_variance)} do not match means of shape "
            f"{means.shape}."
        ) from None
    if not (np.all(np.isfinite(means)) and np.all(np.isfinite(log_variances))):
        raise UserError("Means and log variances must be finite; the encoder has diverged.")
    given = np.ones(means.shape[-2]) if probabilities is None else probabilities
    weights = np.asarray(given, dtype=np.float64)
    try:
        weights = np.broadcast_to(weights, means.shape[:-1])
    except ValueError:
        raise UserError(
            f"Probabilities of shape {weights.shape} do not match {means.shape[-2]} values."
        ) from None
    total = weights.sum(axis=-1, keepdims=True)
    if not (np.all(weights >= 0) and np.all(total > 0) and np.all(np.isfinite(total))):
        raise UserError("Probabilities must be finite, none negative, not all 0.")
    log_variances = np.clip(log_variances, -_MAX_LOG_VARIANCE, _MAX_LOG_VARIANCE)
    return means, log_variances, weights / total


def _in_batches(
    integrate: Callable[..., _Nats], cells: int, *arrays: Float64[np.ndarray, "channel ..."]
) -> _Nats:
    """Apply `integrate` to a bounded number of channels at a time."""
    width = max(1, _BATCH_CELLS // cells)
    starts = range(0, len(arrays[0]), width)
    parts = [integrate(*(array[low : low + width] for array in arrays)) for low in starts]
    return np.concatenate(parts) if parts else np.zeros(0)


def _offsets_on_a_line(means: _Means, log_variances: _Means) -> _Scalars:
    """Means in units of the shared standard deviation, along the line on which they lie."""
    difference = means - means[:, :1]
    with np.errstate(over="ignore"):
        scaled = np.clip(difference * np.exp(-0.5 * log_variances), -_FAR, _FAR)
    return scaled[..., 0] if means.shape[2] == 1 else np.linalg.norm(scaled, axis=2)


def _log_weights(weights: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    return np.log(np.maximum(weights, 1e-300))


def _log_sum_exp(terms: Float64[np.ndarray, " n *rest"]) -> Float64[np.ndarray, "*rest"]:
    """Log-sum-exp over the first axis; overwrites `terms`."""
    top = terms.max(axis=0)
    terms -= top
    np.exp(terms, out=terms)
    return top + np.log(terms.sum(axis=0))


def _equal_widths(offsets: _Scalars, weights: _Scalars) -> _Nats:
    """I in nats for unit variances and means `offsets`, by the trapezoid rule.

    The rule converges exponentially for an analytic integrand with a Gaussian weight.
    """
    z = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    density = np.exp(-0.5 * z**2) * (_STEP / np.sqrt(2 * np.pi))
    by_value = offsets.T
    gap = (by_value[None] - by_value[:, None])[..., None]  # [b, a, c, 1]
    log_ratio = _log_weights(weights).T[:, None, :, None] - gap * (0.5 * gap + z)
    expected = _log_sum_exp(log_ratio) @ density  # [a, c]
    return np.maximum(-np.sum(weights.T * expected, axis=0), 0.0)


def _unequal_widths(means: _Scalars, log_variances: _Scalars, weights: _Scalars) -> _Nats:
    """I in nats for one-dimensional channels, by Gauss-Legendre panels.

    The density of a value b may be narrow or wide relative to that of value a. The line is thus
    divided at multiples of every value's standard deviation around its mean, in units of that of a.
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(_PANEL_NODES)
    nats = np.zeros(len(means))
    log_p = _log_weights(weights)
    for a in range(means.shape[1]):
        with np.errstate(over="ignore"):
            scale = np.exp(-0.5 * log_variances[:, a : a + 1])
            centre = np.clip((means - means[:, a : a + 1]) * scale, -_FAR, _FAR)  # [c, b]
            width = np.exp(0.5 * (log_variances - log_variances[:, a : a + 1]))
            edges = centre[:, :, None] + width[:, :, None] * _PANEL_EDGES
        edges = np.sort(np.clip(edges, -_REACH, _REACH).reshape(len(means), -1), axis=1)
        half = 0.5 * np.diff(edges, axis=1)[:, :, None]
        z = (edges[:, :-1, None] + half * (1.0 + nodes)).reshape(len(means), -1)  # [c, node]
        density = (half * node_weights).reshape(len(means), -1) * np.exp(-0.5 * z**2)
        with np.errstate(over="ignore"):
            away = (z[None] - centre.T[:, :, None]) / width.T[:, :, None]  # [b, c, node]
        away = np.clip(away, -_FAR, _FAR)
        log_ratio = (log_p - np.log(width)).T[:, :, None] - 0.5 * (away**2 - z**2)
        nats -= weights[:, a] * np.sum(density * _log_sum_exp(log_ratio), axis=1)
    return np.maximum(nats / np.sqrt(2 * np.pi), 0.0)


def _monte_carlo(
    means: _Means, log_variances: _Means, weights: _Scalars, noise: Float64[np.ndarray, "n k"]
) -> tuple[_Nats, _Nats]:
    """I and its standard error in nats, from antithetic pairs of noise."""
    nats, error = np.zeros(len(means)), np.zeros(len(means))
    block = max(1, _BATCH_CELLS // (means.shape[1] ** 2))
    for channel in range(len(means)):
        terms = np.concatenate(
            [
                _pair_terms(
                    means[channel],
                    log_variances[channel],
                    weights[channel],
                    noise[low : low + block],
                )
                for low in range(0, len(noise), block)
            ]
        )
        nats[channel] = terms.mean()
        error[channel] = terms.std(ddof=1) / np.sqrt(len(terms))
    return nats, error


def _pair_terms(
    mean: Float64[np.ndarray, "value k"],
    log_variance: Float64[np.ndarray, "value k"],
    weight: Float64[np.ndarray, " value"],
    noise: Float64[np.ndarray, "n k"],
) -> Float64[np.ndarray, " n"]:
    """Mean over x and over the pair (z, -z) of -log p(u) / p(u|x), in nats.

    The squared distance of u = m_a + sigma_a z from m_b is a quadratic form in z; its
    coefficients contain the difference of means, so that close values lose no digits.
    """
    values = len(mean)
    with np.errstate(over="ignore"):
        scale = np.exp(-0.5 * log_variance)[:, None]
        away = np.clip((mean[None] - mean[:, None]) * scale, -_FAR, _FAR)  # [b, a, k]
        ratio = np.minimum(np.exp(0.5 * (log_variance[None] - log_variance[:, None])), _FAR)
    log_weight = _log_weights(weight)[:, None] + np.log(ratio).sum(axis=2)
    constant = (log_weight - 0.5 * np.sum(away**2, axis=2)).reshape(-1, 1)
    even = 0.5 * (1.0 - ratio**2).reshape(values**2, -1) @ (noise**2).T + constant
    odd = (away * ratio).reshape(values**2, -1) @ noise.T
    shape = (values, values, len(noise))
    pair = _log_sum_exp((even - odd).reshape(shape)) + _log_sum_exp((even + odd).reshape(shape))
    return -0.5 * (weight @ pair)
