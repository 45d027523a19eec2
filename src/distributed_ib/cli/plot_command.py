"""`dib plot`: draws the figures of a run."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributed_ib.cli.show_command import (
    RunFolder,
    Threshold,
    UseKl,
    checked_threshold,
    refuse_for_patterns,
)
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.scheme.measure import Measure


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
    """Draw the figures of a run again."""
    from distributed_ib.cli._console import save_figures, say
    from distributed_ib.cli._run_loading import load_any
    from distributed_ib.estimators.table_run import FittedRun
    from distributed_ib.studies.image.image_run import PictureRun
    from distributed_ib.studies.patterns.patterns_run import PatternsRun
    from distributed_ib.study.run_folder import FIGURES

    loaded = load_any(run)
    measure: Measure | None = "kl" if kl else None
    threshold_bits = checked_threshold(threshold)
    if beta is not None and not isinstance(loaded, FittedRun):
        raise UserError(f"--beta is for runs of dib fit; {run} holds none.")
    if isinstance(loaded, PatternsRun):
        refuse_for_patterns(run, threshold, kl)
        figures = loaded.figures()
    elif isinstance(loaded, FittedRun):
        figures = loaded.figures(threshold_bits, beta, measure)
    elif isinstance(loaded, PictureRun):
        figures = replace(loaded, measure=measure).figures(threshold_bits)
    else:
        figures = loaded.figures(threshold_bits, measure)
    folder = out or run / FIGURES
    save_figures(figures, folder, file_format)
    say(f"Written to {folder}/: {', '.join(f'{name}.{file_format}' for name in figures)}.")
