"""The one place where predictions are averaged over the channels' noise.

`mean_over_noise` and `draw_with_noise` give every row the same noise, so that a prediction is a
function of a row alone: it does not depend on which other rows are asked for, or on their order.
`mean_probabilities` and `summed_scores` can give each row noise of its own, whose errors average
out over rows.
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
from distributed_ib.model.channel import GaussianChannel

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


@eqx.filter_jit
def mean_probabilities(
    model: Any, x: Any, keys: Array, first_row: Any, *candidates: Array
) -> Array:
    """Probabilities of a block of rows, averaged over one draw of the noise per key.

    Args:
        model: The model.
        x: The rows.
        keys: One for each draw; without any there is no noise.
        first_row: Number of the first row, from which each row has noise of its own, wherever the
            blocks are cut; None if all rows share the noise.
        candidates: What the predictor's `probabilities` takes beside its outputs.
    """
    channel = model.encoder(x)  # once, since it is the same for every draw
    mean = channel.mean
    channel = GaussianChannel(mean, jnp.broadcast_to(channel.log_variance, mean.shape))

    def given(u: Array) -> Array:
        outputs = model.predictor(u.reshape(u.shape[0], -1))
        return model.predictor.probabilities(outputs, *candidates)

    def draw(key: Array) -> Array:
        if first_row is None:
            noise = jax.random.normal(key, (1, *mean.shape[1:]), mean.dtype)
            return mean + jnp.exp(0.5 * channel.log_variance) * noise
        rows = first_row + jnp.arange(mean.shape[0])
        of_rows = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, rows)
        return jax.vmap(lambda one, key: one.sample(key=key))(channel, of_rows)

    if keys.shape[0] == 0:
        return given(mean)
    shape = jax.eval_shape(given, mean)
    zeros = jnp.zeros(shape.shape, shape.dtype)
    total, _ = jax.lax.scan(lambda total, key: (total + given(draw(key)), None), zeros, keys)
    return total / keys.shape[0]


@eqx.filter_jit
def summed_scores(model: Any, x: Any, y: Any, first_row: Any, keys: Any, is_kept: Any) -> Any:
    """The predictor's scores on a block of rows, summed over rows and one draw per key."""
    channel = model.encoder(x)
    channel = GaussianChannel(
        channel.mean, jnp.broadcast_to(channel.log_variance, channel.mean.shape)
    )
    n_rows = channel.mean.shape[0]

    def one_row(key: Any, row: Any, one: GaussianChannel) -> Any:
        return one.sample(key=jax.random.fold_in(key, row))

    def one_draw(key: Any) -> Any:
        key_noise, key_order = jax.random.split(key)
        rows = first_row + jnp.arange(n_rows)
        u = jax.vmap(one_row, in_axes=(None, 0, 0))(key_noise, rows, channel)
        swapped = u[jax.random.permutation(key_order, n_rows)]
        u = jnp.where(is_kept[None, :, None], u, swapped)
        scores = model.predictor.scores(model.predictor(u.reshape(n_rows, -1)), y)
        return jax.tree.map(jnp.sum, scores)

    return jax.tree.map(jnp.sum, jax.lax.map(one_draw, keys))
