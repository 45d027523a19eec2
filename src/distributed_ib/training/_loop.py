"""The compiled inner loop: many training steps of all repeats in one call.

The loop is compiled once for a model, a batch source and a number of repeats. How many steps a
call makes, where beta stands and how fast Adam moves are arguments, so pre-training, annealing and
the last short stretch all run the same program, and so does the next sweep of the same shapes.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from distributed_ib.data.batches import BatchSource
from distributed_ib.training.schedule import traced_beta

# The direction of Adam's step; the learning rate is applied by hand to stay out of the compiled
# constants. Made once: a new one would be a new constant, and a new compilation.
_ADAM = optax.scale_by_adam()


class Sums(NamedTuple):
    """What was measured since the last record, summed over steps.

    Attributes:
        kl_nats: `[repeat, component]`.
        prediction_error_nats: `[repeat]`.
        scores: Each `[repeat]`.
    """

    kl_nats: Array
    prediction_error_nats: Array
    scores: dict[str, Array]


class LoopState(NamedTuple):
    """Everything that changes from step to step.

    Attributes:
        params: Trainable arrays of the model, each `[repeat, ...]`.
        optimizer: Adam's moments.
        step: Steps made so far, a scalar.
        sums: Measurements since the last record.
        finite: Whether the loss of each repeat was finite at the last step, `[repeat]`.
    """

    params: Any
    optimizer: Any
    step: Array
    sums: Sums
    finite: Array


class LoopSettings(NamedTuple):
    """What stays the same through a sweep, given to the loop as arrays.

    Attributes:
        keys: One random key for each repeat, `[repeat]`.
        schedule: From `BetaSchedule.as_array`.
        rates: From `rates_as_array`.
    """

    keys: Array
    schedule: Array
    rates: Array


def rates_as_array(first: float, last: float, n_falling: int) -> Array:
    """Adam's rate, which falls evenly in its logarithm over so many steps and then stays."""
    return jnp.array([math.log(first / last), last, max(n_falling, 1)], dtype=jnp.float32)


def _rate(rates: Array, step: Array) -> Array:
    fall, last, n_falling = rates
    return last * jnp.exp(fall * jnp.maximum(1 - step.astype(jnp.float32) / n_falling, 0.0))


def initial_state(params: Any, sums: Sums) -> LoopState:
    """The state before the first step."""
    n_repeats = sums.prediction_error_nats.shape[0]
    # JAX marks constants as "weakly" typed, the loop returns plain types, and a change of type
    # would be a second compilation.
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), params)
    return LoopState(
        params=params,
        optimizer=_ADAM.init(params),
        step=jnp.zeros((), jnp.int32),
        sums=sums,
        finite=jnp.ones(n_repeats, bool),
    )


@eqx.filter_jit
def run_steps(
    state: LoopState,
    static: Any,
    source: BatchSource,
    prepared: Any,
    first_step: Array | np.int32,
    last_step: Array | np.int32,
    settings: LoopSettings,
) -> LoopState:
    """Train until `last_step` steps are made, or a loss is not finite.

    Args:
        state: Where to go on from.
        static: The model without its arrays (from `equinox.partition`).
        source: Batch source.
        prepared: What `source.prepare(first_step, ...)` returned.
        first_step: Step to which the first of the prepared batches belongs.
        last_step: Steps to have made at the end.
        settings: Keys, schedule and learning rates.

    Returns:
        The new state. If a loss was not finite, `step` is one past the step where it happened.
    """

    def loss(params: Any, picked: Any, key: Array, beta: Array) -> tuple[Array, Any]:
        key_batch, key_noise = jax.random.split(key)
        batch = source.draw(picked, key_batch)
        terms = eqx.combine(params, static).terms(batch, key=key_noise)
        return beta * terms.kl_nats.sum() + terms.prediction_error_nats, terms

    gradient = _over_repeats(
        jax.value_and_grad(loss, has_aux=True),
        in_axes=(0, source.repeat_axis, 0, None),
        n_repeats=settings.keys.shape[0],
    )

    def unfinished(state: LoopState) -> Array:
        return (state.step < last_step) & jnp.all(state.finite)

    def step(state: LoopState) -> LoopState:
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(settings.keys, state.step)
        beta = traced_beta(settings.schedule, state.step)
        picked = source.pick(prepared, state.step - first_step)
        (value, terms), grads = gradient(state.params, picked, keys, beta)
        updates, optimizer = _ADAM.update(grads, state.optimizer)
        rate = _rate(settings.rates, state.step)
        params = jax.tree.map(lambda p, u: p - rate * u, state.params, updates)
        return LoopState(
            params=params,
            optimizer=optimizer,
            step=state.step + 1,
            sums=jax.tree.map(jnp.add, state.sums, Sums(*terms)),
            finite=jnp.isfinite(value),
        )

    return jax.lax.while_loop(unfinished, step, state)


def _over_repeats(
    function: Callable[..., Any], in_axes: tuple[int | None, ...], n_repeats: int
) -> Callable[..., Any]:
    """`jax.vmap`, but a single repeat runs as it is.

    A batched matrix product of one is 15 % slower than a plain one on the CPU.
    """
    if n_repeats > 1:
        return jax.vmap(function, in_axes=in_axes)

    def single(*arguments: Any) -> Any:
        first = [
            argument if axis is None else jax.tree.map(lambda leaf: leaf[0], argument)
            for argument, axis in zip(arguments, in_axes, strict=True)
        ]
        return jax.tree.map(lambda leaf: leaf[None], function(*first))

    return single


@eqx.filter_jit
def evaluate_batch(params: Any, static: Any, batch: Any, keys: Array) -> Any:
    """The terms of the objective of all repeats on the same batch, without training."""

    def terms(params: Any, key: Array) -> Any:
        return eqx.combine(params, static).terms(batch, key=key)

    return jax.vmap(terms)(params, keys)


def zero_sums(params: Any, static: Any, source: BatchSource, prepared: Any, keys: Array) -> Sums:
    """Sums of the right shapes, all zero, found without running the model."""

    def terms(params: Any, picked: Any, key: Array) -> Any:
        return eqx.combine(params, static).terms(source.draw(picked, key), key=key)

    def all_repeats(params: Any, prepared: Any, keys: Array) -> Any:
        picked = source.pick(prepared, jnp.zeros((), jnp.int32))
        return jax.vmap(terms, in_axes=(0, source.repeat_axis, 0))(params, picked, keys)

    shapes = eqx.filter_eval_shape(all_repeats, params, prepared, keys)
    return Sums(*jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))
