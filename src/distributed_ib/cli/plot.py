"""`dib plot`: draws the figures of a run."""

from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli.show import RunFolder, Threshold


def plot(
    run: RunFolder,
    threshold: Threshold = 0.1,
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
    from distributed_ib.runs import FIGURES

    figures = load_any(run).figures(threshold)
    folder = out or run / FIGURES
    save_figures(figures, folder, file_format)
    say(f"Written to {folder}/: {', '.join(f'{name}.{file_format}' for name in figures)}.")
