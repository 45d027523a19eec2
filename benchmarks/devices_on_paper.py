"""Speed-up of the paper's models on several devices, estimated and not measured.

Counts the arithmetic, the parameters and the sums over devices of one training step as XLA compiles
it; the time that they take follows from the assumptions below. Prints the tables of
docs/scaling.md.
"""

import math
import os
import re
from typing import NamedTuple

# Four simulated devices, to count the sums over devices in a step.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import jax
import numpy as np

from distributed_ib.training._loop import compiled_steps, split_arrays
from distributed_ib.training._running_sweep import RunningSweep
from distributed_ib.training._sweep_options import SweepOptions
from distributed_ib.training.devices import Devices
from distributed_ib.training.schedule import BetaSchedule
from paper_models import Trained, paper_models

FLOPS_PER_SECOND = 2e13  # of a large GPU in single precision, as such networks reach it
LEAST_SECONDS = 1e-4  # of a step, which starts some dozens of programs on the device
WAIT_SECONDS = 5e-6  # of a sum over devices, for each doubling of their number
N_DEVICES = (2, 4, 8, 64, 1000)
# By the largest number of devices: in one machine, and over several machines.
BYTES_PER_SECOND = {8: 3e11, 1000: 4e10}


class Step(NamedTuple):
    """One training step.

    Attributes:
        flops: Floating-point operations of all repeats.
        n_parameters: Number of parameters of all repeats.
        n_sums: Number of sums over devices.
        batch_size: Rows in a batch.
    """

    flops: float
    n_parameters: int
    n_sums: int
    batch_size: int


def step_of(trained: Trained) -> Step:
    """One step, from its programs compiled for one device and for four."""
    make_model, batches, batch_size, n_repeats = trained
    schedule = BetaSchedule(1e-3, 1.0, n_steps=10, n_pretraining_steps=0)
    options = SweepOptions((schedule,) * n_repeats, 0, n_repeats, 1e-3, 1e-3, 1e-3, 0.0, 0.0, 1, 1)
    programs = []
    for devices in (Devices(1), Devices(4)):
        running = RunningSweep(make_model, batches, options, {}, None, devices)
        static, source, settings = running.placed
        arrays, others = split_arrays((static, source))
        prepared = source.prepare(0, 1, n_repeats)
        none, one = (np.asarray(k, np.int32) for k in range(2))
        state, layout = running.state.loop, running.layout
        lowered = compiled_steps.lower(state, arrays, prepared, none, one, settings, others, layout)
        programs.append(lowered.compile())
    n_parameters = sum(leaf.size for leaf in jax.tree.leaves(running.state.loop.params))
    n_sums = len(re.findall(r" all-reduce(?:-start)?\(", programs[1].as_text() or ""))
    cost = programs[0].cost_analysis() or {}
    return Step(cost["flops"], n_parameters, n_sums, batch_size)


def steps() -> dict[str, Step]:
    """The steps of the paper's models, and of a table with its starts and resamples."""
    return {name: step_of(trained) for name, trained in paper_models().items()}


def seconds(step: Step, n_devices: int, share: float) -> float:
    """Seconds of a step, if each device has this share of a batch of the paper's size."""
    compute = max(LEAST_SECONDS, share * step.flops / FLOPS_PER_SECOND)
    if n_devices == 1:
        return compute
    speed = next(speed for most, speed in BYTES_PER_SECOND.items() if n_devices <= most)
    moved = 2 * (n_devices - 1) / n_devices * 4 * step.n_parameters
    return compute + step.n_sums * WAIT_SECONDS * math.log2(n_devices) + moved / speed


def main() -> None:
    """Print the size of each step, and the speed-up with N devices."""
    found = steps()
    print("| model | rows | parameters | GFLOP a step | sums |\n| --- | --- | --- | --- | --- |")
    for name, step in found.items():
        size = f"{step.batch_size:,} | {step.n_parameters:,} | {step.flops / 1e9:.2g}"
        print(f"| {name} | {size} | {step.n_sums} |")
    head = " | ".join(map(str, N_DEVICES))
    print(f"\n| model | ms on one | {head} |\n{'| --- ' * (len(N_DEVICES) + 2)}|")
    for name, step in found.items():
        one = seconds(step, 1, 1.0)
        columns = []
        for n in N_DEVICES:
            same = f"{one / seconds(step, n, 1 / n):.2g}" if n <= step.batch_size else "-"
            columns.append(f"{same}, {n * one / seconds(step, n, 1.0):.2g}")
        text = " | ".join(columns)
        print(f"| {name} | {1e3 * one:.2g} | {text} |")


if __name__ == "__main__":
    main()
