"""Bounds on the transmitted information of a channel, I(U; X), from a batch of inputs.

The KL divergence to a fixed prior only bounds I(U; X) from above, often loosely. With u_i drawn
from p(u|x_i) for N inputs x_1 .. x_N from the data,

    lower = mean_i log[ p(u_i|x_i) / ((1/N) sum_j p(u_i|x_j)) ]                 (InfoNCE)
    upper = mean_i log[ p(u_i|x_i) / ((1/(N-1)) sum_{j != i} p(u_i|x_j)) ]      (leave one out)

bound it on average from both sides (Poole et al. 2019, "On variational bounds of mutual
information"). The lower bound never exceeds log2(N) bits. For separated symbols the two differ by
about 1.44 * 2^I / N bits; for a continuous X the upper bound becomes useless as 2^I approaches N,
since some inputs then have no neighbour. The sums are computed in double precision, whatever JAX's
default, and from differences of means, so that neither distant nor nearly equal inputs lose digits.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Float64, PRNGKeyArray, Shaped

from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError

_CPU_BLOCK_CELLS = 2**17  # one megabyte of log densities: about what a core's cache holds
_DEVICE_BLOCK_CELLS = 2**23
_MAX_LOG_VARIANCE = 1400.0  # beyond, a standard deviation or its inverse leaves double precision
_MAX_DISTANCE = 1e150  # in standard deviations; squared it is still finite

# First index of a block, and its means, shifts by the noise and log densities at its own inputs.
_Block = tuple[
    Shaped[Array, ""], Float[Array, "rows k"], Float[Array, "rows k"], Float[Array, " rows"]
]


@dataclass(frozen=True)
class InformationBounds:
    """Bounds on I(U; X) in bits with their standard errors, each of the channels' leading shape.

    Attributes:
        lower_bits: The InfoNCE bound; at most log2(N).
        upper_bits: The leave-one-out bound.
        lower_error_bits: Standard error of `lower_bits`.
        upper_error_bits: Standard error of `upper_bits`.
    """

    lower_bits: Float64[np.ndarray, "*channels"]
    upper_bits: Float64[np.ndarray, "*channels"]
    lower_error_bits: Float64[np.ndarray, "*channels"]
    upper_error_bits: Float64[np.ndarray, "*channels"]


def information_bounds(
    mean: ArrayLike,
    log_variance: ArrayLike,
    *,
    key: PRNGKeyArray,
    block_cells: int | None = None,
) -> InformationBounds:
    """Bound I(U; X) of diagonal Gaussian channels p(u|x) = N(mean(x), exp(log_variance(x))).

    One u is drawn per input. The bounds hold on average: each estimate deviates by about its
    standard error, so that for a closed channel it may be negative, and the upper bound below the
    lower. The errors (infinitesimal jackknife) account for each input also appearing in the
    denominators of all others. Memory is that of one block, never N x N.

    Args:
        mean: Means `[.., n, k]` for n inputs drawn from the data (with their frequencies) in k
            dimensions; leading axes are separate channels (components, snapshots).
        log_variance: Natural logarithm of the variance, broadcast against `mean`.
        key: Random key of the noise.
        block_cells: Rows times n of a block; by default 2^17 on a CPU and 2^23 on other devices.
            It affects only the speed.

    Returns:
        The bounds in bits, always finite.

    Raises:
        UserError: If there are fewer than 2 inputs, shapes disagree, or a value is not finite.

    >>> mean = np.repeat([[-5.0], [5.0]], 512, axis=0)  # two separated symbols: 1 bit
    >>> bounds = information_bounds(mean, 0.0, key=jax.random.key(0))
    >>> float(bounds.lower_bits.round(2)), float(bounds.upper_bits.round(2))
    (1.0, 1.0)
    """
    means = np.asarray(mean, dtype=np.float64)
    log_variances = np.asarray(log_variance, dtype=np.float64)
    if means.ndim < 2 or means.shape[-2] < 2 or means.shape[-1] < 1:
        raise UserError(
            f"The means must have shape [.., n, k] with at least 2 inputs n; got {means.shape}."
        )
    if not (np.all(np.isfinite(means)) and np.all(np.isfinite(log_variances))):
        raise UserError("Means and log variances must be finite; the encoder has diverged.")
    *leading, n, k = means.shape
    try:
        log_variances = np.broadcast_to(log_variances, means.shape)
    except ValueError:
        raise UserError(
            f"Log variances of shape {log_variances.shape} do not match means of shape "
            f"{means.shape}."
        ) from None
    if block_cells is None:
        on_cpu = jax.default_backend() == "cpu"
        block_cells = _CPU_BLOCK_CELLS if on_cpu else _DEVICE_BLOCK_CELLS
    rows = int(np.clip(block_cells // n, 1, n))
    flat_mean, flat_log_variance = means.reshape(-1, n, k), log_variances.reshape(-1, n, k)
    figures = np.empty((4, len(flat_mean)))
    with jax.enable_x64(True):
        for row in range(len(flat_mean)):
            noise_key = jax.random.fold_in(key, row)
            terms = _terms(flat_mean[row], flat_log_variance[row], noise_key, rows)
            figures[:, row] = _mean_and_error(*(np.asarray(term) for term in terms))
    lower, upper, lower_error, upper_error = nats_to_bits(figures).reshape(4, *leading)
    return InformationBounds(lower, upper, lower_error, upper_error)


def _mean_and_error(
    lower: Float64[np.ndarray, " n"],
    upper: Float64[np.ndarray, " n"],
    lower_influence: Float64[np.ndarray, " n"],
    upper_influence: Float64[np.ndarray, " n"],
) -> tuple[float, float, float, float]:
    """Means and standard errors of the terms in nats, given each input's influence on others."""
    return (
        float(lower.mean()),
        float(upper.mean()),
        _standard_error(lower - lower_influence),
        _standard_error(upper - upper_influence),
    )


def _standard_error(influence: Float64[np.ndarray, " n"]) -> float:
    """Standard error of a mean, without overflow for extremely large terms."""
    scale = max(1.0, float(np.abs(influence).max()))
    return float(np.std(influence / scale, ddof=1)) * scale / float(np.sqrt(len(influence)))


@partial(jax.jit, static_argnames="rows")
def _terms(
    mean: Float[Array, "n k"], log_variance: Float[Array, "n k"], key: PRNGKeyArray, rows: int
) -> tuple[Float[Array, " n"], Float[Array, " n"], Float[Array, " n"], Float[Array, " n"]]:
    """Terms of the two bounds in nats, and each input's influence through the denominators."""
    n = mean.shape[0]
    log_variance = jnp.clip(log_variance, -_MAX_LOG_VARIANCE, _MAX_LOG_VARIANCE)
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    shift = noise * jnp.exp(0.5 * log_variance)
    precision = jnp.exp(-0.5 * log_variance)
    log_scale = -0.5 * log_variance.sum(axis=1)
    own = log_scale - 0.5 * jnp.sum(noise**2, axis=1)  # log p(u_i|x_i) but for a constant

    blocks = -(-n // rows)

    def in_blocks(values: Float[Array, " n *rest"]) -> Float[Array, "blocks rows *rest"]:
        # The last block is padded with zeros.
        padded = jnp.pad(values, [(0, blocks * rows - n)] + [(0, 0)] * (values.ndim - 1))
        return padded.reshape(blocks, rows, *values.shape[1:])

    def block(
        part: _Block,
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"], Float[Array, "2 n"]]:
        start, block_mean, block_shift, block_own = part

        def add_dimension(
            d: Shaped[Array, ""], total: Float[Array, "rows n"]
        ) -> Float[Array, "rows n"]:
            away = (block_mean[:, d, None] - mean[None, :, d]) + block_shift[:, d, None]
            scaled = jnp.clip(away * precision[None, :, d], -_MAX_DISTANCE, _MAX_DISTANCE)
            return total + scaled**2

        squared = jax.lax.fori_loop(0, mean.shape[1], add_dimension, jnp.zeros((rows, n)))
        index = start + jnp.arange(rows)
        itself = index[:, None] == jnp.arange(n)[None]
        log_density = jnp.where(itself, -jnp.inf, log_scale[None] - 0.5 * squared)
        top = log_density.max(axis=1, keepdims=True)
        weight = jnp.exp(log_density - top)
        total = weight.sum(axis=1)
        others = top[:, 0] + jnp.log(total)
        everyone = jnp.logaddexp(others, block_own)
        share = jnp.where(index < n, 1.0 / total, 0.0)
        own_share = jnp.exp(block_own - everyone)
        shares = jnp.stack([share * (1.0 - own_share), share])
        influence = jnp.matmul(shares, weight, precision="highest")
        return others, everyone, influence

    def step(
        influence: Float[Array, "2 n"], part: _Block
    ) -> tuple[Float[Array, "2 n"], tuple[Float[Array, " rows"], Float[Array, " rows"]]]:
        others, everyone, more = block(part)
        return influence + more, (others, everyone)

    parts = (jnp.arange(blocks) * rows, in_blocks(mean), in_blocks(shift), in_blocks(own))
    influence, (others, everyone) = jax.lax.scan(step, jnp.zeros((2, n)), parts)
    others, everyone = others.reshape(-1)[:n], everyone.reshape(-1)[:n]
    lower = own - everyone + jnp.log(float(n))
    upper = own - others + jnp.log(float(n - 1))
    return lower, upper, influence[0] + jnp.exp(own - everyone), influence[1]
