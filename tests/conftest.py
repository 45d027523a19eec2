"""Settings of all tests, and small sweeps that several of them look at."""

from collections.abc import Iterator

import jax
import matplotlib
import pytest

from distributed_ib.scheme.scheme import ApproximationScheme
from distributed_ib.training.batches import ArrayBatches
from distributed_ib.training.result import SweepResult
from distributed_ib.training.sweep import sweep
from toy import XOR_SCHEDULE, xor_data, xor_model

matplotlib.use("Agg")
# Arrays of different rank never meet by accident: that is how a label column becomes a matrix.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="module")
def quick_compilation() -> Iterator[None]:
    """Compile without optimising, for tests that compile much and compute little."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def xor_result() -> SweepResult:
    """Two repeats of a sweep on y = a xor b, with an irrelevant third component."""
    x, y = xor_data()
    return sweep(
        xor_model,
        ArrayBatches((x, y), 64),
        XOR_SCHEDULE,
        seed=3,
        n_seeds=2,
        learning_rate=1e-2,
        validation=(x.repeat(64, axis=0), y.repeat(64)),
        n_records=40,
    )


@pytest.fixture(scope="session")
def xor_scheme(xor_result: SweepResult) -> ApproximationScheme:
    """The scheme of `xor_result`."""
    return ApproximationScheme.from_sweep(xor_result, ["a", "b", "c"], baseline_entropy_bits=1.0)
