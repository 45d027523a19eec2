"""Two ways to make a glass: quench a hot liquid at once, or first cool it slowly."""

import math
from typing import Any, Literal, get_args

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.studies.glass.simulation._lammps import start_lammps
from distributed_ib.studies.glass.simulation.potential import (
    CUTOFF_RADIUS,
    EPSILON,
    INNER_RADIUS,
    SIGMA,
    box_length,
    particle_types,
)

Protocol = Literal["gradual", "rapid"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

HOT_TEMPERATURE = 2.98
WARM_TEMPERATURE = 0.39
COLD_TEMPERATURE = 0.03
COOLING_TIME = 1e4
_HOT_STEP = 0.003
# A twentieth of the shortest vibration's period. Checked by the final energies alone.
_COOL_STEP = 0.015
_MELT_STEPS = 20_000
_DESCENT_TIME = 100.0
_HOLD_TIME = 200.0


def check_protocol(protocol: str) -> None:
    """Check that a protocol exists.

    Raises:
        UserError: If it is neither 'gradual' nor 'rapid'.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"There is no quench protocol {protocol!r}; choose gradual or rapid.")


def quenched_liquid(
    protocol: Protocol,
    *,
    n_particles: int = 400,
    cooling_time: float = COOLING_TIME,
    seed: int | np.random.SeedSequence,
) -> tuple[np.ndarray, np.ndarray]:
    """Run the dynamics of one quench, in LAMMPS.

    A jittered lattice is melted at temperature 2.98. `rapid` stops there: minimising its result is
    an infinitely fast quench. `gradual` goes down to 0.39, stays there for a while, and then cools
    at a constant rate to 0.03 within `cooling_time`.

    Args:
        protocol: 'gradual' or 'rapid'.
        n_particles: Number of particles.
        cooling_time: Time from 0.39 to 0.03, in Lennard-Jones units; 'gradual' only.
        seed: Random seed; the same seed gives the same state.

    Returns:
        Positions `[n, 2]` (not yet minimised) and types `[n]`.

    Raises:
        UserError: If LAMMPS is missing or an argument is invalid.
    """
    check_protocol(protocol)
    if not cooling_time > 0:
        raise UserError(f"The cooling time must be above 0, got {cooling_time:g}.")
    types = particle_types(n_particles)
    length = box_length(n_particles)
    generator = np.random.default_rng(seed)
    columns = math.ceil(math.sqrt(n_particles))
    sites = generator.permutation(columns**2)[:n_particles]
    spacing = length / columns
    positions = (np.stack([sites % columns, sites // columns], axis=1) + 0.5) * spacing
    positions += generator.normal(scale=0.05 * spacing, size=positions.shape)
    velocity_seed = int(generator.integers(1, 2**31 - 1))
    engine = start_lammps()
    try:
        set_up(engine, positions, types, length)
        engine.commands_string(
            "fix plane all enforce2d\n"
            "min_style cg\n"
            "minimize 0 1e-2 1000 10000\n"
            f"velocity all create {HOT_TEMPERATURE} {velocity_seed} mom yes rot no\n"
            "velocity all set NULL NULL 0\n"
        )
        _thermostat(engine, HOT_TEMPERATURE, HOT_TEMPERATURE, _MELT_STEPS, _HOT_STEP)
        if protocol == "gradual":
            descent = round(_DESCENT_TIME / _HOT_STEP)
            _thermostat(engine, HOT_TEMPERATURE, WARM_TEMPERATURE, descent, _HOT_STEP)
            hold = round(_HOLD_TIME / _COOL_STEP)
            _thermostat(engine, WARM_TEMPERATURE, WARM_TEMPERATURE, hold, _COOL_STEP)
            cooling = math.ceil(cooling_time / _COOL_STEP)
            _thermostat(engine, WARM_TEMPERATURE, COLD_TEMPERATURE, cooling, _COOL_STEP)
        return positions_of(engine), types
    finally:
        engine.close()


def set_up(engine: Any, positions: np.ndarray, types: np.ndarray, length: float) -> None:
    """Set up the mixture in a square periodic box in a LAMMPS instance.

    Args:
        engine: From `start_lammps`.
        positions: `[n, 2]`.
        types: `[n]`, 1 or 2.
        length: Side of the box.
    """
    length = float(length)
    coefficients = "\n".join(
        f"pair_coeff {a} {b} {EPSILON[a, b]!r} {SIGMA[a, b]!r}" for a, b in SIGMA
    )
    engine.commands_string(
        "units lj\ndimension 2\nboundary p p p\natom_style atomic\n"
        "atom_modify map array\n"
        f"region cell block 0 {length!r} 0 {length!r} -0.5 0.5\n"
        "create_box 2 cell\nmass * 1.0\n"
        f"pair_style lj/smooth {INNER_RADIUS} {CUTOFF_RADIUS}\n{coefficients}\n"
        "pair_modify shift yes\n"
        # Moves are checked only every fifth step: at these time steps, particles don't move far.
        "neighbor 0.5 bin\nneigh_modify every 5 delay 5 check yes\n"
        "thermo 1000000000\n"
    )
    three = np.zeros((len(types), 3))
    three[:, :2] = np.mod(positions, length)
    number = len(types)
    engine.create_atoms(number, list(range(1, number + 1)), types.tolist(), three.ravel().tolist())


def positions_of(engine: Any) -> np.ndarray:
    """Positions `[n, 2]` from a LAMMPS instance, in the order of the particles' numbers."""
    number = engine.get_natoms()
    return np.array(engine.gather_atoms("x", 1, 3)).reshape(number, 3)[:, :2].copy()


def _thermostat(engine: Any, start: float, stop: float, steps: int, time_step: float) -> None:
    damping = 100 * time_step
    engine.commands_string(
        f"timestep {time_step}\n"
        f"fix bath all nvt temp {start} {stop} {damping!r}\n"
        f"run {steps}\nunfix bath\n"
    )
