"""The estimator for numbers and vectors."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_random_state

from distributed_ib.data.columns.declared_kinds import KindsOfColumns
from distributed_ib.data.columns.unfamiliar_values import Unseen
from distributed_ib.data.decomposition import Decomposition, Groups
from distributed_ib.data.target import Target, target_array
from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators.predicted import predicted_mean, predicted_quantiles
from distributed_ib.model._similarity import Similarity
from distributed_ib.model.losses import ContrastiveLoss, TiltedLoss
from distributed_ib.model.losses import Loss as PredictionLoss
from distributed_ib.scheme._noise import draw_with_noise
from distributed_ib.scheme.choice import Choice
from distributed_ib.training.train_settings import Directions

Loss = Literal["density", "infonce"]


class DistributedIBRegressor(RegressorMixin, DistributedIBEstimator):
    """Distributed Information Bottleneck regressor, for a target of numbers or vectors.

    It measures how much each component of X tells about Y, and predicts Y. The parameters not
    listed here are those of `DistributedIBClassifier`.

    Args:
        components: See `DistributedIBClassifier`.
        loss: "density": the marginal distribution of Y, of any shape, tilted by what is known of X;
            the entries of a vector are predicted separately. "infonce": a comparison of Ys, for
            vectors whose entries depend on each other; it certifies at most log2(batch_size) bits.
        similarity: For "infonce": "euclidean", "squared_euclidean" or "cosine".
        temperature: For "infonce": divisor of the similarities.
        symmetric: For "infonce": whether to look up X by Y as well.

    Attributes:
        scheme_: The `ApproximationScheme`. Its baseline is the marginal of Y, or log2(batch_size)
            for "infonce". It has `rmse` `[step]`, in the units of Y, and `r2`.
        decomposition_: The components, with their scaling.
        target_: Y's scaling and baseline.
        candidates_: For "infonce": standardised Ys from which predictions are made, `[n, d]`.
        settings_: All settings of the sweep.
        best_beta_: Bottleneck strength of the models that `predict` uses by default; see
            `ApproximationScheme.best_beta`.
        simplest_beta_: Largest bottleneck strength whose validation loss is within a standard
            error of that at `best_beta_`.
        n_features_in_: Number of columns of X.
        feature_names_in_: Names of the columns, if X was a table.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> model = DistributedIBRegressor(n_starts=2, n_resamples=2, n_steps=60, n_records=4,
        ...                                random_state=0)
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
        loss: Loss = "density",
        similarity: Similarity = "euclidean",
        temperature: float = 1.0,
        symmetric: bool = True,
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
        super().__init__(
            components,
            kinds=kinds,
            unseen=unseen,
            beta_start=beta_start,
            beta_end=beta_end,
            direction=direction,
            n_starts=n_starts,
            n_resamples=n_resamples,
            n_steps=n_steps,
            n_pretraining_steps=n_pretraining_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
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
            evidence=evidence,
            min_rows=min_rows,
            n_jobs=n_jobs,
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
        """Conditional mean of Y in the units of Y, `[n]` or `[n, d]`.

        Args:
            X: Rows with the same columns as in training.
            beta: Predict with the model whose bottleneck strength is nearest to this.
            bits: Or with the best model whose components convey at most this many bits in total.
            n_components: Or with the best model that uses at most this many components.

        Raises:
            UserError: If columns or values don't fit, or there is no model that small.
        """
        averaged = self._averaged(X, Choice(beta, bits, n_components))
        return predicted_mean(self.target_, averaged, *self._extra())

    def predict_quantiles(
        self,
        X: Any,
        levels: Sequence[float] = (0.05, 0.5, 0.95),
        *,
        beta: float | None = None,
        bits: float | None = None,
        n_components: int | None = None,
    ) -> NDArray[np.float64]:
        """Quantiles of the predicted distribution of Y in the units of Y, `[n, level]`.

        For a vector Y, they are the quantiles of each entry, `[n, d, level]`.

        Args:
            X: Rows with the same columns as in training.
            levels: Numbers between 0 and 1; by default the median and the ends of a 90 % interval.
            beta: As in `predict`.
            bits: As in `predict`.
            n_components: As in `predict`.

        Raises:
            UserError: If a level is not between 0 and 1, or as in `predict`.
        """
        if not all(0 <= level <= 1 for level in levels):
            raise UserError(f"quantile levels must be between 0 and 1, got {list(levels)}.")
        averaged = self._averaged(X, Choice(beta, bits, n_components))
        return predicted_quantiles(self.target_, averaged, levels, *self._extra())

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
        """Draws from the predicted distribution of Y in the units of Y, `[n, rows]` (or `[.., d]`).

        Args:
            X: Rows with the same columns as in training.
            n: Number of draws for each row.
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
        if self.loss_.compares_rows:
            values = self.target_.inverse(self.candidates_[drawn])
        else:
            random = np.random.default_rng(seed)
            entries = [bins.draw(drawn[..., k], random) for k, bins in enumerate(self.target_.bins)]
            values = np.stack(entries, axis=-1)
        return values if self.target_.is_vector else values[..., 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked_target(self, y: Any) -> Any:
        if y is None:
            raise UserError(
                "requires y to be passed, but the target y is None; give a number for each row."
            )
        if self.loss not in get_args(Loss):
            raise UserError(f"loss={self.loss!r} is unknown; choose density or infonce.")
        return y if isinstance(y, (pd.Series, pd.DataFrame)) else target_array(y)

    @property
    def _bins_target(self) -> bool:
        return self.loss != "infonce"

    def _loss(self, target: Target) -> PredictionLoss:
        if self.loss == "density":
            tilts = tuple(tuple(map(tuple, bins.tilts().tolist())) for bins in target.bins)
            share = tuple(tuple(bins.share.tolist()) for bins in target.bins)
            return TiltedLoss(share, tilts, target.is_vector)
        return ContrastiveLoss(len(target.mean), self.similarity, self.temperature, self.symmetric)
