"""Estimators in the manner of scikit-learn: `fit(X, y)` runs a sweep, `predict` uses it."""

from distributed_ib.estimators.advice import SweepWarning
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.files import load_estimator
from distributed_ib.estimators.regressor import DistributedIBRegressor

__all__ = [
    "DistributedIBClassifier",
    "DistributedIBRegressor",
    "SweepWarning",
    "load_estimator",
]
