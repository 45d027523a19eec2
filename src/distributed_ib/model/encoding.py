"""Encoding of any number of inputs by a model's encoder, block by block."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from distributed_ib.data.distinct_values import lists_values
from distributed_ib.errors import UserError
from distributed_ib.model.channel import GaussianChannel

BLOCK_ROWS = 8192

Inputs = Any  # an array [n, component, ...], or a tree of arrays [n, ...]


def encode_inputs(model: Any, x: Inputs, n_components: int) -> GaussianChannel:
    """The channels p(u_i | x_i) of inputs, as NumPy arrays `[n, component, embedding]`.

    Args:
        model: A model with an `encoder`.
        x: Inputs, `[n, component, ...]`, or a tree of arrays `[n, ...]` if the encoder takes one,
            such as a `TableInput` or `DistinctRows`.
        n_components: Expected number of components.

    Raises:
        UserError: If `x` has no rows, the wrong number of components, or a value that is not
            finite.
    """
    parts = [_encode(model, block) for block in input_blocks(x, n_components)]
    mean, log_variance = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
    return GaussianChannel(mean, log_variance)  # type: ignore[arg-type]


def input_blocks(x: Inputs, n_components: int) -> Iterator[Any]:
    """Checked inputs in blocks of at most `BLOCK_ROWS` rows; see `encode_inputs`."""
    if lists_values(x):
        x = x.rows()
    if isinstance(x, tuple | dict):
        x = jax.tree.map(np.asarray, x)
        n_rows = len(jax.tree.leaves(x)[0])
    else:
        x = np.asarray(x)
        if x.ndim < 2 or len(x) == 0 or x.shape[1] != n_components:
            raise UserError(
                f"X must have shape [n, {n_components}, ...], one column or group of features for "
                f"each component, got {list(x.shape)}."
            )
        n_rows = len(x)
    if n_rows == 0:
        raise UserError("X has no rows.")
    for leaf in jax.tree.leaves(x):
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            row = int(np.argwhere(~np.isfinite(leaf))[0, 0])
            raise UserError(
                f"row {row} of X contains a value that is not finite; correct it or drop the row."
            )
    for start in range(0, n_rows, BLOCK_ROWS):
        yield jax.tree.map(lambda leaf, s=start: leaf[s : s + BLOCK_ROWS], x)


@eqx.filter_jit
def _encode(model: Any, x: Any) -> tuple[Any, Any]:
    channel = model.encoder(x)
    return channel.mean, jnp.broadcast_to(channel.log_variance, channel.mean.shape)
