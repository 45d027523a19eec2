"""Speed of the paper's picture model, with each distinct coordinate encoded once and without.

The model has the paper's sizes: a shared encoder of five layers of 512 units, batches of 2,048
pixels of a 600 x 400 picture split into horizontal and vertical. Both ways are timed in turns in
one process, so that a change of the machine's speed hits both; setting a sweep up is left out, as
the difference between a longer and a shorter one. Run with `make bench`.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import jax
import numpy as np

from common import PEAK_SIZE, matmul_peak, seconds_of, seconds_per_step
from distributed_ib.data.batches import ArrayBatches
from distributed_ib.data.distinct_batches import DistinctBatches
from distributed_ib.studies.image import PRESETS, horizontal_vertical
from distributed_ib.studies.image.decompositions import pixel_components
from distributed_ib.studies.image.image_study import image_model
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

SETTINGS = PRESETS["paper"]
WIDTH, HEIGHT = 600, 400
SHORT, LONG = 4, 36  # steps
N_ROUNDS = 5


def contestants() -> dict[str, Callable[[int], Any]]:
    """A sweep of some steps over batches of each kind."""
    x = pixel_components(horizontal_vertical(), WIDTH, HEIGHT, SETTINGS.batch_size)
    colors = np.random.default_rng(0).random((WIDTH * HEIGHT, 3), np.float32)
    sources = {
        "every row": ArrayBatches((x.rows(), colors), SETTINGS.batch_size),
        "each value once": DistinctBatches(x, colors, SETTINGS.batch_size),
    }
    model = image_model(2, 1, SETTINGS)

    def run(source: Any) -> Callable[[int], Any]:
        def steps(n_steps: int) -> Any:
            schedule = BetaSchedule(1e-4, 1.1e-4, n_steps=n_steps, n_pretraining_steps=0)
            return sweep(model, source, schedule, n_records=1, n_snapshots=1)

        return steps

    return {name: run(source) for name, source in sources.items()}


def flops_per_step(n_encoded: int) -> float:
    """Arithmetic of all matrix products of a step: forward, and twice as much backward."""
    sizes = (1 + SETTINGS.n_frequencies, *SETTINGS.encoder_hidden, 2 * SETTINGS.embedding_dim)
    encoder = sum(a * b for a, b in pairwise(sizes))
    inner = (*SETTINGS.predictor_hidden, SETTINGS.shared_dim)
    predictor = sum(a * b for a, b in pairwise((2 * SETTINGS.embedding_dim, *inner)))
    colors = sum(a * b for a, b in pairwise((3, *inner)))
    batch = SETTINGS.batch_size
    products = n_encoded * encoder + batch * (predictor + colors) + batch**2 * SETTINGS.shared_dim
    return 3 * 2 * products


def main() -> None:
    """Time the two and a matrix product in turns and print the medians."""
    runs, peak_run = contestants(), matmul_peak()
    peak_run()
    for run in runs.values():
        run(SHORT)
    seconds: dict[str, list[float]] = {name: [] for name in (*runs, "peak")}
    for _ in range(N_ROUNDS):
        seconds["peak"].append(seconds_of(peak_run))
        for name, run in runs.items():
            seconds[name].append(seconds_per_step(run, SHORT, LONG))
    peak = 2 * PEAK_SIZE**3 / median(seconds["peak"])
    encoded = {"every row": 2 * SETTINGS.batch_size, "each value once": WIDTH + HEIGHT}
    print(f"the paper's picture model, batch {SETTINGS.batch_size}, {jax.devices()[0].device_kind}")
    for name, n_encoded in encoded.items():
        step = median(seconds[name])
        share = flops_per_step(n_encoded) / step / peak
        print(
            f"  {name:<16} {1 / step:8.2f} steps/s  {1e3 * step:8.1f} ms/step  "
            f"{100 * share:5.1f} % of the matmul peak"
        )
    ratio = median(
        a / b for a, b in zip(seconds["every row"], seconds["each value once"], strict=True)
    )
    print(f"  faster by        {ratio:8.2f}  (median of {N_ROUNDS} pairs; wanted: at least 3)")
    print(f"  matmul peak      {peak / 1e9:8.1f} GFLOP/s")


if __name__ == "__main__":
    main()
