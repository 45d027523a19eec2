"""The sweep: determinism, interruption, divergence, records and snapshots."""

import io
import logging
import os
import re
import signal
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from distributed_ib.data.batches import ArrayBatches, FreshBatches
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training import _running_sweep as sweep_module
from distributed_ib.training._running_sweep import Model
from distributed_ib.training.progress import ProgressBar, SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import XOR_SCHEDULE, FallingModel, MeanModel, xor_data, xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")

SHORT = BetaSchedule(1e-3, 1.0, n_steps=60, n_pretraining_steps=30)
NO_PRETRAINING = BetaSchedule(1e-3, 1.0, n_steps=20, n_pretraining_steps=0)


def short_sweep(schedule: BetaSchedule = SHORT, **options: Any) -> SweepResult:
    defaults: dict[str, Any] = {"seed": 1, "n_seeds": 2, "learning_rate": 1e-2, "n_records": 20}
    return sweep(xor_model, ArrayBatches(xor_data(), 64), schedule, **{**defaults, **options})


@pytest.fixture(scope="module")
def short_result() -> SweepResult:
    return short_sweep()


def toy_sweep(model: Model, **options: Any) -> SweepResult:
    """A sweep whose weight starts at 1.05 and falls by 0.1 a step."""
    source = FreshBatches(no_data)
    defaults: dict[str, Any] = {"learning_rate": 0.1, "n_records": 20}
    return sweep(lambda key: model, source, NO_PRETRAINING, **{**defaults, **options})


def no_data(key: jax.Array) -> jax.Array:
    return jnp.zeros(1)


def falling(gradient_only: bool) -> FallingModel:
    return FallingModel(jnp.asarray(1.05), gradient_only)


def arrays_of(result: SweepResult) -> list[Any]:
    return jax.tree.leaves(
        (
            result.snapshots.params,
            [vars(result.annealing), vars(result.pretraining)],
            result.snapshots.beta,
        )
    )


def assert_same(first: SweepResult, second: SweepResult) -> None:
    for a, b in zip(arrays_of(first), arrays_of(second), strict=True):
        np.testing.assert_array_equal(a, b)


# Determinism ------------------------------------------------------------------------------------


def test_same_seed_gives_the_same_bits(short_result: SweepResult) -> None:
    assert_same(short_sweep(), short_result)


def test_another_seed_differs(short_result: SweepResult) -> None:
    other = short_sweep(seed=2)
    assert not np.array_equal(
        other.annealing.prediction_error_nats, short_result.annealing.prediction_error_nats
    )


def test_repeats_differ(short_result: SweepResult) -> None:
    error = short_result.annealing.prediction_error_nats
    assert not np.any(error[0] == error[1])


@pytest.mark.parametrize("seconds", [0.0, 1e6])
def test_stretches_do_not_matter(
    seconds: float, short_result: SweepResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "SECONDS_PER_STRETCH", seconds)
    assert_same(short_sweep(), short_result)


def compilations(caplog: pytest.LogCaptureFixture, **options: Any) -> tuple[SweepResult, int]:
    """The result of a short sweep, and the number of programs compiled for it."""
    caplog.clear()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        result = short_sweep(**options)
    return result, sum("Finished XLA compilation" in r.getMessage() for r in caplog.records)


def test_one_compilation_serves_the_whole_sweep(caplog: pytest.LogCaptureFixture) -> None:
    # No other test has this number of repeats, so that this program is not compiled yet.
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        short_sweep(n_seeds=7)
    messages = [record.getMessage() for record in caplog.records]
    assert sum(message.startswith("Compiling jit(compiled_steps)") for message in messages) == 1


def test_the_second_sweep_compiles_nothing(
    short_result: SweepResult, caplog: pytest.LogCaptureFixture
) -> None:
    assert compilations(caplog)[1] == 0
    longer = BetaSchedule(1e-4, 0.3, n_steps=77, n_pretraining_steps=11)
    assert compilations(caplog, schedule=longer, learning_rate=3e-3, seed=9)[1] == 0


def test_a_repeat_does_not_depend_on_how_many_there_are(
    short_result: SweepResult, caplog: pytest.LogCaptureFixture
) -> None:
    # The keys are the same, but the program differs: products of another shape round differently,
    # and training amplifies the difference. Over 90 steps it stays below 0.001 nats.
    result, compiled = compilations(caplog, n_seeds=1)
    assert compiled > 0  # otherwise the count in the test above would be void
    alone, together = result.annealing, short_result.annealing
    np.testing.assert_allclose(alone.kl_nats[0], together.kl_nats[0], atol=1e-3)
    np.testing.assert_allclose(
        alone.prediction_error_nats[0], together.prediction_error_nats[0], atol=1e-3
    )


# Records ----------------------------------------------------------------------------------------


def test_records_cover_the_schedule(short_result: SweepResult) -> None:
    assert short_result.status == "finished"
    assert short_result.pretraining.step.tolist() == [round(1.5 * k) for k in range(1, 21)]
    assert short_result.annealing.step.tolist() == list(range(33, 91, 3))
    halfway = [SHORT.beta_at(step - 1.5) for step in range(33, 91, 3)]
    np.testing.assert_allclose(short_result.annealing.beta, halfway)
    np.testing.assert_allclose(short_result.pretraining.beta, 1e-3)


def test_records_average_their_steps() -> None:
    def errors(n_records: int) -> Any:
        result = toy_sweep(MeanModel(jnp.ones(())), n_records=n_records)
        return result.annealing.prediction_error_nats[0, :, 0]

    source_means = errors(20)
    np.testing.assert_allclose(errors(5), source_means.reshape(5, 4).mean(1), rtol=1e-5)
    falls = toy_sweep(falling(False), n_records=20, learning_rate=0.01)
    np.testing.assert_allclose(
        falls.annealing.prediction_error_nats[0, :, 0], 1.05 - 0.01 * np.arange(20), rtol=1e-4
    )


def test_no_more_records_than_steps() -> None:
    result = toy_sweep(MeanModel(jnp.ones(())), n_records=500)
    assert result.annealing.step.tolist() == list(range(1, 21))
    assert len(result.pretraining.step) == 0


def test_information_obeys_its_bounds(xor_scheme: ApproximationScheme) -> None:
    data = xor_scheme.to_xarray()
    # There are 512 validation rows, half of them of each class, so H(Y) is exactly 1 bit. The
    # loss is a mean over 512 draws of the noise: the tolerance is four standard errors of a loss
    # with a spread of at most about one bit.
    tolerance = 4 / np.sqrt(512)
    information = data["predictive_information_bits"].sel(split="validation")
    total = data["kl_bits"].sum("component")
    assert float(information.max()) <= 1.0
    assert float((information - total).max()) <= tolerance
    assert float(information.isel(step=0).min()) > 0.8
    assert np.all(data["kl_bits"] >= 0)


def test_validation_is_measured_on_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    # Blocks of 3, 3 and 2 rows: a plain mean over blocks would give another number.
    monkeypatch.setattr(sweep_module, "VALIDATION_BLOCK", 3)
    held_out = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.float32)
    result = toy_sweep(MeanModel(jnp.ones(())), validation=held_out, n_records=2)
    assert result.annealing.splits == ("train", "validation")
    np.testing.assert_allclose(result.annealing.prediction_error_nats[0, :, 1], 0.25)
    np.testing.assert_allclose(result.annealing.prediction_error_nats[0, :, 0], 0.0)


def test_validation_changes_nothing_in_training(xor_result: SweepResult) -> None:
    x, y = xor_data()
    without = sweep(
        xor_model,
        ArrayBatches((x, y), 64),
        XOR_SCHEDULE,
        seed=3,
        n_seeds=2,
        learning_rate=1e-2,
        n_records=40,
    )
    np.testing.assert_array_equal(without.annealing.kl_nats, xor_result.annealing.kl_nats)


def test_ragged_validation_is_refused() -> None:
    x, y = xor_data()
    with pytest.raises(UserError, match="validation"):
        short_sweep(validation=(x, y[:7]))
    with pytest.raises(UserError, match="validation"):
        short_sweep(validation=(x[:0], y[:0]))


# Snapshots --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_snapshots", "kept"), [(1, 1), (5, 5), (10, 10), (20, 20), (99, 20)])
def test_snapshots_are_even_in_log_beta_and_end_at_the_end(n_snapshots: int, kept: int) -> None:
    snapshots = toy_sweep(MeanModel(jnp.ones(())), n_snapshots=n_snapshots).snapshots
    assert len(snapshots.record) == len(snapshots.beta) == kept
    assert snapshots.record[-1] == 19
    assert snapshots.beta[-1] == pytest.approx(1.0)
    gaps = np.diff(np.log(snapshots.beta))
    np.testing.assert_allclose(gaps, gaps[:1].repeat(len(gaps)))


def test_never_more_snapshots_than_asked_for() -> None:
    for n_snapshots in (3, 7, 15, 19):
        snapshots = toy_sweep(MeanModel(jnp.ones(())), n_snapshots=n_snapshots).snapshots
        assert len(snapshots.record) <= n_snapshots


def test_memory_limit_thins_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "SNAPSHOT_LIMIT_BYTES", 7 * 4)  # seven weights of 4 bytes
    snapshots = toy_sweep(MeanModel(jnp.ones(()))).snapshots
    assert snapshots.record.tolist() == [1, 4, 7, 10, 13, 16, 19]


def test_a_snapshot_is_the_model_at_the_end_of_its_record() -> None:
    snapshots = toy_sweep(falling(False), n_records=5, learning_rate=0.01).snapshots
    np.testing.assert_allclose(
        snapshots.params.w[:, 0], 1.05 - 0.01 * np.array([4, 8, 12, 16, 20]), rtol=1e-4
    )


def test_the_learning_rate_falls_over_pretraining_and_then_stays() -> None:
    # A constant gradient moves the weight by the rate itself.
    model = FallingModel(jnp.asarray(10.0), False)
    schedule = BetaSchedule(1e-3, 1.0, n_steps=4, n_pretraining_steps=8)
    result = sweep(
        lambda key: model,
        FreshBatches(no_data),
        schedule,
        learning_rate=0.1,
        first_learning_rate=0.4,
        n_records=2,
    )
    pretrained = 10 - sum(0.1 * 4 ** (1 - step / 8) for step in range(8))
    np.testing.assert_allclose(
        result.snapshots.params.w[:, 0], [pretrained - 0.2, pretrained - 0.4], rtol=1e-5
    )


# Divergence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_snapshots", [20, 2])
def test_a_loss_that_is_not_finite_ends_the_sweep(n_snapshots: int) -> None:
    # The weight is 1.05, 0.95, ... 0.55, and at step 6 it is 0.45, in the pit.
    result = toy_sweep(falling(False), n_snapshots=n_snapshots)
    assert result.status == "diverged"
    assert "loss was not finite at step 6," in result.message
    assert f"beta={NO_PRETRAINING.beta_at(6):.3g}" in result.message
    assert result.annealing.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert result.snapshots.record[-1] == 5
    assert all(np.isfinite(a).all() for a in arrays_of(result) if not isinstance(a, str))


def test_a_gradient_that_is_not_finite_ends_the_sweep_before_it_is_kept() -> None:
    result = toy_sweep(falling(True))
    assert result.status == "diverged"
    assert "gradient was not finite at step 6," in result.message
    assert result.snapshots.record.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.isfinite(result.snapshots.params.w).all()


def test_an_extreme_value_in_x_is_reported() -> None:
    result = toy_sweep(MeanModel(jnp.ones(())), validation=None)
    assert result.status == "finished"
    extreme = sweep(
        lambda key: MeanModel(jnp.ones(())),
        ArrayBatches(np.array([3e38, 3e38], np.float32), 2),
        NO_PRETRAINING,
    )
    assert extreme.status == "diverged"
    assert "step 0," in extreme.message
    assert len(extreme.snapshots.record) == 0
    assert extreme.snapshots.params.w.shape == (0, 1)


# Ctrl-C -----------------------------------------------------------------------------------------


def interrupt_at(step: int, times: int = 1, number: signal.Signals = signal.SIGINT) -> Any:
    """A progress callback that presses Ctrl-C once `step` is reached."""
    pressed: list[int] = []

    def callback(now: SweepProgress) -> None:
        if now.step >= step and not pressed:
            for _ in range(times):
                pressed.append(now.step)
                os.kill(os.getpid(), number)

    return callback


def test_ctrl_c_keeps_what_was_reached(short_result: SweepResult) -> None:
    before = signal.getsignal(signal.SIGINT)
    result = short_sweep(progress=interrupt_at(50), n_snapshots=3)
    assert signal.getsignal(signal.SIGINT) is before
    assert result.status == "interrupted"
    reached = int(result.annealing.step[-1])
    assert 50 <= reached < SHORT.total_steps
    assert f"step {reached} of 90" in result.message
    whole = int(np.searchsorted(short_result.annealing.step, reached, side="right"))
    for name in ("beta", "kl_nats", "prediction_error_nats"):
        found, expected = getattr(result.annealing, name), getattr(short_result.annealing, name)
        axis = 0 if name == "beta" else 1
        np.testing.assert_array_equal(
            found.take(range(whole), axis), expected.take(range(whole), axis)
        )
    scheme = ApproximationScheme.from_sweep(result, ["a", "b", "c"], baseline_entropy_bits=1.0)
    last = scheme.at(beta=1e9)
    assert last.beta == pytest.approx(SHORT.beta_at(reached))
    assert last.predict_proba(xor_data()[0]).shape == (8, 2)


def test_sigterm_acts_like_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    result = short_sweep(progress=interrupt_at(50, number=signal.SIGTERM))
    assert result.status == "interrupted"
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_during_pretraining_still_makes_a_scheme() -> None:
    result = short_sweep(progress=interrupt_at(10), validation=xor_data())
    assert result.status == "interrupted"
    assert len(result.annealing.step) == 0 < len(result.pretraining.step)
    scheme = ApproximationScheme.from_sweep(result, ["a", "b", "c"], baseline_entropy_bits=1.0)
    assert scheme.subsets() == []
    with pytest.raises(UserError, match="before it kept any model"):
        scheme.at(beta=0.1)


def test_a_second_ctrl_c_raises_and_restores_the_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        short_sweep(progress=interrupt_at(10, times=2))
    assert signal.getsignal(signal.SIGINT) is before


# Progress and options ---------------------------------------------------------------------------


def test_progress_rises_to_the_end(short_result: SweepResult) -> None:
    seen: list[SweepProgress] = []
    short_sweep(progress=seen.append)
    steps = [now.step for now in seen]
    assert steps == sorted(set(steps))
    assert steps[-1] == seen[-1].total_steps == SHORT.total_steps
    last = short_result.annealing
    assert seen[-1].total_bits == pytest.approx(
        last.kl_nats[:, -1].sum(-1).mean() / np.log(2), rel=1e-5
    )
    assert seen[-1].prediction_error_bits == pytest.approx(
        last.prediction_error_nats[:, -1, 0].mean() / np.log(2), rel=1e-5
    )


def test_the_bar_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as bar:
        bar(SweepProgress(1, 2, 0.1, 0.5, 1.0))
    assert capsys.readouterr() == ("", "")


def test_the_bar_never_counts_beyond_its_total() -> None:
    # Two sweeps, the second one longer, reported to one bar.
    screen = io.StringIO()
    with ProgressBar("both", Console(file=screen, force_terminal=True, width=120)) as bar:
        for total in (65, 80):
            bar(SweepProgress(total, total, 0.1, 0.5, 1.0))
    shown = re.findall(r"step (\d+)/(\d+)", screen.getvalue())
    assert shown[-1] == ("80", "80")
    assert all(int(step) <= int(total) for step, total in shown)


@pytest.mark.parametrize(
    "option",
    [
        {"n_seeds": 0},
        {"n_records": 0},
        {"n_snapshots": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"first_learning_rate": -1.0},
        {"seed": -1},
        {"seed": 2**32},
        {"n_seeds": 1.5},
    ],
)
def test_bad_options_are_named(option: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(option))):
        short_sweep(**option)
