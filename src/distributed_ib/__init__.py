"""The Distributed Information Bottleneck: relationships X -> Y made comprehensible.

Split X into components, put a noisy channel after each, train channels and predictor together
while the bottleneck strength beta rises, and read off a scheme of approximations: what each
component conveys, how well Y is predicted, and which components are in use, at every beta.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from distributed_ib._version import __version__
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.data.batches import ArrayBatches, FreshBatches, HostBatches
    from distributed_ib.data.decomposition import Component, Decomposition
    from distributed_ib.data.distinct_batches import DistinctBatches
    from distributed_ib.data.distinct_values import (
        DistinctRows,
        RepeatedNumbers,
        distinct_rows,
        repeated_numbers,
    )
    from distributed_ib.data.fitted_decomposition import FittedDecomposition
    from distributed_ib.data.table_input import TableInput
    from distributed_ib.data.target import Target
    from distributed_ib.estimators.classifier import DistributedIBClassifier
    from distributed_ib.estimators.estimator_files import load_estimator
    from distributed_ib.estimators.regressor import DistributedIBRegressor
    from distributed_ib.estimators.sweep_advice import SweepWarning
    from distributed_ib.model.bottleneck import DistributedBottleneck, Terms
    from distributed_ib.model.channel import GaussianChannel
    from distributed_ib.model.contrastive_predictor import ContrastivePredictor
    from distributed_ib.model.encoders import BinaryEncoder, SeparateEncoder, SharedEncoder
    from distributed_ib.model.gaussian_predictor import GaussianPredictor
    from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
    from distributed_ib.model.table_encoder import TableEncoder
    from distributed_ib.optimum.candidates import Candidates
    from distributed_ib.optimum.refine import RefineSettings, refine
    from distributed_ib.scheme.approximation import Approximation
    from distributed_ib.scheme.approximation_scheme import ApproximationScheme
    from distributed_ib.scheme.subsets_in_use import Subset
    from distributed_ib.training.checkpoints import Checkpoints
    from distributed_ib.training.progress import ProgressBar
    from distributed_ib.training.schedule import BetaSchedule
    from distributed_ib.training.sweep import sweep

# Where the public names live. They are imported when first used, because JAX takes a second to
# load, and `dib --help` should not have to wait for it.
_ROOMS = {
    "Approximation": "scheme.approximation",
    "ApproximationScheme": "scheme.approximation_scheme",
    "ArrayBatches": "data.batches",
    "BernoulliPredictor": "model.predictors",
    "BetaSchedule": "training.schedule",
    "BinaryEncoder": "model.encoders",
    "Candidates": "optimum.candidates",
    "CategoricalPredictor": "model.predictors",
    "Component": "data.decomposition",
    "ContrastivePredictor": "model.contrastive_predictor",
    "Decomposition": "data.decomposition",
    "Checkpoints": "training.checkpoints",
    "DistinctBatches": "data.distinct_batches",
    "DistinctRows": "data.distinct_values",
    "DistributedBottleneck": "model.bottleneck",
    "DistributedIBClassifier": "estimators.classifier",
    "DistributedIBRegressor": "estimators.regressor",
    "FittedDecomposition": "data.fitted_decomposition",
    "FreshBatches": "data.batches",
    "GaussianChannel": "model.channel",
    "GaussianPredictor": "model.gaussian_predictor",
    "HostBatches": "data.batches",
    "ProgressBar": "training.progress",
    "RefineSettings": "optimum.refine",
    "RepeatedNumbers": "data.distinct_values",
    "SeparateEncoder": "model.encoders",
    "SharedEncoder": "model.encoders",
    "Subset": "scheme.subsets_in_use",
    "SweepWarning": "estimators.sweep_advice",
    "TableEncoder": "model.table_encoder",
    "TableInput": "data.table_input",
    "Target": "data.target",
    "Terms": "model.bottleneck",
    "distinct_rows": "data.distinct_values",
    "load_estimator": "estimators.estimator_files",
    "refine": "optimum.refine",
    "repeated_numbers": "data.distinct_values",
    "sweep": "training.sweep",
}

__all__ = [
    "Approximation",
    "ApproximationScheme",
    "ArrayBatches",
    "BernoulliPredictor",
    "BetaSchedule",
    "BinaryEncoder",
    "Candidates",
    "CategoricalPredictor",
    "Checkpoints",
    "Component",
    "ContrastivePredictor",
    "Decomposition",
    "DistinctBatches",
    "DistinctRows",
    "DistributedBottleneck",
    "DistributedIBClassifier",
    "DistributedIBRegressor",
    "FittedDecomposition",
    "FreshBatches",
    "GaussianChannel",
    "GaussianPredictor",
    "HostBatches",
    "ProgressBar",
    "RefineSettings",
    "RepeatedNumbers",
    "SeparateEncoder",
    "SharedEncoder",
    "Subset",
    "SweepWarning",
    "TableEncoder",
    "TableInput",
    "Target",
    "Terms",
    "UserError",
    "__version__",
    "distinct_rows",
    "load_estimator",
    "refine",
    "repeated_numbers",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
