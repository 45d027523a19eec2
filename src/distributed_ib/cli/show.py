"""`dib show`: prints what a run found."""

from pathlib import Path
from typing import Annotated

import typer

Threshold = Annotated[
    float,
    typer.Option(metavar="BITS", help="A component is in use where it conveys more than this."),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]


def show(run: RunFolder, threshold: Threshold = 0.1) -> None:
    """Print what a run found: subsets in use, what they convey, what is known about Y."""
    from distributed_ib.cli import boolean_output, image_output, table_output
    from distributed_ib.cli.studies import load_any
    from distributed_ib.studies.boolean.run import CircuitRun
    from distributed_ib.studies.image.run import PictureRun

    loaded = load_any(run)
    if isinstance(loaded, CircuitRun):
        boolean_output.print_run(loaded, threshold)
    elif isinstance(loaded, PictureRun):
        image_output.print_run(loaded, threshold)
    else:
        table_output.print_run(loaded, threshold)
