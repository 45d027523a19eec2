"""Common alternative learners for tables, each tuned on its training rows alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor
from numpy.typing import NDArray
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Array = NDArray[np.float64]
N_FOLDS = 3
CLIP = 1e-6


def log_loss(y: NDArray[Any], probabilities: Array) -> float:
    """Mean negative log probability of the true class in nats, with probabilities >= 1e-6."""
    p = np.clip(probabilities, CLIP, None)
    p = p / p.sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(y)), y]).mean())


def rmse(y: Array, predicted: Array) -> float:
    """Root mean squared error, in the units of Y."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def error_of(model: Any, x: pd.DataFrame, y: NDArray[Any], is_class: bool) -> float:
    """Error of a fitted model on the given rows: log loss in nats, or RMSE."""
    if not is_class:
        return rmse(y, model.predict(x))
    n_classes = max(int(y.max()) + 1, int(max(model.classes_)) + 1)
    probabilities = np.zeros((len(y), n_classes))
    probabilities[:, np.asarray(model.classes_, int)] = model.predict_proba(x)
    return log_loss(y, probabilities)


def folds(is_class: bool, seed: int) -> Any:
    """Inner cross-validation folds of the training rows."""
    return (StratifiedKFold if is_class else KFold)(N_FOLDS, shuffle=True, random_state=seed)


class Fitted:
    """A tuned peer.

    Attributes:
        model: The model, fitted to all training rows.
        inner_error: Its error on inner folds: RMSE, or log loss in nats.
    """

    def __init__(self, model: Any, inner_error: float) -> None:
        self.model, self.inner_error = model, inner_error


def _searched(
    model: Any, grid: dict[str, list[Any]], x: pd.DataFrame, y: Any, is_class: bool, seed: int
) -> Fitted:
    """The model with the settings of a grid that do best on the inner folds."""

    def negative_error(model: Any, x: pd.DataFrame, y: Any) -> float:
        error = error_of(model, x, y, is_class)
        return -error if is_class else -(error**2)

    search = GridSearchCV(model, grid, scoring=negative_error, cv=folds(is_class, seed), n_jobs=1)
    search.fit(x, y)
    best = -float(search.best_score_)
    return Fitted(search.best_estimator_, best if is_class else best**0.5)


def boosting(x: pd.DataFrame, y: Any, is_class: bool, seed: int) -> Fitted:
    """Gradient boosting of 40, 120 or 300 trees with 4 or 16 leaves, at a rate of 0.06."""
    kind = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
    model = kind(learning_rate=0.06, early_stopping=False, random_state=seed)
    grid = {"max_leaf_nodes": [4, 16], "max_iter": [40, 120, 300]}
    return _searched(model, grid, x, y, is_class, seed)


def explainable(x: pd.DataFrame, y: Any, is_class: bool, seed: int) -> Fitted:
    """InterpretML's explainable boosting machine, with up to five pairs of columns.

    Its learning rate is 0.04 instead of 0.015, it has at most 1,000 rounds, and it averages 4
    instead of 14 models, which takes a tenth of the time.
    """
    kind = ExplainableBoostingClassifier if is_class else ExplainableBoostingRegressor
    # Pairs of columns are available for numbers and two classes only.
    n_pairs = [0] if is_class and len(np.unique(y)) > 2 else [5]
    model = kind(outer_bags=4, learning_rate=0.04, max_rounds=1000, n_jobs=1, random_state=seed)
    return _searched(model, {"interactions": n_pairs}, x, y, is_class, seed)


def linear(x: pd.DataFrame, y: Any, is_class: bool, seed: int) -> Fitted:
    """Ridge or logistic regression on standardised numbers and one-hot categories."""
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
    )
    strengths = np.logspace(-3, 3, 13).tolist()
    model = LogisticRegression(max_iter=2000) if is_class else Ridge()
    grid = {
        "logisticregression__C" if is_class else "ridge__alpha": strengths,
    }
    return _searched(make_pipeline(columns, model), grid, x, y, is_class, seed)


PEERS: dict[str, Callable[[pd.DataFrame, Any, bool, int], Fitted]] = {
    "boosting": boosting,
    "explainable": explainable,
    "linear": linear,
}
