"""Training steps per second of the paper's models on this machine's device.

    python benchmarks/device_steps.py                       # the device that JAX prefers
    JAX_PLATFORMS=cpu python benchmarks/device_steps.py     # the CPU of the same machine

The setup of a sweep is excluded by timing the difference between a longer and a shorter sweep. The
columns of docs/scaling.md are three runs: these two, and one with
JAX_DEFAULT_MATMUL_PRECISION=tensorfloat32.
"""

import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import jax

from common import seconds_per_step_in_turns
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from paper_models import Trained, paper_models

SHORT = 20  # steps
LONG = {"cpu": 120, "gpu": 2020}
LONG_OF_GLASS_ON_PROCESSORS = 26
N_ROUNDS = 3


def run_of(trained: Trained) -> Callable[[int], Any]:
    """A sweep of a given number of steps, with one record and one snapshot."""

    def run(n_steps: int) -> Any:
        return sweep(
            trained.make_model,
            trained.batches,
            BetaSchedule(1e-4, 1.1e-4, n_steps=n_steps, n_pretraining_steps=0),
            n_seeds=trained.n_repeats,
            n_records=1,
            n_snapshots=1,
        )

    return run


def main(names: list[str]) -> None:
    """Time the models with these names; by default all of them."""
    device = jax.devices()[0]
    print(f"{device.device_kind}, JAX {jax.__version__}")
    print("| model | rows of a batch | ms a step | steps a second |\n| --- | --- | --- | --- |")
    for name, trained in paper_models().items():
        if names and name.split(",")[0] not in names:
            continue
        is_slow = device.platform == "cpu" and name == "glass"
        long = LONG_OF_GLASS_ON_PROCESSORS if is_slow else LONG.get(device.platform, 2020)
        seconds = seconds_per_step_in_turns({name: run_of(trained)}, SHORT, long, N_ROUNDS)[name]
        one = median(seconds)
        print(f"| {name} | {trained.batch_size:,} | {1e3 * one:.2f} | {1 / one:,.0f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
