"""The sweep: one training run that visits every bottleneck strength."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from distributed_ib.checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.training.batches import Batch, BatchSource, shared_length
from distributed_ib.training.interrupt import InterruptGuard
from distributed_ib.training.loop import (
    LoopSettings,
    Sums,
    evaluate_batch,
    initial_state,
    run_steps,
    zero_sums,
)
from distributed_ib.training.progress import ProgressCallback, SweepProgress
from distributed_ib.training.recorder import Recorder, SnapshotAlbum
from distributed_ib.training.result import Status, SweepResult
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.units import nats_to_bits

# Long enough that handing control back to Python costs nothing, short enough that the progress
# bar lives and Ctrl-C is heard.
SECONDS_PER_STRETCH = 0.4
N_PRETRAINING_RECORDS = 20
VALIDATION_BLOCK = 4096
SNAPSHOT_LIMIT_BYTES = 1 << 30


class _Phase(NamedTuple):
    """A run of records that belong together: pre-training or annealing."""

    recorder: Recorder
    boundaries: list[int]


def sweep(
    make_model: Callable[[Array], Any],
    batches: BatchSource,
    schedule: BetaSchedule,
    *,
    seed: int = 0,
    n_seeds: int = 1,
    learning_rate: float = 3e-4,
    validation: Batch | None = None,
    n_records: int = 200,
    n_snapshots: int = 200,
    progress: ProgressCallback | None = None,
) -> SweepResult:
    """Train a bottlenecked model while beta rises, and record what happens.

    All repeats run in one compiled program, which is reused by later sweeps of the same shapes.
    Ctrl-C ends the sweep early and keeps what was reached. So does a loss that is not finite; the
    models then end with the last record at which all was well.

    Args:
        make_model: From a random key to a model: an Equinox module with
            `terms(batch, *, key) -> Terms`, such as `DistributedBottleneck`.
        batches: Where training batches come from.
        schedule: How beta rises.
        seed: Seed of everything random, 0 .. 2^32 - 1. The same seed gives the same bits on the
            same machine.
        n_seeds: Independent repeats, which differ in start, batches and noise.
        learning_rate: Adam's step size; the paper uses 3e-4.
        validation: Held-out data, a tree of arrays `[n, ...]` like a batch. It is measured whole
            at every record and never trained on.
        n_records: Records along the annealing, evenly spaced in log beta.
        n_snapshots: Most models to keep along the annealing. They are every k-th record, back
            from the last; k grows where they would take more than 1 GiB together.
        progress: Called about twice a second, e.g. a `ProgressBar`.

    Returns:
        The records and models of the sweep.

    Raises:
        UserError: If an option is out of range, or the arrays of `validation` differ in length.
    """
    check_repeats(seed, n_seeds)
    whole_number("n_records", n_records, 1)
    whole_number("n_snapshots", n_snapshots, 1)
    if validation is not None:
        shared_length(validation, "validation data")
        validation = jax.tree.map(np.asarray, validation)
    if not (learning_rate > 0 and math.isfinite(learning_rate)):
        raise UserError(f"learning_rate must be positive, got {learning_rate:g}.")
    return _Sweep(
        make_model,
        batches,
        schedule,
        seed,
        n_seeds,
        learning_rate,
        validation,
        n_snapshots,
        progress,
    ).run(min(n_records, schedule.n_steps))


def check_repeats(seed: int, n_seeds: int) -> None:
    """Refuse what can't be a seed or a number of repeats.

    Raises:
        UserError: If one of them is out of range.
    """
    whole_number("n_seeds", n_seeds, 1)
    # JAX takes seeds modulo 2^32: beyond that two seeds would be one.
    whole_number("seed", seed, 0, 2**32 - 1)


class _Sweep:
    """One sweep in progress."""

    def __init__(
        self,
        make_model: Callable[[Array], Any],
        batches: BatchSource,
        schedule: BetaSchedule,
        seed: int,
        n_seeds: int,
        learning_rate: float,
        validation: Batch | None,
        n_snapshots: int,
        progress: ProgressCallback | None,
    ) -> None:
        self.batches, self.schedule, self.seed, self.n_seeds = batches, schedule, seed, n_seeds
        self.validation, self.progress, self.n_snapshots = validation, progress, n_snapshots
        root = jax.random.key(seed)
        keys = [jax.random.split(jax.random.fold_in(root, repeat), 3) for repeat in range(n_seeds)]
        init_keys, loop_keys, self.validation_keys = jnp.stack(keys, axis=1)
        models = eqx.filter_vmap(make_model)(init_keys)
        params, self.static = eqx.partition(models, eqx.is_inexact_array)
        self.settings = LoopSettings(
            keys=loop_keys,
            schedule=schedule.as_array(),
            learning_rate=jnp.asarray(learning_rate, jnp.float32),
        )
        self.zeros = zero_sums(
            params, self.static, batches, batches.prepare(0, 1, n_seeds), loop_keys
        )
        self.state = initial_state(params, self.zeros)
        self.steps_per_second = 0.0

    def run(self, n_records: int) -> SweepResult:
        schedule, started = self.schedule, time.perf_counter()
        splits = ("train",) if self.validation is None else ("train", "validation")
        pretraining = _Phase(
            Recorder(splits), _boundaries(0, schedule.n_pretraining_steps, N_PRETRAINING_RECORDS)
        )
        annealing = _Phase(
            Recorder(splits),
            _boundaries(schedule.n_pretraining_steps, schedule.n_steps, n_records),
        )
        album = SnapshotAlbum(self._snapshot_stride(n_records), n_records - 1)
        status: Status = "finished"
        message = f"finished after {schedule.total_steps:,} steps"
        with InterruptGuard() as guard:
            for phase, first, last in _records(pretraining, annealing):
                good = self.state
                self.state = self.state._replace(sums=self.zeros)
                interrupted = self._train(first, last, guard)
                if not np.all(self._finite()):
                    status, message = "diverged", self._divergence()
                    self.state = good
                    if annealing.recorder.beta:
                        index = len(annealing.recorder.beta) - 1
                        album.offer(index, self._beta(), good.params, keep=True)
                    break
                made = int(self.state.step) - first
                if made:
                    self._record(phase, first, made)
                if made and phase is annealing:
                    index = len(phase.recorder.beta) - 1
                    album.offer(index, self._beta(), self.state.params, keep=interrupted)
                if interrupted:
                    status = "interrupted"
                    message = (
                        f"interrupted at step {int(self.state.step):,} of "
                        f"{schedule.total_steps:,}, beta={self._beta():.3g}"
                    )
                    break
        return SweepResult(
            annealing=annealing.recorder.history(self.zeros),
            pretraining=pretraining.recorder.history(self.zeros),
            snapshots=album.snapshots(self.static, self.state.params),
            status=status,
            message=message,
            seed=self.seed,
            seconds=time.perf_counter() - started,
        )

    def _beta(self) -> float:
        return self.schedule.beta_at(int(self.state.step))

    def _train(self, first: int, last: int, guard: InterruptGuard) -> bool:
        """Train from step `first` to `last`; True if Ctrl-C ended it before."""
        step = first
        stretch = self._stretch(step, last)
        prepared = self.batches.prepare(step, stretch, self.n_seeds)
        while step < last:
            started = time.perf_counter()
            state = run_steps(
                self.state,
                self.static,
                self.batches,
                prepared,
                jnp.int32(step),
                jnp.int32(step + stretch),
                self.settings,
            )
            # The device is at work by now; the host makes the next batches meanwhile.
            step, made = step + stretch, stretch
            if step < last:
                stretch = self._stretch(step, last)
                prepared = self.batches.prepare(step, stretch, self.n_seeds)
            self.state = jax.block_until_ready(state)
            self.steps_per_second = made / (time.perf_counter() - started)
            if not np.all(self.state.finite):
                return False
            self._report(first)
            if guard.requested:
                return True
        return False

    def _stretch(self, step: int, last: int) -> int:
        """How many steps to ask of the compiled loop at once."""
        wanted = max(1, int(self.steps_per_second * SECONDS_PER_STRETCH))
        limit = self.batches.max_steps
        return min(last - step, wanted if limit is None else limit)

    def _record(self, phase: _Phase, first: int, made: int) -> None:
        validation = None if self.validation is None else self._validate(len(phase.recorder.beta))
        phase.recorder.add(
            beta=self.schedule.beta_at(first + made / 2),
            step=first + made,
            sums=self.state.sums,
            n_steps=made,
            validation=validation,
        )

    def _validate(self, record: int) -> Sums:
        """Mean terms over all validation data, block by block."""
        n_rows = jax.tree.leaves(self.validation)[0].shape[0]
        total: Any = None
        for block, start in enumerate(range(0, n_rows, VALIDATION_BLOCK)):
            stop = min(start + VALIDATION_BLOCK, n_rows)
            rows = jax.tree.map(lambda a, s=start, e=stop: a[s:e], self.validation)
            keys = jax.vmap(
                lambda key, b=block: jax.random.fold_in(jax.random.fold_in(key, record), b)
            )(self.validation_keys)
            terms = evaluate_batch(self.state.params, self.static, rows, keys)
            part = jax.tree.map(lambda t, n=stop - start: np.asarray(t, np.float64) * n, terms)
            total = part if total is None else jax.tree.map(np.add, total, part)
        return Sums(*jax.tree.map(lambda t: t / n_rows, total))

    def _report(self, first: int) -> None:
        if self.progress is None:
            return
        step = int(self.state.step)
        means = jax.tree.map(lambda s: np.asarray(s) / (step - first), self.state.sums)
        self.progress(
            SweepProgress(
                step=step,
                total_steps=self.schedule.total_steps,
                beta=self.schedule.beta_at(step),
                prediction_error_bits=float(nats_to_bits(means.prediction_error_nats.mean())),
                total_bits=float(nats_to_bits(means.kl_nats.sum(axis=-1).mean())),
            )
        )

    def _snapshot_stride(self, n_records: int) -> int:
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(self.state.params))
        affordable = max(1, SNAPSHOT_LIMIT_BYTES // max(1, size))
        return math.ceil(n_records / min(self.n_snapshots, affordable))

    def _finite(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which repeats are sound. A finite loss may have a gradient that is not."""
        finite = np.asarray(self.state.finite)
        for leaf in jax.tree.leaves(self.state.params):
            finite = finite & np.isfinite(leaf).reshape(self.n_seeds, -1).all(axis=1)
        return finite

    def _divergence(self) -> str:
        step = int(self.state.step) - 1
        repeats = ", ".join(str(r) for r in np.flatnonzero(~self._finite()))
        what = "gradient" if np.all(self.state.finite) else "loss"
        return (
            f"the {what} was not finite at step {step:,}, beta={self.schedule.beta_at(step):.3g} "
            f"(repeat {repeats}); try a smaller learning rate, or look for extreme values in X"
        )


def _boundaries(first: int, n_steps: int, n_records: int) -> list[int]:
    """Steps at which the records of a phase begin and end; none for a phase without steps."""
    n_records = min(n_records, n_steps)
    return [first + round(n_steps * k / n_records) for k in range(n_records + 1)] if n_steps else []


def _records(*phases: _Phase) -> Iterator[tuple[_Phase, int, int]]:
    """First and last step of every record, in order."""
    for phase in phases:
        for first, last in zip(phase.boundaries[:-1], phase.boundaries[1:], strict=True):
            yield phase, first, last
