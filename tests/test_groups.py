"""Repeats that are trained in groups, each by a thread: what comes of them, and how they end."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib import _jax_threads
from distributed_ib.data.batches import ArrayBatches, FreshBatches
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training._groups import groups_of
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import FallingModel, xor_data, xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")

SCHEDULE = BetaSchedule(1e-3, 1.0, n_steps=60, n_pretraining_steps=30)
N_REPEATS = 12


def xor_sweep(**options: Any) -> SweepResult:
    batches = ArrayBatches(xor_data(), 64)
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
    if groups is None:  # none of the ways to divide it has little to fill up
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


def test_groups_train_as_one_program_does(
    grouped: SweepResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "groups_of", lambda n_repeats: None)
    np.testing.assert_allclose(kl_of(xor_sweep()), kl_of(grouped), rtol=2e-3, atol=2e-4)


def test_a_setting_of_jax_holds_in_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def precision(number: int) -> Any:
        return jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]

    monkeypatch.setattr(_jax_threads, "xla_threads", lambda: 3)
    with jax.default_matmul_precision("bfloat16"):
        assert _jax_threads.map_in_threads(precision, range(4)) == ["bfloat16"] * 4


def test_a_repeat_that_diverges_ends_all_groups() -> None:
    """The weight of the last repeat begins nearer to the pit, below which its loss is no number."""

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
