"""Losses of models on rows with a known Y, with one draw of the noise and averaged over draws."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.special import logsumexp

from distributed_ib._jax_threads import map_in_threads
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.scheme._noise import blocks, model_keys, row_keys, stacked

_SINGLE = 1 << 20  # number of the first pair of single draws; pairs of averages have smaller ones


class RowLosses(NamedTuple):
    """Losses of models on each of some rows, in nats.

    Attributes:
        kl: KL of each channel from the prior, `[model, n, component]`.
        single_draw: Loss with one draw of the noise, averaged over draws, `[model, n]`: that of a
            receiver of u, who has only the stated bits.
        averaged: Loss of the prediction that is averaged over draws, `[model, n]`. It is smaller,
            as if the channels could be used repeatedly. NaN if no draws were averaged.
        scores: The predictor's scores with one draw of the noise, each `[model, n]`.
    """

    kl: NDArray[np.float64]
    single_draw: NDArray[np.float64]
    averaged: NDArray[np.float64]
    scores: dict[str, NDArray[np.float64]]

    def part(self, model: int, places: NDArray[np.int64] | slice) -> "RowLosses":
        """The losses of one model on some of the rows, by index."""
        return RowLosses(*jax.tree.map(lambda leaf: leaf[model : model + 1, places], tuple(self)))

    @property
    def of_all(self) -> NDArray[np.float64]:
        """Loss of the prediction that is averaged over draws and models, `[n]`."""
        return loss_of_mixture(self.averaged)


def loss_of_mixture(losses_nats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loss `[n]` of the mean of predictions whose losses are `[model, n]`."""
    return np.asarray(np.log(len(losses_nats)) - logsumexp(-losses_nats, axis=0))


def row_losses(
    models: Sequence[Any], x: Any, y: Any, *, n_samples: int, n_single: int = 8, seed: int = 0
) -> RowLosses:
    """Losses of models on rows with a known Y.

    Averaged predictions use the noise of `mean_over_noise`, the same for all rows, so that they are
    those of `predict`. Single draws use separate noise for each row, whose errors average out over
    rows; the models share this noise, since drawing it takes longer than using it.

    Args:
        models: Models with an `encoder` and a `predictor` whose `loss_nats` is a negative log
            likelihood.
        x: Rows as the encoder takes them, a tree of arrays `[n, ...]`.
        y: Y as the predictor takes it, `[n, ...]`.
        n_samples: Draws of the noise over which predictions are averaged; 0 for single draws only.
        n_single: Draws over which the loss with a single draw is averaged, at most `n_samples`
            unless that is 0; two are enough for averages over many rows.
        seed: Seed of the noise.
    """
    params, static = stacked(models)
    key, keys = jax.random.key(seed), model_keys(seed, len(models))
    n_pairs = jnp.int32((n_samples + 1) // 2)
    n_own = jnp.int32((min(n_single, n_samples or n_single) + 1) // 2)
    compares = isinstance(static.predictor, ContrastivePredictor)

    def of_block(given: tuple[Any, int, int]) -> RowLosses:
        (x, y), n_rows, first_row = given
        found = _losses(params, static, x, y, np.int32(first_row), keys, key, n_pairs, n_own)
        kl, single, averaged, scores = jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float64)[:, :n_rows], found
        )
        return RowLosses(kl, single, averaged if n_samples else averaged + np.nan, scores)

    parts = map_in_threads(of_block, blocks((x, y), pads=not compares))
    return RowLosses(*jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=1), *parts))


@eqx.filter_jit
def _losses(
    params: Any,
    static: Any,
    x: Any,
    y: Any,
    first_row: Any,
    keys: Array,
    key_of_rows: Array,
    n_pairs: Any,
    n_own: Any,
) -> tuple[Array, Array, Array, dict[str, Array]]:
    """The fields of `RowLosses` for a block of rows. The number of draws is not compiled in."""
    compares = isinstance(static.predictor, ContrastivePredictor)

    def of_model(params: Any, key: Array) -> tuple[Any, ...]:
        model = eqx.combine(params, static)
        channel = model.encoder(x)
        shape, deviation = channel.mean.shape, jnp.exp(0.5 * channel.log_variance)

        def given(noise: Array) -> tuple[Array, dict[str, Array]]:
            u = (channel.mean + deviation * noise).reshape(shape[0], -1)
            outputs = model.predictor(u)
            return model.predictor.loss_nats(outputs, y), model.predictor.scores(outputs, y)

        def own_noise(key: Array, number: Array) -> Array:
            keys = row_keys(jax.random.fold_in(key, number), rows)
            return jax.vmap(lambda key: jax.random.normal(key, shape[1:]))(keys)

        def add_shared(number: Array, likelihood: Array) -> Array:
            # Rows that are compared with each other need separate noise: shared noise would make
            # the comparison too easy.
            if compares:
                noise = own_noise(key, number)
            else:
                noise = jax.random.normal(jax.random.fold_in(key, number), (1, *shape[1:]))
            for draw in (noise, -noise):
                likelihood = jnp.logaddexp(likelihood, -given(draw)[0])
            return likelihood

        def add_own(number: Array, totals: Any) -> Any:
            noise = own_noise(key_of_rows, _SINGLE + number)
            for draw in (noise, -noise):
                loss, scores = given(draw)
                totals = (
                    totals[0] + loss,
                    {name: total + scores[name] for name, total in totals[1].items()},
                )
            return totals

        rows = first_row + jnp.arange(shape[0])
        zeros = jnp.zeros(shape[0])
        names = jax.eval_shape(given, jnp.zeros(shape))[1]
        likelihood = jax.lax.fori_loop(0, n_pairs, add_shared, zeros - jnp.inf)
        single, scored = jax.lax.fori_loop(0, n_own, add_own, (zeros, dict.fromkeys(names, zeros)))
        # Without averages the value is 0 here, since NaN would trigger JAX's debugging checks.
        averaged = jnp.where(n_pairs > 0, jnp.log(2 * jnp.maximum(n_pairs, 1)) - likelihood, 0.0)
        scores = {name: total / (2 * n_own) for name, total in scored.items()}
        return channel.kl_nats(), single / (2 * n_own), averaged, scores

    found: tuple[Array, Array, Array, dict[str, Array]] = jax.vmap(of_model)(params, keys)
    return found
