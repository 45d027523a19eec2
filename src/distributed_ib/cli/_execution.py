"""Execution of a study by a command: progress, report, and how it ended."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from distributed_ib.errors import UserError

# JAX and Matplotlib take a second to import, so commands import what they need when they run.
if TYPE_CHECKING:
    from distributed_ib.cli._resource_options import ComputeResources
    from distributed_ib.study.study import Study


def print_line(text: str) -> None:
    """Print a line literally, without interpreting markup."""
    Console(soft_wrap=True, highlight=False).print(escape(text))


def command_line() -> str:
    """The command as it was typed."""
    return shlex.join(["dib", *sys.argv[1:]])


def execute(
    study: "Study",
    out: Path | None,
    *,
    seed: int,
    resume: bool = False,
    file: Path | None = None,
    stem: str | None = None,
    resources: "ComputeResources | None" = None,
) -> None:
    """Run a study, print its report, and print where the results are.

    Args:
        study: The study.
        out: The run folder; by default the next free one under runs/.
        seed: Seed of everything random.
        resume: Whether to continue a run that was stopped.
        file: The file that defines the study, if it is not an installed one.
        stem: Stem of the names of run folders; by default the name of the study.
        resources: Where it runs; by default in this process, on all devices.

    Raises:
        UserError: As for `run_study`, or if a sweep diverged.
        typer.Exit: With status 130 if the run was interrupted.
    """
    from distributed_ib._files import next_free_folder
    from distributed_ib._run_files import FIGURES, PAGE, SUMMARY_TEXT
    from distributed_ib._units_bar import UnitsBar
    from distributed_ib.report.report_files import load_report
    from distributed_ib.report.terminal import print_report
    from distributed_ib.study.running import run_study
    from distributed_ib.study.together import run_study_as_follower
    from distributed_ib.training.devices import Devices
    from distributed_ib.training.processes import is_first
    from distributed_ib.training.progress import ProgressBar

    if resume and out is None:
        raise UserError("--resume needs --out, the folder of the run to continue.")
    devices = Devices() if resources is None else resources.devices
    if devices.together and not is_first():
        with _locate_errors(file):
            status = run_study_as_follower(study, seed, devices)
        raise typer.Exit(130 if status == "interrupted" else 0)
    folder = out or next_free_folder(Path("runs"), stem or study.name)
    try:
        with (
            _locate_errors(file),
            ProgressBar(study.title()) as bar,
            UnitsBar(study.title()) as units,
        ):
            run = run_study(
                study,
                folder,
                seed=seed,
                resume=resume,
                progress=bar,
                on_message=print_line,
                command=command_line(),
                file=file,
                workers=None if resources is None else resources.workers,
                on_finished=units,
                devices=devices,
            )
    except KeyboardInterrupt:
        if folder.exists():
            print_line(f"Stopped. To continue: dib resume {_resume_arguments(folder, file)}")
        else:
            print_line("Stopped before training began; nothing was written.")
        raise typer.Exit(130) from None
    print_report(load_report(folder))
    if run.shown:
        print_line(f"Written to {folder}/: {PAGE}, {SUMMARY_TEXT}, {FIGURES}/ and all results.")
    else:
        print_line(f"{folder}/ contains the settings and the log, but no results.")
    if run.status == "interrupted":
        print_line(
            f"The run is not finished. To continue: dib resume {_resume_arguments(folder, file)}"
        )
        raise typer.Exit(130)
    if run.status == "diverged":
        left = (
            "The folder contains the results up to that point."
            if run.shown
            else "There are no results."
        )
        raise UserError(f"{run.message}. {left}")


@contextmanager
def _locate_errors(file: Path | None) -> Iterator[None]:
    """Report an error in the file of a study with its line."""
    from distributed_ib.study.loading import place_of

    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if file is None:
            raise
        raise UserError(f"{place_of(error, file)}.") from error


def _resume_arguments(folder: Path, file: Path | None) -> str:
    return shlex.join([str(folder), *([] if file is None else [str(file)])])
