"""The estimator for numbers and vectors."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_random_state

from distributed_ib.data.columns import Kind
from distributed_ib.data.decomposition import Decomposition, Groups
from distributed_ib.data.target import Target, target_array
from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.model._similarity import Similarity
from distributed_ib.model.losses import ContrastiveLoss, GaussianLoss
from distributed_ib.model.losses import Loss as PredictionLoss
from distributed_ib.scheme._noise import draw_with_noise
from distributed_ib.scheme.choice import Choice

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
        return self._in_units(self._averaged(X, Choice(beta, bits, n_components)))

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
        choice = Choice(beta, bits, n_components)
        models = [approximation.model for approximation in self.approximations(choice)]
        seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
        drawn = draw_with_noise(
            models, inputs, self.loss_.draw, *self._extra(), n_samples=n, seed=seed
        )
        return self._in_units(drawn)

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

    def _loss(self, target: Target) -> PredictionLoss:
        n_outputs = len(target.mean)
        if self.loss == "gaussian":
            return GaussianLoss(n_outputs if target.is_vector else None)
        return ContrastiveLoss(n_outputs, self.similarity, self.temperature, self.symmetric)
