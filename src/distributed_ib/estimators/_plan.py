"""The plan of the sweeps over a table: everything that they need, made from the input of `fit`."""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib.data._copies import exchangeable_components
from distributed_ib.data.batches import BatchSource
from distributed_ib.data.component_values import ComponentValues, values_of_table
from distributed_ib.data.distinct_values import repeated_numbers
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.problem import MOST_FOLDS, Problem, RowIndex, Split
from distributed_ib.data.resampled_batches import ResampledBatches
from distributed_ib.data.row_batches import RowBatches, fits_on_device
from distributed_ib.data.target import Target
from distributed_ib.estimators.predicted import predicted_mean, predicted_quantiles, scores_of
from distributed_ib.estimators.table_settings import Settings
from distributed_ib.evidence.calibration import (
    CalibrationRow,
    calibration_of_classes,
    coverage_of_numbers,
)
from distributed_ib.evidence.evidence import Evidence, EvidenceAt
from distributed_ib.evidence.measuring import measure_evidence
from distributed_ib.evidence.scores import score_intervals
from distributed_ib.model.bottleneck import DistributedBottleneck, model_from_config
from distributed_ib.model.losses import Loss
from distributed_ib.model.tilted_predictor import TiltedPredictor
from distributed_ib.scheme._choosing import nearest_place
from distributed_ib.scheme._noise import mean_over_noise
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.fitting import SweepStore, fit_scheme
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.train_settings import TrainSettings

N_CANDIDATES = 2048
STATED = (0.5, 0.8, 0.9)
"""Probabilities of the intervals of numbers whose coverage is measured."""


@dataclass(frozen=True, eq=False)
class TableProblem(Problem):
    """Rows of a table, as returned by `FittedDecomposition.transform`.

    Attributes:
        truth: Y as scores compare it with predictions: codes of classes, or numbers in the units
            of Y, `[n]` or `[n, d]`.
        encoder_options: See `FittedDecomposition.encoder_options`.
        codes_of_missing: See `FittedDecomposition.codes_of_missing`.
    """

    truth: NDArray[Any] = field(default_factory=lambda: np.zeros(0))
    encoder_options: dict[str, Any] = field(default_factory=dict)
    codes_of_missing: tuple[tuple[int, int], ...] = ()

    @property
    def outcome(self) -> NDArray[Any]:
        """Y as scores compare it: codes of classes, or numbers in the units of Y."""
        return self.truth

    @property
    def n_streamed(self) -> int:
        """Number of training rows that are not in memory."""
        return 0

    def in_memory(self) -> "TableProblem":
        """Only the rows in memory, on which evidence is measured."""
        return self

    def component_values(self) -> list[ComponentValues]:
        """Values of every component, standardised."""
        return values_of_table(
            self.x, **self.encoder_options, codes_of_missing=self.codes_of_missing
        )

    def resampled_batches(
        self, train: Sequence[RowIndex], batch_size: int, seed: int
    ) -> BatchSource:
        """Training batches, in which repeated numbers are listed once."""
        if self.weight is None and not fits_on_device((self.x, self.y)):
            return RowBatches((self.x, self.y), batch_size, seed=seed, rows=train)
        # Without the list, a batch is encoded; so a list must be shorter than a batch.
        x = repeated_numbers(self.x, batch_size - 1, **self.encoder_options)
        return ResampledBatches((x, self.y), train, batch_size, weights=self.weight)


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that the sweeps over a table need, checked.

    Attributes:
        decomposition: The components with their scaling.
        target: Y with its classes or scaling.
        loss: The loss.
        problem: The rows.
        settings: Sizes of the networks, and the schedule.
        train: Training settings of the sweeps.
        seed: Seed of everything random.
        kept: Rows of the table that are used, `[n]`; None for all.
    """

    decomposition: FittedDecomposition
    target: Target
    loss: Loss
    problem: TableProblem
    settings: Settings
    train: TrainSettings
    seed: int
    kept: NDArray[np.int64] | None = None

    @property
    def split(self) -> Split:
        """Training and held-out rows."""
        return self.problem.split(self.seed)

    @property
    def n_train_rows(self) -> int:
        """Number of training rows, including those used for validation."""
        return len(self.split.train) + self.problem.n_streamed

    def make_model(self, key: Array) -> DistributedBottleneck:
        """A model with random weights."""
        return _make_model(self.model_config, self.loss.fixed_arrays(), key)

    @property
    def model_config(self) -> str:
        """The model's description in JSON, as read by `model_from_config`."""
        settings = self.settings
        encoder = {
            "kind": "table",
            **self.decomposition.encoder_options(),
            "hidden": settings.encoder_hidden,
            "embedding_dim": settings.embedding_dim,
            "n_frequencies": settings.n_frequencies,
            "longest_period": settings.longest_period,
            "linear": True,
        }
        per_value, least = self.decomposition.rows_per_value, settings.least_rows_per_value
        smooth = [rows < least for rows in per_value]
        if smooth and all(smooth):
            encoder["n_frequencies"] = 0
        elif any(smooth) and settings.n_frequencies:
            encoder["smooth"] = smooth
        if spikes := self.decomposition.scaled_spikes():
            encoder["spikes"] = spikes
        predictor = {
            "input_dim": settings.embedding_dim * len(self.decomposition.names),
            "hidden": settings.predictor_hidden,
            **self.loss.predictor_config(settings.batch_size),
        }
        return json.dumps({"encoder": encoder, "predictor": predictor})

    def fit(
        self,
        *,
        store: SweepStore | None = None,
        progress: ProgressCallback | None = None,
    ) -> ApproximationScheme:
        """Run the sweeps; see `fit_scheme`."""
        scheme = fit_scheme(
            self.problem,
            self._new_model,
            self.train,
            seed=self.seed,
            store=store,
            progress=progress,
        )
        return self.with_scores(scheme)

    def with_scores(self, scheme: ApproximationScheme) -> ApproximationScheme:
        """The scheme with the scores of its predictions, `[step]`: `accuracy`, or `rmse` and `r2`.

        They are scores of averaged predictions, as made by `predict`, on `scoring_rows`; NaN where
        no model was kept.
        """
        if scheme.is_empty:
            return scheme
        which = self.scoring_rows
        x, _, weight = self.problem.rows(which)
        truth, candidates = self.problem.truth[which], self.candidates()
        found = [
            scores_of(self.target, self.predicted(models, x), truth, weight, candidates)
            for models in map(scheme.models, range(len(scheme.snapshots.record)))
        ]
        data = scheme.to_xarray()
        for name in found[0]:
            values = np.full(data.sizes["step"], np.nan)
            values[scheme.snapshots.record] = [one[name] for one in found]
            data[name] = ("step", values)
        return ApproximationScheme(data, scheme.snapshots)

    def evidence(
        self, scheme: ApproximationScheme, progress: ProgressCallback | None = None
    ) -> Evidence | None:
        """How certain the findings of the scheme are, with scores and calibration of predictions.

        None if evidence was not requested, no model was kept, or the sweep was interrupted.
        """
        if not self.train.evidence or scheme.is_empty or scheme.status == "interrupted":
            return None
        split = self.problem.in_memory().split(self.seed)
        found = measure_evidence(
            scheme, split, self._new_model, self.train, seed=self.seed, progress=progress
        )
        if found is None:
            return None
        rows = self.scoring_rows
        x, truth = self.problem.rows(rows).x, self.problem.truth[rows]
        beta = scheme.snapshots.beta
        best, simplest = (
            self.predicted(scheme.models(nearest_place(beta, at.beta)), x)
            for at in (found.best, found.simplest)
        )
        return replace(
            found,
            best=self._scored(found.best, rows, best),
            simplest=self._scored(found.simplest, rows, simplest),
            calibration=self._calibration(best, truth),
        )

    def _scored(
        self, at: EvidenceAt, rows: RowIndex, probabilities: NDArray[np.float64]
    ) -> EvidenceAt:
        """An approximation with the scores of its predictions for some rows."""
        truth, weight = self.problem.truth[rows], self.problem.rows(rows).weight
        candidates, groups = self.candidates(), self.problem.row_groups
        is_class = self.target.task == "classification"
        scores = score_intervals(
            truth,
            probabilities.argmax(axis=1)
            if is_class
            else predicted_mean(self.target, probabilities, candidates),
            is_class=is_class,
            weight=None if weight is None else np.asarray(weight, np.float64),
            groups=None if groups is None else groups[rows],
        )
        return replace(at, scores=scores)

    def _calibration(
        self, probabilities: NDArray[np.float64], truth: NDArray[Any]
    ) -> tuple[CalibrationRow, ...]:
        if self.target.task == "classification":
            return tuple(calibration_of_classes(probabilities, truth))
        if self.target.is_vector:
            return ()
        tails = (1 - np.array(STATED)) / 2
        ends = predicted_quantiles(
            self.target, probabilities, np.concatenate([tails, 1 - tails]), self.candidates()
        )
        low, high = ends[:, : len(STATED)], ends[:, len(STATED) :]
        return tuple(coverage_of_numbers(low, high, truth, np.array(STATED)))

    def rare_classes(self) -> list[str]:
        """Classes of Y with fewer training rows than there are folds."""
        if self.target.task != "classification" or not self.train.n_resamples:
            return []
        counts = np.bincount(
            self.problem.truth[self.split.train], minlength=len(self.target.classes)
        )
        n_folds = min(self.train.n_resamples, MOST_FOLDS)
        return [str(self.target.classes[k]) for k in np.flatnonzero(counts < n_folds)]

    @property
    def _new_model(self) -> Callable[[Array], DistributedBottleneck]:
        return partial(_make_model, self.model_config, self.loss.fixed_arrays())

    @property
    def scoring_rows(self) -> RowIndex:
        """The rows on which predictions are scored: test rows, else validation, else training."""
        division = self.split.divided(self.train.n_resamples)
        roles = division.test, division.validation[0], self.split.train
        return next(rows for rows in roles if len(rows))

    def predicted(self, models: Sequence[Any], x: Any) -> NDArray[np.float64]:
        """Predictions of some models, averaged over the models and the noise."""
        candidates = self.candidates()
        extra = () if candidates is None else (candidates,)
        return mean_over_noise(
            models, x, self.loss.read, *extra, n_samples=self.train.n_draws, seed=0
        )

    def candidates(self) -> NDArray[np.float32] | None:
        """Ys with which predictions are compared, `[n, d]`; None unless the loss compares rows."""
        if not self.loss.compares_rows:
            return None
        rows = self.problem.rows(self.split.train)
        n_rows = len(rows.y)
        share = None if rows.weight is None else rows.weight.astype(np.float64)
        drawn = np.random.default_rng(self.seed).choice(
            n_rows,
            min(N_CANDIDATES, n_rows),
            replace=share is not None,
            p=None if share is None else share / share.sum(),
        )
        return np.asarray(rows.y[drawn].reshape(len(drawn), -1), np.float32)


def warn_of_copies(plan: Plan, *, stacklevel: int) -> None:
    """Warn of components that are copies of each other."""
    fitted, rows = plan.decomposition, plan.problem.rows(plan.split.train)
    for group in exchangeable_components(fitted.names, rows.x, **fitted.encoder_options()):
        warnings.warn(
            f"the components {' and '.join(map(repr, group))} are interchangeable: each can be "
            "computed from the other. Which of them the bottleneck keeps is arbitrary, so do not "
            "interpret them as separate causes; drop all but one, or group them.",
            UserWarning,
            stacklevel=stacklevel,
        )


# It runs once, so optimised code would take longer to compile than it could save.
@partial(
    jax.jit,
    static_argnames="config",
    compiler_options={"xla_backend_optimization_level": 0},
)
def _make_model(config: str, arrays: tuple[Array, ...], key: Array) -> DistributedBottleneck:
    """Make a model, compiled as a whole once per description: single operations take seconds."""
    model = model_from_config(json.loads(config), key=key)
    if not isinstance(model.predictor, TiltedPredictor):
        return model
    found: DistributedBottleneck = eqx.tree_at(
        lambda m: m.predictor, model, model.predictor.with_arrays(*arrays)
    )
    return found
