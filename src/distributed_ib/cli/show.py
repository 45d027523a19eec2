"""`dib show`: prints what a run found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from distributed_ib.scheme.measure import Measure

Threshold = Annotated[
    float,
    typer.Option(metavar="BITS", help="A component is in use where it conveys more than this."),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
UseKl = Annotated[
    bool,
    typer.Option("--kl", help="Go by the KL, an upper bound, in place of the information."),
]


def show(run: RunFolder, threshold: Threshold = 0.1, kl: UseKl = False) -> None:
    """Print what a run found: subsets in use, what they convey, what is known about Y."""
    from distributed_ib.cli import boolean_output, glass_output, image_output, table_output
    from distributed_ib.cli.patterns import print_run as print_patterns
    from distributed_ib.cli.studies import load_any
    from distributed_ib.estimators.run import FittedRun
    from distributed_ib.studies.boolean.run import CircuitRun
    from distributed_ib.studies.glass.run import GlassRun
    from distributed_ib.studies.image.run import PictureRun

    loaded = load_any(run)
    measure: Measure | None = "kl" if kl else None
    if isinstance(loaded, CircuitRun):
        boolean_output.print_run(loaded, threshold, measure)
    elif isinstance(loaded, FittedRun):
        table_output.print_run(loaded, threshold, measure)
    elif isinstance(loaded, GlassRun):
        glass_output.print_run(loaded, threshold, measure)
    elif isinstance(loaded, PictureRun):
        image_output.print_run(loaded, threshold)
    else:
        print_patterns(loaded)
