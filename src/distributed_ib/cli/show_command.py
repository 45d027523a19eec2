"""`dib show`: prints what a run found."""

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.scheme.measure import Measure

Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="BITS",
        help="A component is in use where it conveys more than this.",
        show_default="0.1",
    ),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
UseKl = Annotated[
    bool,
    typer.Option("--kl", help="Go by the KL, an upper bound, in place of the information."),
]


def show(run: RunFolder, threshold: Threshold = None, kl: UseKl = False) -> None:
    """Print what a run found: subsets in use, what they convey, what is known about Y."""
    from distributed_ib.cli import _boolean_output as boolean_output
    from distributed_ib.cli import _glass_output as glass_output
    from distributed_ib.cli import _image_output as image_output
    from distributed_ib.cli import _table_output as table_output
    from distributed_ib.cli._run_loading import load_any
    from distributed_ib.cli.patterns_command import print_run as print_patterns
    from distributed_ib.estimators.table_run import FittedRun
    from distributed_ib.studies.boolean.boolean_run import CircuitRun
    from distributed_ib.studies.glass.glass_run import GlassRun
    from distributed_ib.studies.patterns.patterns_run import PatternsRun

    loaded = load_any(run)
    measure: Measure | None = "kl" if kl else None
    threshold_bits = checked_threshold(threshold)
    if isinstance(loaded, PatternsRun):
        refuse_for_patterns(run, threshold, kl)
        print_patterns(loaded)
    elif isinstance(loaded, CircuitRun):
        boolean_output.print_run(loaded, threshold_bits, measure)
    elif isinstance(loaded, FittedRun):
        table_output.print_run(loaded, threshold_bits, measure)
    elif isinstance(loaded, GlassRun):
        glass_output.print_run(loaded, threshold_bits, measure)
    else:
        image_output.print_run(replace(loaded, measure=measure), threshold_bits)


def checked_threshold(given: float | None) -> float:
    """The threshold in bits, 0.1 by default.

    Raises:
        UserError: If it is negative or no number.
    """
    threshold = 0.1 if given is None else given
    if not 0 <= threshold < math.inf:
        raise UserError(f"--threshold must be a number of bits, 0 or more, got {threshold:g}.")
    return threshold


def refuse_for_patterns(run: Path, threshold: float | None, kl: bool) -> None:
    """Refuse options that the findings of a patterns run do not depend on.

    Raises:
        UserError: If one was given.
    """
    given = [
        name
        for name, is_given in (("--threshold", threshold is not None), ("--kl", kl))
        if is_given
    ]
    if given:
        raise UserError(
            f"{given[0]} does not apply to {run}, a run of dib patterns, whose tables and figures "
            "show the KL and the information both; leave it out."
        )
