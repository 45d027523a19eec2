"""The estimator for numbers and vectors."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_random_state

from distributed_ib.data.columns import Kind
from distributed_ib.data.decomposition import Decomposition, Groups
from distributed_ib.data.target import target_array
from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators._noise import draw_with_noise, mean_over_noise
from distributed_ib.estimators._prepare import Prepared, Rows
from distributed_ib.estimators.sweep_settings import Settings
from distributed_ib.model._similarity import Similarity
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.gaussian_predictor import GaussianPredictor

Loss = Literal["gaussian", "infonce"]
N_CANDIDATES = 2048


class DistributedIBRegressor(RegressorMixin, DistributedIBEstimator):
    """Which components of X tell how much about a number or vector, and what can be predicted.

    Parameters besides these are those of `DistributedIBClassifier`.

    Args:
        components: See `DistributedIBClassifier`.
        loss: "gaussian": a Gaussian whose mean and width both depend on X. "infonce": a comparison
            of Ys that certifies at most log2(batch_size) bits, for Y of any shape of
            distribution and for vectors whose entries depend on each other.
        similarity: For "infonce": "euclidean", "squared_euclidean" or "cosine".
        temperature: For "infonce": what similarities are divided by.
        symmetric: For "infonce": whether to look up X by Y too.

    Attributes:
        scheme_: The `ApproximationScheme`. Its baseline is the entropy of a Gaussian of Y's
            variance, standardised; or log2(batch_size) for "infonce". With "gaussian" it has
            `rmse` `[seed, step, split]` (in the units of Y, if Y is a number) and `r2`.
        decomposition_: The components, with their scaling.
        target_: Y's scaling and baseline.
        candidates_: For "infonce": Ys among which predictions look, standardised, `[n, d]`.
        settings_: Every setting of the sweep.
        best_beta_: Bottleneck strength of least validation loss, at which `predict` predicts.
        n_features_in_: Columns of X.
        feature_names_in_: Their names, if X was a table.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> model = DistributedIBRegressor(n_steps=60, n_records=4, random_state=0)
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     model = model.fit(x, x[:, 0] ** 2)
        >>> model.predict(x[:2]).shape, model.sample(x[:2], 5).shape
        ((2,), (5, 2))
    """

    task = "regression"
    candidates_: NDArray[np.float32]

    def __init__(
        self,
        components: Groups | str | Decomposition | None = None,
        *,
        loss: Loss = "gaussian",
        similarity: Similarity = "euclidean",
        temperature: float = 1.0,
        symmetric: bool = True,
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
        super().__init__(
            components,
            kinds=kinds,
            beta_start=beta_start,
            beta_end=beta_end,
            n_steps=n_steps,
            n_pretraining_steps=n_pretraining_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            encoder_hidden=encoder_hidden,
            embedding_dim=embedding_dim,
            predictor_hidden=predictor_hidden,
            n_frequencies=n_frequencies,
            longest_period=longest_period,
            n_seeds=n_seeds,
            validation_fraction=validation_fraction,
            n_records=n_records,
            n_snapshots=n_snapshots,
            n_samples=n_samples,
            n_information_inputs=n_information_inputs,
            min_rows=min_rows,
            verbose=verbose,
            random_state=random_state,
        )
        self.loss = loss
        self.similarity = similarity
        self.temperature = temperature
        self.symmetric = symmetric

    def predict(
        self,
        X: Any,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
    ) -> NDArray[np.float64]:
        """Conditional mean of Y in its own units, `[n]` or `[n, d]`.

        Args:
            X: Rows with the columns of training.
            beta: Predict with the model whose bottleneck strength is nearest.
            bits: Or with the best whose components convey at most this many bits together.
            n_components: Or with the best that uses at most this many components.

        Raises:
            UserError: If columns or values don't fit, or no model is that small.
        """
        inputs = self._inputs(X)
        models = self._models({"beta": beta, "bits": bits, "n_components": n_components})
        options = {"n_samples": self.n_samples, "seed": 0}
        if self.loss == "gaussian":
            mean = mean_over_noise(models, inputs, _mean, **options)
        else:
            mean = mean_over_noise(models, inputs, _mean_candidate, self.candidates_, **options)
        return self._in_units(mean)

    def sample(
        self,
        X: Any,
        n: int = 1,
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
        random_state: Any = None,
    ) -> NDArray[np.float64]:
        """Draws from the predicted distribution of Y, in its own units, `[n, rows]` (or `[.., d]`).

        Args:
            X: Rows with the columns of training.
            n: Draws for each row.
            beta: As in `predict`.
            bits: As in `predict`.
            n_components: As in `predict`.
            random_state: Seed of the draws.
        """
        inputs = self._inputs(X)
        models = self._models({"beta": beta, "bits": bits, "n_components": n_components})
        seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
        options = {"n_samples": n, "seed": seed}
        if self.loss == "gaussian":
            return self._in_units(draw_with_noise(models, inputs, _draw, **options))
        return self._in_units(
            draw_with_noise(models, inputs, _draw_candidate, self.candidates_, **options)
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.multi_output = True
        return tags

    def _in_units(self, standardised: NDArray[Any]) -> NDArray[np.float64]:
        values = standardised if self.target_.is_vector else standardised[..., 0]
        return np.asarray(self.target_.inverse(values), np.float64)

    def _checked_target(self, y: Any) -> Any:
        if y is None:
            raise UserError(
                "requires y to be passed, but the target y is None; give a number for each row."
            )
        if self.loss not in get_args(Loss):
            raise UserError(f"loss={self.loss!r} is unknown; choose gaussian or infonce.")
        return y if isinstance(y, (pd.Series, pd.DataFrame)) else target_array(y)

    def _settings(self, prepared: Prepared) -> Settings:
        settings = super()._settings(prepared)
        if self.loss == "infonce" and self.batch_size is None:
            # A batch that holds rows twice has wrong Ys that are right.
            most = max(2, prepared.train.n_rows // 4)
            return Settings(**{**vars(settings), "batch_size": min(settings.batch_size, most)})
        return settings

    def _predictor_config(self) -> dict[str, Any]:
        n_outputs = len(self.target_.mean)
        if self.loss == "gaussian":
            return {"kind": "gaussian", "output_dim": n_outputs if self.target_.is_vector else None}
        return {
            "kind": "contrastive",
            "y_dim": n_outputs,
            "batch_size": self.settings_.batch_size,
            "similarity": self.similarity,
            "temperature": self.temperature,
            "symmetric": self.symmetric,
        }

    def _baseline(self) -> tuple[str, float]:
        if self.loss == "gaussian":
            return "Gaussian entropy of Y (standardised)", self.target_.baseline_entropy_bits
        return "log2(batch size), the most that InfoNCE can certify", float(
            np.log2(self.settings_.batch_size)
        )

    def _validation(self, rows: Rows, seed: int) -> Any:
        if self.loss == "gaussian" or rows.weight is None:
            return super()._validation(rows, seed)
        # Weights count for the wrong Ys of a comparison too, so rows are drawn by weight.
        share = rows.weight.astype(np.float64) / rows.weight.sum(dtype=np.float64)
        drawn = np.random.default_rng(seed).choice(rows.n_rows, rows.n_rows, p=share)
        return rows.x.take(drawn), rows.y[drawn]

    def _noise_draws(self, n_rows: int) -> int:
        """One for InfoNCE, where a copy of a row would be a wrong Y that is right."""
        return 1 if self.loss == "infonce" else super()._noise_draws(n_rows)

    def restore(self, candidates: NDArray[np.float32] | None) -> None:
        """Set `candidates_`, which InfoNCE needs to predict."""
        if self.loss == "infonce":
            if candidates is None:
                raise UserError("the candidates of this InfoNCE model are missing.")
            self.candidates_ = candidates

    def _candidates(self, train: Rows, seed: int) -> NDArray[np.float32] | None:
        if self.loss != "infonce":
            return None
        size = min(N_CANDIDATES, train.n_rows)
        share = None if train.weight is None else train.weight.astype(np.float64)
        rng = np.random.default_rng(seed)
        rows = rng.choice(
            train.n_rows,
            size,
            replace=share is not None,
            p=None if share is None else share / share.sum(),
        )
        return np.asarray(train.y[rows].reshape(size, -1), np.float32)

    def _with_scores(self, dataset: xr.Dataset, prepared: Prepared) -> xr.Dataset:
        if self.loss != "gaussian":
            return dataset
        squared = dataset["squared_error"]
        spread = xr.DataArray(
            [_variance(prepared.train), _variance(prepared.validation)],
            coords={"split": ["train", "validation"]},
            dims="split",
        )
        unit = 1.0 if self.target_.is_vector else self.target_.scale[0]
        return dataset.drop_vars("squared_error").assign(
            rmse=np.sqrt(squared) * unit, r2=1.0 - squared / spread.sel(split=squared["split"])
        )


def _variance(rows: Rows) -> float:
    """Variance of the standardised Y, averaged over its entries."""
    y = rows.y.reshape(rows.n_rows, -1).astype(np.float64)
    mean = np.average(y, axis=0, weights=rows.weight)
    return max(float(np.average((y - mean) ** 2, axis=0, weights=rows.weight).mean()), 1e-12)


def _mean(predictor: GaussianPredictor, outputs: jax.Array) -> jax.Array:
    return predictor.mean(outputs)


def _mean_candidate(
    predictor: ContrastivePredictor, outputs: jax.Array, candidates: jax.Array
) -> jax.Array:
    probabilities = predictor.probabilities(outputs, candidates)
    return jnp.matmul(probabilities, candidates, precision="highest")


def _draw(predictor: GaussianPredictor, outputs: jax.Array, key: jax.Array) -> jax.Array:
    return predictor.draw(outputs, key=key)


def _draw_candidate(
    predictor: ContrastivePredictor, outputs: jax.Array, candidates: jax.Array, key: jax.Array
) -> jax.Array:
    probabilities = predictor.probabilities(outputs, candidates)
    return candidates[jax.random.categorical(key, jnp.log(probabilities), axis=-1)]
