"""Speed of the paper's glass model through the package and bare, and of making glass data.

The bare loop is the same arithmetic written by hand in one function: same draws, same networks,
same Adam. Both are timed alternately in one process, so that a change in the machine's speed
affects both; setup is excluded by timing the difference between a longer and a shorter run. Loci
per core-hour are from samples simulated on one core, if LAMMPS is installed. Run with `make bench`.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from common import bare_scan, seconds_per_step_in_turns
from distributed_ib.data.batches import ArrayBatches
from distributed_ib.errors import UserError
from distributed_ib.studies.glass import GlassStudy
from distributed_ib.studies.glass.simulation._lammps import load_lammps
from distributed_ib.studies.glass.simulation.quench import PROTOCOLS
from distributed_ib.studies.glass.simulation.sample import (
    DIRECTIONS_OF,
    MAX_STRAIN,
    Settings,
    run_sample,
)
from distributed_ib.studies.glass.structure_functions import N_SHELLS
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

STUDY = GlassStudy.presets()["paper"]
SETTINGS = STUDY.train
N_COMPONENTS = 2 * N_SHELLS
N_EXAMPLES = 10_800
SHORT, LONG = 2, 12  # steps
N_ROUNDS = 5
WIDTH = 1 + STUDY.n_frequencies
ENCODER = (*STUDY.encoder_hidden, 2 * STUDY.embedding_dim)
PREDICTOR = (N_COMPONENTS * STUDY.embedding_dim, *STUDY.predictor_hidden, 1)
SAMPLES = {"gradual": 1, "rapid": 3}


def examples() -> tuple[Any, Any]:
    """Random densities and labels, as the speed does not depend on their values."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_EXAMPLES, N_COMPONENTS, 1)).astype(np.float32)
    return x, rng.integers(0, 2, N_EXAMPLES)


def schedule(n_steps: int) -> BetaSchedule:
    """A few steps at the weak end."""
    return BetaSchedule(1e-4, 1.1e-4, n_steps=n_steps, n_pretraining_steps=0)


def package_loop() -> Callable[[int], Any]:
    """A sweep of a few steps with one record and one snapshot."""
    source = ArrayBatches(examples(), SETTINGS.batch_size)
    model, rate = STUDY.model, SETTINGS.learning_rate
    return lambda n_steps: sweep(model, source, schedule(n_steps), learning_rate=rate, n_records=1)


def bare_loop() -> Callable[[int], Any]:
    """The same steps, written by hand as one scan."""
    inputs, output = (jnp.asarray(a) for a in examples())

    def network(layers: Any, hidden: Array) -> Array:
        *inner, (last, offset) = layers
        for weight, bias in inner:
            hidden = jax.nn.relu(hidden @ weight + bias)
        return hidden @ last + offset

    def loss(params: Any, key: Array, beta: Array) -> tuple[Array, Any]:
        key_batch, key_noise = jax.random.split(key)
        rows = jax.random.randint(key_batch, (SETTINGS.batch_size,), 0, len(inputs))
        x, y = inputs[rows], output[rows].astype(jnp.float32)
        sines = [jnp.sin(2.0**k * np.pi * x) for k in range(1, WIDTH)]
        first = jnp.concatenate([x, *sines], axis=-1) @ params["first"] + params["identity"]
        mean, log_variance = jnp.split(network(params["encoder"], jax.nn.relu(first)), 2, axis=-1)
        noise = jax.random.normal(key_noise, (mean.size,)).reshape(mean.shape)
        u = mean + jnp.exp(0.5 * log_variance) * noise
        logit = network(params["predictor"], u.reshape(len(u), -1))[:, 0]
        error = jnp.mean(jax.nn.softplus(logit) - y * logit)
        accuracy = jnp.mean((logit > 0) == (y > 0))
        spread = jnp.exp(log_variance) - log_variance - 1
        kl = 0.5 * jnp.sum(jnp.mean(mean**2, axis=0) + jnp.mean(spread, axis=0), axis=-1)
        return beta * kl.sum() + error, (kl, error, accuracy)

    rng = np.random.default_rng(0)

    def matrix(n_in: int, n_out: int) -> Array:
        limit = (6 / (n_in + n_out)) ** 0.5
        return jnp.asarray(rng.uniform(-limit, limit, (n_in, n_out)), jnp.float32)

    def layers(sizes: tuple[int, ...]) -> list[tuple[Array, Array]]:
        return [(matrix(a, b), jnp.zeros(b)) for a, b in pairwise(sizes)]

    params = {
        "first": matrix(WIDTH, ENCODER[0]),
        "identity": matrix(N_COMPONENTS, ENCODER[0]),
        "encoder": layers(ENCODER),
        "predictor": layers(PREDICTOR),
    }
    sums = (jnp.zeros(N_COMPONENTS), jnp.zeros(()), jnp.zeros(()))
    scans = {
        n_steps: bare_scan(loss, params, sums, schedule(n_steps), SETTINGS.learning_rate)
        for n_steps in (SHORT, LONG)
    }
    return lambda n_steps: scans[n_steps]()


def time_steps() -> None:
    """Time both alternately and print the medians."""
    runs = {"package": package_loop(), "bare": bare_loop()}
    seconds = seconds_per_step_in_turns(runs, SHORT, LONG, N_ROUNDS)
    package_ms, bare_ms = (1e3 * median(seconds[name]) for name in ("package", "bare"))
    ratio = median(p / b for p, b in zip(seconds["package"], seconds["bare"], strict=True))
    device = jax.devices()[0].device_kind
    print(f"the paper's glass model, batch {SETTINGS.batch_size}, {device}")
    print(f"  package          {package_ms:8.1f} ms/step  ({1e3 / package_ms:.2f} steps/s)")
    print(f"  bare scan        {bare_ms:8.1f} ms/step")
    print(f"  package / bare   {ratio:8.3f}  (median of {N_ROUNDS} pairs; wanted: at most 1.1)")


def count_loci() -> None:
    """Simulate a few samples on one core and print the number of loci per core-hour."""
    try:
        load_lammps()
    except UserError as error:
        print(f"  loci             not measured: {error}")
        return
    print("loci of type A per core-hour")
    for protocol in PROTOCOLS:
        settings = Settings(
            protocol, max_strain=MAX_STRAIN[protocol], directions=DIRECTIONS_OF[protocol]
        )
        with TemporaryDirectory() as folder:
            made = [
                run_sample(settings, number, Path(folder) / f"quench-{number}.npz")
                for number in range(SAMPLES[protocol])
            ]
        loci = sum(len(sample.fresh_loci()) for sample in made)
        seconds = sum(float(sample.seconds.sum()) for sample in made)
        print(f"  {protocol:<16} {3600 * loci / seconds:8.0f}  ({loci} loci in {seconds:.0f} s)")


if __name__ == "__main__":
    time_steps()
    count_loci()
