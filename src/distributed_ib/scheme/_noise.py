"""Predictions averaged over the channels' noise, the same noise for every row.

That way a prediction is a function of a row alone: it does not depend on which other rows are
asked for, or on their order.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib.data.table_input import TableInput

BLOCK_ROWS = 4096
_SMALLEST_BLOCK = 64
# From (predictor, outputs [n, ...], further arrays) to what is averaged, [n, ...].
Reading = Callable[..., Array]


def mean_over_noise(
    models: Sequence[Any],
    x: TableInput,
    read: Reading,
    *extra: Any,
    n_samples: int,
    seed: int,
) -> NDArray[np.float64]:
    """What `read` makes of the predictor's outputs, averaged over noise and models, `[n, ...]`.

    Args:
        models: Models of the same shape; the average runs over them too.
        x: Rows.
        read: A function of (predictor, outputs, *extra); defined once, for it is compiled in.
        extra: Further arrays for `read`.
        n_samples: Draws of the noise. They come in pairs of opposite sign, whose errors cancel to
            first order.
        seed: Seed of the noise.
    """
    key = jax.random.key(seed)
    parts = []
    for block, n_rows in _blocks(x):
        sums = [
            np.asarray(_mean(model, block, read, extra, jax.random.fold_in(key, k), n_samples))
            for k, model in enumerate(models)
        ]
        parts.append(np.asarray(np.mean(sums, axis=0, dtype=np.float64))[:n_rows])
    return np.concatenate(parts)


def draw_with_noise(
    models: Sequence[Any], x: TableInput, draw: Reading, *extra: Any, n_samples: int, seed: int
) -> NDArray[np.float32]:
    """Draws from the predicted distribution, `[n_samples, n, ...]`, with fresh noise for each.

    `draw` is a function of (predictor, outputs, *extra, key). The models take turns.
    """
    key = jax.random.key(seed)
    parts = []
    for number, (block, n_rows) in enumerate(_blocks(x)):
        draws = [
            np.asarray(_draw(models[k % len(models)], block, draw, extra, _fold(key, number, k)))[
                :n_rows
            ]
            for k in range(n_samples)
        ]
        parts.append(np.stack(draws))
    return np.concatenate(parts, axis=1)


def _fold(key: Array, *numbers: int) -> Array:
    for number in numbers:
        key = jax.random.fold_in(key, number)
    return key


def _blocks(x: TableInput) -> Iterator[tuple[TableInput, int]]:
    """Stretches of rows, padded to few different lengths, and their numbers of rows."""
    for start in range(0, x.n_rows, BLOCK_ROWS):
        block = x.take(slice(start, start + BLOCK_ROWS))
        n_rows = block.n_rows
        length = max(_SMALLEST_BLOCK, 1 << (n_rows - 1).bit_length())
        pad = ((0, length - n_rows), (0, 0))
        yield TableInput(*(np.pad(leaf, pad) for leaf in block)), n_rows


@eqx.filter_jit
def _mean(model: Any, x: Any, read: Reading, extra: Any, key: Array, n_samples: int) -> Array:
    channel = model.encoder(x)
    deviation = jnp.exp(0.5 * channel.log_variance)
    n_pairs = (n_samples + 1) // 2
    noise = jax.random.normal(key, (n_pairs, 1, *channel.mean.shape[1:]))

    def one_draw(total: Array, draw: Array) -> tuple[Array, None]:
        u = channel.mean + deviation * draw
        return total + read(model.predictor, model.predictor(u.reshape(len(u), -1)), *extra), None

    both = jnp.concatenate([noise, -noise])[:n_samples]
    shape = jax.eval_shape(lambda: one_draw(jnp.zeros(()), both[0])[0])
    total, _ = jax.lax.scan(one_draw, jnp.zeros(shape.shape, shape.dtype), both)
    return total / n_samples


@eqx.filter_jit
def _draw(model: Any, x: Any, draw: Reading, extra: Any, key: Array) -> Array:
    key_noise, key_draw = jax.random.split(key)
    u = model.encoder(x).sample(key=key_noise)
    return draw(model.predictor, model.predictor(u.reshape(len(u), -1)), *extra, key_draw)
