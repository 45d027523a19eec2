"""`dib plot`: draws the figures of a run."""

from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli.show import RunFolder, Threshold, UseKl
from distributed_ib.errors import UserError


def plot(
    run: RunFolder,
    threshold: Threshold = 0.1,
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
    from distributed_ib.cli.console import save_figures, say
    from distributed_ib.cli.studies import load_any
    from distributed_ib.estimators.run import FittedRun
    from distributed_ib.runs import FIGURES
    from distributed_ib.studies.patterns.run import PatternsRun

    loaded = load_any(run)
    if isinstance(loaded, FittedRun):
        figures = loaded.figures(threshold, beta, "kl" if kl else None)
    elif beta is not None:
        raise UserError(f"--beta is for runs of dib fit; {run} holds none.")
    elif isinstance(loaded, PatternsRun):
        figures = loaded.figures()
    else:
        figures = loaded.figures(threshold, "kl" if kl else None)
    folder = out or run / FIGURES
    save_figures(figures, folder, file_format)
    say(f"Written to {folder}/: {', '.join(f'{name}.{file_format}' for name in figures)}.")
