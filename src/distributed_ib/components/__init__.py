"""From a user's table or arrays to what a model takes, and the checks on the way."""

from distributed_ib.components.copies import exchangeable_components
from distributed_ib.components.decomposition import Component, Decomposition
from distributed_ib.components.distinct import (
    DistinctRows,
    RepeatedNumbers,
    distinct_rows,
    repeated_numbers,
)
from distributed_ib.components.fitted import FittedDecomposition
from distributed_ib.components.inputs import TableInput
from distributed_ib.components.split import split_rows
from distributed_ib.components.target import Target

__all__ = [
    "Component",
    "Decomposition",
    "DistinctRows",
    "FittedDecomposition",
    "RepeatedNumbers",
    "TableInput",
    "Target",
    "distinct_rows",
    "exchangeable_components",
    "repeated_numbers",
    "split_rows",
]
