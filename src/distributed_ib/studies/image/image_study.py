"""The study of a picture: information of position about colour (paper Fig. 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import jax
import numpy as np
from jax import Array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib._checks import positive_number, whole_number
from distributed_ib.data.problem import Problem
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.encoders import SharedEncoder
from distributed_ib.report.report import Section
from distributed_ib.report.subset_sections import frequency_section, subsets_table
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.informative_betas import informative_betas
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.image.animation import save_animation
from distributed_ib.studies.image.decompositions import (
    PositionDecomposition,
    parse_decomposition,
    pixel_components,
    pixel_positions,
)
from distributed_ib.studies.image.image_figures import plot_error, plot_picture_sweep, plot_strip
from distributed_ib.studies.image.image_report import (
    legend,
    painting_values,
    panels_table,
    picture_section,
)
from distributed_ib.studies.image.painter import N_CODEBOOK, Painter, Reconstruction, Rule
from distributed_ib.studies.image.painting_view import painting_view
from distributed_ib.studies.image.paintings import (
    Series,
    film_betas,
    from_arrays,
    panel_betas,
    to_arrays,
)
from distributed_ib.studies.image.picture import (
    DEFAULT_SIZE,
    Picture,
    example_picture,
    load_picture,
    load_stored,
)
from distributed_ib.study.run import Run
from distributed_ib.study.study import Reading, Study
from distributed_ib.training.train_settings import TrainSettings

Film = Literal["gif", "webp"]
PICTURE, ANIMATION = "picture.png", "animation"
N_STRIP = 11
# Pixels along the longer side of the panels of the sweep figure, and of the film.
PANEL_PIXELS, FILM_PIXELS = 200, 150
PANEL_DRAWS, FILM_DRAWS = 8, 4

# Under two minutes on two cores for a picture of 600 x 400, horizontal and vertical. With 1,024
# pixels, the bounds of the information meet below some eight bits a component.
QUICK = TrainSettings(
    beta=(1e-3, 2.0),
    n_steps=3_600,
    n_pretraining_steps=2_600,
    batch_size=512,
    learning_rate=8e-4,
    first_learning_rate=5e-3,
    n_snapshots=40,
    n_information_inputs=1024,
    n_information_records=16,
)
# The paper's settings, from its Appendix A: meant for a GPU.
PAPER = TrainSettings(
    beta=(1e-6, 3.0),
    n_steps=100_000,
    n_pretraining_steps=10_000,
    batch_size=2048,
    learning_rate=3e-4,
    n_snapshots=50,
    n_information_inputs=1024,
    n_information_records=16,
)


@dataclass(frozen=True)
class ImageStudy(Study):
    """How informative are horizontal and vertical position about the colours of a picture?

    One sweep finds the scheme of approximations of the relationship between position and colour,
    and its approximations are painted.

    Attributes:
        picture: The picture's file; a picture from scikit-image if empty.
        size: Largest number of pixels along the longer side; a larger picture is shrunk.
        decomposition: How a position is split into components, as in `parse_decomposition`.
        at: Bottleneck strengths of the approximations in the sweep figure; by default
            five, chosen so that the allocation changes equally from each to the next.
        rule: Colour to paint: the most probable one ("likeliest"), or the mean ("expected").
        n_colors: Number of colours to choose from, drawn from the picture.
        film: Format of the animation, "gif" or "webp".
        encoder_hidden: Widths of the layers that all components share.
        embedding_dim: Dimension of each embedding u_i.
        n_frequencies: Number of frequencies of the positional encoding.
        predictor_hidden: Widths of the layers that combine all u_i, and of those that read colours.
        shared_dim: Dimension of the space in which InfoNCE compares positions and colours.
        train: How the sweep is trained. A batch consists of pixels drawn at random; InfoNCE can
            measure at most the logarithm of its size.

    Example:
        >>> import numpy as np
        >>> pixels = np.random.default_rng(0).integers(0, 255, (8, 6, 3), dtype=np.uint8)
        >>> brief = TrainSettings(beta=(1e-3, 2.0), n_steps=4, batch_size=16)
        >>> study = ImageStudy.of(Picture("noise", pixels), train=brief, encoder_hidden=(8,),
        ...                       predictor_hidden=(8,), embedding_dim=2)
        >>> study.fit().components
        ('horizontal', 'vertical')
    """

    name: ClassVar[str] = "image"

    picture: str = ""
    size: int = DEFAULT_SIZE
    decomposition: str = "horizontal-vertical"
    at: tuple[float, ...] = ()
    rule: Rule = "likeliest"
    n_colors: int = N_CODEBOOK
    film: Film = "gif"
    encoder_hidden: tuple[int, ...] = (256,)
    embedding_dim: int = 32
    n_frequencies: int = 9
    predictor_hidden: tuple[int, ...] = (256, 256)
    shared_dim: int = 64
    train: TrainSettings = QUICK

    @classmethod
    def of(cls, picture: Picture, **options: Any) -> Self:
        """The study of a picture in memory, with other options by name."""
        return cls(picture=picture.name, **options)._with(picture)

    @classmethod
    def reopened(cls, folder: Path, options: Mapping[str, Any]) -> Self:
        """The study of a run, whose folder contains the picture as it was analysed."""
        study = super().reopened(folder, options)
        stored = folder / PICTURE
        return study._with(load_stored(stored)) if stored.exists() else study

    @classmethod
    def presets(cls) -> Mapping[str, Self]:
        """quick: takes minutes; paper: the paper's settings, for a GPU."""
        paper = cls(encoder_hidden=(512,) * 5, predictor_hidden=(128,) * 3, train=PAPER)
        return {"quick": cls(), "paper": paper}

    @cached_property
    def analysed(self) -> Picture:
        """The picture itself, shrunk to at most `size` pixels."""
        return load_picture(self.picture, self.size) if self.picture else example_picture(self.size)

    def position_decomposition(self) -> PositionDecomposition:
        """How positions are split; override it for a custom decomposition."""
        return parse_decomposition(self.decomposition, self.analysed)

    def check(self) -> None:
        """Check for unknown decompositions, rules and formats, and numbers out of range."""
        self.position_decomposition()
        whole_number("batch_size", self.train.batch_size, 2)
        whole_number("n_colors", self.n_colors, 1)
        for beta in self.at:
            positive_number("at", beta)
        for option, kind in (("rule", Rule), ("film", Film)):
            if (value := getattr(self, option)) not in get_args(kind):
                raise UserError(
                    f"there is no {option} {value!r}; choose {' or '.join(get_args(kind))}."
                )

    def problem(self, seed: int) -> Problem:
        """All pixels: components of their positions, and their colours between -1 and 1."""
        del seed  # nothing is random
        picture, split = self.analysed, self.position_decomposition()
        x = pixel_components(split, picture.width, picture.height, self.train.batch_size)
        return Problem.from_arrays(x, picture.colors(), split.names)

    def model(self, key: Array) -> DistributedBottleneck:
        """The paper's model: one encoder shared by all components, and InfoNCE with colours."""
        split, picture = self.position_decomposition(), self.analysed
        one = split.components(pixel_positions(picture.width, picture.height)[:1])
        key_encoder, key_predictor = jax.random.split(key)
        encoder = SharedEncoder(
            len(split.names),
            input_dim=one.shape[-1],
            hidden=self.encoder_hidden,
            embedding_dim=self.embedding_dim,
            n_frequencies=self.n_frequencies,
            key=key_encoder,
        )
        predictor = ContrastivePredictor(
            len(split.names) * self.embedding_dim,
            y_dim=3,
            hidden=self.predictor_hidden,
            batch_size=self.train.batch_size,
            shared_dim=self.shared_dim,
            # The paper looks up colours by positions, not the other way round.
            symmetric=False,
            key=key_predictor,
        )
        return DistributedBottleneck(encoder, predictor)

    def keep(self, folder: Path) -> None:
        """Store the picture as it is analysed, so that the run does not need its file again.

        Raises:
            UserError: If the run was started with another picture.
        """
        path = folder / PICTURE
        if not path.exists():
            self.analysed.save(path)
        elif not np.array_equal(load_stored(path).pixels, self.analysed.pixels):
            raise UserError(
                f"{path} differs from {self.picture or self.analysed.name}, which has changed "
                "since the run was started. To continue with the stored picture: dib resume "
                f"{folder}"
            )

    def measure(self, run: Run) -> Mapping[str, NDArray[Any]]:
        """Paint the approximations; not called after an interrupted sweep."""
        scheme = run.scheme
        film = self.paint(scheme, film_betas(scheme), FILM_PIXELS, FILM_DRAWS)
        panels = self.paint(scheme, panel_betas(scheme, self.at), PANEL_PIXELS, PANEL_DRAWS)
        return {**to_arrays("film", film), **to_arrays("panels", panels)}

    def title(self) -> str:
        """The picture's name."""
        return f"Picture {self.analysed.name}"

    def sections(self, run: Run, reading: Reading) -> Sequence[Section]:
        """The components in use along the sweep, and the painted approximations."""
        scheme, measure = run.scheme, reading.measure or run.scheme.measure
        tables = [subsets_table(scheme, reading.threshold_bits, measure)]
        if panels := self.paintings(run, "panels", measure):
            tables.append(panels_table(panels, scheme, measure))
        notes = legend(measure, reading.threshold_bits, self.rule, self.n_colors)
        sections = [
            picture_section(
                scheme,
                self.analysed,
                self.best_psnr_db(run),
                reading.threshold_bits,
                measure,
            ),
            Section(tables=tuple(tables), notes=notes),
        ]
        if scheme.n_seeds > 1:
            sections.append(frequency_section(scheme, reading.threshold_bits, measure))
        return sections

    def values(self, run: Run) -> Mapping[str, Any]:
        """The picture, how positions are split, and the painted approximations."""
        picture = self.analysed
        return {
            "picture": {
                "name": picture.name,
                "width": picture.width,
                "height": picture.height,
                "notes": list(picture.notes),
            },
            "decomposition": self.position_decomposition().text,
            "best_psnr_db": self.best_psnr_db(run),
            "film": painting_values(self.paintings(run, "film")),
            "shown": painting_values(self.paintings(run, "panels")),
        }

    def figures(self, run: Run, reading: Reading) -> Mapping[str, Figure]:
        """The sweep with painted approximations, a strip with more of them, and their errors."""
        film = self.paintings(run, "film", reading.measure)
        if not film:
            return {}
        first = next(iter(run.scheme.by_direction().values()))
        chosen = informative_betas(run.scheme, N_STRIP)
        sweep = plot_picture_sweep(
            first,
            self.analysed,
            self.paintings(run, "panels", reading.measure),
            threshold_bits=reading.threshold_bits,
            measure=reading.measure,
        )
        strip = plot_strip(self.analysed, [one for one in film if one.beta in chosen])
        error = plot_error(film).get_figure(root=True)
        assert error is not None
        return {"sweep": sweep, "strip": strip, "error": error}

    def render(self, run: Run, folder: Path) -> None:
        """Write the animation."""
        if film := self.paintings(run, "film"):
            save_animation(folder / f"{ANIMATION}.{self.film}", film, run.scheme.components)

    def page_views(self, run: Run) -> Sequence[Mapping[str, Any]]:
        """The painted approximations; none for an interrupted run."""
        film = self.paintings(run, "film")
        return (painting_view(run.scheme, self.analysed, film),) if film else ()

    def paint(
        self,
        scheme: ApproximationScheme,
        betas: Sequence[float],
        max_pixels: int | None = None,
        n_draws: int = PANEL_DRAWS,
    ) -> list[Reconstruction]:
        """Paint the approximations of the first repeat at some bottleneck strengths.

        Args:
            scheme: The scheme of this picture.
            betas: Bottleneck strengths.
            max_pixels: Largest number of pixels along the longer side; None paints all.
            n_draws: Number of draws of the noise.
        """
        picture = self.analysed
        longest = max(picture.width, picture.height)
        step = 1 if max_pixels is None else -(-longest // max_pixels)
        painter = Painter(picture, self.position_decomposition(), step=step, n_colors=self.n_colors)
        return [painter.paint(scheme.at(beta=beta), self.rule, n_draws=n_draws) for beta in betas]

    def paintings(
        self, run: Run, series: Series, measure: Measure | None = None
    ) -> list[Reconstruction]:
        """The "film" or the "panels" of a run, in order of beta; none if it was interrupted."""
        if not run.results:
            return []
        return from_arrays(series, run.results, run.scheme, measure)

    def best_psnr_db(self, run: Run) -> float | None:
        """The highest PSNR of a painted picture along the sweep; None if nothing was painted."""
        return float(run.results["film_psnr_db"].max()) if run.results else None

    def _with(self, picture: Picture) -> Self:
        """This study with a picture that is already in memory."""
        vars(self)["analysed"] = picture
        return self
