"""Components that are copies of each other, and so exchangeable for the bottleneck."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.table_input import TableInput

_SAMPLE_ROWS = 4096
# With more distinct values than this, matching values are weak evidence of a relationship.
_MAX_VALUES = 256
# Standardised float32 numbers of exact copies agree to about 1e-6.
_TOLERANCE = 1e-4


def exchangeable_components(
    names: Sequence[str],
    inputs: TableInput,
    *,
    n_numbers: Sequence[int],
    n_levels: Sequence[Sequence[int]],
    seed: int = 0,
) -> list[tuple[str, ...]]:
    """Find components that are copies of each other, perhaps in other units or with other names.

    Two components are exchangeable if one is an invertible linear map (with an offset) of the
    other, like metres and feet, or if their few values correspond one to one, like codes and names.
    Which of them the bottleneck keeps is arbitrary, so none should be read as a cause on its own.
    Up to 4096 rows, drawn at random, are compared; constant components are left out.

    Args:
        names: Names of the components.
        inputs: Their values, from `FittedDecomposition.transform`.
        n_numbers: See `FittedDecomposition.encoder_options`.
        n_levels: Likewise.
        seed: Seed of the draw of rows.

    Returns:
        Groups of two or more names, in the order of the components.

    Example:
        >>> metres = np.arange(30.0)
        >>> table = {"metres": metres, "feet": 3.28 * metres, "other": np.cos(metres)}
        >>> from distributed_ib.data.decomposition import Decomposition
        >>> fitted = Decomposition.from_arrays(table).fit(table)
        >>> exchangeable_components(fitted.names, fitted.transform(table),
        ...                         **fitted.encoder_options())
        [('metres', 'feet')]
    """
    n_rows = inputs.numbers.shape[0]
    rng = np.random.default_rng(seed)
    rows = rng.choice(n_rows, min(n_rows, _SAMPLE_ROWS), replace=False)
    numbers = np.split(np.asarray(inputs.numbers[rows], np.float64), np.cumsum(n_numbers)[:-1], 1)
    widths = [len(levels) for levels in n_levels]
    codes = np.split(np.asarray(inputs.codes[rows], np.int64), np.cumsum(widths)[:-1], 1)
    groups: dict[tuple[object, ...], list[int]] = {}
    spans: list[tuple[int, NDArray[np.float64], bytes]] = []
    for k in range(len(names)):
        partition = _partition(numbers[k], codes[k])
        if partition is None:
            basis = _basis(numbers[k])
            labels = _partition(np.empty((len(rows), 0)), codes[k])
            label_bytes = b"" if labels is None else labels.tobytes()
            match = _same_span(spans, basis, label_bytes)
            if match is None:
                spans.append((k, basis, label_bytes))
            groups.setdefault(("span", k if match is None else match), []).append(k)
        elif partition.any():  # not constant
            groups.setdefault(("partition", partition.tobytes()), []).append(k)
    return sorted(
        (tuple(names[k] for k in members) for members in groups.values() if len(members) > 1),
        key=lambda group: list(names).index(group[0]),
    )


def _partition(numbers: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Labels of equal values, in order of appearance, `[n]`; None if there are too many values."""
    values = np.concatenate([numbers, codes], axis=1)
    _, first, labels = np.unique(values, axis=0, return_index=True, return_inverse=True)
    if numbers.shape[1] and len(first) > min(_MAX_VALUES, len(values) // 4):
        return None
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[labels.reshape(-1)]


def _basis(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal basis of the centred columns' span, `[n, rank]`."""
    left, size, _ = np.linalg.svd(numbers - numbers.mean(axis=0), full_matrices=False)
    return left[:, size > _TOLERANCE * size[0]] if len(size) else left


def _same_span(
    spans: Sequence[tuple[int, NDArray[np.float64], bytes]],
    basis: NDArray[np.float64],
    labels: bytes,
) -> int | None:
    """The first component whose columns span the same space, and whose categories agree."""
    for k, other, other_labels in spans:
        if other.shape == basis.shape and other_labels == labels:
            residual = basis - other @ (other.T @ basis)
            if np.linalg.norm(residual) < _TOLERANCE * np.sqrt(basis.shape[1]):
                return k
    return None
