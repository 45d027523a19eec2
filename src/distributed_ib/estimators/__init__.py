"""Estimators with the scikit-learn interface: `fit(X, y)` runs a sweep, `predict` uses it."""

from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.estimator_files import load_estimator
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.estimators.sweep_advice import SweepWarning

__all__ = [
    "DistributedIBClassifier",
    "DistributedIBRegressor",
    "SweepWarning",
    "load_estimator",
]
