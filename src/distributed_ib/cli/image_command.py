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
            metavar="PICTURE", help="PNG, JPEG, ... Default: a picture from scikit-image."
        ),
    ] = None,
    decomposition: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="How a position is split: horizontal-vertical, axes:6 (projections), points:4 or "
            "points:0.2,0.1;0.8,0.9 (distances; parts of width and height from the upper left), "
            "none (the standard Information Bottleneck).",
        ),
    ] = "horizontal-vertical",
    preset: Annotated[
        Preset, typer.Option(help="Training options: quick (minutes) or the paper's (for a GPU).")
    ] = Preset.quick,
    at: Annotated[
        str,
        typer.Option(
            metavar="BETA,BETA",
            help="Approximations to show with the sweep. Default: five along the sweep.",
        ),
    ] = "",
    rule: Annotated[
        Rule, typer.Option(help="The colour shown: of maximum probability, or the mean.")
    ] = Rule.likeliest,
    size: Annotated[
        int, typer.Option(metavar="N", help="Shrink the longer side to at most N pixels.")
    ] = 600,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Training steps while beta rises; pre-training follows."),
    ] = None,
    film: Annotated[Film, typer.Option(help="Format of the animation.")] = Film.gif,
    seeds: Annotated[
        int, typer.Option(metavar="K", help="Independent repeats, trained side by side.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of everything random.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder for the run. Default: runs/image-001, ..."),
    ] = None,
) -> None:
    """How informative are horizontal and vertical position about the colours of a picture?

    One sweep finds the scheme of approximations of the relationship between position and colour
    (paper, Fig. 3), and paints the approximations. The run folder gets the scheme, figures, an
    animation and a summary; `dib show` and `dib plot` read it again, and `dib resume` continues
    a run that was stopped.
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
        raise UserError(f"--at takes numbers such as 0.01,0.1, got {text!r}.") from None
    if any(not 0 < beta < float("inf") for beta in betas):
        raise UserError(f"--at takes positive bottleneck strengths, got {text!r}.")
    return betas
