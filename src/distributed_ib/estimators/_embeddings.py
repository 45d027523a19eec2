"""Embeddings of the rows, as features for other estimators."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.estimators._base import DistributedIBEstimator


class EmbeddingsMixin(TransformerMixin):
    """Mixin that makes the estimators scikit-learn transformers."""

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Means of the channels' embeddings u_i, `[n, component * dimension]`.

        They are the embeddings of the first model at `best_beta_`, where `predict` predicts by
        default; models that are trained separately have no common coordinates.

        Args:
            X: Rows with the same columns as in training.

        Raises:
            UserError: If columns or values don't fit, or there is no model.
        """
        this = cast("DistributedIBEstimator", self)
        inputs = this._inputs(X)
        mean = this.approximations()[0].encode(inputs).mean
        return np.asarray(mean, np.float64).reshape(inputs.n_rows, -1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns that `transform` returns: component and number, such as "hour_0".

        Args:
            input_features: Names of the columns of X, passed by scikit-learn; they are only
                checked.

        Raises:
            UserError: If the names are not those of training.
        """
        check_is_fitted(self, "scheme_")
        this = cast("DistributedIBEstimator", self)
        if input_features is not None:
            given, known = list(input_features), getattr(this, "feature_names_in_", None)
            if known is not None and given != list(known):
                raise UserError("input_features is not equal to feature_names_in_.")
            if len(given) != this.n_features_in_:
                raise UserError(
                    "input_features should have length equal to number of features "
                    f"({this.n_features_in_}), got {len(given)}."
                )
        return np.array(
            [
                f"{name}_{k}"
                for name in this.decomposition_.names
                for k in range(this.settings_.embedding_dim)
            ],
            dtype=object,
        )
