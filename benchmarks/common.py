"""Shared parts of the benchmarks: a bare training loop, a matrix product, alternate timing."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from distributed_ib.training.schedule import BetaSchedule

PEAK_SIZE = 2048


def bare_scan(
    loss: Callable[[Any, Array, Array], tuple[Array, Any]],
    params: Any,
    sums: Any,
    schedule: BetaSchedule,
    learning_rate: float,
) -> Callable[[], Any]:
    """Adam written by hand as one scan, for a loss of (params, key, beta).

    Args:
        loss: Returns the loss and the measurements, which are added to `sums`.
        params: Initial parameters.
        sums: Zeros with the structure of the measurements.
        schedule: Schedule of beta.
        learning_rate: Learning rate of Adam.
    """
    slope = np.log(schedule.beta_end / schedule.beta_start) / schedule.n_steps

    def step(carry: Any, index: Array) -> tuple[Any, None]:
        params, first, second, sums = carry
        key = jax.random.fold_in(jax.random.key(1), index)
        beta = schedule.beta_start * jnp.exp(slope * index)
        gradient, measured = jax.grad(loss, has_aux=True)(params, key, beta)
        count = index + 1.0
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        params = jax.tree.map(
            lambda p, m, v: (
                p
                - learning_rate * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)
            ),
            params,
            first,
            second,
        )
        return (params, first, second, jax.tree.map(jnp.add, sums, measured)), None

    zeros = jax.tree.map(jnp.zeros_like, params)
    start = (params, zeros, zeros, sums)
    scan = jax.jit(lambda carry: jax.lax.scan(step, carry, jnp.arange(schedule.n_steps))[0])
    return lambda: jax.block_until_ready(scan(start))


def matmul_peak() -> Callable[[], Any]:
    """One product of two square matrices large enough to reach the machine's peak."""
    matrix = jnp.asarray(np.random.default_rng(0).random((PEAK_SIZE, PEAK_SIZE)), jnp.float32)
    product = jax.jit(lambda a: a @ a)
    return lambda: jax.block_until_ready(product(matrix))


def seconds_of(run: Callable[[], Any]) -> float:
    """Seconds that one run takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def seconds_per_step(run: Callable[[int], Any], short: int, long: int) -> float:
    """Seconds that a step of `run(n_steps)` takes, without the setup before the first step."""
    few, many = (seconds_of(lambda n=n: run(n)) for n in (short, long))  # type: ignore[misc]
    return (many - few) / (long - short)


def seconds_per_step_in_turns(
    runs: Mapping[str, Callable[[int], Any]], short: int, long: int, n_rounds: int
) -> dict[str, list[float]]:
    """Run each once to compile it, then all alternately, and return the seconds per step."""
    for run in runs.values():
        seconds_per_step(run, short, long)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(n_rounds):
        for name, run in runs.items():
            seconds[name].append(seconds_per_step(run, short, long))
    return seconds


def seconds_in_turns(
    contestants: Mapping[str, Callable[[], Any]], n_rounds: int
) -> dict[str, list[float]]:
    """Run each once to compile it, then all alternately, and return the seconds of each run."""
    for run in contestants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(n_rounds):
        for name, run in contestants.items():
            seconds[name].append(seconds_of(run))
    return seconds
