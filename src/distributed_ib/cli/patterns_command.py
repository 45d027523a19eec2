"""`dib patterns`: compares the Distributed with the standard Information Bottleneck."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute
from distributed_ib.cli._where_options import DaskAddress, Jobs, Threads, where_of
from distributed_ib.cli.boolean_command import Preset


def patterns(
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Pattern to analyse; give it again for several. halves, stripes, checkerboard, "
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
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
) -> None:
    """Compare both bottlenecks on binary patterns of one bit each (paper, Fig. 5).

    The Distributed Information Bottleneck sees the horizontal and the vertical position through a
    channel each, the standard one the whole position through a single channel. The run folder
    gets the schemes of all sweeps, figures and a summary; `dib show` and `dib plot` read it again,
    and `dib resume` continues a run that was stopped.
    """
    from distributed_ib.studies.patterns import PatternsStudy

    where = where_of(jobs, dask, threads)
    study = PatternsStudy.presets()[preset]
    train = study.train if steps is None else study.train.with_steps(steps)
    execute(replace(study, patterns=tuple(pattern or ()), train=train), out, seed=seed, where=where)
