"""Sweeps on several devices, in a separate process with a chosen number of devices.

    python devices_child.py gradient FOLDER         four simulated devices (XLA_FLAGS), quick
    python devices_child.py simulated FOLDER        the same devices, all results
    python devices_child.py group PORT INDEX FOLDER one of two processes that train together

The results are stored in FOLDER as named arrays.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from distributed_ib.data.batches import ArrayBatches, BatchSource
from distributed_ib.data.row_batches import RowBatches
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import BinaryEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.training._loop import run_steps
from distributed_ib.training._running_sweep import Model, RunningSweep
from distributed_ib.training._sweep_options import SweepOptions
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.devices import Devices
from distributed_ib.training.processes import Group, is_first
from distributed_ib.training.progress import SweepProgress
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from quick_compilation import compiled_quickly
from toy import xor_data, xor_model

N_ROWS = 32
N_NUDGED = 12
ADAM_SHARE = 0.1  # of the first gradient in Adam's first moment

System = tuple[Callable[[Array], Model], BatchSource, int]


def simple_systems() -> dict[str, System]:
    """Models of three inputs, with the rows on the device or on the host."""
    return {
        "rows on the device": (xor_model, ArrayBatches(xor_data(), N_ROWS), 1),
        "rows on the host": (xor_model, RowBatches(xor_data(), N_ROWS), 2),
    }


def tables() -> dict[str, System]:
    """Models of tables, with several starts and resamples side by side."""
    from distributed_ib.estimators.classifier import DistributedIBClassifier
    from distributed_ib.estimators.regressor import DistributedIBRegressor

    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=200), rng.integers(0, 5, 200), rng.normal(size=200)])
    options: dict[str, Any] = {"batch_size": N_ROWS, "n_starts": 2, "n_resamples": 2}
    classes = DistributedIBClassifier(**options, random_state=0).plan(x, x[:, 1] > x[:, 0])
    vectors = DistributedIBRegressor(loss="infonce", **options, random_state=0).plan(
        x, x[:, :2] + x[:, 2:]
    )

    def of(plan: Any) -> System:
        train = plan.split.divided(2).train
        batches = plan.problem.resampled_batches([train[k % 2] for k in range(4)], N_ROWS, 0)
        return plan.make_model, batches, 4

    return {
        "a table, whose numbers are listed once": of(classes),
        "rows that are compared with each other": of(vectors),
    }


def first_gradient(system: System, devices: Devices) -> np.ndarray:
    """The gradient of the first step with respect to all parameters of all repeats."""
    make_model, batches, n_repeats = system
    schedule = BetaSchedule(0.1, 1.0, n_steps=10, n_pretraining_steps=0)
    options = SweepOptions((schedule,) * n_repeats, 0, n_repeats, 1e-3, 1e-3, 1e-3, 0.0, 0.0, 2, 2)
    running = RunningSweep(make_model, batches, options, {}, None, devices)
    placed, layout = running.placed, running.layout
    prepared = placed.batches.prepare(0, 1, n_repeats)
    state = run_steps(
        running.state.loop,
        placed.static,
        placed.batches,
        prepared if layout is None else layout.prepared(prepared),
        np.asarray(0, np.int32),
        np.asarray(1, np.int32),
        placed.settings,
        layout,
    )
    moments = state.optimizer.mu
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(moments)]) / ADAM_SHARE


def nudged(seed: int) -> Callable[[Array], Model]:
    """A start whose every weight is changed by one unit in the last place."""
    rng = np.random.default_rng(seed)

    def make_model(key: Array) -> Model:
        def changed(leaf: Any) -> Any:
            if not jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating):
                return leaf
            toward = np.where(rng.random(leaf.shape) < 0.5, -np.inf, np.inf).astype(leaf.dtype)
            return jax.numpy.nextafter(leaf, toward)

        return jax.tree.map(changed, noise_model(key))

    return make_model


def noise_model(key: Array) -> Model:
    """A model of 8 inputs that are zero or one."""
    return DistributedBottleneck(BinaryEncoder(8), BernoulliPredictor(8, hidden=(32,), key=key))


def noise_sweep(make_model: Callable[[Array], Model] = noise_model, **options: Any) -> SweepResult:
    """A sweep that memorizes random labels, so that small differences grow."""
    rng = np.random.default_rng(3)
    batches = ArrayBatches((rng.integers(0, 2, (256, 8)), rng.integers(0, 2, 256)), N_ROWS)
    schedule = BetaSchedule(1e-3, 1.0, n_steps=300, n_pretraining_steps=200)
    return sweep(
        make_model, batches, schedule, learning_rate=0.03, n_seeds=2, n_records=20, **options
    )


def curves(result: SweepResult) -> np.ndarray:
    """All values that a sweep records, concatenated."""
    history = result.annealing
    return np.concatenate([history.kl_nats.ravel(), history.prediction_error_nats.ravel()])


def stopped_and_resumed(folder: Path) -> SweepResult:
    """A sweep that is stopped on two devices and resumed on four."""

    def stop(now: SweepProgress) -> None:
        if now.step > 250:
            os.kill(os.getpid(), signal.SIGINT)

    checkpoints = Checkpoints(folder)
    stopped = noise_sweep(devices=Devices(2), checkpoints=checkpoints, progress=stop)
    assert stopped.status == "interrupted"
    return noise_sweep(devices=Devices(4), checkpoints=checkpoints, resume=True)


def gradient(folder: str) -> None:
    """The gradient of the simplest system on one and on four devices of one process."""
    name = "rows on the device"
    found: dict[str, Any] = {
        f"{name}, {n}": first_gradient(simple_systems()[name], Devices(n)) for n in (1, 4)
    }
    np.savez(Path(folder) / "found.npz", **found)


def simulated(folder: str) -> None:
    """All gradients and curves on one, two and four devices of one process."""
    found: dict[str, Any] = {}
    for name, system in (simple_systems() | tables()).items():
        for n_devices in (1, 2, 4) if name in simple_systems() else (1, 4):
            found[f"{name}, {n_devices}"] = first_gradient(system, Devices(n_devices))
    for n_devices in (1, 2, 4):
        found[f"curves, {n_devices}"] = curves(noise_sweep(devices=Devices(n_devices)))
    for k in range(N_NUDGED):
        found[f"curves, nudged {k}"] = curves(noise_sweep(nudged(k), devices=Devices(1)))
    found["curves, resumed"] = curves(stopped_and_resumed(Path(folder) / "checkpoints"))
    np.savez(Path(folder) / "found.npz", **found)


def group(port: str, index: str, folder: str) -> None:
    """Gradients and curves of two processes with one device each."""
    Group(f"127.0.0.1:{port}", 2, int(index)).join()
    found: dict[str, Any] = {
        name: first_gradient(system, Devices(together=True))
        for name, system in simple_systems().items()
    }
    found["curves"] = curves(noise_sweep(devices=Devices(together=True)))
    found["writes"] = np.array(is_first())
    np.savez(Path(folder) / f"found-{index}.npz", **found)


if __name__ == "__main__":
    modes: dict[str, Callable[..., None]] = {
        "gradient": gradient,
        "simulated": simulated,
        "group": group,
    }
    with compiled_quickly():
        modes[sys.argv[1]](*sys.argv[2:])
