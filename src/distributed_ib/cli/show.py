"""`dib show`: prints what a run found."""

from pathlib import Path
from typing import Annotated

import typer

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
    from distributed_ib.cli import boolean_output, table_output
    from distributed_ib.cli.patterns import print_run as print_patterns
    from distributed_ib.cli.studies import load_any
    from distributed_ib.estimators.run import FittedRun
    from distributed_ib.studies.boolean.run import CircuitRun

    loaded = load_any(run)
    if isinstance(loaded, CircuitRun):
        boolean_output.print_run(loaded, threshold, "kl" if kl else None)
    elif isinstance(loaded, FittedRun):
        table_output.print_run(loaded, threshold, "kl" if kl else None)
    else:
        print_patterns(loaded)
