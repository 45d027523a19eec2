"""`dib plot`: draws the figures of a run."""

from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli.show_command import RunFolder, Threshold, UseKl, checked_threshold
from distributed_ib.errors import UserError


def plot(
    run: RunFolder,
    threshold: Threshold = None,
    kl: UseKl = False,
    beta: Annotated[
        float | None,
        typer.Option(
            metavar="B",
            help="Bottleneck strength of the compression schemes, for runs of dib fit. Default: "
            "the strongest under which nine tenths of what is known are kept.",
        ),
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="png, pdf or svg.")
    ] = "png",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the figures. Default: RUN/figures."),
    ] = None,
) -> None:
    """Draw the figures of a run again.

    Of a study that is defined in a file only the standard figures are drawn, since its code is not
    run; its own are in RUN/figures.
    """
    from distributed_ib._run_files import FIGURES
    from distributed_ib.cli._execution import print_line
    from distributed_ib.plots.saving import save_figures
    from distributed_ib.study.reading_runs import load_run
    from distributed_ib.study.study import Reading

    reading = Reading(checked_threshold(threshold), "kl" if kl else None, beta)
    loaded = load_run(run)
    figures = loaded.figures(reading)
    if not figures:
        raise UserError(f"{run} holds nothing to draw: its sweep {loaded.message}.")
    folder = out or run / FIGURES
    save_figures(figures, folder, file_format)
    print_line(f"Written to {folder}/: {', '.join(f'{name}.{file_format}' for name in figures)}.")
