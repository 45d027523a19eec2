"""What the classifier and the regressor share: fitting, choosing an approximation, saving."""

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from distributed_ib._jax_threads import at_most, check_jobs
from distributed_ib._threads import numpy_on_one_thread
from distributed_ib.data.columns.declared_kinds import KindsOfColumns
from distributed_ib.data.columns.unfamiliar_values import Unseen, check_unseen
from distributed_ib.data.decomposition import Decomposition, Groups
from distributed_ib.data.files.any_frame import as_pandas
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.data.target import Target
from distributed_ib.errors import DivergenceError, UserError
from distributed_ib.estimators import _plan
from distributed_ib.estimators._embeddings import EmbeddingsMixin
from distributed_ib.estimators._notebooks import NotebookMixin
from distributed_ib.estimators._plan import Plan, TableProblem
from distributed_ib.estimators._prepare import Task, check_table, describe, prepare
from distributed_ib.estimators._readable_views import ReadableMixin
from distributed_ib.estimators._reading_rows import ReadingRows
from distributed_ib.estimators._streamed import StreamedSource
from distributed_ib.estimators._training_of import training_of
from distributed_ib.estimators.column_figures import compression_figures
from distributed_ib.estimators.readable_tables import ReadableTables
from distributed_ib.estimators.sweep_advice import SweepWarning, advice
from distributed_ib.estimators.table_settings import Settings
from distributed_ib.evidence.evidence import Evidence
from distributed_ib.model.losses import Loss
from distributed_ib.plots._style import figure_style
from distributed_ib.plots.standard_figures import standard_figures
from distributed_ib.report.report import Report
from distributed_ib.report.scheme_sections import kept_beta, scheme_sections, scheme_values
from distributed_ib.scheme._noise import mean_over_noise
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.choice import Choice
from distributed_ib.training.progress import ProgressBar, ProgressCallback
from distributed_ib.training.train_settings import Directions


class DistributedIBEstimator(NotebookMixin, ReadableMixin, EmbeddingsMixin, BaseEstimator):
    """Base of the estimators; see `DistributedIBClassifier` for the parameters."""

    task: ClassVar[Task]

    scheme_: ApproximationScheme
    evidence_: Evidence | None
    decomposition_: FittedDecomposition
    target_: Target
    loss_: Loss
    _reading_rows: ReadingRows | None = None
    _readable_tables: ReadableTables | None = None
    candidates_: NDArray[np.float32]
    settings_: Settings
    n_train_rows_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    best_beta_: float
    simplest_beta_: float
    n_jobs: int | None = None  # for estimators pickled before this option existed

    def __init__(
        self,
        components: Groups | str | Decomposition | None = None,
        *,
        kinds: KindsOfColumns | None = None,
        unseen: Unseen = "rare",
        beta_start: float | None = None,
        beta_end: float | None = None,
        direction: Directions = "rising",
        n_starts: int | None = None,
        n_resamples: int | None = None,
        n_steps: int | None = None,
        n_pretraining_steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        encoder_hidden: Sequence[int] | None = None,
        embedding_dim: int | None = None,
        predictor_hidden: Sequence[int] | None = None,
        n_frequencies: int | None = None,
        longest_period: float | None = None,
        n_seeds: int = 1,
        validation_fraction: float = 0.2,
        n_records: int | None = None,
        n_snapshots: int = 200,
        n_samples: int = 32,
        n_information_inputs: int = 1024,
        evidence: bool = True,
        min_rows: int = 20,
        n_jobs: int | None = None,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.components = components
        self.kinds = kinds
        self.unseen = unseen
        self.beta_start = beta_start
        self.beta_end = beta_end
        self.direction = direction
        self.n_starts = n_starts
        self.n_resamples = n_resamples
        self.n_steps = n_steps
        self.n_pretraining_steps = n_pretraining_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.encoder_hidden = encoder_hidden
        self.embedding_dim = embedding_dim
        self.predictor_hidden = predictor_hidden
        self.n_frequencies = n_frequencies
        self.longest_period = longest_period
        self.n_seeds = n_seeds
        self.validation_fraction = validation_fraction
        self.n_records = n_records
        self.n_snapshots = n_snapshots
        self.n_samples = n_samples
        self.n_information_inputs = n_information_inputs
        self.evidence = evidence
        self.min_rows = min_rows
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        validation_data: Any = None,
        times: Any = None,
        *,
        progress: ProgressCallback | None = None,
    ) -> Self:
        """Fit the estimator by running the sweep.

        Ctrl-C or a loss that is not finite ends the sweep early. Predictions then use the models
        kept so far, and `scheme_.status` says how the sweep ended. After a Ctrl-C before the first
        model was kept, `predict` raises a `UserError`.

        Args:
            X: A pandas, polars or pyarrow table, a `ParquetTable`, an array `[n, m]`, a list or
                dict of arrays `[n, d_i]`, or whatever the function of a `Decomposition` takes.
            y: Labels or numbers `[n]`; a regressor also takes vectors `[n, d]`. Rows in which it is
                missing are left out.
            sample_weight: Weight of each row, `[n]`, in training and validation.
            groups: A label for each row, `[n]`: rows of one group are never split between
                training and validation.
            validation_data: Held-out rows as (X, y) or (X, y, sample_weight), instead of a share
                of the rows.
            times: When each row was measured, `[n]`, as numbers or dates: the last rows are held
                out, instead of a random share.
            progress: Called regularly during the sweep.

        Raises:
            UserError: If the data or an option can't be used; it names column, row and remedy.
            DivergenceError: If the loss was not finite before any model was kept (also a
                `UserError`); the estimator is then not fitted.

        Warns:
            UserWarning: For columns and rows that are left out, constant columns, and components
                that are copies of each other.
            SweepWarning: If the bottleneck was too strong at the start or too weak at the end, the
                sweep diverged, or pre-training had not converged.
        """
        plan = self.plan(X, y, sample_weight, groups, validation_data, times)
        if self.verbose and progress is None:
            progress = ProgressBar()
        with numpy_on_one_thread(), at_most(self.n_jobs):
            scheme = plan.fit(progress=progress)
            try:
                evidence = plan.evidence(scheme, progress)
            except KeyboardInterrupt:  # the models exist already and must not be lost
                evidence = None
                message = (
                    "the measurement of the evidence was interrupted, so there is no evidence."
                )
                warnings.warn(message, UserWarning, stacklevel=2)
        self.adopt(plan, scheme, evidence)
        for sentence in advice(self.scheme_.to_xarray()):
            warnings.warn(sentence, SweepWarning, stacklevel=2)
        return self

    def plan(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        validation_data: Any = None,
        times: Any = None,
        *,
        streamed: StreamedSource | None = None,
    ) -> Plan:
        """Check the data and all options of a sweep, without training anything.

        Arguments and errors are those of `fit`. With `streamed`, a table larger than memory, X and
        y are the rows on which models are measured.
        """
        check_unseen(self.unseen)
        check_jobs(self.n_jobs)
        y, sample_weight, groups, times = map(as_pandas, (y, sample_weight, groups, times))
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        table = check_table(self, X, reset=True)
        prepared = prepare(
            describe(self.components, table, self.kinds)
            if streamed is None
            else streamed.fitted(self.components),
            table,
            self._checked_target(y),
            task=self.task,
            sample_weight=sample_weight,
            groups=groups,
            validation_data=validation_data,
            times=times,
            validation_fraction=self.validation_fraction,
            min_rows=self.min_rows,
            binned=self._bins_target,
            seed=seed,
            streamed=streamed,
        )
        loss = self._loss(prepared.target)
        settings, train = training_of(
            dict(self.get_params(deep=False)),
            n_rows=prepared.n_train_rows,
            n_components=len(prepared.decomposition.names),
            loss=loss,
        )
        problem = TableProblem(
            names=prepared.decomposition.names,
            x=prepared.x,
            y=prepared.y,
            weight=prepared.weight,
            splitter=prepared.splitter,
            truth=prepared.truth,
            encoder_options=prepared.decomposition.encoder_options(),
            codes_of_missing=prepared.decomposition.codes_of_missing,
            baseline="log of the rows compared" if loss.compares_rows else prepared.target.marginal,
        )
        if streamed is not None:
            problem = streamed.problem(
                problem,
                prepared.decomposition,
                prepared.target,
                binned=self._bins_target,
                most_values=settings.batch_size - 1,
            )
        kept = prepared.kept
        plan = Plan(
            prepared.decomposition, prepared.target, loss, problem, settings, train, seed, kept
        )
        _plan.warn_of_copies(plan, stacklevel=4)
        return plan

    def adopt(
        self, plan: Plan, scheme: ApproximationScheme, evidence: Evidence | None = None
    ) -> None:
        """Set the fitted attributes from the results of a plan.

        Args:
            plan: From `plan`.
            scheme: From `Plan.fit`.
            evidence: From `Plan.evidence`.

        Raises:
            DivergenceError: If the scheme contains no model because the loss was not finite.
        """
        # Remove the results of an earlier fit.
        for name in ("scheme_", "evidence_", "best_beta_", "simplest_beta_"):
            self.__dict__.pop(name, None)
        if scheme.status == "diverged" and scheme.is_empty:
            raise DivergenceError(f"the sweep {scheme.message}.")
        self.decomposition_, self.target_ = plan.decomposition, plan.target
        self.loss_, self.settings_ = plan.loss, plan.settings
        if not hasattr(self, "n_features_in_"):
            self.n_features_in_ = len(self.decomposition_.decomposition.columns)
        self.n_train_rows_ = plan.n_train_rows
        self.scheme_, self.evidence_ = scheme, evidence
        self._reading_rows, self._readable_tables = ReadingRows.of(plan), None
        if not scheme.is_empty:
            self.best_beta_, self.simplest_beta_ = scheme.best_beta, scheme.simplest_beta
        self.restore(plan.candidates())

    def approximations(self, choice: Choice | None = None) -> list[Approximation]:
        """The approximations whose predictions are averaged, one for each repeat.

        Args:
            choice: Which approximations; by default those at `best_beta_`, which predict best.

        Raises:
            UserError: If there is no model that small, or the sweep was interrupted before it kept
                any.
        """
        check_is_fitted(self, "scheme_")
        if self.scheme_.is_empty:
            raise UserError(
                f"there is no model to predict with: the sweep {self.scheme_.message}. Fit again."
            )
        return self.scheme_.all_at(choice or Choice())

    def __getstate__(self) -> dict[str, Any]:
        """The state without the rows of the fit, which are not stored with a model."""
        return {**super().__getstate__(), "_reading_rows": None}

    def report(self, title: str = "Fitted table") -> Report:
        """The findings in words and tables; `print(model.report())` shows them."""
        check_is_fitted(self, "scheme_")
        values = {} if self.scheme_.is_empty else scheme_values(self.scheme_, self.evidence_)
        sections = scheme_sections(self.scheme_, evidence=self.evidence_)
        return Report(title, tuple(sections), values=values)

    def figures(self, *, threshold_bits: float = 0.1) -> dict[str, Figure]:
        """All figures of the findings, by name.

        Args:
            threshold_bits: A component is in use if it conveys more than this.
        """
        check_is_fitted(self, "scheme_")
        if self.scheme_.is_empty:
            return {}
        with figure_style():
            return {
                **standard_figures(self.scheme_, threshold_bits=threshold_bits),
                **compression_figures(
                    self.scheme_,
                    self.decomposition_,
                    kept_beta(self.scheme_),
                    threshold_bits=threshold_bits,
                ),
            }

    def save(self, folder: str | Path) -> None:
        """Write everything needed to predict into `folder`: JSON, netCDF and safetensors.

        Raises:
            UserError: If the folder already contains such files or can't be written, or components
                come from a Python function.
        """
        from distributed_ib.estimators.estimator_files import save_estimator

        check_is_fitted(self, "scheme_")
        save_estimator(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote. Nothing in the folder is ever executed.

        Raises:
            UserError: If a file is missing or damaged, or contains another kind of estimator.
        """
        from distributed_ib.estimators.estimator_files import load_estimator

        found = load_estimator(Path(folder))
        if not isinstance(found, cls):
            raise UserError(f"{folder} contains a {type(found).__name__}, not a {cls.__name__}.")
        return found

    def _inputs(self, X: Any) -> TableInput:
        """Rows to predict, checked and scaled."""
        check_is_fitted(self, "scheme_")
        table = check_table(self, X, reset=False)
        return self.decomposition_.transform(table, unseen=self.unseen)

    def _averaged(self, X: Any, choice: Choice) -> NDArray[np.float64]:
        """Predictions as the loss reads them, averaged over noise and repeats, `[n, ...]`."""
        inputs = self._inputs(X)
        models = [approximation.model for approximation in self.approximations(choice)]
        return mean_over_noise(
            models, inputs, self.loss_.read, *self._extra(), n_samples=self.n_samples, seed=0
        )

    @property
    def _bins_target(self) -> bool:
        """Whether a numeric Y is encoded as bins."""
        return True

    def _extra(self) -> tuple[Any, ...]:
        """Further arrays that the loss reads."""
        return (self.candidates_,) if self.loss_.compares_rows else ()

    def restore(self, candidates: NDArray[np.float32] | None) -> None:
        """Set the attributes that depend on target and loss, and the candidates of InfoNCE.

        Raises:
            UserError: If candidates are needed and missing.
        """
        if self.loss_.compares_rows:
            if candidates is None:
                raise UserError("the candidates of this InfoNCE model are missing.")
            self.candidates_ = candidates

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags

    @abstractmethod
    def _checked_target(self, y: Any) -> Any: ...

    @abstractmethod
    def _loss(self, target: Target) -> Loss:
        """The loss for this target."""
