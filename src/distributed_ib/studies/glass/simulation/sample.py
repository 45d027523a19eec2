"""One sample of glass: quenched, sheared in several directions, its events collected."""

import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from distributed_ib._arrays import load_arrays, save_arrays
from distributed_ib.errors import UserError
from distributed_ib.studies.glass._cell import nearest_images
from distributed_ib.studies.glass.neighbourhoods import TYPE_A
from distributed_ib.studies.glass.simulation.potential import MIN_PARTICLES, box_length
from distributed_ib.studies.glass.simulation.quench import (
    COOLING_TIME,
    PROTOCOLS,
    Protocol,
    check_protocol,
    quenched_liquid,
)
from distributed_ib.studies.glass.simulation.shear import (
    DIRECTIONS,
    GENERATORS,
    STRAIN_STEP,
    Event,
    check_directions,
    events,
    relax,
)

_REMEDY = "remove it, and repeat the command to make it again from its seed"
_OF_EVENTS = (
    *("direction", "strain", "gap", "eigenvalue", "energy_drop", "locus", "share", "negative"),
)
# A negative is at least this far from the locus, in sigma_AB.
NEGATIVE_DISTANCE = 2.0
MAX_STRAIN: dict[Protocol, float] = {"gradual": 0.08, "rapid": 0.05}
# A gradual quench costs as much as shearing in thirty directions, so its glass is sheared in more.
DIRECTIONS_OF: dict[Protocol, tuple[str, ...]] = {
    "gradual": tuple(GENERATORS),
    "rapid": DIRECTIONS,
}


@dataclass(frozen=True)
class Settings:
    """Settings that, together with its number, determine a sample.

    Attributes:
        protocol: 'gradual' or 'rapid'.
        n_particles: Number of particles in the box.
        cooling_time: Time of the gradual quench from 0.39 to 0.03, in Lennard-Jones units.
        strain_step: Strain between minimisations.
        max_strain: Strain at which each shear stops.
        directions: Directions of shear, each from the same quenched state.
        seed: Seed of all samples.
    """

    protocol: Protocol
    n_particles: int = 400
    cooling_time: float = COOLING_TIME
    strain_step: float = STRAIN_STEP
    max_strain: float = 0.05
    directions: tuple[str, ...] = DIRECTIONS
    seed: int = 0

    def __post_init__(self) -> None:
        check_protocol(self.protocol)
        check_directions(self.directions)
        if self.n_particles < MIN_PARTICLES:
            raise UserError(
                f"{self.n_particles} particles are too few; use at least {MIN_PARTICLES}."
            )
        for name in ("cooling_time", "strain_step", "max_strain"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} must be above 0, got {getattr(self, name):g}.")
        if self.strain_step > 0.005:
            raise UserError(
                f"A strain step of {self.strain_step:g} is so large that events would be missed; "
                "use at most 0.005."
            )
        if self.seed < 0:
            raise UserError(f"The seed must be 0 or more, got {self.seed}.")

    def seeds(self, number: int) -> tuple[np.random.SeedSequence, np.random.SeedSequence]:
        """Seeds of the quench and of the negatives of sample `number`."""
        key = (PROTOCOLS.index(self.protocol), number)
        quench, negatives = np.random.SeedSequence(self.seed, spawn_key=key).spawn(2)
        return quench, negatives


@dataclass(frozen=True)
class Sample:
    """The events of one sample as arrays, in the order in which they were found.

    Attributes:
        number: `[]`, the sample's number.
        energy: `[]`, energy per particle after the quench.
        types: `[n]`, 1 (A, small) or 2 (B, large).
        quenched: `[n, 2]`, positions after the quench, at zero strain.
        direction: `[events]`, index into the names of `GENERATORS`.
        strain: `[events]`, at the last stable state before the event.
        gap: `[events]`, the event occurs at most this much later.
        eigenvalue: `[events]`, of the critical mode.
        energy_drop: `[events]`.
        locus: `[events]`, index of a particle.
        share: `[events]`, share of the locus in the critical mode.
        negative: `[events]`, another type-A particle of the same state; -1 if the locus is B.
        positions: `[events, n, 2]`, at `strain`.
        boxes: `[events, 2, 2]`, at `strain`; columns are the edges of the cell.
        abandoned: `[]`, number of directions given up because a minimisation failed.
        seconds: `[2]`, processor time of the quench and of the shear.
    """

    number: np.ndarray
    energy: np.ndarray
    types: np.ndarray
    quenched: np.ndarray
    direction: np.ndarray
    strain: np.ndarray
    gap: np.ndarray
    eigenvalue: np.ndarray
    energy_drop: np.ndarray
    locus: np.ndarray
    share: np.ndarray
    negative: np.ndarray
    positions: np.ndarray
    boxes: np.ndarray
    abandoned: np.ndarray
    seconds: np.ndarray

    def fresh_loci(self) -> np.ndarray:
        """Indices of the events whose locus is of type A and was no earlier locus in this sample.

        The same event often occurs again in another direction of shear.
        """
        seen: set[int] = set()
        fresh = []
        for index, locus in enumerate(self.locus.tolist()):
            if self.types[locus] == TYPE_A and locus not in seen:
                fresh.append(index)
            seen.add(locus)
        return np.array(fresh, dtype=np.int64)


def run_sample(settings: Settings, number: int, quench_file: Path) -> Sample:
    """Make one sample, which is determined by `settings` and `number`.

    Args:
        settings: Settings of the sample.
        number: Number of the sample, from 0.
        quench_file: File for the quenched liquid, which takes the most time; it is read if it
            exists.

    Raises:
        UserError: If LAMMPS is missing, or `quench_file` is damaged.
    """
    quench_seed, negative_seed = settings.seeds(number)
    begin = time.process_time()
    if quench_file.exists():
        liquid, types = load_liquid(quench_file, settings.n_particles)
    else:
        liquid, types = quenched_liquid(
            settings.protocol,
            n_particles=settings.n_particles,
            cooling_time=settings.cooling_time,
            seed=quench_seed,
        )
        save_arrays(quench_file, {"positions": liquid, "types": types})
    middle = time.process_time()
    generator = np.random.default_rng(negative_seed)
    state = relax(liquid, types, np.eye(2) * box_length(settings.n_particles))
    names = list(GENERATORS)
    found: list[tuple[int, Event, int]] = []
    abandoned = 0
    for direction in settings.directions:
        walk = events(
            state, direction, max_strain=settings.max_strain, strain_step=settings.strain_step
        )
        try:
            for event in walk:
                negative = choose_negative(event, generator)
                found.append((names.index(direction), event, negative))
        except ArithmeticError:
            abandoned += 1
    n = settings.n_particles
    seconds = np.array([middle - begin, time.process_time() - middle])
    return Sample(
        number=np.array(number),
        energy=np.array(state.energy / n),
        types=types.astype(np.int8),
        quenched=state.positions,
        direction=np.array([d for d, _, _ in found], dtype=np.int8),
        strain=np.array([e.strain for _, e, _ in found]),
        gap=np.array([e.gap for _, e, _ in found]),
        eigenvalue=np.array([e.eigenvalue for _, e, _ in found]),
        energy_drop=np.array([e.energy_drop for _, e, _ in found]),
        locus=np.array([e.locus for _, e, _ in found], dtype=np.int64),
        share=np.array([e.share for _, e, _ in found]),
        negative=np.array([k for _, _, k in found], dtype=np.int64),
        positions=np.array([e.state.positions for _, e, _ in found]).reshape(-1, n, 2),
        boxes=np.array([e.state.box for _, e, _ in found]).reshape(-1, 2, 2),
        abandoned=np.array(abandoned),
        seconds=seconds,
    )


def choose_negative(event: Event, generator: np.random.Generator) -> int:
    """A random type-A particle of the event's state, at least `NEGATIVE_DISTANCE` from its locus.

    Returns:
        Its index, or -1 if the locus itself is not of type A.
    """
    types = event.state.types
    # Drawn in any case, so that the type of one locus does not shift later random numbers.
    draw = generator.random()
    if types[event.locus] != TYPE_A:
        return -1
    distance = np.linalg.norm(
        nearest_images(event.state.positions - event.state.positions[event.locus], event.state.box),
        axis=1,
    )
    candidates = np.flatnonzero((types == TYPE_A) & (distance >= NEGATIVE_DISTANCE))
    return int(candidates[int(draw * len(candidates))])


def save_sample(sample: Sample, path: Path) -> None:
    """Write a sample as one `.npz` file."""
    save_arrays(path, {field.name: getattr(sample, field.name) for field in fields(Sample)})


def load_sample(path: Path) -> Sample:
    """Read a sample written by `save_sample`.

    Raises:
        UserError: If the file is missing or damaged.
    """
    stored = load_arrays(path, max_bytes=sys.maxsize, remedy=_REMEDY)
    n, n_events = stored.get("types", np.empty(0)).size, stored.get("locus", np.empty(0)).size
    shapes = {
        **dict.fromkeys(("number", "energy", "abandoned"), ()),
        **dict.fromkeys(_OF_EVENTS, (n_events,)),
        "types": (n,),
        "quenched": (n, 2),
        "positions": (n_events, n, 2),
        "boxes": (n_events, 2, 2),
        "seconds": (2,),
    }
    _require_shapes(path, stored, shapes)
    for name, low in (("locus", 0), ("negative", -1)):
        if np.any((stored[name] < low) | (stored[name] >= n)):
            raise UserError(f"{path}: {name} refers to particles that do not exist; {_REMEDY}.")
    return Sample(**{field.name: stored[field.name] for field in fields(Sample)})


def load_liquid(path: Path, n_particles: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the positions `[n, 2]` and types `[n]` of a quenched liquid, stored by `run_sample`.

    Raises:
        UserError: If the file is missing or damaged, or contains another number of particles.
    """
    stored = load_arrays(path, max_bytes=sys.maxsize, remedy=_REMEDY)
    _require_shapes(path, stored, {"positions": (n_particles, 2), "types": (n_particles,)})
    return stored["positions"], stored["types"]


def _require_shapes(
    path: Path, stored: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]
) -> None:
    for name, shape in shapes.items():
        found = stored.get(name)
        if found is None or found.shape != shape:
            fault = "is missing" if found is None else f"has shape {found.shape}, not {shape}"
            raise UserError(f"{path}: {name} {fault}; {_REMEDY}.")
