"""Running and resuming a study: folder, sweeps, further results, report and figures."""

import contextlib
import platform
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

from distributed_ib._checksums import record_checksums
from distributed_ib._locks import lock_folder
from distributed_ib._run_files import FIGURES
from distributed_ib._version import __version__
from distributed_ib.errors import UserError
from distributed_ib.plots.saving import save_figures
from distributed_ib.report.report import FigureEntry
from distributed_ib.report.report_files import save_report
from distributed_ib.study.many_parts import OnFinished, Shared, run_parts
from distributed_ib.study.one_part import (
    PartPlace,
    finished_scheme,
    mark_interrupted,
    run_in_turn,
    run_part,
    steps_of,
)
from distributed_ib.study.options import to_toml
from distributed_ib.study.page_of_run import save_page_content, write_page
from distributed_ib.study.run import PartResult, Run
from distributed_ib.study.run_folder import (
    append_log,
    has_begun,
    is_finished,
    read_config,
    record_resolved,
    remove_report,
    result_files,
    start_run,
)
from distributed_ib.study.study import Reading, Study
from distributed_ib.study.together import check_together, run_together
from distributed_ib.study.workers import Workers
from distributed_ib.training.devices import Devices
from distributed_ib.training.progress import ProgressCallback, offset_progress
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
    workers: Workers
    on_finished: OnFinished | None
    file: Path | None
    devices: Devices | None

    @property
    def together(self) -> bool:
        """Whether other processes train together with this one."""
        return self.devices is not None and self.devices.together


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
    workers: Workers | None = None,
    on_finished: OnFinished | None = None,
    devices: Devices | None = None,
) -> Run:
    """Run a study and store all results in a folder.

    Ctrl-C and SIGTERM end the run early. The folder then contains the results so far, which can be
    shown, and the run can be continued with `resume=True`; if nothing was trained yet, the folder
    is removed.

    Args:
        study: The study.
        folder: New folder for the run; with `resume`, that of a run that was stopped or killed.
        seed: Seed of everything random, 0 .. 2^32 - 1.
        resume: Continue a stopped run. Its results have the same bits as those of an uninterrupted
            run on the same machine.
        progress: Called as the sweeps go on, with the steps of all of them.
        on_message: Called with a line of text while further results are measured.
        command: The command that started the run, for the log.
        file: The Python file that defines the study, if it is not an installed one.
        workers: Where its parts run; by default one after the other in this process. The bits of
            the results are the same.
        on_finished: Called with the number of finished parts and of all parts, if parts run on
            workers; `progress` and `on_message` are then not called.
        devices: Devices that share the rows of every batch; by default one. With
            `Devices(together=True)`, the first process of a `Group` calls `run_study`, and the
            others call `run_study_as_follower`.

    Returns:
        The run; its `status` tells whether it finished.

    Raises:
        UserError: If an option, the data or the folder can't be used; a folder created for the run
            is removed.
    """
    folder = Path(folder)
    check_repeats(seed, 1)
    head: dict[str, Any] = {"study": study.name, "seed": seed}
    if file is not None:
        head["file"] = file.name
    about = {
        "command": command,
        "seed": seed,
        "distributed_ib": __version__,
        "python": platform.python_version(),
        "jax": version("jax"),
    }
    on_message = on_message or (lambda _: None)
    request = _Request(
        study,
        folder,
        seed,
        resume,
        progress,
        on_message,
        about,
        workers or Workers(),
        on_finished,
        file,
        devices,
    )
    if request.together:
        check_together(study)
    if resume:
        _check_resumable(study, folder, seed)
        # Use the folder's own copy of the input, whose original may have changed.
        study = type(study).reopened(folder, read_config(folder)["options"])
        request = replace(request, study=study)
        with lock_folder(folder), terminated_as_interrupted():
            append_log(folder, f"resumed: {command}" if command else "resumed from Python")
            study.keep(folder)
            return _run_locked(request)
    study.check()
    problems = None
    if type(study).prepare is Study.prepare:
        # Everything is checked before the folder is created.
        problems = {name: part.problem(seed) for name, part in study.parts().items()}
    start_run(folder, head, to_toml(study))
    try:
        with lock_folder(folder), terminated_as_interrupted():
            study.keep(folder)
            append_log(folder, f"command: {command}" if command else "started from Python")
            return _run_locked(request, problems)
    except BaseException:
        if problems is not None and not has_begun(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _run_locked(request: _Request, problems: Mapping[str, Any] | None = None) -> Run:
    """Run in a folder that this process has locked."""
    folder = request.folder
    study = request.study.prepare(folder)
    record_resolved(folder, _resolved(study, request.seed))
    if request.resume:  # all checks have passed
        remove_report(folder)
    elsewhere = request.workers.elsewhere and (
        len(study.parts()) > 1 or not request.workers.share_this_disk
    )
    parts = _run_elsewhere(request, study) if elsewhere else _run_here(request, study, problems)
    run = Run(request.study, request.seed, parts, folder, request.about)
    if run.status != "interrupted" and run.shown:
        run.study.export(run, folder)
    _write_report(run)
    return run


def _run_here(
    request: _Request, study: Study, problems: Mapping[str, Any] | None
) -> dict[str, PartResult]:
    """Run the parts one after the other; stops after an interrupted one."""
    places, n_before = {}, 0
    total = sum(steps_of(part) for part in study.parts().values())
    for name, part in study.parts().items():
        places[name] = _place(request, name, offset_progress(request.progress, n_before, total))
        n_before += steps_of(part)
    parts: dict[str, PartResult] = {}
    run_all = run_together if request.together else run_in_turn
    try:
        for name, result in run_all(study, request.seed, places, problems or {}):
            parts[name] = result
            if result.scheme.status == "interrupted":
                break
    except KeyboardInterrupt:  # between the sweeps
        return _interrupted_after(parts)
    return parts


def _run_elsewhere(request: _Request, study: Study) -> dict[str, PartResult]:
    """Run the parts side by side on workers; returns the finished ones if interrupted."""
    folder, workers = request.folder, request.workers
    finished: dict[str, PartResult] = {}
    for name, part in study.parts().items() if request.resume else ():
        # Missing evidence and further results are measured now.
        if finished_scheme(folder / name) is not None:
            finished[name] = run_part(part, name, request.seed, _place(request, name, None))
    missing = [name for name in study.parts() if name not in finished]
    shared = Shared(
        study,
        request.seed,
        folder.resolve() if workers.share_this_disk else None,
        request.about,
        request.file,
    )
    try:
        log = partial(append_log, folder)
        run_parts(shared, folder, missing, workers, log, request.on_finished, finished)
    except KeyboardInterrupt:
        return _interrupted_after(_in_order(finished, study))
    return _in_order(finished, study)


def _in_order(parts: Mapping[str, PartResult], study: Study) -> dict[str, PartResult]:
    return {name: parts[name] for name in study.parts() if name in parts}


def _interrupted_after(parts: dict[str, PartResult]) -> dict[str, PartResult]:
    """The finished parts of an interrupted run, the last one marked as interrupted.

    Raises:
        KeyboardInterrupt: If there are none.
    """
    if not parts:
        raise KeyboardInterrupt
    last = list(parts)[-1]
    return {**parts, last: mark_interrupted(parts[last])}


def _place(request: _Request, name: str, progress: ProgressCallback | None) -> PartPlace:
    return PartPlace(
        request.folder / name,
        request.resume,
        request.about,
        partial(append_log, request.folder),
        progress,
        request.on_message,
        request.devices,
    )


def _resolved(study: Study, seed: int) -> dict[str, Any]:
    """Training settings and what else follows from the data; by part if parts differ."""
    found = {
        name: {**part.resolved(seed), "train": part.train.resolved()}
        for name, part in study.parts().items()
    }
    first, *others = found.values()
    return found if any(other != first for other in others) else first


def _write_report(run: Run) -> None:
    """Write the summary first, and then the figures, which take longer."""
    folder = run.folder
    assert folder is not None  # this run is kept
    report = run.report(Reading())
    save_report(report, folder)
    record_checksums(folder, result_files(folder))
    figures = run.figures(Reading())
    save_figures(figures, folder / FIGURES)
    if run.shown:
        run.study.render(run, folder / FIGURES)
    report = replace(report, figures=tuple(FigureEntry(name) for name in figures))
    save_page_content(run)
    save_report(report, folder)
    record_checksums(folder, result_files(folder))
    write_page(run, report)


def _check_resumable(study: Study, folder: Path, seed: int) -> None:
    config = read_config(folder)
    head, options = config["run"], config["options"]
    if head["study"] != study.name:
        raise UserError(f"{folder} is a run of the study {head['study']}, not of {study.name}.")
    if is_finished(folder):
        raise UserError(f"{folder} contains a finished run; there is nothing to resume.")
    wanted = {"seed": seed, **to_toml(study)}
    stored = {"seed": head.get("seed"), **options}
    names = {*wanted, *stored}
    different = sorted(name for name in names if wanted.get(name) != stored.get(name))
    if different:
        raise UserError(
            f"{folder} was started with a different {different[0]}; resume with the options in its "
            "config.toml, or choose another folder with --out."
        )


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, which a scheduler sends some time before SIGKILL, like Ctrl-C."""
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
