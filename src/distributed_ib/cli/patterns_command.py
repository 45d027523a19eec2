"""`dib patterns`: the Distributed beside the standard Information Bottleneck."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from distributed_ib.cli.boolean_command import Preset

# JAX and Matplotlib take a second to import, so commands import what they need when they run.
if TYPE_CHECKING:
    from distributed_ib.studies.patterns.patterns_run import PatternsRun


def patterns(
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Pattern to look at; give it again for several. halves, stripes, checkerboard, "
            "warped, slant, circle or archipelago. Default: all seven.",
        ),
    ] = None,
    preset: Annotated[
        Preset, typer.Option(help="Training options: quick (minutes) or the paper's own (a GPU).")
    ] = Preset.quick,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Training steps.")] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of everything random.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/patterns-001, ..."),
    ] = None,
) -> None:
    """Compare both bottlenecks on binary patterns of one bit each (paper, Fig. 5).

    The Distributed Information Bottleneck sees the horizontal and the vertical position through a
    channel each, the standard one the whole position through a single channel. The run folder
    gets the schemes of all sweeps, figures and a summary.
    """
    from distributed_ib._files import next_free_folder
    from distributed_ib.cli._console import leave_if_unfinished, save_figures, say
    from distributed_ib.studies.patterns.patterns_run import run_patterns
    from distributed_ib.studies.patterns.patterns_study import PRESETS
    from distributed_ib.study.run_folder import FIGURES
    from distributed_ib.training.progress import ProgressBar

    settings = PRESETS[preset]
    if steps is not None:
        settings = replace(settings, n_steps=steps)
    folder = out or next_free_folder(Path("runs"), "patterns")
    run = run_patterns(
        pattern or (),
        settings,
        folder,
        seed=seed,
        progress=ProgressBar,
        command=shlex.join(["dib", *sys.argv[1:]]),
    )
    if run.sweeps:
        save_figures(run.figures(), folder / FIGURES)
        print_run(run)
        say(f"Written to {folder}/: summary.md, figures/, and a folder for each pattern.")
    leave_if_unfinished(run.status, run.unfinished, folder, reached=bool(run.sweeps))


def print_run(run: "PatternsRun") -> None:
    """Print the findings and the final table."""
    from distributed_ib.cli._console import print_table, say
    from distributed_ib.studies.patterns.patterns_report import COLUMNS, sentences, table_rows

    for sentence in [*sentences(run.sweeps), *run.unfinished]:
        say(sentence)
    print_table("Binary patterns, information in bits", COLUMNS, table_rows(run.sweeps))
