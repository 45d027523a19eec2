"""A picture's run on disk: made by one sweep, and read again later."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from distributed_ib.errors import UserError
from distributed_ib.plots._style import figure_style
from distributed_ib.plots.information_plane import plot_information_plane
from distributed_ib.report.words import require_records, summary
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.scheme.telling import nearest_betas, telling_betas
from distributed_ib.studies.image.animation import save_animation
from distributed_ib.studies.image.decompositions import (
    PositionDecomposition,
    parse_decomposition,
)
from distributed_ib.studies.image.image_figures import plot_error, plot_picture_sweep, plot_strip
from distributed_ib.studies.image.image_report import (
    opening,
    painted_rows,
    subset_rows,
    summary_text,
)
from distributed_ib.studies.image.image_study import ImageSettings, open_picture
from distributed_ib.studies.image.painter import N_CODEBOOK, Painter, Reconstruction, Rule
from distributed_ib.studies.image.picture import Picture, load_picture
from distributed_ib.study.run_folder import (
    CONFIG,
    append_log,
    read_config,
    start_run,
    write_summary,
)
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.sweep import check_repeats

STUDY = "image"
PICTURE = "picture.png"
N_TELLING, N_STRIP = 5, 11
# Pixels along the longer side of the panels of the sweep figure, and of the film.
PANEL_PIXELS, FILM_PIXELS = 200, 150
PANEL_DRAWS, FILM_DRAWS = 8, 4


@dataclass(frozen=True)
class Showing:
    """How approximations are shown.

    Attributes:
        at: Bottleneck strengths of those in the sweep figure; the most telling if empty.
        rule: Which colour is shown, as in `Painter.paint`.
        n_colors: Colours in the codebook.
    """

    at: tuple[float, ...] = ()
    rule: Rule = "likeliest"
    n_colors: int = N_CODEBOOK


@dataclass(frozen=True)
class PictureRun:
    """An opened picture.

    Attributes:
        picture: The picture.
        decomposition: How its positions are split.
        scheme: What the sweep found.
        showing: How approximations are shown.
        measure: What the components convey goes by "information" or "kl"; by default the
            information where it was measured.
    """

    picture: Picture
    decomposition: PositionDecomposition
    scheme: ApproximationScheme
    showing: Showing = Showing()
    measure: Measure | None = None

    @cached_property
    def film(self) -> list[Reconstruction]:
        """Every approximation of the first repeat, painted small, until nothing is conveyed."""
        betas = self.scheme.snapshots.beta
        last = telling_betas(self.scheme, N_TELLING)[-1]
        return self.paint([float(beta) for beta in betas if beta <= last], FILM_PIXELS, FILM_DRAWS)

    @cached_property
    def panels(self) -> list[Reconstruction]:
        """The approximations of the sweep figure."""
        return self.paint(self.shown_betas(), PANEL_PIXELS, PANEL_DRAWS)

    def shown_betas(self) -> list[float]:
        """Bottleneck strengths of the approximations in the sweep figure."""
        if self.showing.at:
            return nearest_betas(self.scheme, self.showing.at)
        return telling_betas(self.scheme, N_TELLING)

    def paint(
        self, betas: Sequence[float], max_pixels: int | None = None, n_draws: int = PANEL_DRAWS
    ) -> list[Reconstruction]:
        """Paint the approximations of the first repeat at some bottleneck strengths.

        Args:
            betas: Bottleneck strengths.
            max_pixels: Most pixels along the longer side, those between are left out; by default
                none are.
            n_draws: Draws of the noise, as in `Painter.paint`.
        """
        longest = max(self.picture.width, self.picture.height)
        step = 1 if max_pixels is None else -(-longest // max_pixels)
        painter = Painter(
            self.picture, self.decomposition, step=step, n_colors=self.showing.n_colors
        )
        return [
            painter.paint(
                self.scheme.at(beta=beta, measure=self.measure), self.showing.rule, n_draws=n_draws
            )
            for beta in betas
        ]

    @property
    def best_psnr_db(self) -> float:
        """The least error of a painted picture along the sweep."""
        return max(one.psnr_db for one in self.film)

    def figures(self, threshold_bits: float = 0.1) -> dict[str, Figure]:
        """All figures, by name."""
        chosen = telling_betas(self.scheme, N_STRIP)
        strip = [one for one in self.film if one.beta in chosen]
        with figure_style():
            plane = plot_information_plane(
                self.scheme, threshold_bits=threshold_bits, measure=self.measure
            )
            figures = {
                "sweep": plot_picture_sweep(
                    self.scheme,
                    self.picture,
                    self.panels,
                    threshold_bits=threshold_bits,
                    measure=self.measure,
                ),
                "strip": plot_strip(self.picture, strip),
                "error": plot_error(self.film).get_figure(root=True),
                "information_plane": plane.get_figure(root=True),
            }
        return {name: figure for name, figure in figures.items() if figure is not None}

    def save_animation(self, path: Path) -> None:
        """Write the film as a GIF or WebP file, by the end of its name."""
        save_animation(path, self.film, self.scheme.components)

    def opening(self) -> list[str]:
        """Sentences on the picture and on how the sweep went."""
        return opening(self.scheme, self.picture, self.best_psnr_db, self.measure)

    def subset_rows(self, threshold_bits: float = 0.1) -> list[list[str]]:
        """The components in use along the sweep."""
        return subset_rows(self.scheme, threshold_bits, self.measure)

    def painted_rows(self) -> list[list[str]]:
        """The approximations of the sweep figure."""
        return painted_rows(self.panels)

    def write_summary(self, folder: Path) -> None:
        """Write `summary.json` and `summary.md`."""
        found: dict[str, Any] = {
            **summary(self.scheme),
            "picture": {
                "name": self.picture.name,
                "width": self.picture.width,
                "height": self.picture.height,
                "notes": list(self.picture.notes),
            },
            "decomposition": self.decomposition.text,
            "best_psnr_db": _finite(self.best_psnr_db),
            "film": [_plain(one) for one in self.film],
            "shown": [_plain(one) for one in self.panels],
        }
        text = summary_text(
            self.scheme,
            self.picture,
            self.panels,
            self.best_psnr_db,
            n_colors=self.showing.n_colors,
        )
        write_summary(folder, found, text)


def run_picture(
    picture: Picture,
    decomposition: PositionDecomposition,
    settings: ImageSettings,
    folder: Path,
    *,
    showing: Showing | None = None,
    seed: int = 0,
    n_seeds: int = 1,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> PictureRun:
    """Open a picture and leave its scheme in a folder; figures and summary are the caller's.

    Args:
        picture: The picture.
        decomposition: One that `parse_decomposition` knows, so that the run can be read again. Use
            `open_picture` and `PictureRun` for one of your own.
        settings: How to train.
        folder: New folder for the run.
        showing: How approximations are shown.
        seed: Seed of everything random.
        n_seeds: Independent repeats.
        progress: Called as the sweep goes on.
        command: What to write into the log as the origin of the run.

    Raises:
        UserError: If the folder can't be made or the decomposition can't be written down; then
            nothing is left behind.
    """
    showing = showing or Showing()
    check_repeats(seed, n_seeds)
    named = decomposition.text and parse_decomposition(decomposition.text, picture)
    if not named or named.names != decomposition.names:
        raise UserError(
            "a decomposition of your own can't be written to a run folder; use open_picture and "
            "PictureRun."
        )
    training = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
    }
    config = {
        "picture": {
            "name": picture.name,
            "notes": list(picture.notes),
            "decomposition": decomposition.text,
        },
        "showing": {**asdict(showing), "at": list(showing.at)},
        "training": {"seed": seed, "n_seeds": n_seeds, **training},
    }
    start_run(folder, STUDY, config)
    picture.save(folder / PICTURE)
    append_log(folder, f"command: {command}" if command else "started from Python")
    scheme = open_picture(
        picture, decomposition, settings, seed=seed, n_seeds=n_seeds, progress=progress
    )
    scheme.save(folder)
    seconds = scheme.to_xarray().attrs["seconds"]
    append_log(folder, f"sweep {scheme.message}, {seconds:.1f} s")
    return PictureRun(picture, decomposition, scheme, showing)


def load_run(folder: Path) -> PictureRun:
    """Read a run folder again.

    Raises:
        UserError: If something is missing or damaged, or the sweep ended before its first record.
    """
    config = read_config(folder)
    stored = load_picture(folder / PICTURE, size=None)
    try:
        about, shown = config["picture"], config["showing"]
        notes = tuple(str(note) for note in about["notes"])
        picture = Picture(str(about["name"]), stored.pixels, notes)
        decomposition = parse_decomposition(str(about["decomposition"]), picture)
        showing = Showing(
            tuple(float(beta) for beta in shown["at"]), shown["rule"], int(shown["n_colors"])
        )
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder / CONFIG} lacks what a picture's run has: {error}.") from None
    scheme = ApproximationScheme.load(folder)
    require_records(scheme, folder)
    if scheme.components != decomposition.names:
        raise UserError(
            f"{folder} holds a scheme of {', '.join(scheme.components)}, but {CONFIG} names the "
            f"decomposition {decomposition.text}."
        )
    return PictureRun(picture, decomposition, scheme, showing)


def _plain(one: Reconstruction) -> dict[str, Any]:
    return {
        "beta": one.beta,
        "conveyed_bits": [float(bits) for bits in one.conveyed_bits],
        "predictive_bits": one.predictive_bits,
        "psnr_db": _finite(one.psnr_db),
    }


def _finite(value: float) -> float | None:
    """JSON knows no infinity, which is the PSNR of a picture without error."""
    return value if np.isfinite(value) else None


__all__ = ["PictureRun", "Showing", "load_run", "run_picture"]
