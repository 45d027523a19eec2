"""Settings for all tests, and small sweeps that several test modules share."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from distributed_ib.data.batches import ArrayBatches
from distributed_ib.estimators import readable_tables
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from line_sweeps import Killed, line_sweep, stop_at
from quick_compilation import compiled_quickly
from toy import XOR_SCHEDULE, xor_data, xor_model

matplotlib.use("Agg")
# Do not promote ranks implicitly: that is how a column of labels becomes a matrix.
jax.config.update("jax_numpy_rank_promotion", "raise")


def share_what_is_compiled() -> None:
    """Cache compiled programs in a folder shared with other workers and child processes."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = {"compilation_cache_dir": folder, "persistent_cache_min_compile_time_secs": 0.0}
    for name, value in options.items():
        os.environ[f"JAX_{name.upper()}"] = str(value)
        jax.config.update(f"jax_{name}", value)


share_what_is_compiled()


def stay_on_one_core() -> None:
    """Pin each worker of a parallel run to its own core.

    The small programs of the tests gain nothing from a second thread, which would only take time
    from another worker.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


stay_on_one_core()


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection, whose passes over all modules are slow."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def figures_are_closed() -> Iterator[None]:
    """Close the figures of a test: pyplot keeps every figure open and warns about many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="module")
def few_readable_tables() -> Iterator[None]:
    """Store fewer readable tables with a fit, for tests of everything else that a fit does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readable_tables, "STORED_BITS", (1,))
        yield


@pytest.fixture(scope="module")
def figures_are_not_drawn() -> Iterator[None]:
    """Save figures without drawing them, for tests of everything else that a run does."""

    def save(figure: Figure, file: Path, **options: Any) -> None:
        lines = [np.asarray(line.get_xydata()).tolist() for ax in figure.axes for line in ax.lines]
        Path(file).write_text(f"a figure of {lines}", encoding="utf-8")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save)
        yield


@pytest.fixture(scope="module")
def quick_compilation() -> Iterator[None]:
    """Compile without optimizations, for tests that compile much and compute little."""
    with compiled_quickly():
        yield


@pytest.fixture(scope="module")
def compiled_as_in_a_child(quick_compilation: None) -> None:
    """Drop programs that other tests compiled with optimizations, whose last digits differ."""
    jax.clear_caches()


@pytest.fixture(scope="session")
def xor_result() -> SweepResult:
    """Two repeats of a sweep on y = a xor b, with an irrelevant third component."""
    x, y = xor_data()
    with compiled_quickly():
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


# Interrupted sweeps, for tests of checkpoints -----------------------------------------------------


@pytest.fixture(scope="module")
def single_steps() -> Iterator[None]:
    """Run one training step at a time, so that a checkpoint can be made after any of them."""
    before, sweep_module.SECONDS_PER_STRETCH = sweep_module.SECONDS_PER_STRETCH, 0.0
    yield
    sweep_module.SECONDS_PER_STRETCH = before


@pytest.fixture(scope="module")
def whole() -> SweepResult:
    return line_sweep()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints 46 and 47, of steps 46 and 47; a record ends at step 45."""
    folder = tmp_path_factory.mktemp("stopped") / "checkpoints"
    with pytest.raises(Killed):
        line_sweep(folder, progress=stop_at(48))
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    """A copy of `stopped` to damage."""
    return Path(shutil.copytree(stopped, tmp_path / "checkpoints"))
