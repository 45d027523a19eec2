"""The Distributed Information Bottleneck: relationships X -> Y made comprehensible.

Split X into components, put a noisy channel after each, train channels and predictor together
while the bottleneck strength beta rises, and read off a scheme of approximations: what each
component conveys, how well Y is predicted, and which components are in use, at every beta.
"""

from distributed_ib._version import __version__
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck, Terms
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.encoders import BinaryEncoder, SeparateEncoder, SharedEncoder
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.scheme import ApproximationScheme
from distributed_ib.scheme.subsets import Subset
from distributed_ib.training.batches import ArrayBatches, FreshBatches, HostBatches
from distributed_ib.training.progress import ProgressBar
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

__all__ = [
    "Approximation",
    "ApproximationScheme",
    "ArrayBatches",
    "BernoulliPredictor",
    "BetaSchedule",
    "BinaryEncoder",
    "CategoricalPredictor",
    "DistributedBottleneck",
    "FreshBatches",
    "GaussianChannel",
    "HostBatches",
    "ProgressBar",
    "SeparateEncoder",
    "SharedEncoder",
    "Subset",
    "Terms",
    "UserError",
    "__version__",
    "sweep",
]
