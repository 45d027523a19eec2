"""Averages of predictions over the channels' noise.

`mean_over_noise` gives every row the same noise, so that the prediction of a row does not depend on
which other rows are predicted, or on their order. `mean_probabilities` and `summed_scores` can give
each row its own noise, whose errors average out over rows.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib._jax_threads import map_in_threads
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.tilted_predictor import TiltedPredictor

BLOCK_ROWS = 4096
# Results for this many rows fit in a processor's cache, which halves the time.
_CACHED_ROWS = 1024
_SMALLEST_BLOCK = 64
_FEW_CHANNELS = 1024
# A function of (predictor, outputs [n, ...], further arrays) returning what is averaged, [n, ...].
Reading = Callable[..., Array]


def mean_over_noise(
    models: Sequence[Any],
    x: Any,
    read: Reading,
    *extra: Any,
    n_samples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Values of `read` for the predictor's outputs, averaged over noise and models, `[n, ...]`.

    Averages of a `TiltedPredictor`, for which `read` must return probabilities, are `sharpened`.

    Args:
        models: Models of the same shape, which are averaged.
        x: Rows.
        read: A function of (predictor, outputs, *extra); each new function causes a compilation.
        extra: Further arrays for `read`.
        n_samples: Draws of the noise, rounded up to an even number: they come in pairs of opposite
            sign, whose errors cancel to first order.
        seed: Seed of the noise.
    """
    params, static = stacked(models)
    keys, n_pairs = model_keys(seed, len(models)), jnp.int32((n_samples + 1) // 2)

    def of_block(given: tuple[Any, int, int]) -> NDArray[np.float64]:
        block, n_rows, _ = given
        found = _mean(params, static, block, read, extra, keys, n_pairs)
        return np.asarray(found, np.float64)[:n_rows]

    averaged = np.concatenate(map_in_threads(of_block, blocks(x)))
    predictor = getattr(models[0], "predictor", None)
    return predictor.sharpened(averaged) if isinstance(predictor, TiltedPredictor) else averaged


def read_probabilities(predictor: Any, outputs: Array) -> Array:
    """Probabilities of Y, to be averaged by `mean_over_noise`."""
    return jnp.asarray(predictor.probabilities(outputs))


def probabilities_of_each(
    models: Sequence[Any], x: Any, *, n_samples: int, seed: int
) -> NDArray[np.float64]:
    """Probabilities of Y by each model, averaged over the noise, `[model, n, ...]`.

    Args:
        models: Models of the same shape, whose predictors have `probabilities`.
        x: Rows.
        n_samples: As in `mean_over_noise`.
        seed: Seed of the noise.
    """
    channels = [GaussianChannel(*leaves) for leaves in _channels(models, x)]
    return probabilities_given_channels(models, channels, n_samples=n_samples, seed=seed)


def _channels(models: Sequence[Any], x: Any) -> list[tuple[Any, Any]]:
    """Mean and log variance of the channels of each model."""
    params, static = stacked([model.encoder for model in models])

    def of_block(given: tuple[Any, int, int]) -> tuple[Any, Any]:
        block, n_rows, _ = given
        mean, log_variance = _encoded(params, static, block)
        return np.asarray(mean)[:, :n_rows], np.asarray(log_variance)[:, :n_rows]

    parts = map_in_threads(of_block, blocks(x))
    leaves = (np.concatenate(one, axis=1) for one in zip(*parts, strict=True))
    return list(zip(*leaves, strict=True))


@eqx.filter_jit
def _encoded(params: Any, static: Any, x: Any) -> tuple[Array, Array]:
    def of_model(params: Any) -> tuple[Array, Array]:
        channel = eqx.combine(params, static)(x)
        return channel.mean, jnp.broadcast_to(channel.log_variance, channel.mean.shape)

    found: tuple[Array, Array] = jax.vmap(of_model)(params)
    return found


def draw_with_noise(
    models: Sequence[Any], x: Any, draw: Reading, *extra: Any, n_samples: int, seed: int
) -> NDArray[Any]:
    """Draws from the predicted distribution, `[n_samples, n, ...]`, each with new noise.

    `draw` is a function of (predictor, outputs, *extra, key). The models are used in turn.
    """
    key = jax.random.key(seed)
    parts = []
    for number, (block, n_rows, _) in enumerate(blocks(x)):
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


def model_keys(seed: int, n_models: int) -> Array:
    """A key for each model, independent of the number of models."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(
        jax.random.key(seed), jnp.arange(n_models)
    )


def row_keys(key: Array, rows: Array) -> Array:
    """A key for each row by its number, independent of how rows are split into blocks."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, rows)


def pair_noise(n_models: int, shape: tuple[int, int], n_samples: int) -> NDArray[np.float32]:
    """The noise of `mean_over_noise` with seed 0, `[model, pair, component, embedding]`.

    Args:
        n_models: Number of models that it averages over.
        shape: Numbers of components and embedding dimensions.
        n_samples: As in `mean_over_noise`; every pair is used with both signs.
    """
    return np.asarray(_pair_noise(model_keys(0, n_models), shape, (n_samples + 1) // 2))


@partial(jax.jit, static_argnums=(1, 2))
def _pair_noise(keys: Array, shape: tuple[int, int], n_pairs: int) -> Array:
    def of(key: Array, number: Array) -> Array:
        return jax.random.normal(jax.random.fold_in(key, number), (1, *shape))[0]

    of_model = jax.vmap(of, in_axes=(None, 0))
    return jax.vmap(of_model, in_axes=(0, None))(keys, jnp.arange(n_pairs))


def stacked(models: Sequence[Any]) -> tuple[Any, Any]:
    """Trainable arrays of models of the same shape, each `[model, ...]`, and their static part."""
    parts = [eqx.partition(model, eqx.is_inexact_array) for model in models]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *(p for p, _ in parts)), parts[0][1]


def blocks(
    x: Any, *, pads: bool = True, least: int = _SMALLEST_BLOCK
) -> Iterator[tuple[Any, int, int]]:
    """Yield blocks of rows, the number of rows in each, and the index of its first row.

    Args:
        x: A tree of arrays `[n, ...]`.
        pads: Whether to pad blocks to a few different lengths; False if rows are compared with each
            other, in blocks as large as the device takes.
        least: Length of the shortest block.
    """
    n_all = len(jax.tree.leaves(x)[0])
    most = max(_CACHED_ROWS, least) if pads and jax.default_backend() == "cpu" else BLOCK_ROWS
    for start in range(0, n_all, most):
        n_rows = min(most, n_all - start)
        length = max(least, 1 << (n_rows - 1).bit_length()) if pads else n_rows

        def padded(leaf: Any, first: int = start, n: int = n_rows, to: int = length) -> Any:
            part = np.asarray(leaf[first : first + n])
            return np.pad(part, ((0, to - n), *((0, 0),) * (part.ndim - 1)))

        yield jax.tree.map(padded, x), n_rows, start


@eqx.filter_jit
def _mean(
    params: Any, static: Any, x: Any, read: Reading, extra: Any, keys: Array, n_pairs: Any
) -> Array:
    """Mean over models and pairs of draws of opposite sign, with the same noise in all rows."""

    def of_model(params: Any, key: Array) -> Array:
        model = eqx.combine(params, static)
        channel = model.encoder(x)
        shape, deviation = channel.mean.shape, jnp.exp(0.5 * channel.log_variance)

        def given(noise: Array) -> Array:
            u = (channel.mean + deviation * noise).reshape(shape[0], -1)
            return jnp.asarray(read(model.predictor, model.predictor(u), *extra))

        def add_pair(number: Array, total: Array) -> Array:
            noise = jax.random.normal(jax.random.fold_in(key, number), (1, *shape[1:]))
            return total + given(noise) + given(-noise)

        found = jax.eval_shape(given, jnp.zeros((1, *shape[1:])))
        zeros = jnp.zeros(found.shape, found.dtype)
        return jax.lax.fori_loop(0, n_pairs, add_pair, zeros) / (2 * n_pairs)

    return jax.vmap(of_model)(params, keys).mean(axis=0)


def probabilities_given_channels(
    models: Sequence[Any],
    channels: Sequence[GaussianChannel],
    *,
    n_samples: int,
    seed: int,
) -> NDArray[np.float64]:
    """Probabilities of Y given channels, averaged over the noise, `[model, n, ...]`.

    The channels of a row may come from different rows of data, for predictions in which only one
    component is changed.

    Args:
        models: Models of the same shape.
        channels: Channels of each model, `[n, component, embedding]`.
        n_samples: Draws of the noise, in pairs of opposite sign, shared by all rows.
        seed: Seed of the noise.
    """
    params, static = stacked(models)
    keys, n_pairs = model_keys(seed, len(models)), jnp.int32((n_samples + 1) // 2)
    channels_of_all = tuple(
        np.stack(leaves, axis=1)
        for leaves in zip(*((c.mean, c.log_variance) for c in channels), strict=True)
    )
    is_few = len(channels_of_all[0]) <= _FEW_CHANNELS
    least = _FEW_CHANNELS if is_few else BLOCK_ROWS  # so that only two lengths are compiled

    def of_block(given: tuple[Any, int, int]) -> NDArray[np.float64]:
        block, n_rows, _ = given
        return np.asarray(_given(params, static, block, keys, n_pairs), np.float64)[:, :n_rows]

    return np.concatenate(map_in_threads(of_block, blocks(channels_of_all, least=least)), axis=1)


@eqx.filter_jit
def _given(params: Any, static: Any, channels: Any, keys: Array, n_pairs: Any) -> Array:
    def of_model(params: Any, key: Array, mean: Array, log_variance: Array) -> Array:
        predictor = eqx.combine(params, static).predictor
        deviation = jnp.exp(0.5 * log_variance)

        def given(noise: Array) -> Array:
            u = (mean + deviation * noise).reshape(mean.shape[0], -1)
            return jnp.asarray(predictor.probabilities(predictor(u)))

        def add_pair(number: Array, total: Array) -> Array:
            noise = jax.random.normal(jax.random.fold_in(key, number), (1, *mean.shape[1:]))
            return total + given(noise) + given(-noise)

        shape = jax.eval_shape(given, jnp.zeros((1, *mean.shape[1:])))
        zeros = jnp.zeros(shape.shape, shape.dtype)
        return jax.lax.fori_loop(0, n_pairs, add_pair, zeros) / (2 * n_pairs)

    return jax.vmap(of_model, in_axes=(0, 0, 1, 1))(params, keys, *channels)


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
        keys: One for each draw; if there are none, there is no noise.
        first_row: Number of the first row, if each row has its own noise, independent of how rows
            are split into blocks; None if all rows share the noise.
        candidates: Further arguments of the predictor's `probabilities`.
    """
    channel = model.encoder(x)  # only once, since it is the same for every draw
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
        return jax.vmap(lambda one, key: one.sample(key=key))(channel, row_keys(key, rows))

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
