"""`dib image`: opens a picture with one sweep."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.errors import UserError

ANIMATION = "animation"


class Preset(StrEnum):
    """Named sets of training options."""

    quick = "quick"
    paper = "paper"


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
            help="Approximations to show with the sweep. Default: the five most telling.",
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
    """Open a picture: how much of the horizontal and of the vertical tells its colours?

    One sweep finds the scheme of approximations of the relationship between position and colour
    (paper, Fig. 3), and paints the approximations. The run folder gets the scheme, figures, an
    animation and a summary; `dib show` and `dib plot` read it again.
    """
    from distributed_ib._files import next_free_folder
    from distributed_ib.cli._console import leave_if_unfinished, save_figures, say
    from distributed_ib.cli._image_output import print_run
    from distributed_ib.studies.image import (
        PRESETS,
        example_picture,
        load_picture,
        parse_decomposition,
    )
    from distributed_ib.studies.image.image_run import Showing, run_picture
    from distributed_ib.study.run_folder import FIGURES
    from distributed_ib.training.progress import ProgressBar

    chosen = example_picture(size) if picture is None else load_picture(picture, size)
    for note in chosen.notes:
        say(f"{chosen.name}: {note}.")
    settings = PRESETS[preset]
    if steps is not None:
        settings = settings.with_steps(steps)
    folder = out or next_free_folder(Path("runs"), "image")
    with ProgressBar(f"picture {chosen.name}") as bar:
        run = run_picture(
            chosen,
            parse_decomposition(decomposition, chosen),
            settings,
            folder,
            showing=Showing(at=_betas(at), rule=rule.value),
            seed=seed,
            n_seeds=seeds,
            progress=bar,
            command=shlex.join(["dib", *sys.argv[1:]]),
        )
    scheme = run.scheme
    if not scheme.is_empty:
        save_figures(run.figures(), folder / FIGURES)
        run.save_animation(folder / FIGURES / f"{ANIMATION}.{film.value}")
        run.write_summary(folder)
        print_run(run)
        say(f"Written to {folder}/: summary.md, figures/, picture.png, scheme.nc, snapshots/.")
    told = [f"The sweep {scheme.message}."]
    leave_if_unfinished(scheme.status, told, folder, reached=not scheme.is_empty)


def _betas(text: str) -> tuple[float, ...]:
    """The numbers in "0.01,0.1"."""
    try:
        betas = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UserError(f"--at takes numbers such as 0.01,0.1, got {text!r}.") from None
    if any(not 0 < beta < float("inf") for beta in betas):
        raise UserError(f"--at takes positive bottleneck strengths, got {text!r}.")
    return betas
