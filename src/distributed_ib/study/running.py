"""Running and resuming a study: folder, sweeps, further results, report and figures."""

import contextlib
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from distributed_ib._checksums import record_checksums
from distributed_ib._locks import hold_folder
from distributed_ib._run_files import FIGURES, SCHEME
from distributed_ib._version import __version__
from distributed_ib.errors import UserError
from distributed_ib.evidence.evidence_files import load_evidence, save_evidence
from distributed_ib.evidence.subset_knowledge import N_SUBSET_STEPS
from distributed_ib.plots.saving import save_figures
from distributed_ib.report.report import FigureEntry
from distributed_ib.report.report_files import save_report
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.fitting import SweepStore, fit_scheme
from distributed_ib.study.options import to_toml
from distributed_ib.study.run import PartResult, Run
from distributed_ib.study.run_folder import (
    append_log,
    has_begun,
    is_finished,
    load_results,
    read_config,
    record_resolved,
    remove_report,
    remove_results,
    result_files,
    save_results,
    start_run,
)
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.progress import ProgressCallback, part_of_a_whole
from distributed_ib.training.sweep import check_repeats


@dataclass(frozen=True)
class _Request:
    """What to run, and the callbacks to report to."""

    study: Study
    folder: Path
    seed: int
    resume: bool
    progress: ProgressCallback | None
    on_message: Callable[[str], None]
    about: Mapping[str, Any]


def run_study(
    study: Study,
    folder: str | Path,
    *,
    seed: int = 0,
    resume: bool = False,
    progress: ProgressCallback | None = None,
    on_message: Callable[[str], None] | None = None,
    command: str = "",
    file: Path | None = None,
) -> Run:
    """Run a study and store all results in a folder.

    Ctrl-C and SIGTERM end the run early. The folder then holds what was reached, can be shown, and
    goes on with `resume=True`; if nothing was trained yet, there is no folder.

    Args:
        study: The study.
        folder: New folder for the run; with `resume` that of a run that was stopped or killed.
        seed: Seed of everything random, 0 .. 2^32 - 1.
        resume: Go on where the run was stopped. Its result has the same bits as that of a run in
            one go on the same machine.
        progress: Called as the sweeps go on, with the steps of all of them.
        on_message: Called with a line of text while further results are measured.
        command: What to write into the log as the origin of the run.
        file: The Python file that defines the study, if it is not an installed one.

    Returns:
        The run; its `status` says whether it came to its end.

    Raises:
        UserError: If an option, the data or the folder can't be used; a folder that was made for
            it is removed again.
    """
    folder = Path(folder)
    check_repeats(seed, 1)
    head: dict[str, Any] = {"study": study.name, "seed": seed}
    if file is not None:
        head["file"] = file.name
    about = {"command": command, "seed": seed, "distributed_ib": __version__}
    on_message = on_message or (lambda _: None)
    request = _Request(study, folder, seed, resume, progress, on_message, about)
    if resume:
        _check_resumable(study, folder, seed)
        # The folder's own copy of the input, which may have changed elsewhere.
        study = type(study).reopened(folder, read_config(folder)["options"])
        request = replace(request, study=study)
        with hold_folder(folder), _terminated_as_interrupted():
            append_log(folder, f"resumed: {command}" if command else "resumed from Python")
            study.keep(folder)
            return _run_held(request)
    study.check()
    problems = None
    if type(study).prepare is Study.prepare:
        # Everything is checked before a folder is made.
        problems = {name: part.problem(seed) for name, part in study.parts().items()}
    start_run(folder, head, to_toml(study))
    try:
        with hold_folder(folder), _terminated_as_interrupted():
            study.keep(folder)
            append_log(folder, f"command: {command}" if command else "started from Python")
            return _run_held(request, problems)
    except BaseException:
        if problems is not None and not has_begun(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _run_held(request: _Request, problems: Mapping[str, Any] | None = None) -> Run:
    """Run in a folder that this process has locked."""
    folder = request.folder
    study = request.study.prepare(folder)
    record_resolved(folder, _resolved(study, request.seed))
    if request.resume:  # and all that could be refused was not
        remove_report(folder)
    parts: dict[str, PartResult] = {}
    total = sum(_steps(part) for part in study.parts().values())
    n_before = 0
    try:
        for name, part in study.parts().items():
            progress = part_of_a_whole(request.progress, n_before, total)
            problem = None if problems is None else problems[name]
            parts[name] = _run_part(request, part, name, problem, progress)
            n_before += _steps(part)
            if parts[name].scheme.status == "interrupted":
                break
    except KeyboardInterrupt:
        # Between the sweeps: what is finished stays, and a resumed run goes on from there.
        if not parts:
            raise
        last = list(parts)[-1]
        parts[last] = _as_interrupted(parts[last])
    run = Run(request.study, request.seed, parts, folder, request.about)
    if run.status != "interrupted" and run.shown:
        run.study.export(run, folder)
    _write_report(run)
    return run


def _resolved(study: Study, seed: int) -> dict[str, Any]:
    """How the sweeps are trained and what else follows from the data; by part if they differ."""
    found = {
        name: {**part.resolved(seed), "train": part.train.resolved()}
        for name, part in study.parts().items()
    }
    first, *others = found.values()
    return found if any(other != first for other in others) else first


def _run_part(
    request: _Request,
    part: Study,
    name: str,
    problem: Any,
    progress: ProgressCallback | None,
) -> PartResult:
    place = request.folder / name
    store = SweepStore(place, request.resume)
    scheme = _finished_scheme(place) if request.resume else None
    if scheme is None:
        began = time.perf_counter()
        scheme = fit_scheme(
            part.problem(request.seed) if problem is None else problem,
            part.model,
            part.train,
            seed=request.seed,
            store=store,
            progress=progress,
        )
        scheme = part.complete(scheme, request.seed)
        label, seconds = f"{name}: " if name else "", time.perf_counter() - began
        append_log(request.folder, f"{label}sweep {scheme.message}, {seconds:.1f} s")
        scheme.save(place)
    result = PartResult(part, scheme, load_results(place), request.seed)
    result = _with_evidence(result, place, progress)
    interrupted = result.scheme.status == "interrupted"
    measured = not interrupted or part.measures_interrupted
    if measured and not scheme.is_empty and not result.results:
        run = Run(part, request.seed, {"": result}, place, request.about, request.on_message)
        results = part.measure(run)
        if results:
            save_results(place, results)
        result = replace(result, results=results)
    if not interrupted:
        store.clear()
    return result


def _steps(part: Study) -> int:
    """Training steps of a part: of its sweeps, and of the models by which evidence is measured."""
    return part.train.total_steps + (N_SUBSET_STEPS if part.train.evidence else 0)


def _with_evidence(
    result: PartResult, place: Path, progress: ProgressCallback | None
) -> PartResult:
    """The results of a part with their evidence, which is kept in its folder."""
    part, scheme = result.study, result.scheme
    if not part.train.evidence or scheme.is_empty or scheme.status == "interrupted":
        return result
    evidence = load_evidence(place)
    if evidence is None:
        told = part_of_a_whole(progress, part.train.total_steps, _steps(part))
        try:
            evidence = part.evidence(scheme, result.seed, told)
        except KeyboardInterrupt:
            return _as_interrupted(result)
        if evidence is not None:
            save_evidence(place, evidence)
    return replace(result, evidence=evidence)


def _finished_scheme(place: Path) -> ApproximationScheme | None:
    """The scheme of a part whose sweeps were all made before the run was stopped.

    What an interrupted part left to be shown is removed: it is made anew.
    """
    if (place / SCHEME).exists():
        scheme = ApproximationScheme.load(place)
        if scheme.status != "interrupted":
            return scheme
    remove_results(place)
    return None


def _write_report(run: Run) -> None:
    """Write the summary first and then the figures, which take longer."""
    folder = run.folder
    assert folder is not None  # this run is kept
    report = run.report(Reading())
    save_report(report, folder)
    record_checksums(folder, result_files(folder))
    figures = run.figures(Reading())
    save_figures(figures, folder / FIGURES)
    if run.shown:
        run.study.render(run, folder / FIGURES)
    save_report(replace(report, figures=tuple(FigureEntry(name) for name in figures)), folder)
    record_checksums(folder, result_files(folder))


def _check_resumable(study: Study, folder: Path, seed: int) -> None:
    config = read_config(folder)
    head, options = config["run"], config["options"]
    if head["study"] != study.name:
        raise UserError(f"{folder} is a run of {head['study']}, not of {study.name}.")
    if is_finished(folder):
        raise UserError(f"{folder} holds a finished run; there is nothing to resume.")
    wanted = {"seed": seed, **to_toml(study)}
    stored = {"seed": head.get("seed"), **options}
    names = {*wanted, *stored}
    different = sorted(name for name in names if wanted.get(name) != stored.get(name))
    if different:
        raise UserError(
            f"{folder} was started with another {different[0]}; resume with the options in its "
            "config.toml, or choose another folder with --out."
        )


def _as_interrupted(part: PartResult) -> PartResult:
    data = part.scheme.to_xarray().assign_attrs(
        status="interrupted", message=f"{part.scheme.message}; the run was interrupted after it"
    )
    return replace(part, scheme=ApproximationScheme(data, part.scheme.snapshots))


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, which a scheduler sends some time before it kills, like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
