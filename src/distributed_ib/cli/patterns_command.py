"""`dib patterns`: compares the Distributed with the standard Information Bottleneck."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute
from distributed_ib.cli._resource_options import DaskAddress, Jobs, Threads, resources_from_options
from distributed_ib.cli.boolean_command import Preset


def patterns(
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Pattern to analyse: halves, stripes, checkerboard, warped, slant, circle or "
            "archipelago. Repeat the option for several. Default: all seven.",
        ),
    ] = None,
    preset: Annotated[
        Preset,
        typer.Option(help="Training settings: quick (minutes) or those of the paper (for a GPU)."),
    ] = Preset.quick,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Number of training steps.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Random seed.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/patterns-001, ..."),
    ] = None,
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
) -> None:
    """Compare the Distributed with the standard Information Bottleneck on binary patterns.

    Every pattern has one bit of entropy (paper, Fig. 5). The Distributed Information Bottleneck
    sees the horizontal and the vertical position through one channel each, the standard one sees
    the whole position through a single channel. The run folder contains the schemes of all sweeps,
    figures and a summary; `dib show` and `dib plot` display them again, and `dib resume` continues
    a run that was stopped.
    """
    from distributed_ib.studies.patterns import PatternsStudy

    resources = resources_from_options(jobs, dask, threads)
    study = PatternsStudy.presets()[preset]
    train = study.train if steps is None else study.train.with_steps(steps)
    execute(
        replace(study, patterns=tuple(pattern or ()), train=train),
        out,
        seed=seed,
        resources=resources,
    )
