"""`dib image`: analyses a picture."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import execute, print_line
from distributed_ib.cli.boolean_command import Preset
from distributed_ib.errors import UserError


class Rule(StrEnum):
    """Which colour is shown for a position."""

    likeliest = "likeliest"
    expected = "expected"


class Film(StrEnum):
    """Format of the animation."""

    gif = "gif"
    webp = "webp"


def image(
    picture: Annotated[
        Path | None,
        typer.Argument(
            metavar="PICTURE", help="PNG, JPEG or similar. Default: a picture of scikit-image."
        ),
    ] = None,
    decomposition: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="How a position is split into components: horizontal-vertical; axes:6 "
            "(projections on 6 axes); points:4 (distances from 4 points) or points:0.2,0.1;0.8,0.9 "
            "(from these points, in fractions of width and height from the upper left); or none "
            "(the standard Information Bottleneck).",
        ),
    ] = "horizontal-vertical",
    preset: Annotated[
        Preset,
        typer.Option(help="Training settings: quick (minutes) or those of the paper (for a GPU)."),
    ] = Preset.quick,
    at: Annotated[
        str,
        typer.Option(
            metavar="BETA,BETA",
            help="Bottleneck strengths of the approximations to paint. Default: five of the sweep.",
        ),
    ] = "",
    rule: Annotated[
        Rule, typer.Option(help="Colour to paint: the most probable one, or the mean.")
    ] = Rule.likeliest,
    size: Annotated[
        int, typer.Option(metavar="N", help="Shrink the longer side to at most N pixels.")
    ] = 600,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Number of training steps while beta increases; pre-training is scaled with it.",
        ),
    ] = None,
    film: Annotated[Film, typer.Option(help="Format of the animation.")] = Film.gif,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Number of independent repeats, trained in parallel.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="S", help="Random seed.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/image-001, ..."),
    ] = None,
) -> None:
    """How informative are horizontal and vertical position about the colours of a picture?

    A single sweep finds the scheme of approximations of the relationship between position and
    colour (paper, Fig. 3), and the approximations are painted as pictures. The run folder contains
    the scheme, figures, an animation and a summary; `dib show` and `dib plot` display them again,
    and `dib resume` continues a run that was stopped.
    """
    from distributed_ib.studies.image import ImageStudy

    study = ImageStudy.presets()[preset]
    train = study.train if steps is None else study.train.with_steps(steps)
    study = replace(
        study,
        picture="" if picture is None else str(picture),
        size=size,
        decomposition=decomposition,
        at=_betas(at),
        rule=rule.value,
        film=film.value,
        train=replace(train, n_seeds=seeds),
    )
    for note in study.analysed.notes:
        print_line(f"{study.analysed.name}: {note}.")
    execute(study, out, seed=seed)


def _betas(text: str) -> tuple[float, ...]:
    """The numbers in "0.01,0.1"."""
    try:
        betas = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UserError(f"--at must be a list of numbers such as 0.01,0.1, got {text!r}.") from None
    if any(not 0 < beta < float("inf") for beta in betas):
        raise UserError(f"--at must hold positive, finite bottleneck strengths, got {text!r}.")
    return betas
