"""Repeats that are trained in groups, one thread per group: results and endings."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from distributed_ib import DistributedIBRegressor, _jax_threads
from distributed_ib._threads import numpy_on_one_thread
from distributed_ib.data.batches import ArrayBatches, BatchSource, FreshBatches, HostBatches
from distributed_ib.data.problem import Problem
from distributed_ib.errors import UserError
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training._groups import groups_of
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import FallingModel, xor_data, xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")

SCHEDULE = BetaSchedule(1e-3, 1.0, n_steps=60, n_pretraining_steps=30)
N_REPEATS = 12


def xor_sweep(batches: BatchSource | None = None, **options: Any) -> SweepResult:
    batches = batches or ArrayBatches(xor_data(), 64)
    return sweep(
        xor_model, batches, SCHEDULE, n_seeds=N_REPEATS, learning_rate=1e-2, n_records=5, **options
    )


def kl_of(result: SweepResult) -> Any:
    return result.annealing.kl_nats


@pytest.fixture(scope="module")
def grouped() -> SweepResult:
    return xor_sweep()


@pytest.mark.parametrize("n_repeats", [4, 5, 10, 15, 25, 30, 31, 50, 186])
def test_every_repeat_is_in_a_group_once(n_repeats: int) -> None:
    groups = groups_of(n_repeats)
    if groups is None:  # every division would need too much padding
        assert n_repeats in (5, 31)
        return
    assert len({len(members) for members in groups.members}) == 1
    assert 2 <= len(groups.members) <= 12
    joined = np.concatenate(groups.members)
    assert joined[:n_repeats].tolist() == list(range(n_repeats))
    assert set(joined[n_repeats:]) <= {n_repeats - 1}
    assert len(joined) <= 1.05 * n_repeats


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_number_of_threads_changes_no_bit(
    n_threads: int, grouped: SweepResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_jax_threads, "xla_threads", lambda: n_threads)
    np.testing.assert_array_equal(kl_of(xor_sweep()), kl_of(grouped))


def host_batches() -> HostBatches:
    """Host batches that differ between repeats."""
    x, y = xor_data()

    def batch(rng: np.random.Generator) -> Any:
        rows = rng.integers(0, 4, 32) + 4 * rng.integers(0, 2)
        return x[rows], y[rows]

    return HostBatches(batch, seed=0)


def resampled_batches() -> BatchSource:
    """Batches of rows that differ between repeats."""
    problem = Problem.from_arrays(*xor_data(), names=["a", "b", "c"])
    return problem.resampled_batches([np.arange(k % 3, 8) for k in range(N_REPEATS)], 32, 0)


@pytest.mark.parametrize(
    "batches", [lambda: ArrayBatches(xor_data(), 64), host_batches, resampled_batches]
)
def test_groups_train_as_one_program_does(
    batches: Callable[[], BatchSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = kl_of(xor_sweep(batches()))
    monkeypatch.setattr(sweep_module, "groups_of", lambda n_repeats: None)
    np.testing.assert_allclose(kl_of(xor_sweep(batches())), found, rtol=2e-3, atol=2e-4)


def test_groups_go_on_from_a_checkpoint_to_the_same_bits(
    grouped: SweepResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_ctrl_c(now: SweepProgress) -> None:
        if 40 <= now.step < 80:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sweep_module, "SECONDS_PER_STRETCH", 0.0)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    stopped = xor_sweep(checkpoints=checkpoints, progress=press_ctrl_c)
    assert stopped.status == "interrupted"
    resumed = xor_sweep(checkpoints=checkpoints, resume=True)
    np.testing.assert_array_equal(kl_of(resumed), kl_of(grouped))


def test_thread_local_settings_of_jax_keep_all_work_on_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def setting(number: int) -> tuple[Any, int]:
        config: Any = jax.config
        return config.jax_debug_nans, threading.get_ident()

    monkeypatch.setattr(_jax_threads, "xla_threads", lambda: 3)
    with jax.debug_nans(True):
        found = _jax_threads.map_in_threads(setting, range(4))
    assert found == [(True, threading.get_ident())] * 4
    found = _jax_threads.map_in_threads(setting, range(4))
    assert {value for value, _ in found} == {False}
    assert len({thread for _, thread in found}) > 1


def test_threads_start_no_further_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def inner(_: int) -> set[int]:
        return set(_jax_threads.map_in_threads(lambda _: threading.get_ident(), range(4)))

    monkeypatch.setattr(_jax_threads, "xla_threads", lambda: 3)
    first, *others = _jax_threads.map_in_threads(inner, range(6))
    assert len(first) > 1
    assert {len(one) for one in others} == {1}


@pytest.mark.parametrize("n_jobs", [0, "2", 1.5])
def test_invalid_numbers_of_jobs_are_refused(n_jobs: Any) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(UserError, match="n_jobs"):
        DistributedIBRegressor(n_jobs=n_jobs).fit(x, x[:, 0])


def test_only_the_main_thread_limits_the_threads_of_numpy() -> None:
    """Overlapping limits of two threads would not be lifted."""

    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before, found = threads(), []

    def elsewhere() -> None:
        with numpy_on_one_thread():
            found.append(threads())

    other = threading.Thread(target=elsewhere)
    other.start()
    other.join()
    assert found == [before]
    with numpy_on_one_thread():
        assert set(threads()) == {1}
    assert threads() == before


def test_a_repeat_that_diverges_ends_all_groups() -> None:
    """The weight of the last repeat starts nearer to the pit, below which its loss is NaN."""

    def model(key: jax.Array) -> FallingModel:
        is_last = jnp.all(jax.random.key_data(key) == jax.random.key_data(last))
        return FallingModel(jnp.where(is_last, 1.05, 9.05), False)

    n_repeats = 8
    last = jax.random.split(jax.random.fold_in(jax.random.key(0), n_repeats - 1), 3)[0]
    schedule = BetaSchedule(1e-3, 1.0, n_steps=20, n_pretraining_steps=0)
    source = FreshBatches(lambda key: jnp.zeros(1))
    result = sweep(model, source, schedule, n_seeds=n_repeats, learning_rate=0.1, n_records=4)
    assert groups_of(n_repeats) is not None
    assert result.status == "diverged"
    assert "loss was not finite at step 6," in result.message
    assert f"(repeat {n_repeats - 1})" in result.message
    assert result.snapshots.params.w.shape == (1, n_repeats)
