"""One sweep in progress: its records, models, held-out measurements and checkpoints."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, PRNGKeyArray

from distributed_ib._units import nats_to_bits
from distributed_ib.data.batches import Batch, BatchSource, Prepared
from distributed_ib.model.bottleneck import Terms
from distributed_ib.training._fingerprint import describe
from distributed_ib.training._groups import Members, groups_of
from distributed_ib.training._interrupt import InterruptGuard
from distributed_ib.training._loop import (
    LoopSettings,
    LoopState,
    Params,
    Static,
    Sums,
    evaluate_batch,
    initial_state,
    rates_as_array,
    rows_of_batch,
    run_steps,
    zero_sums,
)
from distributed_ib.training._recorder import Recorder, SnapshotAlbum
from distributed_ib.training._sweep_options import SweepOptions
from distributed_ib.training._sweep_state import Phase, SweepState, boundaries, state_of_first
from distributed_ib.training.checkpoints import CheckpointKeeper, Checkpoints
from distributed_ib.training.devices import Devices, on_this_process
from distributed_ib.training.processes import (
    LostProcessError,
    common_pace,
    report_lost_processes,
)
from distributed_ib.training.progress import ProgressCallback, SweepProgress
from distributed_ib.training.sweep_result import Status, SweepResult

# Long enough that returning control to Python costs nothing, short enough for the progress bar and
# Ctrl-C. Every stretch allocates its memory again, which slows a step of a large model by a fifth,
# so slow steps are made twenty at a time, in stretches up to ten times as long.
SECONDS_PER_STRETCH = 0.4
SLOW_STEPS, SLOW_STRETCH = 20, 10
N_PRETRAINING_RECORDS = 20
VALIDATION_BLOCK = 4096
SNAPSHOT_LIMIT_BYTES = 1 << 30
_BEFORE_RECORDS = " before its first record"


class Model(Protocol):
    """A model that a sweep can train: an Equinox module with the terms of its objective."""

    def terms(self, batch: Batch, *, key: PRNGKeyArray) -> Terms:
        """The terms of the objective on a batch, with one draw of the noise."""
        ...


class _Placed(NamedTuple):
    """Arguments of the compiled loop other than its state, on the devices of the sweep."""

    static: Static
    batches: BatchSource
    settings: LoopSettings


class RunningSweep:
    """One sweep in progress."""

    def __init__(
        self,
        make_model: Callable[[PRNGKeyArray], Model],
        batches: BatchSource,
        options: SweepOptions,
        held_out: dict[str, Batch],
        progress: ProgressCallback | None,
        devices: Devices | None,
    ) -> None:
        self.batches, self.options, self.schedule = batches, options, options.schedules[0]
        self.held_out, self.progress, self.n_seeds = held_out, progress, options.n_seeds
        root = jax.random.key(options.seed)
        keys = [
            jax.random.split(jax.random.fold_in(root, repeat), 3) for repeat in range(self.n_seeds)
        ]
        init_keys, loop_keys, self.validation_keys = jnp.stack(keys, axis=1)
        models = eqx.filter_vmap(make_model)(init_keys)
        params, self.static = eqx.partition(models, eqx.is_inexact_array)
        settings = LoopSettings(
            keys=loop_keys,
            schedules=jnp.stack([schedule.as_array() for schedule in options.schedules]),
            rates=rates_as_array(
                options.first_learning_rate,
                options.learning_rate,
                options.last_learning_rate,
                self.schedule,
            ),
            weight_decay=jnp.float32(options.weight_decay) if options.weight_decay else None,
            averaging=(
                jnp.float32(1 / options.averaging_steps) if options.averaging_steps else None
            ),
        )
        self.together = devices is not None and devices.together
        prepared = batches.prepare(0, 1, self.n_seeds)
        self.layout = (
            None if devices is None else devices.layout(rows_of_batch(batches, prepared, loop_keys))
        )
        self.placed = self._on_devices(_Placed(self.static, batches, settings))
        self.groups = groups_of(self.n_seeds) if self.layout is None else None
        self.zeros = self._on_devices(zero_sums(params, self.static, batches, prepared, loop_keys))
        self.state = self._fresh_state(self._on_devices(params))
        self.steps_per_second = 0.0
        self.keeper: CheckpointKeeper | None = None
        self.started = time.perf_counter()

    def _fresh_state(self, params: Params) -> SweepState:
        schedule, n_records = self.schedule, min(self.options.n_records, self.schedule.n_steps)
        splits = ("train", *self.held_out)
        loop = initial_state(params, self.zeros, averages=self.options.averaging_steps > 0)
        return SweepState(
            loop=loop,
            good=loop,
            pretraining=Phase(
                Recorder(splits), boundaries(0, schedule.n_pretraining_steps, N_PRETRAINING_RECORDS)
            ),
            annealing=Phase(
                Recorder(splits),
                boundaries(schedule.n_pretraining_steps, schedule.n_steps, n_records),
            ),
            album=SnapshotAlbum(
                _snapshot_stride(loop.params, n_records, self.options),
                n_records - 1 if schedule.direction == "rising" else 0,
            ),
        )

    def _on_devices(self, tree: Any) -> Any:
        """The tree with its arrays on all devices of the sweep."""
        return tree if self.layout is None else self.layout.replicated(tree)

    def keep(self, checkpoints: Checkpoints, resume: bool) -> None:
        """Write checkpoints from now on; with `resume`, continue from the newest."""
        shapes = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), self.state.loop.params
        )
        options = asdict(self.options)
        schedules = options.pop("schedules")
        description = {
            **describe(options),
            "schedule": describe(
                schedules if len(set(self.options.schedules)) > 1 else schedules[0]
            ),
            "snapshot_stride": self.state.album.stride,
            "model": describe(eqx.combine(shapes, self.static)),
            "batches": describe(self.batches),
            **{
                name: describe(jax.tree.leaves(self.held_out.get(name)))
                for name in ("validation", "test")
            },
        }
        self.keeper = CheckpointKeeper(checkpoints, description)
        if resume:
            self.state = self.keeper.resume(self.state)
        else:
            self.keeper.begin()
        self.share_state()

    def share_state(self) -> None:
        """Use the state of the first process, on all devices of the sweep."""
        state = state_of_first(self.state) if self.together else self.state
        state.loop, state.good = self._on_devices((state.loop, state.good))
        self.state = state

    def run(self) -> SweepResult:
        self.started = time.perf_counter() - self.state.seconds
        with InterruptGuard() as guard:
            status, message = self._make_records(guard)
        state = self.state
        return SweepResult(
            annealing=state.annealing.recorder.history(self.zeros),
            pretraining=state.pretraining.recorder.history(self.zeros),
            snapshots=state.album.snapshots(self.static, state.loop.params),
            status=status,
            message=message,
            seed=self.options.seed,
            seconds=time.perf_counter() - self.started,
            direction=self.schedule.direction,
        )

    def _make_records(self, guard: InterruptGuard) -> tuple[Status, str]:
        """Make all remaining records; returns how the sweep ended, and a message."""
        state = self.state
        for phase, first, last in state.records():
            if state.step == first:  # else the sweep was resumed in the middle of this record
                state.good = state.loop
                state.loop = state.loop._replace(sums=self.zeros)
            interrupted = self._train(first, last, guard)
            if not np.all(self._finite()):
                message = self._divergence()
                self._return_to_last_record()
                early = "" if state.annealing.recorder.beta else _BEFORE_RECORDS
                return "diverged", f"diverged{early}: {message}"
            self._record(phase, first)
            if phase is state.annealing:
                self._keep_model(len(phase.recorder.beta) - 1, first, keep=interrupted)
            if interrupted:
                early = "" if state.annealing.recorder.beta else f",{_BEFORE_RECORDS}"
                return "interrupted", (
                    f"was interrupted at step {state.step:,} of {self.schedule.total_steps:,}, "
                    f"beta={self._beta():.3g}{early}"
                )
        return "finished", f"finished after {self.schedule.total_steps:,} steps"

    def _keep_model(self, record: int, first: int, *, keep: bool) -> None:
        """Keep the model at whichever end of a record has the larger beta, if it is due.

        The models of a rising and a falling sweep then have the same bottleneck strengths.
        """
        state = self.state
        rising = self.schedule.direction == "rising"
        loop, step = (state.loop, state.step) if rising else (state.good, first)
        beta = self.schedule.beta_at(step)
        state.album.add_if_due(record, beta, loop.kept, keep=keep)

    def _return_to_last_record(self) -> None:
        """Return to the last record at which all values were finite, and keep its model."""
        state = self.state
        state.loop = state.good
        if n_records := len(state.annealing.recorder.beta):
            state.album.add_if_due(n_records - 1, self._beta(), state.loop.kept, keep=True)

    def _beta(self) -> float:
        return self.schedule.beta_at(self.state.step)

    def _train(self, first: int, last: int, guard: InterruptGuard) -> bool:
        """Finish the record from step `first` to `last`; True if Ctrl-C ended it early."""
        step = self.state.step
        if step == last:  # a checkpoint was made just before the record
            return False
        with self._checkpoint_if_process_lost():
            return self._train_from(step, first, last, guard)

    def _train_from(self, step: int, first: int, last: int, guard: InterruptGuard) -> bool:
        """See `_train`; an error here leaves the last state that was reached."""
        stretch, prepared = self._prepare(step, last)
        while step < last:
            started = time.perf_counter()
            finished = self._begin(prepared, step, step + stretch)
            # While the device computes, the host makes the next batches.
            step, made = step + stretch, stretch
            if step < last:
                stretch, prepared = self._prepare(step, last)
            self.state.loop = finished()
            pace = made / (time.perf_counter() - started)
            if not np.all(self.state.loop.finite):
                return False
            self._report(first)
            interrupted = guard.requested
            if self.together:
                pace, interrupted = common_pace(pace, interrupted)
            self.steps_per_second = pace
            self._checkpoint(at_once=interrupted)
            if interrupted:
                return True
        return False

    def _begin(self, prepared: Prepared, step: int, last: int) -> Callable[[], LoopState]:
        """Start training up to step `last`; returns a function that waits for the state."""
        first_step, last_step = (np.asarray(number, np.int32) for number in (step, last))
        static, source, settings = self.placed

        def run(state: LoopState, settings: LoopSettings, members: Members | None) -> LoopState:
            ends = first_step, last_step
            return run_steps(state, static, source, prepared, *ends, settings, self.layout, members)

        if self.groups is None:
            loop = run(self.state.loop, settings, None)
            return lambda: jax.block_until_ready(loop)
        # The first steps are made one group after another, so that only one group compiles.
        return self.groups.begin(
            run, self.state.loop, settings, one_by_one=not self.steps_per_second
        )

    @contextmanager
    def _checkpoint_if_process_lost(self) -> Iterator[None]:
        """Save the last state that was reached if another process of the group is lost.

        Raises:
            LostProcessError: If a process is lost.
        """
        if not self.together:
            yield
            return
        try:
            with report_lost_processes():
                yield
        except LostProcessError:
            self._checkpoint(at_once=True)
            raise

    def _checkpoint(self, at_once: bool) -> None:
        if self.keeper is None:
            return
        self.state.seconds = time.perf_counter() - self.started
        if at_once:
            self.keeper.save(self.state)
        else:
            self.keeper.save_if_due(self.state)

    def _prepare(self, step: int, last: int) -> tuple[int, Prepared]:
        """The number of steps of the next stretch, and its batches."""
        stretch = self._stretch(step, last)
        prepared = self.placed.batches.prepare(step, stretch, self.n_seeds)
        return stretch, prepared if self.layout is None else self.layout.prepared(prepared)

    def _stretch(self, step: int, last: int) -> int:
        """Number of steps for the next call of the compiled loop."""
        usual = self.steps_per_second * SECONDS_PER_STRETCH
        wanted = max(1, int(usual), min(SLOW_STEPS, int(SLOW_STRETCH * usual)))
        limit = self.batches.max_steps
        return min(last - step, wanted if limit is None else limit)

    def _record(self, phase: Phase, first: int) -> None:
        made = self.state.step - first
        record = len(phase.recorder.beta)
        held_out = {name: self._measure(data, record) for name, data in self.held_out.items()}
        phase.recorder.add(
            beta=self.schedule.beta_at(first + made / 2),
            step=first + made,
            sums=self.state.loop.sums,
            n_steps=made,
            held_out=held_out,
        )

    def _measure(self, data: Batch, record: int) -> Sums:
        """Mean terms over held-out data, block by block."""
        n_rows = jax.tree.leaves(data)[0].shape[0]
        params = on_this_process(self.state.loop.kept)
        total: Terms | None = None
        for block, start in enumerate(range(0, n_rows, VALIDATION_BLOCK)):
            stop = min(start + VALIDATION_BLOCK, n_rows)
            rows = jax.tree.map(lambda a, s=start, e=stop: a[s:e], data)
            keys = jax.vmap(
                lambda key, b=block: jax.random.fold_in(jax.random.fold_in(key, record), b)
            )(self.validation_keys)
            terms = evaluate_batch(params, self.static, rows, keys)
            part = jax.tree.map(lambda t, n=stop - start: np.asarray(t, np.float64) * n, terms)
            total = part if total is None else jax.tree.map(np.add, total, part)
        return Sums(*jax.tree.map(lambda t: t / n_rows, total))

    def _report(self, first: int) -> None:
        if self.progress is None:
            return
        step = self.state.step
        means = jax.tree.map(lambda s: np.asarray(s) / (step - first), self.state.loop.sums)
        self.progress(
            SweepProgress(
                step=step,
                total_steps=self.schedule.total_steps,
                beta=self.schedule.beta_at(step),
                prediction_error_bits=float(nats_to_bits(means.prediction_error_nats.mean())),
                total_bits=float(nats_to_bits(means.kl_nats.sum(axis=-1).mean())),
            )
        )

    def _finite(self) -> Bool[np.ndarray, " repeat"]:
        """Repeats whose values are all finite. A finite loss may have a gradient that is not."""
        finite = np.asarray(self.state.loop.finite)
        for leaf in jax.tree.leaves(self.state.loop.params):
            finite = finite & np.isfinite(leaf).reshape(self.n_seeds, -1).all(axis=1)
        return finite

    def _divergence(self) -> str:
        step = self.state.step - 1
        repeats = ", ".join(str(r) for r in np.flatnonzero(~self._finite()))
        what = "gradient" if np.all(self.state.loop.finite) else "loss"
        return (
            f"the {what} was not finite at step {step:,}, beta={self.schedule.beta_at(step):.3g} "
            f"(repeat {repeats}); try a smaller learning rate, or look for extreme values in X"
        )


def _snapshot_stride(params: Params, n_records: int, options: SweepOptions) -> int:
    """The number k such that a model is kept at every k-th record.

    Schedules that overlap by half keep models at the same beta, so that they can be compared.
    """
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(params))
    affordable = max(1, SNAPSHOT_LIMIT_BYTES // max(1, size))
    stride = math.ceil(n_records / min(options.n_snapshots, affordable))
    half = n_records // 2
    if len(set(options.schedules)) == 1 or stride > half:
        return stride
    return next(longer for longer in range(stride, half + 1) if half % longer == 0)
