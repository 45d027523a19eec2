"""The Hessian of a packing and its softest mode."""

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh, splu

from distributed_ib.studies.glass.simulation._compiled import build_pairs
from distributed_ib.studies.glass.simulation.potential import CUTOFF_RADIUS, pair_terms

# Below every eigenvalue of a stable state, and far enough from the zero eigenvalues for a safe
# factorisation.
_SHIFT = -0.02


def hessian(positions: np.ndarray, types: np.ndarray, box: np.ndarray) -> sparse.csc_array:
    """Second derivatives of the energy, sparse `[2n, 2n]`; coordinates as x0, y0, x1, y1, ...

    A pair at distance r along the unit vector d adds the block `U'' d d^T + (U'/r)(1 - d d^T)`.

    Args:
        positions: `[n, 2]`.
        types: `[n]`, 1 or 2.
        box: `[2, 2]`, its columns are the edges of the periodic cell.
    """
    n = len(types)
    start, other, image, row = build_pairs(positions, box, types, CUTOFF_RADIUS)
    first = np.repeat(np.arange(n), np.diff(start))
    bond = positions[other] - positions[first] + image @ box.T
    distance = np.linalg.norm(bond, axis=1)
    unit = bond / distance[:, None]
    _, force, stiffness = pair_terms(distance, row)
    tension = -force / distance
    blocks = (stiffness - tension)[:, None, None] * unit[:, :, None] * unit[:, None, :]
    blocks += tension[:, None, None] * np.eye(2)
    ends = [(first, other, -1.0), (other, first, -1.0), (first, first, 1.0), (other, other, 1.0)]
    axis = np.arange(2)
    rows = [np.broadcast_to(2 * a[:, None, None] + axis[:, None], blocks.shape) for a, _, _ in ends]
    columns = [np.broadcast_to(2 * b[:, None, None] + axis, blocks.shape) for _, b, _ in ends]
    values = [sign * blocks for _, _, sign in ends]
    shape = (2 * n, 2 * n)
    coordinates = (np.concatenate(rows).ravel(), np.concatenate(columns).ravel())
    return sparse.coo_array((np.concatenate(values).ravel(), coordinates), shape=shape).tocsc()


def factorised(matrix: sparse.csc_array, shift: float) -> Any:
    """Sparse factors of `matrix - shift * identity`, in an ordering for symmetric matrices."""
    size = matrix.shape[0]
    return splu(
        (matrix - shift * sparse.eye_array(size)).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def softest_mode(
    positions: np.ndarray, types: np.ndarray, box: np.ndarray
) -> tuple[float, np.ndarray]:
    """The lowest eigenvalue of the Hessian except those of translations, and its mode.

    Args:
        positions: `[n, 2]`, a minimum of the energy.
        types: `[n]`.
        box: `[2, 2]`.

    Returns:
        The eigenvalue and the unit eigenvector `[n, 2]`.
    """
    matrix = hessian(positions, types, box)
    size = matrix.shape[0]
    # A fixed start vector makes the result the same on every call.
    start = np.random.default_rng(0).normal(size=size)
    inverse = LinearOperator(matrix.shape, matvec=factorised(matrix, _SHIFT).solve, dtype=float)
    values, vectors = eigsh(matrix, k=4, sigma=_SHIFT, which="LM", v0=start, OPinv=inverse)
    modes = vectors.T.reshape(-1, size // 2, 2)
    # A translation moves all particles alike: its mean is the largest possible for a unit vector.
    translation = np.sum(np.mean(modes, axis=1) ** 2, axis=1) * (size // 2)
    internal = np.flatnonzero(translation < 0.5)
    best = internal[np.argmin(values[internal])]
    return float(values[best]), modes[best]
