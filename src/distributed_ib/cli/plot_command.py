"""`dib plot`: draws the figures of a run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli.show_command import RunFolder, Threshold, UseKl, check_threshold
from distributed_ib.errors import UserError


class Format(StrEnum):
    """Format of a figure's file."""

    png = "png"
    pdf = "pdf"
    svg = "svg"


def plot(
    run: RunFolder,
    threshold: Threshold = None,
    kl: UseKl = False,
    beta: Annotated[
        float | None,
        typer.Option(
            metavar="B",
            help="Bottleneck strength at which compression schemes are drawn, for runs of dib fit. "
            "Default: that of the simplest approximation; for a single sweep, the largest beta at "
            "which nine tenths of the information about Y are kept.",
        ),
    ] = None,
    file_format: Annotated[
        Format, typer.Option("--format", help="Format of the files.")
    ] = Format.png,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the figures; no file in it is overwritten. Default: the first of "
            "RUN/figures-001, RUN/figures-002, ... that does not exist.",
        ),
    ] = None,
) -> None:
    """Draw the figures of a run again, into another folder.

    RUN/figures is not changed. For a study that is defined in a file, only the standard figures are
    drawn, because its code is not run; the figures of the study itself are in RUN/figures.
    """
    from distributed_ib._files import next_free_folder
    from distributed_ib._run_files import FIGURES
    from distributed_ib.cli._execution import print_line
    from distributed_ib.plots.saving import check_free, save_figures
    from distributed_ib.study.reading_runs import load_run
    from distributed_ib.study.study import Reading

    check_threshold(threshold)
    reading = Reading(threshold, "kl" if kl else None, beta)
    loaded = load_run(run)
    figures = loaded.figures(reading)
    if not figures:
        raise UserError(f"{run} contains nothing to draw: its sweep {loaded.message}.")
    folder = out or next_free_folder(run, FIGURES)
    check_free(figures, folder, file_format)
    save_figures(figures, folder, file_format)
    print_line(f"Written to {folder}/: {', '.join(f'{name}.{file_format}' for name in figures)}.")
