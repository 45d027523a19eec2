"""The channels of each component's values, at some places of a scheme."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from distributed_ib.model.encoding import encode_inputs
from distributed_ib.report.page.value_summaries import ValueSummary
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.compression_path import SAME, coefficients


def channels_of(
    scheme: ApproximationScheme,
    snapshots: NDArray[np.int64],
    x: Any,
    summaries: Mapping[str, ValueSummary],
) -> dict[str, Any]:
    """The channel of every value of every component, of the first model at each place.

    Args:
        scheme: The scheme.
        snapshots: Snapshot numbers of the places.
        x: Rows in which each component takes its value j in row j, padded if it has fewer.
        summaries: The values, by component; other components are not shown.

    Returns:
        For each component `mean` and `log_variance`, `[place, value, embedding]`, and `symbols`,
        `[place, value]`: numbers of groups of values that the channel hardly distinguishes.
    """
    found: dict[str, Any] = {}
    encoded = [
        encode_inputs(scheme.snapshots.model(int(k), 0), x, len(scheme.components))
        for k in snapshots
    ]
    for index, name in enumerate(scheme.components):
        if name not in summaries:
            continue
        n = len(summaries[name].values)
        mean = np.stack([np.asarray(one.mean)[:n, index] for one in encoded])
        log_variance = np.stack([np.asarray(one.log_variance)[:n, index] for one in encoded])
        symbols = [
            merged_values(coefficients(m.astype(np.float64), v.astype(np.float64)))
            for m, v in zip(mean, log_variance, strict=True)
        ]
        found[name] = {
            "mean": mean.astype(np.float32),
            "log_variance": log_variance.astype(np.float32),
            "symbols": np.stack(symbols).astype(np.uint8),
        }
    return found


def merged_values(overlap: NDArray[np.float64]) -> NDArray[np.int64]:
    """Groups of values in which any two overlap by more than a half, `[value]`.

    Groups are numbered in the order of their first values.

    Example:
        >>> merged_values(np.array([[1, 0.9, 0.1], [0.9, 1, 0.2], [0.1, 0.2, 1]])).tolist()
        [0, 0, 1]
    """
    if len(overlap) < 2:
        return np.zeros(len(overlap), np.int64)
    distance = np.clip(1 - overlap, 0, 1)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform((distance + distance.T) / 2, checks=False), method="complete")
    labels = fcluster(tree, 1 - SAME, criterion="distance")
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.asarray(rank[inverse])


def longest(summaries: Sequence[ValueSummary]) -> int:
    """The largest number of values of any component."""
    return max((len(summary.values) for summary in summaries), default=0)
