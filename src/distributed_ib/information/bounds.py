"""Bounds on what a channel really transmits, I(U; X), from a batch of inputs.

The KL divergence to a fixed prior only bounds I(U; X) from above, often loosely. With u_i drawn
from p(u|x_i) for N inputs x_1 .. x_N from the data,

    lower = mean_i log[ p(u_i|x_i) / ((1/N) sum_j p(u_i|x_j)) ]                 (InfoNCE)
    upper = mean_i log[ p(u_i|x_i) / ((1/(N-1)) sum_{j != i} p(u_i|x_j)) ]      (leave one out)

bound it on average from both sides (Poole et al. 2019, "On variational bounds of mutual
information"). The lower bound never exceeds log2(N) bits. Over separated symbols the two part by
about 1.44 * 2^I / N bits. The sums run in double precision whatever JAX's default is, with
differences of means taken first, so that neither far apart nor nearly equal inputs lose digits.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from distributed_ib.errors import UserError

FloatArray = NDArray[np.float64]

_NATS_PER_BIT = float(np.log(2.0))
_CPU_BLOCK_CELLS = 2**17  # one megabyte of log densities: about what a core's cache holds
_DEVICE_BLOCK_CELLS = 2**23
_MAX_LOG_VARIANCE = 1400.0  # beyond, a standard deviation or its inverse leaves double precision
_MAX_DISTANCE = 1e150  # in standard deviations; squared it is still finite


@dataclass(frozen=True)
class InformationBounds:
    """Bounds on I(U; X) in bits with their standard errors, each of the channels' leading shape.

    Attributes:
        lower_bits: InfoNCE; at most log2(N).
        upper_bits: Leave one out.
        lower_error_bits: Standard error of `lower_bits`.
        upper_error_bits: Standard error of `upper_bits`.
    """

    lower_bits: FloatArray
    upper_bits: FloatArray
    lower_error_bits: FloatArray
    upper_error_bits: FloatArray


def information_bounds(
    mean: ArrayLike,
    log_variance: ArrayLike,
    *,
    key: jax.Array,
    block_cells: int | None = None,
) -> InformationBounds:
    """Bound I(U; X) of diagonal Gaussian channels p(u|x) = N(mean(x), exp(log_variance(x))).

    One u is drawn per input. The standard errors (infinitesimal jackknife) count that each input
    appears in every other's denominator too. Memory is that of one block, never N x N.

    Args:
        mean: `[.., n, k]`: n inputs drawn from the data (with their frequencies), k dimensions;
            leading axes are separate channels (components, snapshots).
        log_variance: Natural logarithm of the variance, broadcast against `mean`.
        key: Random key of the noise.
        block_cells: Rows times n of a block; 2^17 on a CPU, 2^23 elsewhere by default, for speed
            alone.

    Returns:
        The bounds; always finite.

    Raises:
        UserError: If there are fewer than 2 inputs, or a value is not finite.

    >>> mean = np.repeat([[-5.0], [5.0]], 512, axis=0)  # two separated symbols: 1 bit
    >>> bounds = information_bounds(mean, 0.0, key=jax.random.key(0))
    >>> float(bounds.lower_bits.round(2)), float(bounds.upper_bits.round(2))
    (1.0, 1.0)
    """
    means = np.asarray(mean, dtype=np.float64)
    log_variances = np.asarray(log_variance, dtype=np.float64)
    if means.ndim < 2 or means.shape[-2] < 2 or means.shape[-1] < 1:
        raise UserError(
            f"The means must be [.., n, k] with at least 2 inputs; they are {means.shape}."
        )
    if not (np.all(np.isfinite(means)) and np.all(np.isfinite(log_variances))):
        raise UserError("Means and log variances must be finite; the encoder has diverged.")
    *leading, n, k = means.shape
    log_variances = np.broadcast_to(log_variances, means.shape)
    if block_cells is None:
        on_cpu = jax.default_backend() == "cpu"
        block_cells = _CPU_BLOCK_CELLS if on_cpu else _DEVICE_BLOCK_CELLS
    rows = int(np.clip(block_cells // n, 1, n))
    flat_mean, flat_log_variance = means.reshape(-1, n, k), log_variances.reshape(-1, n, k)
    figures = np.empty((4, len(flat_mean)))
    with jax.enable_x64(True):
        keys = jax.random.split(key, len(flat_mean))
        for row in range(len(flat_mean)):
            terms = _terms(flat_mean[row], flat_log_variance[row], keys[row], rows)
            figures[:, row] = _mean_and_error(*(np.asarray(term) for term in terms))
    lower, upper, lower_error, upper_error = (figures / _NATS_PER_BIT).reshape(4, *leading)
    return InformationBounds(lower, upper, lower_error, upper_error)


def _mean_and_error(
    lower: FloatArray, upper: FloatArray, lower_pull: FloatArray, upper_pull: FloatArray
) -> tuple[float, float, float, float]:
    """Means and standard errors in nats of `[n]` terms and each input's pull on the others."""
    return (
        float(lower.mean()),
        float(upper.mean()),
        _standard_error(lower - lower_pull),
        _standard_error(upper - upper_pull),
    )


def _standard_error(influence: FloatArray) -> float:
    """Standard error of a mean, without overflow where terms are astronomically large."""
    scale = max(1.0, float(np.abs(influence).max()))
    return float(np.std(influence / scale, ddof=1)) * scale / float(np.sqrt(len(influence)))


@partial(jax.jit, static_argnames="rows")
def _terms(
    mean: jax.Array, log_variance: jax.Array, key: jax.Array, rows: int
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Terms of the two bounds and each input's share in the denominators, `[n]` each, in nats."""
    n = mean.shape[0]
    log_variance = jnp.clip(log_variance, -_MAX_LOG_VARIANCE, _MAX_LOG_VARIANCE)
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    shift = noise * jnp.exp(0.5 * log_variance)
    precision = jnp.exp(-0.5 * log_variance)
    log_scale = -0.5 * log_variance.sum(axis=1)
    own = log_scale - 0.5 * jnp.sum(noise**2, axis=1)  # log p(u_i|x_i) but for a constant

    def block(start: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        index = start + jnp.arange(rows)
        real = index < n  # the last block may run over
        row = jnp.minimum(index, n - 1)
        distance = ((mean[row, None] - mean[None]) + shift[row, None]) * precision[None]
        distance = jnp.clip(distance, -_MAX_DISTANCE, _MAX_DISTANCE)
        log_density = log_scale[None] - 0.5 * jnp.sum(distance**2, axis=2)  # [rows, n]
        itself = row[:, None] == jnp.arange(n)[None]
        log_density = jnp.where(itself, -jnp.inf, log_density)
        top = log_density.max(axis=1, keepdims=True)
        weight = jnp.exp(log_density - top)
        total = weight.sum(axis=1)
        others = top[:, 0] + jnp.log(total)
        everyone = jnp.logaddexp(others, own[row])
        own_share = jnp.exp(own[row] - everyone)
        weight = weight * jnp.where(real, 1.0 / total, 0.0)[:, None]
        others_pull = weight.sum(axis=0)
        everyone_pull = (weight * (1.0 - own_share)[:, None]).sum(axis=0)
        return others, everyone, others_pull, everyone_pull

    starts = jnp.arange(-(-n // rows)) * rows
    others, everyone, others_pull, everyone_pull = jax.lax.map(block, starts)
    others, everyone = others.reshape(-1)[:n], everyone.reshape(-1)[:n]
    lower = own - everyone + jnp.log(float(n))
    upper = own - others + jnp.log(float(n - 1))
    lower_pull = everyone_pull.sum(axis=0) + jnp.exp(own - everyone)
    return lower, upper, lower_pull, others_pull.sum(axis=0)
