"""Speed of the paper's picture model, with each distinct coordinate encoded once and without.

The model has the paper's sizes: a shared encoder of five layers of 512 units, batches of 2,048
pixels of a 600 x 400 picture split into horizontal and vertical. Both ways are timed alternately in
one process, so that a change in the machine's speed affects both; the setup of a sweep is excluded
by timing the difference between a longer and a shorter one. Run with `make bench`.
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
from distributed_ib.studies.image import ImageStudy, Picture
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

WIDTH, HEIGHT = 600, 400
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
PAPER = ImageStudy.presets()["paper"]
STUDY = ImageStudy.of(
    Picture("noise", PIXELS),
    train=PAPER.train,
    encoder_hidden=PAPER.encoder_hidden,
    predictor_hidden=PAPER.predictor_hidden,
)
BATCH_SIZE = STUDY.train.batch_size
SHORT, LONG = 4, 36  # steps
N_ROUNDS = 5


def contestants() -> dict[str, Callable[[int], Any]]:
    """A sweep of a given number of steps, for each kind of batches."""
    problem = STUDY.problem(seed=0)
    sources = {
        "every row": ArrayBatches((problem.x.rows(), problem.y), BATCH_SIZE),
        "each value once": problem.split(seed=0).batches(BATCH_SIZE, seed=0),
    }
    assert isinstance(sources["each value once"], DistinctBatches)

    def run(source: Any) -> Callable[[int], Any]:
        def steps(n_steps: int) -> Any:
            schedule = BetaSchedule(1e-4, 1.1e-4, n_steps=n_steps, n_pretraining_steps=0)
            return sweep(STUDY.model, source, schedule, n_records=1, n_snapshots=1)

        return steps

    return {name: run(source) for name, source in sources.items()}


def flops_per_step(n_encoded: int) -> float:
    """Operations of all matrix products of a step: forward, and twice as many backward."""
    sizes = (1 + STUDY.n_frequencies, *STUDY.encoder_hidden, 2 * STUDY.embedding_dim)
    encoder = sum(a * b for a, b in pairwise(sizes))
    inner = (*STUDY.predictor_hidden, STUDY.shared_dim)
    predictor = sum(a * b for a, b in pairwise((2 * STUDY.embedding_dim, *inner)))
    colors = sum(a * b for a, b in pairwise((3, *inner)))
    batch = BATCH_SIZE
    products = n_encoded * encoder + batch * (predictor + colors) + batch**2 * STUDY.shared_dim
    return 3 * 2 * products


def main() -> None:
    """Time the two and a matrix product alternately and print the medians."""
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
    encoded = {"every row": 2 * BATCH_SIZE, "each value once": WIDTH + HEIGHT}
    print(f"the paper's picture model, batch {BATCH_SIZE}, {jax.devices()[0].device_kind}")
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
