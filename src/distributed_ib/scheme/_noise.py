"""The one place where predictions are averaged over the channels' noise.

`mean_over_noise`, `row_losses` and `draw_with_noise` give every row the same noise, so that a
prediction is a function of a row alone: it does not depend on which other rows are asked for, or on
their order.
`mean_probabilities` and `summed_scores` can give each row noise of its own, whose errors average
out over rows.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.special import logsumexp

from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.contrastive_predictor import ContrastivePredictor

BLOCK_ROWS = 4096
_SMALLEST_BLOCK = 64
# From (predictor, outputs [n, ...], further arrays) to what is averaged, [n, ...].
Reading = Callable[..., Array]


def mean_over_noise(
    models: Sequence[Any],
    x: Any,
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
    keys = _keys(seed, len(models))
    parts = []
    for block, n_rows in _blocks(x):
        sums = [
            np.asarray(_mean(model, block, read, extra, key, n_samples))
            for model, key in zip(models, keys, strict=True)
        ]
        parts.append(np.asarray(np.mean(sums, axis=0, dtype=np.float64))[:n_rows])
    return np.concatenate(parts)


class RowLosses(NamedTuple):
    """What models lose on each of some rows, in nats.

    Attributes:
        kl: KL of each channel from the prior, `[model, n, component]`.
        single_draw: Loss with one draw of the noise, averaged over draws, `[model, n]`: what a
            receiver of u can do, and what the stated bits can tell.
        averaged: Loss of the prediction that is averaged over the draws, `[model, n]`. It is
            smaller, as if one could ask the channels often.
        scores: The predictor's scores with one draw of the noise, each `[model, n]`.
    """

    kl: NDArray[np.float64]
    single_draw: NDArray[np.float64]
    averaged: NDArray[np.float64]
    scores: dict[str, NDArray[np.float64]]

    @property
    def of_all(self) -> NDArray[np.float64]:
        """Loss of the prediction that is averaged over draws and models, `[n]`."""
        return np.asarray(np.log(len(self.averaged)) - logsumexp(-self.averaged, axis=0))


def row_losses(
    models: Sequence[Any], x: Any, y: Any, *, n_samples: int, seed: int = 0
) -> RowLosses:
    """Losses of rows whose Y is known, with the noise of `mean_over_noise`.

    Args:
        models: Models with an `encoder` and a `predictor` whose `loss_nats` is a negative log
            likelihood.
        x: Rows as the encoder takes them, a tree of arrays `[n, ...]`.
        y: Y as the predictor takes it, `[n, ...]`.
        n_samples: Draws of the noise.
        seed: Seed of the noise.
    """
    compares = isinstance(models[0].predictor, ContrastivePredictor)
    found = [
        jax.tree.map(
            lambda *leaves: np.concatenate(leaves),
            *(
                jax.tree.map(
                    lambda leaf, n=n_rows: np.asarray(leaf[:n], np.float64),
                    _losses(model, block[0], block[1], key, n_samples),
                )
                for block, n_rows in _blocks((x, y), pads=not compares)
            ),
        )
        for model, key in zip(models, _keys(seed, len(models)), strict=True)
    ]
    return RowLosses(*jax.tree.map(lambda *leaves: np.stack(leaves), *found))


def draw_with_noise(
    models: Sequence[Any], x: Any, draw: Reading, *extra: Any, n_samples: int, seed: int
) -> NDArray[Any]:
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


def _keys(seed: int, n_models: int) -> list[Array]:
    key = jax.random.key(seed)
    return [jax.random.fold_in(key, k) for k in range(n_models)]


def _blocks(x: Any, *, pads: bool = True) -> Iterator[tuple[Any, int]]:
    """Stretches of rows, padded to few different lengths, and their numbers of rows."""
    n_all = len(jax.tree.leaves(x)[0])
    for start in range(0, n_all, BLOCK_ROWS):
        n_rows = min(BLOCK_ROWS, n_all - start)
        length = max(_SMALLEST_BLOCK, 1 << (n_rows - 1).bit_length()) if pads else n_rows

        def padded(leaf: Any, first: int = start, n: int = n_rows, to: int = length) -> Any:
            part = np.asarray(leaf[first : first + n])
            return np.pad(part, ((0, to - n), *((0, 0),) * (part.ndim - 1)))

        yield jax.tree.map(padded, x), n_rows


def _opposite_pairs(key: Array, n_samples: int, shape: tuple[int, ...]) -> Array:
    """Draws of the noise for all rows together, `[n_samples, 1, ...]`, in pairs."""
    noise = jax.random.normal(key, ((n_samples + 1) // 2, 1, *shape[1:]))
    return jnp.concatenate([noise, -noise])[:n_samples]


@eqx.filter_jit
def _mean(model: Any, x: Any, read: Reading, extra: Any, key: Array, n_samples: int) -> Array:
    channel = model.encoder(x)
    deviation = jnp.exp(0.5 * channel.log_variance)
    noise = _opposite_pairs(key, n_samples, channel.mean.shape)

    def one_draw(total: Array, draw: Array) -> tuple[Array, None]:
        u = channel.mean + deviation * draw
        return total + read(model.predictor, model.predictor(u.reshape(len(u), -1)), *extra), None

    shape = jax.eval_shape(lambda: one_draw(jnp.zeros(()), noise[0])[0])
    total, _ = jax.lax.scan(one_draw, jnp.zeros(shape.shape, shape.dtype), noise)
    return total / n_samples


@eqx.filter_jit
def _losses(model: Any, x: Any, y: Any, key: Array, n_samples: int) -> tuple[Any, ...]:
    channel = model.encoder(x)
    shape, deviation = channel.mean.shape, jnp.exp(0.5 * channel.log_variance)
    if isinstance(model.predictor, ContrastivePredictor):
        # Rows are compared with each other, which noise that they share would make too easy.
        noise = jax.random.normal(key, (n_samples, *shape))
    else:
        noise = _opposite_pairs(key, n_samples, shape)

    def one_draw(totals: Any, draw: Array) -> tuple[Any, None]:
        outputs = model.predictor((channel.mean + deviation * draw).reshape(shape[0], -1))
        loss, scores = model.predictor.loss_nats(outputs, y), model.predictor.scores(outputs, y)
        single, likelihood, scored = totals
        return (
            single + loss,
            jnp.logaddexp(likelihood, -loss),
            {name: total + scores[name] for name, total in scored.items()},
        ), None

    zeros = jnp.zeros(shape[0])
    outputs = jax.eval_shape(model.predictor, jnp.zeros((shape[0], math.prod(shape[1:]))))
    names = jax.eval_shape(model.predictor.scores, outputs, y)
    first = (zeros, zeros - jnp.inf, dict.fromkeys(names, zeros))
    (single, likelihood, scored), _ = jax.lax.scan(one_draw, first, noise)
    averaged = jnp.log(n_samples) - likelihood
    scores = {name: total / n_samples for name, total in scored.items()}
    return channel.kl_nats(), single / n_samples, averaged, scores


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
