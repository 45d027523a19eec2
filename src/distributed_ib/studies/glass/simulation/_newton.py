"""Fast minimisation along a smooth branch: L-BFGS preconditioned by the last state's Hessian."""

from typing import Any

import numpy as np

from distributed_ib.studies.glass.simulation._compiled import (
    SKIN,
    build_pairs,
    energy_forces,
    shear_slope,
)
from distributed_ib.studies.glass.simulation.hessian import factorised, hessian
from distributed_ib.studies.glass.simulation.potential import CUTOFF_RADIUS, coefficient_table

_MEMORY = 8
# Makes the factor regular: without it, translations have zero energy.
_REGULARISER = 1e-3


def preconditioner(positions: np.ndarray, types: np.ndarray, box: np.ndarray) -> Any:
    """Factors of the Hessian at a state, for `follow`."""
    return factorised(hessian(positions, types, box), -_REGULARISER)


def follow(
    positions: np.ndarray,
    types: np.ndarray,
    box: np.ndarray,
    generator: np.ndarray,
    factors: Any,
    *,
    max_force: float,
    max_move: float,
    max_evaluations: int,
) -> tuple[np.ndarray, float, float, int] | None:
    """Minimise from near a known minimum.

    Args:
        positions: `[n, 2]`.
        types: `[n]`.
        box: `[2, 2]`.
        generator: `[2, 2]`, of the shear whose dU/dgamma is wanted.
        factors: From `preconditioner` at a state nearby.
        max_force: Largest force component allowed in the result.
        max_move: Largest move of one coordinate in one step.
        max_evaluations: Give up after this many energy evaluations: the state is then not on a
            smooth branch.

    Returns:
        Positions, energy, dU/dgamma and evaluations used; None if it gave up.
    """
    table = coefficient_table()
    x = positions
    listed = x
    start, other, image, row = build_pairs(x, box, types, CUTOFF_RADIUS + SKIN)
    offset = image @ box.T
    gradient = np.empty_like(x)
    energy = energy_forces(x, start, other, offset, row, table, gradient)
    flat = gradient.ravel()
    history: list[tuple[np.ndarray, np.ndarray, float]] = []
    for used in range(2, max_evaluations + 2):
        q = -flat
        alphas = []
        for s, y, rho in reversed(history):
            alphas.append(rho * (s @ q))
            q = q - alphas[-1] * y
        q = factors.solve(q)
        for (s, y, rho), alpha in zip(history, reversed(alphas), strict=True):
            q = q + (alpha - rho * (y @ q)) * s
        q *= min(1.0, max_move / np.max(np.abs(q)))
        trial = x + q.reshape(x.shape)
        if np.max(np.sum((trial - listed) ** 2, axis=1)) > (0.5 * SKIN) ** 2:
            listed = trial
            start, other, image, row = build_pairs(trial, box, types, CUTOFF_RADIUS + SKIN)
            offset = image @ box.T
        trial_gradient = np.empty_like(x)
        trial_energy = energy_forces(trial, start, other, offset, row, table, trial_gradient)
        change = trial_gradient.ravel() - flat
        curvature = q @ change
        if curvature > 0:
            history = [*history[1 - _MEMORY :], (q, change, 1 / curvature)]
        if trial_energy > energy + 1e-9:
            # The curvature just measured shortens the next step from the same place.
            if curvature <= 0:
                return None
            continue
        x, energy, flat = trial, trial_energy, trial_gradient.ravel()
        if np.max(np.abs(flat)) <= max_force:
            slope = shear_slope(x, start, other, offset, row, table, generator)
            return x, energy, slope, used
    return None
