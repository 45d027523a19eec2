"""`dib show`: prints what a run found."""

import math
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.errors import UserError

Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="BITS",
        help="A component counts as in use where it conveys more than this. Default: 0.1.",
    ),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
UseKl = Annotated[
    bool,
    typer.Option("--kl", help="Measure what components convey by the KL, an upper bound."),
]


def show(run: RunFolder, threshold: Threshold = None, kl: UseKl = False) -> None:
    """Print the findings of a run, as they were stored when the run ended.

    With --threshold or --kl the findings are computed again.
    """
    from distributed_ib.report.terminal import print_report
    from distributed_ib.study.stored_report import stored_report

    check_threshold(threshold)
    if threshold is None and not kl:
        print_report(stored_report(run))
        return
    from distributed_ib.study.reading_runs import load_run
    from distributed_ib.study.study import Reading

    reading = Reading(threshold, "kl" if kl else None)
    print_report(load_run(run).report(reading))


def check_threshold(bits: float | None) -> None:
    """Check a threshold, if one is given.

    Raises:
        UserError: If it is negative or not a number.
    """
    if bits is not None and not 0 <= bits < math.inf:
        raise UserError(f"--threshold must be a finite number of bits, 0 or more, got {bits:g}.")
