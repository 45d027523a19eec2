"""Reference models without a bottleneck: gradient boosting and a linear model, on the same rows."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from distributed_ib._threads import numpy_on_one_thread
from distributed_ib.data.component_values import ComponentValues
from distributed_ib.evidence.interval import LEVEL, Interval
from distributed_ib.evidence.scores import score_intervals

FloatArray = NDArray[np.float64]
# Reference models are trained on at most this many rows, drawn at random.
MOST_ROWS = 50_000
# With more rows, gradient boosting stops early, as is its default.
MANY_ROWS = 10_000
# Gradient boosting does not support categorical columns with more levels.
_MOST_LEVELS = 255


@dataclass(frozen=True)
class Reference:
    """How well a model without a bottleneck predicts held-out rows.

    Attributes:
        name: The model.
        scores: `accuracy`, or `r2` and `rmse`.
    """

    name: str
    scores: dict[str, Interval]


def reference_scores(
    components: Sequence[ComponentValues],
    y: NDArray[Any],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    *,
    weight: FloatArray | None = None,
    groups: NDArray[np.int64] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> list[Reference]:
    """Train reference models on the training rows, and score them on the test rows.

    Gradient boosting has the defaults of scikit-learn and handles missing numbers itself; it stops
    early if there are many rows. The penalty of the linear model is chosen by cross-validation; a
    missing number is replaced by the mean, with an indicator. A vector Y has a linear reference
    only.

    Args:
        components: Values of every component, of all rows.
        y: Y of all rows; integers are classes.
        train: Rows to train on, validation rows included.
        test: Rows to score on.
        weight: Weight of each row, `[n]`.
        groups: Group number of each row, `[n]`; rows of a group may be dependent.
        level: Coverage of the intervals.
        seed: Seed of the drawn rows and of early stopping.

    Returns:
        The references; none if the training rows contain a single class, or Y is a vector of
        classes.
    """
    is_class = y.dtype.kind in "biu"
    if is_class and (y.ndim > 1 or len(np.unique(y[train])) < 2):
        return []
    if len(train) > MOST_ROWS:
        train = np.random.default_rng([seed, 5]).choice(train, MOST_ROWS, replace=False)
    counts = np.unique(y[train], return_counts=True)[1] if is_class else np.zeros(0, np.int64)
    if is_class and len(counts) < 2:
        return []
    numbers = np.concatenate([part.numbers for part in components], axis=1)
    codes = np.concatenate([part.codes for part in components], axis=1)
    x = np.concatenate([numbers, codes], axis=1)
    categorical = np.arange(x.shape[1]) >= numbers.shape[1]
    found = []
    models = []
    if y.ndim == 1:
        # Early stopping holds out rows of each class, so each class needs at least two.
        stops = len(train) > MANY_ROWS and (not is_class or bool(counts.min() > 1))
        models.append(("gradient boosting", _boosting(is_class, categorical, codes, seed, stops)))
    n_folds = 3 if not is_class else min(3, int(counts.max()))
    if n_folds > 1:
        models.append(("linear", _linear(is_class, categorical, n_folds)))
    for name, model in models:
        with warnings.catch_warnings(), numpy_on_one_thread():
            warnings.simplefilter("ignore")  # of solvers that stop early, and rare classes
            model.fit(x[train], y[train], **_weights(model, weight, train))
            predicted = model.predict(x[test])
        label = name if name != "linear" else "logistic regression" if is_class else "ridge"
        scores = score_intervals(
            y[test],
            predicted,
            is_class=is_class,
            weight=None if weight is None else weight[test],
            groups=None if groups is None else groups[test],
            level=level,
            seed=seed,
        )
        found.append(Reference(label, scores))
    return found


def _boosting(
    is_class: bool,
    categorical: NDArray[np.bool_],
    codes: NDArray[np.int64],
    seed: int,
    stops_early: bool,
) -> Any:
    too_many = bool(codes.size and codes.max() >= _MOST_LEVELS)
    options = {
        "categorical_features": None if too_many or not categorical.any() else categorical,
        "random_state": seed,
        "early_stopping": stops_early,
    }
    kind = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
    return kind(**options)


def _linear(is_class: bool, categorical: NDArray[np.bool_], n_folds: int) -> Any:
    columns = np.arange(len(categorical))
    encode = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
                columns[~categorical],
            ),
            ("codes", OneHotEncoder(handle_unknown="ignore"), columns[categorical]),
        ]
    )
    if is_class:
        return make_pipeline(encode, LogisticRegressionCV(Cs=6, cv=n_folds, max_iter=300))
    return make_pipeline(encode, RidgeCV(np.logspace(-3, 4, 15)))


def _weights(model: Any, weight: FloatArray | None, rows: NDArray[np.int64]) -> dict[str, Any]:
    if weight is None:
        return {}
    last = model.steps[-1][0] + "__" if hasattr(model, "steps") else ""
    return {f"{last}sample_weight": weight[rows]}
