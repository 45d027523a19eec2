"""Fit a scheme of approximations to a problem: run all sweeps, join and measure them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jax import Array

from distributed_ib._run_files import CHECKPOINTS, SWEEPS
from distributed_ib._units import nats_to_bits
from distributed_ib.data.batches import BatchSource
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.data.problem import Division, Problem, Split, sample_rows
from distributed_ib.errors import UserError
from distributed_ib.information.entropy import entropy_bits
from distributed_ib.scheme._ladder_dataset import dataset_of_ladder
from distributed_ib.scheme._marginal import Marginal, has_marginal
from distributed_ib.scheme._measured_rows import Roles
from distributed_ib.scheme._sharpness import sharpened_snapshots
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.ladder import Ladder, climb
from distributed_ib.training._program_memory import clear_programs
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.devices import Devices
from distributed_ib.training.processes import broadcast_flag
from distributed_ib.training.progress import ProgressCallback, offset_progress
from distributed_ib.training.schedule import BetaSchedule, Direction
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import Status, SweepResult
from distributed_ib.training.train_settings import TrainSettings

MakeModel = Callable[[Array], Any]


@dataclass(frozen=True)
class Baseline:
    """The prediction error without X.

    Attributes:
        bits: The error.
        name: Its name, such as "H(Y)".
    """

    bits: float
    name: str = "H(Y)"


@dataclass(frozen=True)
class SweepStore:
    """Where the sweeps of a scheme are stored while they run, so that they can be resumed.

    Attributes:
        folder: The folder; `checkpoints/` and `sweeps/` are made in it, and removed by `clear`.
        resume: Whether to continue from what the folder contains.
    """

    folder: Path
    resume: bool = False

    def checkpoints(self, name: str) -> Checkpoints:
        """The checkpoints of one sweep."""
        return Checkpoints(self.folder / CHECKPOINTS / name)

    def finished(self, name: str) -> Path:
        """The folder of a sweep that finished before others of the scheme."""
        return self.folder / SWEEPS / name

    def clear(self) -> None:
        """Remove checkpoints and finished sweeps, once the scheme is saved."""
        for part in (CHECKPOINTS, SWEEPS):
            shutil.rmtree(self.folder / part, ignore_errors=True)


def fit_scheme(
    problem: Problem,
    make_model: MakeModel,
    train: TrainSettings,
    *,
    seed: int = 0,
    baseline: Baseline | None = None,
    store: SweepStore | None = None,
    progress: ProgressCallback | None = None,
    devices: Devices | None = None,
) -> ApproximationScheme:
    """Run the sweeps of a problem, join them, and measure what their channels transmit.

    Args:
        problem: The rows and how they are split.
        make_model: Returns a model, given a random key.
        train: Training settings.
        seed: Seed of everything random, including the split.
        baseline: The error without X; by default that of the problem or of the model's predictor,
            or else H(Y) of the training rows.
        store: Where to store checkpoints and finished sweeps; by default they are not stored.
        progress: Called regularly during the sweeps; it counts the steps of all of them.
        devices: Devices that share the rows of every batch; by default there is one.

    Returns:
        The scheme. If a sweep was interrupted or diverged, it contains the records made so far.

    Raises:
        UserError: If the problem, the model and the settings don't fit together.
    """
    clear_programs()
    split = problem.split(seed)
    runner = _SweepRunner(split, make_model, train, seed, store, devices)
    if train.is_ladder:
        return measured(_one_ladder(runner, progress), split, train, seed)
    directions = train.directions
    schemes: list[ApproximationScheme] = []
    n_before = 0
    for direction in directions:
        sweep_progress = offset_progress(progress, n_before, train.total_steps)
        schemes.append(_one_sweep(runner, direction, baseline, sweep_progress))
        n_before += train.schedule(direction).total_steps
        if schemes[-1].status != "finished":
            break
        if store is not None and len(directions) > 1:
            _keep(schemes[-1], store, direction)
    scheme = _joined(schemes)
    return measured(scheme, split, train, seed)


def measured(
    scheme: ApproximationScheme, split: Split, train: TrainSettings, seed: int
) -> ApproximationScheme:
    """The scheme with the information that its channels transmit on the training rows.

    It is not measured after an interruption, so that the run ends without delay.
    """
    if not train.n_information_inputs or scheme.is_empty or scheme.status == "interrupted":
        return scheme
    x, _, weight = split.problem.rows(split.train)
    if lists_values(x):
        x = sample_rows(x, len(split.train), train.n_information_inputs, seed).rows()
    return scheme.with_information(
        x,
        weights=weight,
        complete=split.problem.complete,
        n_inputs=train.n_information_inputs,
        n_records=train.n_information_records,
        n_rows=None if split.problem.source is not None else len(split.train),
        seed=seed,
    )


def run_sweeps_as_follower(
    problem: Problem,
    make_model: MakeModel,
    train: TrainSettings,
    *,
    seed: int = 0,
    devices: Devices | None = None,
) -> Status:
    """Run the sweeps of a problem together with the first process of a group.

    The first process calls `fit_scheme`, and stores and measures the results.

    Args:
        problem: As in `fit_scheme`.
        make_model: As in `fit_scheme`.
        train: As in `fit_scheme`.
        seed: As in `fit_scheme`.
        devices: As in `fit_scheme`.

    Returns:
        How the last sweep ended.
    """
    split = problem.split(seed)
    runner = _SweepRunner(split, make_model, train, seed, None, devices)
    if train.is_ladder:
        return runner.ladder(split.divided(train.n_resamples), runner.stretches(), None).status
    status: Status = "finished"
    for direction in train.directions:
        # True if the first process has it already.
        if status == "finished" and not broadcast_flag(False):
            status = runner.sweep(direction, None).status
    return status


@dataclass(frozen=True, eq=False)
class _SweepRunner:
    """The arguments that all sweeps of a scheme share."""

    split: Split
    make_model: MakeModel
    train: TrainSettings
    seed: int
    store: SweepStore | None
    devices: Devices | None

    def stretches(self) -> Ladder:
        """Starts and resamples."""
        train = self.train
        n_resamples = len(self.split.divided(train.n_resamples).train)
        return Ladder(train.stretches(), n_resamples, train.n_seeds, train.n_records_of_stretch)

    def sweep(self, direction: Direction, progress: ProgressCallback | None) -> SweepResult:
        """Run a sweep over the whole range of beta."""
        division, held_out = self.split.divided(), self.split.problem.held_out_batch
        return self._sweep(
            self.split.batches(self.train.batch_size, self.seed),
            self.train.schedule(direction),
            direction,
            n_seeds=self.train.n_seeds,
            validation=held_out(division.validation[0]),
            test=held_out(division.test),
            n_records=self.train.n_records,
            progress=progress,
        )

    def ladder(
        self, division: Division, ladder: Ladder, progress: ProgressCallback | None
    ) -> SweepResult:
        """Run all starts and resamples in parallel."""
        train, split = self.train, self.split
        batches = (
            split.problem.resampled_batches(
                [division.train[k] for k in ladder.resample_of_repeat], train.batch_size, self.seed
            )
            if train.n_resamples
            else split.batches(train.batch_size, self.seed)
        )
        return self._sweep(
            batches,
            ladder.schedules,
            "ladder",
            n_seeds=len(ladder.schedules),
            n_records=train.n_records_of_stretch,
            progress=progress,
        )

    def _sweep(
        self,
        batches: BatchSource,
        schedule: BetaSchedule | Sequence[BetaSchedule],
        name: str,
        **options: Any,
    ) -> SweepResult:
        train, store = self.train, self.store
        checkpoints = None if store is None else store.checkpoints(name)
        resume = store is not None and store.resume
        return sweep(
            self.make_model,
            batches,
            schedule,
            seed=self.seed,
            learning_rate=train.learning_rate,
            first_learning_rate=train.first_learning_rate,
            last_learning_rate=train.last_learning_rate,
            weight_decay=train.weight_decay,
            averaging_steps=train.averaging_steps,
            n_snapshots=train.n_snapshots,
            checkpoints=checkpoints,
            resume=resume and checkpoints is not None and checkpoints.exist(),
            devices=self.devices,
            **options,
        )


def _one_sweep(
    runner: _SweepRunner,
    direction: Direction,
    baseline: Baseline | None,
    progress: ProgressCallback | None,
) -> ApproximationScheme:
    store = runner.store
    is_made = store is not None and store.resume and store.finished(direction).is_dir()
    if runner.devices is not None and runner.devices.together:
        broadcast_flag(is_made)  # the other processes wait for this
    if store is not None and is_made:
        return ApproximationScheme.load(store.finished(direction))
    return as_scheme(runner.sweep(direction, progress), runner.split, baseline)


def _one_ladder(runner: _SweepRunner, progress: ProgressCallback | None) -> ApproximationScheme:
    """Run all starts and resamples, and keep the models of the best start at every beta."""
    split, train = runner.split, runner.train
    division = split.divided(train.n_resamples)
    if any(len(rows) == 0 for rows in division.validation):
        raise UserError("several starts need held-out rows to choose among them.")
    ladder = runner.stretches()
    result = runner.ladder(division, ladder, progress)
    return _climbed(result, ladder, split, division, train.n_draws)


def _climbed(
    result: SweepResult, ladder: Ladder, split: Split, division: Division, n_draws: int
) -> ApproximationScheme:
    """The models of the best start at every beta, measured on their own rows."""
    names = split.problem.names
    if len(result.snapshots.record) == 0:
        # In an empty scheme, every repeat is a seed, and there is no loss.
        return ApproximationScheme.from_sweep(
            result, names, baseline_entropy_bits=0.0, baseline="nothing"
        )
    roles = Roles.of(split, division, result.snapshots.model(0, 0).predictor)
    snapshots, places = climb(result, ladder, roles)
    snapshots = sharpened_snapshots(snapshots, ladder, roles)
    dataset = dataset_of_ladder(
        result,
        ladder,
        roles,
        snapshots,
        places,
        names,
        baseline=split.problem.baseline,
        n_draws=n_draws,
    )
    return ApproximationScheme(dataset, snapshots)


def as_scheme(result: SweepResult, split: Split, baseline: Baseline | None) -> ApproximationScheme:
    """The records of a sweep in bits, relative to the error without X.

    On held-out rows, the error without X is that of the marginal of Y in the training rows.
    """
    held_out = {} if baseline is not None else _held_out_baselines(result, split)
    baseline = baseline or default_baseline(result.snapshots.static, split)
    return ApproximationScheme.from_sweep(
        result,
        split.problem.names,
        baseline_entropy_bits=baseline.bits,
        baseline=baseline.name,
        held_out_baseline_bits=held_out,
    )


def _held_out_baselines(result: SweepResult, split: Split) -> dict[str, float]:
    """Error of the marginal of Y on validation and test rows; empty if no marginal is used."""
    if not len(result.snapshots.record):
        return {}
    predictor = getattr(result.snapshots.model(0, 0), "predictor", None)
    if split.problem.entropy_bits is not None or not has_marginal(predictor):
        return {}
    _, y, weight = split.problem.rows(split.train)
    marginal = Marginal(predictor, np.asarray(y), weight)
    division = split.divided()
    found = {}
    for name, which in (("validation", division.validation[0]), ("test", division.test)):
        if len(which):
            rows = split.problem.rows(which)
            losses = marginal.losses_nats(rows.y)
            found[name] = float(nats_to_bits(np.average(losses, weights=rows.weight)))
    return found


def default_baseline(model: Any, split: Split) -> Baseline:
    """The error without X, from the problem, the model's predictor, or the classes of Y.

    Raises:
        UserError: If none of them gives it.
    """
    if split.problem.entropy_bits is not None:
        return Baseline(split.problem.entropy_bits)
    _, y, weight = split.problem.rows(split.train)
    predictor = getattr(model, "predictor", None)
    if predictor is not None and hasattr(predictor, "baseline"):
        bits, name = predictor.baseline(np.asarray(y), weight)
        return Baseline(bits, name)
    labels = np.asarray(y)
    if labels.dtype.kind in "biu":
        # The entries of a vector are predicted separately.
        entries = labels.reshape(len(labels), -1).astype(np.int64).T
        counts = [np.bincount(codes, weight) for codes in entries]
        bits = sum(float(entropy_bits(part / part.sum())) for part in counts)
        return Baseline(bits, split.problem.baseline)
    raise UserError(
        "the error without X is not known for this model; give its predictor a method "
        "baseline(y, weight), or the problem its entropy_bits."
    )


def _keep(scheme: ApproximationScheme, store: SweepStore, name: str) -> None:
    """Save a finished sweep, so that it need not be run again, and remove its checkpoints."""
    folder = store.finished(name)
    if folder.is_dir():
        return
    half = folder.with_name(f".{name}-half")
    shutil.rmtree(half, ignore_errors=True)
    scheme.save(half)
    half.rename(folder)
    store.checkpoints(name).remove()


def _joined(schemes: Sequence[ApproximationScheme]) -> ApproximationScheme:
    """Join all sweeps; the last is left out if it did not finish, unless it is the only one."""
    first, last = schemes[0], schemes[-1]
    if len(schemes) == 1:
        return first
    if last.status == "finished":
        return ApproximationScheme.joined(schemes)
    data = first.to_xarray().assign_attrs(
        status=last.status,
        message=f"{first.message} with beta {first.directions[0]}; with beta "
        f"{last.directions[0]}, which is left out, it {last.message}",
        seconds=sum(float(scheme.to_xarray().attrs["seconds"]) for scheme in schemes),
    )
    return ApproximationScheme(data, first.snapshots)
