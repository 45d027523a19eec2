"""One part of a run: its sweeps, their evidence and further results, in its own folder."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from distributed_ib._run_files import SCHEME
from distributed_ib.evidence.evidence_files import load_evidence, save_evidence
from distributed_ib.evidence.subset_knowledge import N_SUBSET_STEPS
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.fitting import SweepStore, fit_scheme
from distributed_ib.study.run import PartResult, Run
from distributed_ib.study.run_folder import load_results, remove_results, save_results
from distributed_ib.study.study import Study
from distributed_ib.training.devices import Devices
from distributed_ib.training.processes import broadcast_flag
from distributed_ib.training.progress import ProgressCallback, offset_progress


def _silent(text: str) -> None:
    """Ignore a message."""


@dataclass(frozen=True)
class PartPlace:
    """Where a part runs, and how it reports progress.

    Attributes:
        folder: Its folder.
        resume: Continue from what the folder contains.
        about: How the run was made.
        log: Called with a line for the run's log.
        progress: Called as its sweeps go on.
        on_message: Called with a line of text while further results are measured.
        devices: Devices that share the rows of every batch; None for a single device.
    """

    folder: Path
    resume: bool = False
    about: Any = None
    log: Callable[[str], None] = _silent
    progress: ProgressCallback | None = None
    on_message: Callable[[str], None] = _silent
    devices: Devices | None = None


def run_part(
    part: Study, name: str, seed: int, place: PartPlace, problem: Any = None
) -> PartResult:
    """Train the sweeps of a part, measure, and store all results in the part's folder.

    NumPy and scikit-learn run on one thread, so that the bits of the measurements don't depend on
    the number of cores or of parts that run side by side.

    Args:
        part: The study of the part.
        name: Its name, for the log.
        seed: Seed of the run.
        place: Folder and callbacks.
        problem: Its problem, if already made.
    """
    return measured_part(part, sweeps_of_part(part, name, seed, place, problem), seed, place)


def run_in_turn(
    study: Study, seed: int, places: Mapping[str, PartPlace], problems: Mapping[str, Any]
) -> Iterator[tuple[str, PartResult]]:
    """Run the parts of a study one after the other, each when its result is requested.

    Args:
        study: The study.
        seed: Seed of the run.
        places: Folder and callbacks of each part.
        problems: Problems of the parts, as far as already made.
    """
    for name, part in study.parts().items():
        yield name, run_part(part, name, seed, places[name], problems.get(name))


def sweeps_of_part(
    part: Study, name: str, seed: int, place: PartPlace, problem: Any = None
) -> ApproximationScheme:
    """Train the sweeps of a part that are missing, and store the scheme; see `run_part`.

    If processes train together, this is called by the first one.
    """
    folder = place.folder
    scheme = finished_scheme(folder) if place.resume else None
    if place.devices is not None and place.devices.together:
        broadcast_flag(scheme is not None)  # the others wait for this
    if scheme is not None:
        return scheme
    began = time.perf_counter()
    with threadpool_limits(1):
        scheme = fit_scheme(
            part.problem(seed) if problem is None else problem,
            part.model,
            part.train,
            seed=seed,
            store=SweepStore(folder, place.resume),
            progress=place.progress,
            devices=place.devices,
        )
        scheme = part.complete(scheme, seed)
    label, seconds = f"{name}: " if name else "", time.perf_counter() - began
    place.log(f"{label}sweep {scheme.message}, {seconds:.1f} s")
    scheme.save(folder)
    return scheme


def measured_part(
    part: Study, scheme: ApproximationScheme, seed: int, place: PartPlace
) -> PartResult:
    """Measure and store the results of a part besides its scheme; see `run_part`."""
    with threadpool_limits(1):
        return _measured_part(part, scheme, seed, place)


def _measured_part(
    part: Study, scheme: ApproximationScheme, seed: int, place: PartPlace
) -> PartResult:
    folder = place.folder
    result = PartResult(part, scheme, load_results(folder), seed)
    result = _with_evidence(result, folder, place.progress)
    interrupted = result.scheme.status == "interrupted"
    measured = not interrupted or part.measures_interrupted
    if measured and not scheme.is_empty and not result.results:
        run = Run(part, seed, {"": result}, folder, place.about or {}, place.on_message)
        results = part.measure(run)
        if results:
            save_results(folder, results)
        result = replace(result, results=results)
    if not interrupted:
        SweepStore(folder).clear()
    return result


def stored_part(part: Study, seed: int, folder: Path) -> PartResult:
    """Load the results of a part from its folder."""
    scheme = ApproximationScheme.load(folder)
    return PartResult(part, scheme, load_results(folder), seed, load_evidence(folder))


def steps_of(part: Study) -> int:
    """Training steps of a part: of its sweeps, and of the models that measure evidence."""
    return part.train.total_steps + (N_SUBSET_STEPS if part.train.evidence else 0)


def mark_interrupted(part: PartResult) -> PartResult:
    """Mark a finished part as that of a run interrupted after it."""
    data = part.scheme.to_xarray().assign_attrs(
        status="interrupted", message=f"{part.scheme.message}; the run was interrupted after it"
    )
    return replace(part, scheme=ApproximationScheme(data, part.scheme.snapshots))


def finished_scheme(place: Path) -> ApproximationScheme | None:
    """The scheme of a part whose sweeps had all finished before the run was stopped, else None.

    The scheme and results that an interrupted part left for its report are removed.
    """
    if (place / SCHEME).exists():
        scheme = ApproximationScheme.load(place)
        if scheme.status != "interrupted":
            return scheme
    remove_results(place)
    return None


def _with_evidence(
    result: PartResult, place: Path, progress: ProgressCallback | None
) -> PartResult:
    """Add the evidence to the results of a part, and store it in the part's folder."""
    part, scheme = result.study, result.scheme
    if not part.train.evidence or scheme.is_empty or scheme.status == "interrupted":
        return result
    evidence = load_evidence(place)
    if evidence is None:
        evidence_progress = offset_progress(progress, part.train.total_steps, steps_of(part))
        try:
            evidence = part.evidence(scheme, result.seed, evidence_progress)
        except KeyboardInterrupt:
            return mark_interrupted(result)
        if evidence is not None:
            save_evidence(place, evidence)
    return replace(result, evidence=evidence)
