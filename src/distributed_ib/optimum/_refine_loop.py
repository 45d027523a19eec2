"""The compiled loop of `refine`: discrete channels and their predictor, learned from samples.

Given a predictor r(y|u), the channels that minimise the objective satisfy

    p(u_i|x_i)  ~  p(u_i) exp( E[ log r(y|u) | u_i, x_i ] / beta ),

which is the step of the exact solver. Here the expectation is estimated from rows of data: for
each component, the predictor is evaluated for every symbol of that component, with the symbols of
the other components drawn from their channels. The channels move by a small fraction at every
step, while the predictor learns from the same rows by cross-entropy, each symbol weighted by its
probability. Unlike with gradients of channel parameters, an open channel closes as easily as a
half-open one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import ArrayLike, NDArray

from distributed_ib._jax_threads import map_in_threads
from distributed_ib.optimum._discrete_channels import DiscreteChannels

_ADAM = optax.scale_by_adam()


class RefineState(NamedTuple):
    """The training state of one candidate.

    Attributes:
        channels: The channels.
        params: Trainable arrays of the predictor.
        optimizer: Adam's moments.
        gain: Decaying sums of log r(y|u), `[component, value, symbol]`.
        seen: Decaying numbers of rows in those sums, `[component, value]`.
    """

    channels: DiscreteChannels
    params: Any
    optimizer: Any
    gain: Array
    seen: Array


class Rates(NamedTuple):
    """Rates of training, as arrays, so that a change of value causes no compilation.

    Attributes:
        learning_rate: Adam's learning rate at the first step.
        channel_rate: Fraction by which channels move at the first step; 0 keeps them fixed.
        memory: Factor by which the sums `gain` and `seen` decay at each step.
        n_steps: Total number of steps, over which both rates fall to a twentieth along a cosine.
    """

    learning_rate: Array
    channel_rate: Array
    memory: Array
    n_steps: Array


class Samples(NamedTuple):
    """The data.

    Attributes:
        x: Indices of values, `[n, component]`.
        y: Targets of the predictor, `[n, ..]`.
        value_probabilities: Probability of each value, `[component, value]`.
    """

    x: Array
    y: Array
    value_probabilities: Array


def start_state(channels: Array, predictor: Any) -> RefineState:
    """A candidate before its first step, from probabilities `[component, value, symbol]`."""
    params = eqx.filter(predictor, eqx.is_inexact_array)
    tables = DiscreteChannels(jnp.zeros_like(channels)).moved_towards(jnp.log(channels), 1.0)
    return RefineState(
        tables, params, _ADAM.init(params), jnp.zeros_like(channels), jnp.zeros(channels.shape[:2])
    )


def train(
    states: RefineState,
    static: Any,
    samples: Samples,
    beta: ArrayLike,
    key: Array,
    rates: Rates,
    *,
    rows_per_component: int,
    side_by_side: bool | None = None,
) -> RefineState:
    """Train candidates `[candidate, ..]`, each at its own beta, for `rates.n_steps` steps.

    Args:
        states: Initial states.
        static: The predictor without its arrays.
        samples: The data.
        beta: Bottleneck strengths, `[candidate]`.
        key: Random key; each candidate has its own stream.
        rates: Rates of training.
        rows_per_component: Rows of data per step, for each component.
        side_by_side: Whether all candidates are trained in one batch. By default they are on an
            accelerator; on a CPU, where products of many small matrices are slow, each core trains
            one at a time.
    """
    strength = np.asarray(beta, np.float32)
    numbers = np.arange(len(strength), dtype=np.int32)
    if side_by_side is None:
        side_by_side = jax.default_backend() != "cpu"
    if side_by_side:
        return _train_together(
            states,
            static,
            samples,
            jnp.asarray(strength),
            jnp.asarray(numbers),
            key,
            rates,
            rows_per_component,
        )
    return _each(
        lambda state, strength, number: _train_one(
            state, static, samples, strength, number, key, rates, rows_per_component
        ),
        (states, strength, numbers),
    )


def mean_error_nats(
    states: RefineState, static: Any, x: Array, y: Array, key: Array, n_draws: int
) -> NDArray[np.float64]:
    """Prediction error of each candidate, averaged over rows `x`, `y` and draws of symbols."""
    draws = jnp.int32(n_draws)
    error = _each(lambda state: _error_of_one(state, static, x, y, key, draws), (states,))
    return np.asarray(error, np.float64)


def _each(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Apply a compiled function to each entry of the leading axis, a few at a time."""
    leaves, tree = jax.tree.flatten(jax.tree.map(np.asarray, arguments))  # cheap to slice
    rows = [jax.tree.unflatten(tree, row) for row in zip(*leaves, strict=True)]
    done = map_in_threads(lambda row: jax.block_until_ready(function(*row)), rows)
    return jax.tree.map(lambda *parts: np.stack(parts), *done)


@eqx.filter_jit
def _train_one(
    state: RefineState,
    static: Any,
    samples: Samples,
    beta: Array,
    number: Array,
    key: Array,
    rates: Rates,
    rows_per_component: int,
) -> RefineState:
    own_key = jax.random.fold_in(key, number)

    def step(number: Array, state: RefineState) -> RefineState:
        here = jax.random.fold_in(own_key, number)
        return _step(state, static, samples, beta, here, rates, number, rows_per_component)

    return jax.lax.fori_loop(0, rates.n_steps, step, state)


@eqx.filter_jit
def _train_together(
    states: RefineState,
    static: Any,
    samples: Samples,
    beta: Array,
    numbers: Array,
    key: Array,
    rates: Rates,
    rows_per_component: int,
) -> RefineState:
    def one(state: RefineState, strength: Array, number: Array) -> RefineState:
        return _train_one(state, static, samples, strength, number, key, rates, rows_per_component)

    return jax.vmap(one)(states, beta, numbers)


@eqx.filter_jit
def _error_of_one(
    state: RefineState, static: Any, x: Array, y: Array, key: Array, n_draws: Array
) -> Array:
    predictor = eqx.combine(state.params, static)
    n_symbols = state.channels.log_probabilities.shape[-1]

    def draw(number: Array, total: Array) -> Array:
        chance = jax.random.uniform(jax.random.fold_in(key, number), x.shape)
        u = jax.nn.one_hot(state.channels.pick(x, chance), n_symbols)
        return total + predictor.loss_nats(predictor(u.reshape(u.shape[0], -1)), y).mean()

    return jax.lax.fori_loop(0, n_draws, draw, jnp.zeros(())) / n_draws


def _step(
    state: RefineState,
    static: Any,
    samples: Samples,
    beta: Array,
    key: Array,
    rates: Rates,
    number: Array,
    rows_per_component: int,
) -> RefineState:
    fade = 0.05 + 0.475 * (1.0 + jnp.cos(jnp.pi * number / rates.n_steps))
    u, weight, value, y = _draw(state.channels, samples, key, rows_per_component)

    def loss(params: Any) -> tuple[Array, Array]:
        predictor = eqx.combine(params, static)
        error = predictor.loss_nats(predictor(u), y).reshape(weight.shape)
        return jnp.sum(weight * error, axis=-1).mean(), error

    (_, error), grads = jax.value_and_grad(loss, has_aux=True)(state.params)
    updates, optimizer = _ADAM.update(grads, state.optimizer)
    rate = fade * rates.learning_rate
    params = jax.tree.map(lambda p, move: p - rate * move, state.params, updates)

    here = jax.nn.one_hot(value, weight.shape[-1])  # [component, row, value]
    gain = rates.memory * state.gain - jnp.einsum("crv,crs->cvs", here, error, precision="highest")
    seen = rates.memory * state.seen + here.sum(axis=1)
    expected = gain / jnp.maximum(seen, 1e-6)[..., None]
    used = state.channels.symbol_log_probabilities(samples.value_probabilities)
    target = used[:, None, :] + expected / beta
    channels = state.channels.moved_towards(target, fade * rates.channel_rate)
    return RefineState(channels, params, optimizer, gain, seen)


def _draw(
    channels: DiscreteChannels, samples: Samples, key: Array, rows_per_component: int
) -> tuple[Array, Array, Array, Array]:
    """Inputs of the predictor for random rows, each with every symbol of its own component.

    Returns:
        One-hot symbols `[component x row x symbol, component x symbol]`; the probability of each
        symbol `[component, row, symbol]`; the row's value of its component `[component, row]`; and
        y `[component x row x symbol, ..]`.
    """
    m, _, n_symbols = channels.log_probabilities.shape
    # One call for all random numbers, because each call costs a second of compilation.
    chance = jax.random.uniform(key, (m, rows_per_component, 1 + m))
    rows = (chance[..., 0] * samples.x.shape[0]).astype(jnp.int32)
    x = samples.x[rows]  # [component, row, component]
    said = jax.nn.one_hot(channels.pick(x, chance[..., 1:]), n_symbols)
    own = jnp.eye(m, dtype=bool)[:, None, None, :, None]
    every = jnp.eye(n_symbols)[None, None, :, None, :]
    u = jnp.where(own, every, said[:, :, None])  # [component, row, symbol, component, symbol]
    value = jnp.diagonal(x, axis1=0, axis2=2).T
    weight = jnp.take_along_axis(channels.probabilities(), value[..., None], axis=1)
    y = jnp.repeat(samples.y[rows].reshape(-1, *samples.y.shape[1:]), n_symbols, axis=0)
    return u.reshape(-1, m * n_symbols), weight, value, y
