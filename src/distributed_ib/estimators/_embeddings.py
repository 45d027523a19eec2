"""What the channels make of each row, as features for other estimators."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.estimators._base import DistributedIBEstimator


class GivesEmbeddings(TransformerMixin):
    """Estimators that are transformers too, in the way of scikit-learn."""

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Means of the channels' embeddings u_i, `[n, component * dimension]`.

        They are those of the approximation that `predict` uses (`best_beta_`), of its first model:
        the embeddings of models that were trained apart have no coordinates in common.

        Args:
            X: Rows with the columns of training.

        Raises:
            UserError: If columns or values don't fit, or there is no model.
        """
        this = cast("DistributedIBEstimator", self)
        inputs = this._inputs(X)
        mean = this.approximations()[0].encode(inputs).mean
        return np.asarray(mean, np.float64).reshape(inputs.n_rows, -1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of what `transform` gives: those of the components with a number, such as "hour_0".

        Args:
            input_features: Names of the columns of X, which scikit-learn passes; they are only
                checked.

        Raises:
            UserError: If they are not those of training.
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
