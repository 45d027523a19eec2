"""Athermal quasi-static shear, in small strains each followed by a minimisation, and its events."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.simulation._compiled import minimise
from distributed_ib.studies.glass.simulation._newton import follow, preconditioner
from distributed_ib.studies.glass.simulation.hessian import softest_mode
from distributed_ib.studies.glass.simulation.potential import coefficient_table


def _pure_shear(angle_degrees: float) -> np.ndarray:
    double = math.radians(2 * angle_degrees)
    return (
        np.array([[math.cos(double), math.sin(double)], [math.sin(double), -math.cos(double)]]) / 2
    )


# dr/dgamma = G r. Simple shear "+" stretches along 45 degrees, "-" along 135; pure shear along
# 0 and 90; oblique shear is pure shear halfway between them.
GENERATORS = {
    "simple+": np.array([[0.0, 1.0], [0.0, 0.0]]),
    "simple-": np.array([[0.0, -1.0], [0.0, 0.0]]),
    "pure+": _pure_shear(0.0),
    "pure-": _pure_shear(90.0),
    "oblique22": _pure_shear(22.5),
    "oblique67": _pure_shear(67.5),
    "oblique112": _pure_shear(112.5),
    "oblique157": _pure_shear(157.5),
}
DIRECTIONS = ("simple+", "simple-", "pure+", "pure-")

STRAIN_STEP = 1e-3
MAX_FORCE = 1e-7
ONSET_GAP = 1e-5
# The error of the trapezium rule is at most 5e-5; hardly any rearrangement releases less than 1e-3.
DROP_THRESHOLD = 5e-5
_MAX_MOVE = 0.1
_MAX_EVALUATIONS = 100_000
_QUICK_EVALUATIONS = 25
# Factors are reused as long as they lead to the minimum within this many evaluations.
_WORN_EVALUATIONS = 10


@dataclass(frozen=True)
class State:
    """A packing at an energy minimum.

    Attributes:
        positions: `[n, 2]`, in units of sigma_AB, not wrapped.
        types: `[n]`, 1 (A, small) or 2 (B, large).
        box: `[2, 2]`, its columns are the edges of the periodic cell.
        energy: Total potential energy, in units of epsilon_AB.
        slope: dU/dgamma along the direction of shear: stress times area.
    """

    positions: np.ndarray
    types: np.ndarray
    box: np.ndarray
    energy: float
    slope: float


@dataclass(frozen=True)
class Event:
    """The onset of a rearrangement.

    Attributes:
        strain: Last strain at which a stable state was found before the onset.
        gap: The onset is at most this much later.
        eigenvalue: Eigenvalue of the critical mode, at `strain`.
        energy_drop: Fall of the energy below its smooth course (positive).
        locus: Index of the particle with the largest share of the critical mode.
        share: That share, between 0 and 1.
        state: The packing at `strain`.
    """

    strain: float
    gap: float
    eigenvalue: float
    energy_drop: float
    locus: int
    share: float
    state: State


def check_directions(directions: tuple[str, ...]) -> None:
    """Check that directions exist.

    Raises:
        UserError: If a direction is unknown or repeated, or there is none.
    """
    unknown = [name for name in directions if name not in GENERATORS]
    if unknown or not directions or len(set(directions)) < len(directions):
        raise UserError(
            f"Shear directions {', '.join(directions) or '(none)'} are not valid; choose from "
            f"{', '.join(GENERATORS)}, each at most once."
        )


def deformation(direction: str, strain: float) -> np.ndarray:
    """The matrix `[2, 2]` that takes positions from strain 0 to `strain`; its determinant is 1.

    >>> deformation("simple+", 0.1).tolist()
    [[1.0, 0.1], [0.0, 1.0]]
    """
    generator = GENERATORS[direction]
    if direction.startswith("simple"):
        return np.eye(2) + strain * generator
    # The square of a pure shear's generator is a quarter of the identity.
    return math.cosh(strain / 2) * np.eye(2) + 2 * math.sinh(strain / 2) * generator


def relax(
    positions: np.ndarray,
    types: np.ndarray,
    box: np.ndarray,
    direction: str = "simple+",
    *,
    max_force: float = MAX_FORCE,
    floor: float = -math.inf,
) -> State:
    """Minimise the energy from the given positions.

    Args:
        positions: `[n, 2]`.
        types: `[n]`.
        box: `[2, 2]`.
        direction: Direction of the shear for dU/dgamma.
        max_force: Largest force component allowed in the result.
        floor: Stop, even before the minimum, once the energy is below this.

    Raises:
        ArithmeticError: If the minimiser gives up.
    """
    found, energy, slope, largest, _ = minimise(
        np.ascontiguousarray(positions),
        np.ascontiguousarray(box),
        types,
        coefficient_table(),
        GENERATORS[direction],
        max_force,
        _MAX_MOVE,
        _MAX_EVALUATIONS,
        floor,
    )
    if energy >= floor and not largest <= max_force:
        raise ArithmeticError(f"The minimiser stopped at a force of {largest:.1e}.")
    return State(found, types, box, energy, slope)


def strained(state: State, direction: str, change: float) -> State:
    """The state after a further strain `change` and minimisation."""
    matrix = deformation(direction, change)
    return relax(state.positions @ matrix.T, state.types, matrix @ state.box, direction)


def drop(before: State, after: State, change: float) -> float:
    """Fall of the energy below its smooth course between two states that differ by `change`.

    The smooth course is the work of the mean stress.
    """
    return (before.slope + after.slope) / 2 * change - (after.energy - before.energy)


class _Branch:
    """A stable state on its way along one direction of shear."""

    def __init__(self, state: State, direction: str) -> None:
        self.direction = direction
        self.strain = 0.0
        self._factors: Any = None
        self._effort = 0
        self.place(relax(state.positions, state.types, state.box, direction), 0.0)

    def place(self, state: State, strain: float) -> None:
        """Continue from a state that is known to be stable."""
        self.state, self.strain = state, strain
        if self._effort > _WORN_EVALUATIONS:
            self._factors = None

    def renew(self, state: State, strain: float) -> None:
        """Continue from a state far from the previous one, after an event."""
        self._effort = _QUICK_EVALUATIONS
        self.place(state, strain)

    def ahead(self, change: float) -> tuple[State, bool]:
        """The state after a further strain, and whether it lies beyond a rearrangement.

        A state beyond a rearrangement may not be minimised completely.
        """
        before = self.state
        matrix = deformation(self.direction, change)
        positions, box = before.positions @ matrix.T, matrix @ before.box
        if self._factors is None:
            self._factors = preconditioner(before.positions, before.types, before.box)
        quick = follow(
            positions,
            before.types,
            box,
            GENERATORS[self.direction],
            self._factors,
            max_force=MAX_FORCE,
            max_move=_MAX_MOVE,
            max_evaluations=_QUICK_EVALUATIONS,
        )
        self._effort = _QUICK_EVALUATIONS if quick is None else quick[3]
        if quick is not None:
            after = State(quick[0], before.types, box, quick[1], quick[2])
        else:
            # No smooth course falls this far below the tangent, so the minimisation can stop early.
            floor = before.energy + before.slope * change - 10 * change - 1e-3
            after = relax(positions, before.types, box, self.direction, floor=floor)
            if after.energy < floor:
                return after, True
        return after, drop(before, after, change) >= DROP_THRESHOLD


def events(
    state: State,
    direction: str,
    *,
    max_strain: float,
    strain_step: float = STRAIN_STEP,
    onset_gap: float = ONSET_GAP,
) -> Iterator[Event]:
    """Shear a packing and yield every rearrangement at its onset.

    Each event is bracketed by bisection from the last stable state, and the shear continues from
    the state right after the event.

    Args:
        state: A packing without shear.
        direction: One of `GENERATORS`.
        max_strain: Strain at which to stop.
        strain_step: Strain between minimisations.
        onset_gap: Bisect until the onset is known to this accuracy; at 1e-5 the locus is settled.

    Raises:
        ArithmeticError: If the minimiser gives up.
    """
    branch = _Branch(state, direction)
    while branch.strain < max_strain - strain_step / 2:
        after, beyond = branch.ahead(strain_step)
        if not beyond:
            branch.place(after, branch.strain + strain_step)
            continue
        gap = strain_step
        while gap > onset_gap:
            gap /= 2
            middle, beyond = branch.ahead(gap)
            if not beyond:
                branch.place(middle, branch.strain + gap)
        onset = branch.state
        fallen = strained(onset, direction, gap)
        size = drop(onset, fallen, gap)
        # A steep but smooth course can look like an event over a whole step; it is discarded here.
        if size >= DROP_THRESHOLD:
            eigenvalue, mode = softest_mode(onset.positions, onset.types, onset.box)
            shares = np.sum(mode**2, axis=1)
            locus = int(np.argmax(shares))
            share = float(shares[locus])
            yield Event(branch.strain, gap, eigenvalue, size, locus, share, onset)
        branch.renew(fallen, branch.strain + gap)
