"""Speed of the paper's Boolean model: through the package, bare, and as a share of the peak.

The bare loop is the same arithmetic written by hand in one function: same draws, same network,
same Adam. Both are timed alternately in one process, so that a change in the machine's speed
affects both. Run with `make bench`.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from common import PEAK_SIZE, bare_scan, matmul_peak, seconds_in_turns
from distributed_ib.data.batches import ArrayBatches
from distributed_ib.studies.boolean import BooleanStudy, paper_circuit
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

STUDY = BooleanStudy.presets()["paper"]
SETTINGS = STUDY.train
N_STEPS = 4_000
SCHEDULE = BetaSchedule(1e-4, 1.1e-4, n_steps=N_STEPS, n_pretraining_steps=0)
N_ROUNDS = 5
SIZES = (10, *STUDY.hidden, 1)
FLOPS_PER_STEP = 3 * 2 * SETTINGS.batch_size * sum(a * b for a, b in pairwise(SIZES))


def package_loop() -> Callable[[], Any]:
    """A whole sweep including its setup, with a record and a snapshot every 1,000 steps."""
    circuit = paper_circuit()
    source = ArrayBatches(circuit.truth_table(), SETTINGS.batch_size)
    return lambda: sweep(
        STUDY.model,
        source,
        SCHEDULE,
        learning_rate=SETTINGS.learning_rate,
        n_records=N_STEPS // 1_000,
    )


def bare_loop() -> Callable[[], Any]:
    """The same steps, written by hand as one scan."""
    inputs, output = (jnp.asarray(a, jnp.float32) for a in paper_circuit().truth_table())

    def loss(params: Any, key: Array, beta: Array) -> tuple[Array, Any]:
        key_batch, key_noise = jax.random.split(key)
        rows = jax.random.randint(key_batch, (SETTINGS.batch_size,), 0, len(inputs))
        x, y = inputs[rows], output[rows]
        mean, log_variance = params["mean"], params["log_variance"]
        noise = jax.random.normal(key_noise, x.shape)
        hidden = (2 * x - 1) * mean + jnp.exp(0.5 * log_variance) * noise
        *layers, (last, offset) = params["layers"]
        for weight, bias in layers:
            hidden = jnp.tanh(hidden @ weight + bias)
        logit = (hidden @ last + offset)[:, 0]
        error = jnp.mean(jax.nn.softplus(logit) - y * logit)
        accuracy = jnp.mean((logit > 0) == (y > 0))
        kl = 0.5 * (mean**2 + jnp.exp(log_variance) - log_variance - 1)
        return beta * kl.sum() + error, (kl, error, accuracy)

    rng = np.random.default_rng(0)
    params = {
        "mean": jnp.ones(10),
        "log_variance": jnp.full(10, -3.0),
        "layers": [
            (
                jnp.asarray(rng.uniform(-1, 1, (a, b)) * (6 / (a + b)) ** 0.5, jnp.float32),
                jnp.zeros(b),
            )
            for a, b in pairwise(SIZES)
        ],
    }
    sums = (jnp.zeros(10), jnp.zeros(()), jnp.zeros(()))
    return bare_scan(loss, params, sums, SCHEDULE, SETTINGS.learning_rate)


def main() -> None:
    """Time the three alternately and print the medians."""
    contestants = {"package": package_loop(), "bare": bare_loop(), "peak": matmul_peak()}
    seconds = seconds_in_turns(contestants, N_ROUNDS)
    package_ms, bare_ms = (1e3 * median(seconds[n]) / N_STEPS for n in ("package", "bare"))
    ratio = median(p / b for p, b in zip(seconds["package"], seconds["bare"], strict=True))
    peak = 2 * PEAK_SIZE**3 / median(seconds["peak"])
    share = FLOPS_PER_STEP / (1e-3 * package_ms) / peak
    print(f"the paper's Boolean model, batch {SETTINGS.batch_size}, {jax.devices()[0].device_kind}")
    print(f"  package          {package_ms:8.3f} ms/step")
    print(f"  bare scan        {bare_ms:8.3f} ms/step")
    print(f"  package / bare   {ratio:8.3f}  (median of {N_ROUNDS} pairs; wanted: at most 1.1)")
    print(f"  matmul peak      {peak / 1e9:8.1f} GFLOP/s")
    print(f"  share of peak    {100 * share:8.1f} %  (matrix products only are counted)")


if __name__ == "__main__":
    main()
