"""What the classifier and the regressor share: fitting, choosing an approximation, saving."""

import json
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jax import Array
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from distributed_ib._checks import whole_number
from distributed_ib.data._copies import exchangeable_components
from distributed_ib.data.batches import ArrayBatches, BatchSource
from distributed_ib.data.columns import Kind
from distributed_ib.data.decomposition import Decomposition, Groups
from distributed_ib.data.distinct_values import repeated_numbers
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.row_batches import RowBatches, fits_on_device
from distributed_ib.data.table_input import TableInput
from distributed_ib.data.target import Target
from distributed_ib.data.weighted_batches import WeightedBatches
from distributed_ib.errors import DivergenceError, UserError
from distributed_ib.estimators._prepare import Prepared, Rows, Task, check_table, describe, prepare
from distributed_ib.estimators.sweep_advice import SweepWarning, advice
from distributed_ib.estimators.sweep_settings import Settings, resolve
from distributed_ib.model.bottleneck import DistributedBottleneck, model_from_config
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.best_record import best_record
from distributed_ib.training.progress import ProgressBar
from distributed_ib.training.sweep import sweep

WANTED_VALIDATION_DRAWS = 2048
MAX_NOISE_DRAWS = 16
INFORMATION_RECORDS = (12, 60)
INFORMATION_CHANNELS = 720


class DistributedIBEstimator(BaseEstimator):
    """Base of the estimators; see `DistributedIBClassifier` for the parameters."""

    task: ClassVar[Task]

    scheme_: ApproximationScheme
    decomposition_: FittedDecomposition
    target_: Target
    settings_: Settings
    n_train_rows_: int
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    best_beta_: float

    def __init__(
        self,
        components: Groups | str | Decomposition | None = None,
        *,
        kinds: Mapping[str, Kind] | None = None,
        beta_start: float | None = None,
        beta_end: float | None = None,
        n_steps: int | None = None,
        n_pretraining_steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        encoder_hidden: Sequence[int] | None = None,
        embedding_dim: int | None = None,
        predictor_hidden: Sequence[int] | None = None,
        n_frequencies: int | None = None,
        longest_period: float | None = None,
        n_seeds: int = 1,
        validation_fraction: float = 0.2,
        n_records: int = 200,
        n_snapshots: int = 200,
        n_samples: int = 64,
        n_information_inputs: int = 1024,
        min_rows: int = 20,
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.components = components
        self.kinds = kinds
        self.beta_start = beta_start
        self.beta_end = beta_end
        self.n_steps = n_steps
        self.n_pretraining_steps = n_pretraining_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
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
        self.min_rows = min_rows
        self.verbose = verbose
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        groups: Any = None,
        validation_data: Any = None,
        *,
        sweep_options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Run the sweep.

        Ctrl-C ends it early, and so does a loss that is not finite; predictions then come from the
        models that were kept until then, and `scheme_.status` says how it ended. After a Ctrl-C
        before the first of them `predict` raises a `UserError`.

        Args:
            X: A DataFrame, an array `[n, m]`, a list or dict of arrays `[n, d_i]`, a
                `ParquetTable`; or whatever the function of a `Decomposition` takes.
            y: Labels or numbers `[n]`; a regressor also takes vectors `[n, d]`.
            sample_weight: How much each row counts, `[n]`, in training and validation.
            groups: A label for each row, `[n]`: rows of one group are never split between
                training and validation.
            validation_data: Held-out rows as (X, y) or (X, y, sample_weight), in place of a share
                of the rows.
            sweep_options: Further options of `sweep`, such as `progress`.

        Raises:
            UserError: If the data or an option can't be used: names column, row and remedy.
            DivergenceError: If the loss was not finite before any model was kept (a `UserError`
                too); the estimator is not fitted then.

        Warns:
            UserWarning: For constant columns, and components that are copies of each other.
            SweepWarning: If the sweep began too closed, ended too open or diverged, or
                pre-training had not converged.
        """
        if self.n_information_inputs != 0:
            whole_number("n_information_inputs", self.n_information_inputs, 2)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        table = check_table(self, X, reset=True)
        prepared = prepare(
            describe(self.components, table, self.kinds),
            table,
            self._checked_target(y),
            task=self.task,
            sample_weight=sample_weight,
            groups=groups,
            validation_data=validation_data,
            validation_fraction=self.validation_fraction,
            min_rows=self.min_rows,
            seed=seed,
        )
        _warn_of_copies(prepared)
        self.decomposition_, self.target_ = prepared.decomposition, prepared.target
        if not hasattr(self, "n_features_in_"):
            self.n_features_in_ = len(self.decomposition_.decomposition.columns)
        self.n_train_rows_ = prepared.train.n_rows
        self.settings_ = self._settings(prepared)
        baseline, baseline_entropy_bits = self._baseline()
        for outcome in ("scheme_", "best_beta_"):  # of an earlier fit
            self.__dict__.pop(outcome, None)
        options = dict(sweep_options or {})
        if self.verbose:
            options.setdefault("progress", ProgressBar())
        result = sweep(
            partial(_make_model, self._model_config()),
            self._batches(prepared.train, seed),
            self.settings_.schedule,
            seed=seed,
            n_seeds=self.n_seeds,
            learning_rate=self.settings_.learning_rate,
            validation=self._validation(prepared.validation, seed),
            n_records=self.n_records,
            n_snapshots=self.n_snapshots,
            **options,
        )
        if result.status == "diverged" and not len(result.snapshots.record):
            raise DivergenceError(f"the sweep {result.message}.")
        scheme = ApproximationScheme.from_sweep(
            result,
            self.decomposition_.names,
            baseline_entropy_bits=baseline_entropy_bits,
            baseline=baseline,
        )
        dataset = self._with_scores(scheme.to_xarray(), prepared)
        self.scheme_ = ApproximationScheme(dataset, scheme.snapshots)
        if not scheme.is_empty:
            self.best_beta_ = best_record(dataset)
            if self.n_information_inputs and scheme.status != "interrupted":
                self.scheme_ = self.scheme_.with_information(
                    prepared.train.x,
                    weights=prepared.train.weight,
                    n_inputs=self.n_information_inputs,
                    n_records=_information_records(scheme),
                    seed=seed,
                )
        for sentence in advice(dataset):
            warnings.warn(sentence, SweepWarning, stacklevel=2)
        self.restore(self._candidates(prepared.train, seed))
        return self

    def approximations(
        self,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
    ) -> list[Approximation]:
        """The approximations that predictions come from, one for each repeat.

        Without arguments those at `best_beta_`, where the validation loss is least; otherwise as
        in `ApproximationScheme.at`.

        Raises:
            UserError: If more than one is given, no model is that small, or the sweep was
                interrupted before it kept any.
        """
        check_is_fitted(self, "scheme_")
        if self.scheme_.is_empty:
            raise UserError(
                f"there is no model to predict with: the sweep {self.scheme_.message}. Fit again."
            )
        if beta is None and bits is None and n_components is None:
            beta = self.best_beta_
        return [
            self.scheme_.at(beta=beta, bits=bits, n_components=n_components, seed=seed)
            for seed in range(self.scheme_.n_seeds)
        ]

    def save(self, folder: str | Path) -> None:
        """Write everything needed to predict into `folder`: JSON, netCDF and safetensors.

        Raises:
            UserError: If the folder holds such files already or can't be written, or components
                come from a Python function.
        """
        from distributed_ib.estimators.estimator_files import save_estimator

        check_is_fitted(self, "scheme_")
        save_estimator(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote. Nothing in the folder is ever executed.

        Raises:
            UserError: If a file is missing or damaged, or holds another kind of estimator.
        """
        from distributed_ib.estimators.estimator_files import load_estimator

        found = load_estimator(Path(folder))
        if not isinstance(found, cls):
            raise UserError(f"{folder} holds a {type(found).__name__}, not a {cls.__name__}.")
        return found

    def _inputs(self, X: Any) -> TableInput:
        """Rows to predict, checked and scaled."""
        check_is_fitted(self, "scheme_")
        return self.decomposition_.transform(check_table(self, X, reset=False))

    def _models(self, chosen: Mapping[str, Any]) -> list[Any]:
        return [approximation.model for approximation in self.approximations(**chosen)]

    def _settings(self, prepared: Prepared) -> Settings:
        return resolve(
            {name: value for name, value in self.get_params(deep=False).items()},
            n_rows=prepared.train.n_rows,
            n_components=len(prepared.decomposition.names),
        )

    def _model_config(self) -> str:
        """The model's description, as `model_from_config` reads it, in JSON."""
        settings = self.settings_
        encoder = {
            "kind": "table",
            **self.decomposition_.encoder_options(),
            "hidden": settings.encoder_hidden,
            "embedding_dim": settings.embedding_dim,
            "n_frequencies": settings.n_frequencies,
            "longest_period": settings.longest_period,
        }
        predictor = {
            "input_dim": settings.embedding_dim * len(self.decomposition_.names),
            "hidden": settings.predictor_hidden,
            **self._predictor_config(),
        }
        return json.dumps({"encoder": encoder, "predictor": predictor})

    def _batches(self, train: Rows, seed: int) -> BatchSource:
        size = self.settings_.batch_size
        if train.weight is None and not fits_on_device((train.x, train.y)):
            return RowBatches((train.x, train.y), size, seed=seed)
        # What is encoded without it is a batch.
        x = repeated_numbers(train.x, size - 1, **self.decomposition_.encoder_options())
        if train.weight is None:
            return ArrayBatches((x, train.y), size)
        return WeightedBatches((x, train.y), train.weight, size)

    def _validation(self, rows: Rows, seed: int) -> Any:
        parts = (rows.x, rows.y) if rows.weight is None else (rows.x, rows.y, rows.weight)
        copies = self._noise_draws(rows.n_rows)
        return jax.tree.map(lambda array: np.concatenate([array] * copies), parts)

    def _noise_draws(self, n_rows: int) -> int:
        """How often to measure each held-out row at a record, each time with noise of its own.

        A record of few rows with one draw each scatters too much to be read, or to choose by.
        """
        return max(1, min(MAX_NOISE_DRAWS, WANTED_VALIDATION_DRAWS // n_rows))

    def restore(self, candidates: NDArray[np.float32] | None) -> None:
        """Set what follows from the target and, for InfoNCE, the candidates; called by `load`."""

    def _candidates(self, train: Rows, seed: int) -> NDArray[np.float32] | None:
        """Ys among which predictions look, if they do."""
        return None

    def _with_scores(self, dataset: xr.Dataset, prepared: Prepared) -> xr.Dataset:
        """The records with scores in the user's terms."""
        return dataset

    @abstractmethod
    def _checked_target(self, y: Any) -> Any: ...

    @abstractmethod
    def _predictor_config(self) -> dict[str, Any]:
        """Kind of the predictor, and its options besides widths."""

    @abstractmethod
    def _baseline(self) -> tuple[str, float]:
        """What the uncertainty about Y is without X, in words and in bits."""


def _information_records(scheme: ApproximationScheme) -> int:
    """How many models to measure: fewer of many channels, so that it takes some ten seconds."""
    n_channels = len(scheme.components) * scheme.n_seeds
    return int(np.clip(INFORMATION_CHANNELS // n_channels, *INFORMATION_RECORDS))


@eqx.filter_jit
def _make_model(config: str, key: Array) -> DistributedBottleneck:
    """Compiled as a whole, once for each description: operation by operation it takes seconds."""
    return model_from_config(json.loads(config), key=key)


def _warn_of_copies(prepared: Prepared) -> None:
    fitted: FittedDecomposition = prepared.decomposition
    groups = exchangeable_components(fitted.names, prepared.train.x, **fitted.encoder_options())
    for group in groups:
        warnings.warn(
            f"the components {' and '.join(map(repr, group))} are exchangeable: each can be "
            "computed from the other. Which of them the bottleneck keeps is chance, so don't read "
            "them as separate causes; drop all but one, or group them.",
            UserWarning,
            stacklevel=3,
        )
