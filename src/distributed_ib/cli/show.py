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
    from distributed_ib.cli.boolean_output import print_run
    from distributed_ib.cli.studies import load_boolean

    print_run(load_boolean(run), threshold)
