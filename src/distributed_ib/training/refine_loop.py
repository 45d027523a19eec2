"""The compiled loop of `refine`: discrete channels and their predictor, learned from samples.

Given a predictor r(y|u), the channels that minimise the objective obey

    p(u_i|x_i)  ~  p(u_i) exp( E[ log r(y|u) | u_i, x_i ] / beta ),

the step of the exact solver. Here the expectation is estimated from rows of data: each row takes
one component in turn, says every symbol of it once with the symbols of the others drawn from their
channels, and asks the predictor each time. The channels go a small part of the way at every step,
while the predictor learns from the same rows by cross entropy, each symbol weighted by its
probability. Unlike with gradients of channel parameters, an open channel closes as easily as a
half-open one.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from distributed_ib.model.discrete_channels import DiscreteChannels

_ADAM = optax.scale_by_adam()


class RefineState(NamedTuple):
    """One candidate on its way.

    Attributes:
        channels: The channels.
        params: Trainable arrays of the predictor.
        optimizer: Adam's moments.
        gain: Fading sums of log r(y|u) for each value and symbol, `[component, value, symbol]`.
        seen: Fading numbers of rows in those sums, `[component, value]`.
    """

    channels: DiscreteChannels
    params: Any
    optimizer: Any
    gain: Array
    seen: Array


class Rates(NamedTuple):
    """How fast things move, as arrays, so that no value of them is compiled in.

    Attributes:
        learning_rate: Adam's at the first step.
        channel_rate: The part of the way that channels go at the first step; 0 holds them.
        memory: What is left of the sums `gain` and `seen` after a step.
        n_steps: Steps in all; both rates fall to a twentieth over them, as a cosine.
    """

    learning_rate: Array
    channel_rate: Array
    memory: Array
    n_steps: Array


class Samples(NamedTuple):
    """The data.

    Attributes:
        x: Numbers of values, `[n, component]`.
        y: What the predictor is to predict, `[n, ..]`.
        value_probabilities: How often each value occurs, `[component, value]`.
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


@eqx.filter_jit
def train(
    states: RefineState,
    static: Any,
    samples: Samples,
    beta: Array,
    keys: Array,
    rates: Rates,
    rows_per_component: int,
    at_once: int | None,
) -> RefineState:
    """Train candidates `[candidate, ..]`, each at its own beta, for `rates.n_steps` steps.

    Small matrix products of many models side by side are slow on a CPU, so that there the models
    are trained one after the other inside the program; `at_once` says how many side by side.
    """

    def one(candidate: tuple[RefineState, Array, Array]) -> RefineState:
        state, strength, key = candidate

        def step(number: Array, state: RefineState) -> RefineState:
            return _step(
                state,
                static,
                samples,
                strength,
                jax.random.fold_in(key, number),
                rates,
                number,
                rows_per_component,
            )

        return jax.lax.fori_loop(0, rates.n_steps, step, state)

    return jax.lax.map(one, (states, beta, keys), batch_size=at_once)


@eqx.filter_jit
def mean_error_nats(
    states: RefineState, static: Any, x: Array, y: Array, key: Array, n_draws: int
) -> Array:
    """Prediction error of each candidate on rows `x`, `y`, a mean over rows and draws."""

    def one(state: RefineState) -> Array:
        predictor = eqx.combine(state.params, static)
        n_symbols = state.channels.log_probabilities.shape[-1]

        def draw(total: Array, key: Array) -> tuple[Array, None]:
            u = jax.nn.one_hot(state.channels.pick(x, jax.random.uniform(key, x.shape)), n_symbols)
            loss = predictor.loss_nats(predictor(u.reshape(u.shape[0], -1)), y)
            return total + loss.mean(), None

        total, _ = jax.lax.scan(draw, jnp.zeros(()), jax.random.split(key, n_draws))
        return total / n_draws

    return jax.lax.map(one, states)


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
    gain = rates.memory * state.gain - jnp.einsum("crv,crs->cvs", here, error)
    seen = rates.memory * state.seen + here.sum(axis=1)
    expected = gain / jnp.maximum(seen, 1e-6)[..., None]
    used = state.channels.symbol_log_probabilities(samples.value_probabilities)
    target = used[:, None, :] + expected / beta
    channels = state.channels.moved_towards(target, fade * rates.channel_rate)
    return RefineState(channels, params, optimizer, gain, seen)


def _draw(
    channels: DiscreteChannels, samples: Samples, key: Array, rows_per_component: int
) -> tuple[Array, Array, Array, Array]:
    """Rows of data as the predictor sees them, each with every symbol of its own component.

    Returns:
        One-hot symbols `[component x row x symbol, component x symbol]`; the probability of each
        symbol `[component, row, symbol]`; the row's value of its component `[component, row]`; and
        y `[component x row x symbol, ..]`.
    """
    m, _, n_symbols = channels.log_probabilities.shape
    # One call for all random numbers: each costs a second of compilation.
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
