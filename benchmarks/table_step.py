"""Speed of the estimators' model on integer columns, with each distinct number encoded once.

50,000 rows of 12 integer columns, with an estimator's default sizes: encoders of one layer of 32
units, batches of 256 rows. Both ways are timed alternately in one process, so that a change in the
machine's speed affects both; the setup of a sweep is excluded by timing the difference between a
longer and a shorter one. Run with `make bench`.
"""

import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import numpy as np

from common import seconds_per_step_in_turns
from distributed_ib.data.batches import ArrayBatches
from distributed_ib.data.distinct_values import repeated_numbers
from distributed_ib.data.table_input import TableInput
from distributed_ib.estimators.table_settings import resolve
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.predictors import CategoricalPredictor
from distributed_ib.model.table_encoder import TableEncoder
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

N_ROWS, N_COLUMNS = 50_000, 12
SETTINGS = resolve({}, n_rows=N_ROWS)
COLUMNS: dict[str, Any] = {"n_numbers": [1] * N_COLUMNS, "n_levels": [[]] * N_COLUMNS}
SHORT, LONG = 50, 450  # steps
N_ROUNDS = 5


def make_model(key: Any) -> DistributedBottleneck:
    """The model that `DistributedIBClassifier` makes for two classes."""
    one, two = jax.random.split(key)
    encoder = TableEncoder(
        **COLUMNS,
        hidden=SETTINGS.encoder_hidden,
        embedding_dim=SETTINGS.embedding_dim,
        n_frequencies=SETTINGS.n_frequencies,
        longest_period=SETTINGS.longest_period,
        key=one,
    )
    predictor = CategoricalPredictor(
        N_COLUMNS * SETTINGS.embedding_dim, hidden=SETTINGS.predictor_hidden, n_classes=2, key=two
    )
    return DistributedBottleneck(encoder, predictor)


def contestants(n_values: int) -> dict[str, Callable[[int], Any]]:
    """A sweep of a given number of steps, for each kind of batches."""
    rng = np.random.default_rng(0)
    integers = rng.integers(0, n_values, (N_ROWS, N_COLUMNS))
    table = TableInput(
        ((integers - integers.mean(axis=0)) / integers.std(axis=0)).astype(np.float32),
        np.empty((N_ROWS, 0), np.uint8),
    )
    y = (integers[:, 0] > integers[:, 1]).astype(np.int32)

    def run(x: Any) -> Callable[[int], Any]:
        source = ArrayBatches((x, y), SETTINGS.batch_size)

        def steps(n_steps: int) -> Any:
            schedule = BetaSchedule(1e-4, 1.1e-4, n_steps=n_steps, n_pretraining_steps=0)
            return sweep(make_model, source, schedule, n_records=1, n_snapshots=1)

        return steps

    once = repeated_numbers(table, SETTINGS.batch_size - 1, **COLUMNS)
    return {"every row": run(table), "each number once": run(once)}


def main(values: list[int]) -> None:
    """Time both alternately for each number of values in a column and print the medians."""
    print(f"{N_ROWS:,} rows x {N_COLUMNS} integer columns, batch {SETTINGS.batch_size}")
    for n_values in values:
        seconds = seconds_per_step_in_turns(contestants(n_values), SHORT, LONG, N_ROUNDS)
        ratio = median(
            a / b for a, b in zip(seconds["every row"], seconds["each number once"], strict=True)
        )
        steps = "  ".join(f"{name} {1e3 * median(s):.2f} ms/step" for name, s in seconds.items())
        print(f"  {n_values:>3} values: {steps}  faster by {ratio:.2f}", flush=True)


if __name__ == "__main__":
    main([int(given) for given in sys.argv[1:]] or [20])
