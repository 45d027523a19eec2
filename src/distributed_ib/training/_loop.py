"""The compiled inner loop: many training steps of all or some repeats in one call.

The loop is compiled once for a model, a batch source and a number of repeats. The number of steps,
the schedule of beta and the learning rates are arguments, so that pre-training, annealing, the last
short stretch and the next sweep of the same shapes all run the same program.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Bool, Float, Int32, Key, PRNGKeyArray, PyTree

from distributed_ib.data.batches import Batch, BatchSource, Prepared, in_program, shared_length
from distributed_ib.model.bottleneck import Terms
from distributed_ib.training.devices import Layout
from distributed_ib.training.schedule import BetaSchedule, traced_beta

# The direction of Adam's step; the learning rate is applied separately, so that it is not a
# compiled constant. Made once: a new one would be a new constant and cause a new compilation.
_ADAM = optax.scale_by_adam()
# One program that makes all zeros; otherwise each shape would be compiled separately.
_no_moments = jax.jit(_ADAM.init)

Params: TypeAlias = PyTree[Float[Array | np.ndarray, "repeat ..."]]
"""The trainable arrays of a model, stacked over repeats."""

OneRepeat: TypeAlias = PyTree[Float[Array, "..."]]
"""The trainable arrays of one repeat."""

Static: TypeAlias = PyTree
"""A model without its trainable arrays, from `equinox.partition`."""


Hashed: TypeAlias = tuple[tuple[Any, ...], Any]
"""Leaves and structure of a tree without arrays."""


class Sums(NamedTuple):
    """Measurements since the last record, summed over steps (or means, where a docstring says so).

    Attributes:
        kl_nats: KL divergence of each channel from the prior, `[repeat, component]`.
        prediction_error_nats: Loss of the prediction of Y, `[repeat]`.
        scores: Further measures such as `accuracy`, each `[repeat]`.
    """

    kl_nats: Float[Array | np.ndarray, "repeat component"]
    prediction_error_nats: Float[Array | np.ndarray, " repeat"]
    scores: dict[str, Float[Array | np.ndarray, " repeat"]]


class LoopState(NamedTuple):
    """Everything that changes from step to step.

    Attributes:
        params: Trainable arrays of the model, each `[repeat, ...]`.
        average: Their moving average; None if there is none.
        optimizer: Adam's moments.
        step: Steps made so far, a scalar.
        sums: Measurements since the last record.
        finite: Whether the loss of each repeat was finite at the last step, `[repeat]`.
    """

    params: Params
    average: Params | None
    optimizer: optax.OptState
    step: Int32[Array, ""]
    sums: Sums
    finite: Bool[Array, " repeat"]

    @property
    def kept(self) -> Params:
        """Arrays of the models that are kept and measured: the average, if there is one."""
        return self.params if self.average is None else self.average


class LoopSettings(NamedTuple):
    """Settings that are constant through a sweep, as arrays.

    Attributes:
        keys: One random key for each repeat, `[repeat]`.
        schedules: From `BetaSchedule.as_array`, one for each repeat.
        rates: From `rates_as_array`.
        weight_decay: Share of a weight that a step with a learning rate of 1 takes away; None for
            no weight decay.
        averaging: Share of the moving average that each step replaces; None for no average.
    """

    keys: Key[Array, " repeat"]
    schedules: Float[Array, "repeat 4"]
    rates: Float[Array, "5"]
    weight_decay: Float[Array, ""] | None
    averaging: Float[Array, ""] | None


def rates_as_array(
    first: float, usual: float, last: float, schedule: BetaSchedule
) -> Float[Array, "5"]:
    """Adam's learning rate as an array for the compiled loop; it moves evenly in its logarithm.

    Args:
        first: Rate at the first step, from which it moves to `usual` during pre-training.
        usual: Rate when beta begins to move, from which it moves to `last`.
        last: Rate at the last step.
        schedule: The schedule, for the numbers of steps.
    """
    return jnp.array(
        [
            math.log(first / usual),
            usual,
            max(schedule.n_pretraining_steps, 1),
            math.log(last / usual),
            schedule.n_steps,
        ],
        dtype=jnp.float32,
    )


def _rate(rates: Float[Array, "5"], step: Int32[Array, ""]) -> Float[Array, ""]:
    above, usual, n_before, change, n_after = rates
    moved = step.astype(jnp.float32)
    before = above * jnp.maximum(1 - moved / n_before, 0.0)
    after = change * jnp.clip((moved - n_before) / n_after, 0.0, 1.0)
    return usual * jnp.exp(before + after)


def _decayed(params: Params, share: Float[Array, ""]) -> Params:
    """Decrease of each array by weight decay: zero for vectors and biases."""

    def taken(path: tuple[Any, ...], leaf: Array) -> Array:
        is_bias = any("bias" in str(part) for part in path)
        return jnp.zeros_like(leaf) if leaf.ndim < 3 or is_bias else share * leaf

    return jax.tree_util.tree_map_with_path(taken, params)


def _averaged(
    average: Params | None, params: Params, settings: LoopSettings, step: Int32[Array, ""]
) -> Params | None:
    """The moving average after a step; the mean of all steps as long as these are few.

    Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging".
    """
    if settings.averaging is None:
        return None
    share = jnp.maximum(settings.averaging, 1 / (step.astype(jnp.float32) + 1))
    return jax.tree.map(lambda mean, new: mean + share * (new - mean), average, params)


def initial_state(params: Params, sums: Sums, *, averages: bool = False) -> LoopState:
    """The state before the first step.

    Args:
        params: The arrays to train.
        sums: Zeros of the right shapes.
        averages: Whether there is a moving average.
    """
    n_repeats = sums.prediction_error_nats.shape[0]
    # JAX marks constants as weakly typed, but the loop returns plain types; a change of type would
    # cause a second compilation.
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, leaf.dtype), params)
    return LoopState(
        params=params,
        average=params if averages else None,
        optimizer=_no_moments(params),
        step=jnp.zeros((), jnp.int32),
        sums=sums,
        finite=jnp.ones(n_repeats, bool),
    )


def run_steps(
    state: LoopState,
    static: Static,
    source: BatchSource,
    prepared: Prepared,
    first_step: Int32[Array | np.ndarray, ""],
    last_step: Int32[Array | np.ndarray, ""],
    settings: LoopSettings,
    layout: Layout | None = None,
    members: Int32[np.ndarray, " repeat"] | None = None,
) -> LoopState:
    """Train until `last_step` steps are made or a loss is not finite.

    Args:
        state: State to continue from.
        static: The model without its arrays (from `equinox.partition`).
        source: Batch source.
        prepared: Result of `source.prepare(first_step, ...)`.
        first_step: Step to which the first of the prepared batches belongs.
        last_step: Total number of steps at the end.
        settings: Keys, schedules and learning rates.
        layout: How the rows of batches are divided among devices; None for a single device.
        members: The repeats of `state` and `settings`; None for all repeats of `prepared`.

    Returns:
        The new state. If a loss was not finite, `step` is one past the step where it happened.
    """
    arrays, others = split_arrays((static, in_program(source)))
    return compiled_steps(
        state, arrays, prepared, first_step, last_step, settings, others, layout, members
    )


def split_arrays(tree: PyTree) -> tuple[PyTree, Hashed]:
    """The arrays of a tree, and everything else in a form that can be compared."""
    arrays, others = eqx.partition(tree, eqx.is_array)
    leaves, structure = jax.tree.flatten(others)
    return arrays, (tuple(leaves), structure)


# Not `equinox.filter_jit`, which waits for the result.
@partial(jax.jit, static_argnums=(6, 7))
def compiled_steps(
    state: LoopState,
    arrays: PyTree,
    prepared: Prepared,
    first_step: Int32[Array, ""],
    last_step: Int32[Array, ""],
    settings: LoopSettings,
    others: Hashed,
    layout: Layout | None,
    members: Int32[Array, " repeat"] | None = None,
) -> LoopState:
    """The program of `run_steps`; `arrays` and `others` are the split model and source."""
    leaves, structure = others
    static, source = eqx.combine(arrays, jax.tree.unflatten(structure, leaves))

    def loss(
        params: OneRepeat, picked: Prepared, key: PRNGKeyArray, beta: Float[Array, ""]
    ) -> tuple[Float[Array, ""], Terms]:
        key_batch, key_noise = jax.random.split(key)
        batch = source.draw(picked, key_batch)
        batch = batch if layout is None else layout.rows_divided(batch)
        terms: Terms = eqx.combine(params, static).terms(batch, key=key_noise)
        return beta * terms.kl_nats.sum() + terms.prediction_error_nats, terms

    gradient = _over_repeats(
        jax.value_and_grad(loss, has_aux=True),
        in_axes=(0, source.repeat_axis, 0, 0),
        n_repeats=settings.keys.shape[0],
    )

    def unfinished(state: LoopState) -> Bool[Array, ""]:
        return (state.step < last_step) & jnp.all(state.finite)

    def step(state: LoopState) -> LoopState:
        keys = jax.vmap(jax.random.fold_in, in_axes=(0, None))(settings.keys, state.step)
        beta = traced_beta(settings.schedules, state.step)
        picked = source.pick(prepared, state.step - first_step)
        if members is not None:
            picked = _of_repeats(picked, source.repeat_axis, members)
        (value, terms), grads = gradient(state.params, picked, keys, beta)
        updates, optimizer = _ADAM.update(grads, state.optimizer)
        rate = _rate(settings.rates, state.step)
        if settings.weight_decay is not None:
            decayed = _decayed(state.params, settings.weight_decay)
            updates = jax.tree.map(jnp.add, updates, decayed)
        params = jax.tree.map(lambda p, u: p - rate * u, state.params, updates)
        state = LoopState(
            params=params,
            average=_averaged(state.average, params, settings, state.step),
            optimizer=optimizer,
            step=state.step + 1,
            sums=jax.tree.map(jnp.add, state.sums, Sums(*terms)),
            finite=jnp.isfinite(value),
        )
        return state if layout is None else layout.on_all(state)

    return jax.lax.while_loop(unfinished, step, state)


def _over_repeats(
    function: Callable[..., Any], in_axes: tuple[Any, ...], n_repeats: int
) -> Callable[..., Any]:
    """`jax.vmap`, except that a single repeat is not batched.

    A batched product of one matrix is 15 % slower than a plain product on the CPU.
    """
    if n_repeats > 1:
        return jax.vmap(function, in_axes=in_axes)

    def single(*arguments: Any) -> Any:
        first = [_of_repeats(*pair, 0) for pair in zip(arguments, in_axes, strict=True)]
        return jax.tree.map(lambda leaf: leaf[None], function(*first))

    return single


def _of_repeats(argument: Any, axis: Any, which: int | Int32[Array, " repeat"]) -> Any:
    """The argument of one or some of the repeats; unchanged if all repeats share it."""
    if isinstance(axis, tuple):
        return tuple(_of_repeats(*pair, which) for pair in zip(argument, axis, strict=True))
    return argument if axis is None else jax.tree.map(lambda leaf: leaf[which], argument)


@eqx.filter_jit
def evaluate_batch(
    params: Params, static: Static, batch: Batch, keys: Key[Array, " repeat"]
) -> Terms:
    """The terms of the objective on the same batch for all repeats, each `[repeat, ...]`."""

    def terms(params: OneRepeat, key: PRNGKeyArray) -> Terms:
        return eqx.combine(params, static).terms(batch, key=key)

    return jax.vmap(terms)(params, keys)


def rows_of_batch(source: BatchSource, prepared: Prepared, keys: Key[Array, " repeat"]) -> int:
    """Number of rows in a batch, found without making one."""

    def first(prepared: Prepared, keys: Key[Array, " repeat"]) -> Batch:
        picked = source.pick(prepared, jnp.zeros((), jnp.int32))
        return source.draw(_of_repeats(picked, source.repeat_axis, 0), keys[0])

    return shared_length(eqx.filter_eval_shape(first, prepared, keys), "a batch")


def zero_sums(
    params: Params,
    static: Static,
    source: BatchSource,
    prepared: Prepared,
    keys: Key[Array, " repeat"],
) -> Sums:
    """Sums of the right shapes, all zero, made without running the model."""

    def terms(params: OneRepeat, picked: Prepared, key: PRNGKeyArray) -> Terms:
        return eqx.combine(params, static).terms(source.draw(picked, key), key=key)

    def all_repeats(params: Params, prepared: Prepared, keys: Key[Array, " repeat"]) -> Terms:
        picked = source.pick(prepared, jnp.zeros((), jnp.int32))
        return jax.vmap(terms, in_axes=(0, source.repeat_axis, 0))(params, picked, keys)

    shapes = eqx.filter_eval_shape(all_repeats, params, prepared, keys)
    return Sums(*jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))
