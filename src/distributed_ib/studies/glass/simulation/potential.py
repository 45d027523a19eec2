"""The pair potential and the mixture: smoothed Lennard-Jones particles of two sizes in 2D.

Lennard-Jones up to `INNER_RADIUS`, then a force that is a cubic in the distance and reaches zero
with zero slope at `CUTOFF_RADIUS`. Energy, force and stiffness are continuous everywhere, as
needed for the Hessian. In LAMMPS, this is `pair_style lj/smooth 2.0 2.5` with
`pair_modify shift yes`.
"""

import math
from functools import cache

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.neighbourhoods import TYPE_A, TYPE_B

INNER_RADIUS = 2.0
CUTOFF_RADIUS = 2.5
MIN_PARTICLES = 150

SIGMA = {
    (TYPE_A, TYPE_A): 2 * math.sin(math.pi / 10),
    (TYPE_A, TYPE_B): 1.0,
    (TYPE_B, TYPE_B): 2 * math.sin(math.pi / 5),
}
EPSILON = {(TYPE_A, TYPE_A): 0.5, (TYPE_A, TYPE_B): 1.0, (TYPE_B, TYPE_B): 0.5}

_LENGTH_OF_TEN_THOUSAND = 98.8045
_B_PER_A = (1 + math.sqrt(5)) / 4


def box_length(n_particles: int) -> float:
    """Side of the square box, in sigma_AB, at the paper's density.

    >>> round(box_length(10_000), 4)
    98.8045
    """
    return _LENGTH_OF_TEN_THOUSAND * math.sqrt(n_particles / 10_000)


def particle_types(n_particles: int) -> np.ndarray:
    """Types `[n_particles]`, `TYPE_A` (small) first, then `TYPE_B`, with N_B/N_A = (1+sqrt 5)/4.

    Raises:
        UserError: If the box would be too small for a neighbourhood of radius 4.5.

    >>> import numpy as np
    >>> np.bincount(particle_types(400)).tolist()
    [0, 221, 179]
    """
    if n_particles < MIN_PARTICLES:
        raise UserError(
            f"{n_particles} particles make the box too small for neighbourhoods of radius 4.5; use "
            f"at least {MIN_PARTICLES} particles."
        )
    n_large = round(n_particles * _B_PER_A / (1 + _B_PER_A))
    types = np.full(n_particles, TYPE_A, dtype=np.int64)
    types[n_particles - n_large :] = TYPE_B
    return types


@cache
def _coefficients(pair: tuple[int, int]) -> tuple[float, ...]:
    """Coefficients of the potential of one pair; see `coefficient_table` for their order."""
    sigma, epsilon = SIGMA[pair], EPSILON[pair]
    repulsion, attraction = 4 * epsilon * sigma**12, 4 * epsilon * sigma**6
    inner, width = INNER_RADIUS, CUTOFF_RADIUS - INNER_RADIUS
    force = 12 * repulsion / inner**13 - 6 * attraction / inner**7
    slope = -156 * repulsion / inner**14 + 42 * attraction / inner**8
    c3 = -(3 * force + 2 * slope * width) / width**2
    c4 = (2 * force + slope * width) / width**3
    # The work done by the smoothed force from the inner radius to the cutoff.
    work = width * (force + width * (slope / 2 + width * (c3 / 3 + width * c4 / 4)))
    lj_inner = repulsion / inner**12 - attraction / inner**6
    return repulsion, attraction, lj_inner - work, force, slope, c3, c4, work


def coefficient_table() -> np.ndarray:
    """Coefficients `[3, 8]` of the pairs AA, AB, BB, for compiled code.

    Columns: `4 eps sigma^12`, `4 eps sigma^6`, the energy shift below the inner radius, then the
    four coefficients of the smoothed force in `r - INNER_RADIUS`, and the energy at the inner
    radius. A pair of types (1 or 2) is row `t_i + t_j - 2`.

    >>> coefficient_table().shape
    (3, 8)
    """
    return np.array([_coefficients((1, 1)), _coefficients((1, 2)), _coefficients((2, 2))])


def pair_terms(
    distance: np.ndarray, pair_row: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy, force and stiffness of pairs.

    Args:
        distance: Distances `[n]`, above 0.
        pair_row: Rows `[n]` of `coefficient_table`: 0 for AA, 1 for AB, 2 for BB.

    Returns:
        U(r), -U'(r) and U''(r), each `[n]`; zero beyond the cutoff.

    >>> import numpy as np
    >>> energy, force, stiffness = pair_terms(np.array([2.5]), np.array([1]))
    >>> bool(abs(energy[0]) < 1e-15 and abs(force[0]) < 1e-15 and abs(stiffness[0]) < 1e-15)
    True
    """
    r = np.asarray(distance, dtype=float)
    repulsion, attraction, shift, c1, c2, c3, c4, work = coefficient_table()[pair_row].T
    inv6 = r**-6
    t = r - INNER_RADIUS
    inside = r < INNER_RADIUS
    within = r < CUTOFF_RADIUS
    energy = np.where(
        inside,
        inv6 * (repulsion * inv6 - attraction) - shift,
        work - t * (c1 + t * (c2 / 2 + t * (c3 / 3 + t * c4 / 4))),
    )
    force = np.where(
        inside,
        inv6 * (12 * repulsion * inv6 - 6 * attraction) / r,
        c1 + t * (c2 + t * (c3 + t * c4)),
    )
    stiffness = np.where(
        inside,
        inv6 * (156 * repulsion * inv6 - 42 * attraction) / r**2,
        -(c2 + t * (2 * c3 + t * 3 * c4)),
    )
    return (
        np.where(within, energy, 0.0),
        np.where(within, force, 0.0),
        np.where(within, stiffness, 0.0),
    )
