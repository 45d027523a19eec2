"""Which components take few values, so that what they convey can be worked out exactly."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.table_input import TableInput
from distributed_ib.model.table_encoder import TableEncoder

MAX_VALUES = 64
# Frequencies from a sample are themselves uncertain. Below this many rows for each value they would
# cost more than some hundredths of a bit, and the bounds, which know of it, are more honest.
ROWS_PER_VALUE = 16


@dataclass(frozen=True)
class Values:
    """The values of a component.

    Attributes:
        rows: A row of the inputs for each value, `[value]`.
        probabilities: How often each occurs, `[value]`.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def component_inputs(encoder: Any, x: Any, n_components: int) -> list[NDArray[Any]] | None:
    """What the encoder sees of each component, `[n, feature]` each; None for an unknown form.

    Args:
        encoder: The model's encoder.
        x: Its input: an array `[n, component, ...]`, a tree of such arrays, or a `TableInput`.
        n_components: Number of components.
    """
    if isinstance(encoder, TableEncoder) and isinstance(x, TableInput):
        columns = encoder.layout.columns
        parts = [(x.numbers[:, numbers], x.codes[:, codes]) for numbers, codes in columns]
        return [np.concatenate(part, axis=1) for part in parts]
    leaves = jax.tree.leaves(x)
    if any(leaf.ndim < 2 or leaf.shape[1] != n_components for leaf in leaves):
        return None
    flat = [leaf.reshape(len(leaf), n_components, -1) for leaf in leaves]
    return [np.concatenate([f[:, k] for f in flat], axis=1) for k in range(n_components)]


def few_values(
    inputs: NDArray[Any], shares: NDArray[np.float64], n_preview: int, *, complete: bool
) -> Values | None:
    """The values of one component with their frequencies, or None if they are too many.

    Args:
        inputs: What the encoder sees of it, `[n, feature]`.
        shares: How much each row counts, `[n]`, with the sum 1.
        n_preview: Rows that are looked at first, since a continuous component shows itself there.
        complete: Whether the rows are all there is, so that their frequencies are certain.

    Example:
        >>> found = few_values(np.array([[1], [0], [1], [1]]), np.full(4, 0.25), 4, complete=True)
        >>> found.rows.tolist(), found.probabilities.tolist()
        ([1, 0], [0.25, 0.75])
    """
    most = MAX_VALUES if complete else min(MAX_VALUES, len(inputs) // ROWS_PER_VALUE)
    if len(np.unique(inputs[:n_preview], axis=0)) > most:
        return None
    _, rows, place = np.unique(inputs, axis=0, return_index=True, return_inverse=True)
    if len(rows) > most:
        return None
    probabilities = np.asarray(np.bincount(place.reshape(-1), shares), np.float64)
    return Values(rows.astype(np.int64), probabilities)
