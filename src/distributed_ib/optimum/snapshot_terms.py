"""Both terms of the objective of every snapshot, for data whose complete table is known.

The records of a sweep are averages over training steps. Here, each number is that of one fixed
model over all possible rows of X, so that the terms of a snapshot are consistent.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike, NDArray

from distributed_ib._checks import whole_number
from distributed_ib._units import nats_to_bits
from distributed_ib.information.exact_channel import exact_information
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

FloatArray = NDArray[np.float64]

# A variance over pairs needs two of them; small tables are repeated up to this many rows per block.
_LEAST_PAIRS, _BLOCK_ROWS = 2, 1024


@dataclass(frozen=True)
class SnapshotTerms:
    """Both terms of the objective of every snapshot.

    Attributes:
        information_bits: Exact information I(U_i; X_i) that each channel transmits,
            `[seed, snapshot, component]`.
        predictive_bits: Information about Y of the snapshot's predictor, `[seed, snapshot]`.
        predictive_error_bits: Standard error of `predictive_bits`, `[seed, snapshot]`.
    """

    information_bits: FloatArray
    predictive_bits: FloatArray
    predictive_error_bits: FloatArray

    @property
    def total_bits(self) -> FloatArray:
        """What all channels transmit together, `[seed, snapshot]`."""
        return self.information_bits.sum(axis=2)


def snapshot_terms(
    scheme: ApproximationScheme, x: ArrayLike, y: ArrayLike, *, seed: int = 0
) -> SnapshotTerms:
    """Both terms of the objective of every snapshot, for binary components.

    Args:
        scheme: The scheme; its baseline is H(Y).
        x: The complete table of X, all rows equally likely, `[row, component]` of zeros and ones.
        y: Y of each row, `[row]`.
        seed: Seed of the noise.
    """
    predictive_bits, error_bits = snapshot_predictive_bits(scheme, x, y, seed=seed)
    return SnapshotTerms(snapshot_information_bits(scheme), predictive_bits, error_bits)


def snapshot_channels(
    scheme: ApproximationScheme, x: ArrayLike, *, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Means and log variances of rows `x` in every snapshot of a repeat.

    Returns:
        Two arrays `[snapshot, row, component, embedding]`.
    """
    mean, log_variance = _encode_all(
        _of_repeat(scheme, seed), scheme.snapshots.static, jnp.asarray(x)
    )
    return np.asarray(mean, np.float64), np.asarray(log_variance, np.float64)


def snapshot_information_bits(scheme: ApproximationScheme, n_values: int = 2) -> FloatArray:
    """Exact I(U_i; X_i) of every snapshot's channels, for equally likely values 0 .. n_values - 1.

    Returns:
        `[seed, snapshot, component]`.
    """
    values = np.tile(np.arange(n_values)[:, None], (1, len(scheme.components)))
    found = []
    for seed in range(scheme.n_seeds):
        mean, log_variance = snapshot_channels(scheme, values, seed=seed)
        exact = exact_information(mean.swapaxes(1, 2), log_variance.swapaxes(1, 2))
        found.append(exact.information_bits)
    return np.stack(found)


def snapshot_predictive_bits(
    scheme: ApproximationScheme,
    x: ArrayLike,
    y: ArrayLike,
    *,
    n_samples: int = 2**14,
    seed: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """Information about Y of every snapshot's predictor, over a complete table.

    It is H(Y) minus the predictor's error, averaged over all rows and, by Monte Carlo with
    antithetic pairs, over the channels' noise. All snapshots share the noise, so that curves along
    a sweep are smooth.

    Args:
        scheme: The scheme; its baseline is H(Y).
        x: The complete table of X, all rows equally likely, `[row, component, ...]`.
        y: Y of each row, `[row]`.
        n_samples: Total number of predictions over all rows; at least four per row are made. With
            the default, the error is a few thousandths of a bit for tables of a thousand rows, and
            about a hundredth for the smallest.
        seed: Seed of the noise.

    Returns:
        Information in bits and its standard error, each `[seed, snapshot]`. The information is
        negative if the predictor is worse than the marginal.
    """
    whole_number("n_samples", n_samples, 1)
    rows, labels = np.asarray(x), np.asarray(y)
    n_rows = len(rows)
    n_pairs = max(_LEAST_PAIRS, n_samples // (2 * n_rows))
    n_together = min(n_pairs, max(1, _BLOCK_ROWS // n_rows))
    n_blocks = -(-n_pairs // n_together)
    embedding_dim = eqx.combine(scheme.snapshots.params, scheme.snapshots.static).encoder.config()[
        "embedding_dim"
    ]
    noise = np.random.default_rng(seed).standard_normal(
        (n_blocks, n_together * n_rows, len(scheme.components), embedding_dim), np.float32
    )
    rows, labels = (np.concatenate([part] * n_together) for part in (rows, labels))
    bits, error = [], []
    for repeat in range(scheme.n_seeds):
        losses = _pair_losses(
            _of_repeat(scheme, repeat), scheme.snapshots.static, rows, labels, noise
        )
        by_row = nats_to_bits(np.asarray(losses, np.float64)).reshape(len(losses), -1, n_rows)
        bits.append(scheme.baseline_entropy_bits - by_row.mean(axis=(1, 2)))
        variance = by_row.var(axis=1, ddof=1).sum(axis=1) / by_row.shape[1]
        error.append(np.sqrt(variance) / n_rows)
    return np.stack(bits), np.stack(error)


def _of_repeat(scheme: ApproximationScheme, repeat: int) -> Any:
    """Trainable arrays of a repeat's models, `[snapshot, ...]`."""
    return jax.tree.map(lambda leaf: leaf[:, repeat], scheme.snapshots.params)


@eqx.filter_jit
def _encode_all(params: Any, static: Any, x: Array) -> tuple[Array, Array]:
    def one(leaves: Any) -> tuple[Array, Array]:
        channel: GaussianChannel = eqx.combine(leaves, static).encoder(x)
        return channel.mean, jnp.broadcast_to(channel.log_variance, channel.mean.shape)

    return jax.lax.map(one, params)


@eqx.filter_jit
def _pair_losses(params: Any, static: Any, x: Any, y: Any, noise: Any) -> Array:
    """Prediction error of every model in nats, averaged over antithetic pairs of noise.

    Args:
        params: Trainable arrays of the models, `[snapshot, ...]`.
        static: The model without them.
        x: Inputs, `[row, component, ...]`.
        y: Y of each row, `[row]`.
        noise: Standard normal noise, `[block, row, component, embedding]`.

    Returns:
        Losses `[snapshot, block, row]`.
    """

    def one(leaves: Any) -> Array:
        model = eqx.combine(leaves, static)
        channel = model.encoder(x)
        width = jnp.exp(0.5 * channel.log_variance)

        def loss(away: Array) -> Array:
            u = channel.mean + away
            return model.predictor.loss_nats(model.predictor(u.reshape(len(u), -1)), y)

        return jax.lax.map(lambda z: 0.5 * (loss(width * z) + loss(-width * z)), noise)

    return jax.lax.map(one, params)
