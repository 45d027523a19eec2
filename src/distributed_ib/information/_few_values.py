"""Components with few values, whose transmitted information can be computed exactly."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float64, Int64, PyTree, Shaped

from distributed_ib.data.table_input import TableInput
from distributed_ib.model.table_encoder import TableEncoder

MAX_VALUES = 64
# Frequencies from a sample are uncertain. With fewer rows per value than this they would cause an
# error of more than some hundredths of a bit; the bounds, which allow for it, are then better.
ROWS_PER_VALUE = 16


@dataclass(frozen=True)
class Values:
    """The values of a component.

    Attributes:
        rows: Index of an input row with each value, `[value]`.
        probabilities: Probability of each value, `[value]`.
    """

    rows: Int64[np.ndarray, " value"]
    probabilities: Float64[np.ndarray, " value"]


def component_inputs(
    encoder: object, x: PyTree[Shaped[np.ndarray, "n ..."]], n_components: int
) -> list[Shaped[np.ndarray, "n _"]] | None:
    """The input of the encoder for each component, `[n, feature]` each; None for an unknown form.

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
    inputs: Shaped[np.ndarray, "n feature"],
    shares: Float64[np.ndarray, " n"],
    n_preview: int,
    *,
    complete: bool,
) -> Values | None:
    """The values of one component with their frequencies, or None if there are too many.

    Args:
        inputs: The component's input to the encoder, `[n, feature]`.
        shares: Weight of each row, `[n]`, with the sum 1.
        n_preview: Number of rows examined first, enough to recognise a continuous component.
        complete: Whether the rows are the whole population, so that their frequencies are exact.

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
