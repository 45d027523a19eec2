"""Opens a picture with one sweep: how much of a position tells how much about its colour."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import jax
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_batches import DistinctBatches
from distributed_ib.data.distinct_values import DistinctRows
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.encoders import SharedEncoder
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.image.decompositions import (
    PositionDecomposition,
    horizontal_vertical,
    pixel_components,
)
from distributed_ib.studies.image.picture import Picture
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

# Enough for the bounds of the information to meet below some eight bits a component.
N_POSITIONS = 1024
N_MEASURED = 16


@dataclass(frozen=True)
class ImageSettings:
    """How a picture is opened.

    Attributes:
        beta_start: Bottleneck strength while the picture is first learned.
        beta_end: Strength at the end of the sweep; nothing survives 1.
        n_steps: Training steps while beta rises.
        n_pretraining_steps: Steps before that.
        batch_size: Pixels in a batch, drawn at random. The information that InfoNCE can certify
            is at most its logarithm.
        learning_rate: Adam's.
        first_learning_rate: Adam's at the first step; it falls over the pre-training.
        encoder_hidden: Widths of the layers that all components share.
        embedding_dim: Dimensions of each u_i.
        n_frequencies: Sines of the positional encoding.
        predictor_hidden: Widths of the layers that combine all u_i, and of those that read colours.
        shared_dim: Dimensions of the space in which positions and colours meet.
        n_snapshots: Models to keep along the sweep.
    """

    beta_start: float
    beta_end: float
    n_steps: int
    n_pretraining_steps: int
    batch_size: int
    learning_rate: float
    first_learning_rate: float
    encoder_hidden: tuple[int, ...]
    embedding_dim: int
    n_frequencies: int
    predictor_hidden: tuple[int, ...]
    shared_dim: int
    n_snapshots: int = 50

    def __post_init__(self) -> None:
        """Refuse what can't be trained before anything is begun."""
        _ = self.schedule
        whole_number("batch_size", self.batch_size, 2)

    @property
    def schedule(self) -> BetaSchedule:
        """How beta rises."""
        return BetaSchedule(self.beta_start, self.beta_end, self.n_steps, self.n_pretraining_steps)

    def with_steps(self, n_steps: int) -> "ImageSettings":
        """The same with another number of steps, and pre-training in proportion."""
        before = round(self.n_pretraining_steps * n_steps / self.n_steps)
        return replace(self, n_steps=n_steps, n_pretraining_steps=before)


PRESETS: Mapping[str, ImageSettings] = {
    # Under two minutes on two cores for a picture of 600 x 400, horizontal and vertical.
    "quick": ImageSettings(
        beta_start=1e-3,
        beta_end=2.0,
        n_steps=3_600,
        n_pretraining_steps=2_600,
        batch_size=512,
        learning_rate=8e-4,
        first_learning_rate=5e-3,
        encoder_hidden=(256,),
        embedding_dim=32,
        n_frequencies=9,
        predictor_hidden=(256, 256),
        shared_dim=64,
        n_snapshots=40,
    ),
    # The paper's own, from its Appendix A: meant for a GPU.
    "paper": ImageSettings(
        beta_start=1e-6,
        beta_end=3.0,
        n_steps=100_000,
        n_pretraining_steps=10_000,
        batch_size=2048,
        learning_rate=3e-4,
        first_learning_rate=3e-4,
        encoder_hidden=(512, 512, 512, 512, 512),
        embedding_dim=32,
        n_frequencies=9,
        predictor_hidden=(128, 128, 128),
        shared_dim=64,
    ),
}


def image_model(
    n_components: int, n_features: int, settings: ImageSettings
) -> Callable[[Array], DistributedBottleneck]:
    """From a random key to the paper's model: a shared encoder, and InfoNCE with colours."""

    def make_model(key: Array) -> DistributedBottleneck:
        key_encoder, key_predictor = jax.random.split(key)
        encoder = SharedEncoder(
            n_components,
            input_dim=n_features,
            hidden=settings.encoder_hidden,
            embedding_dim=settings.embedding_dim,
            n_frequencies=settings.n_frequencies,
            key=key_encoder,
        )
        predictor = ContrastivePredictor(
            n_components * settings.embedding_dim,
            y_dim=3,
            hidden=settings.predictor_hidden,
            batch_size=settings.batch_size,
            shared_dim=settings.shared_dim,
            # The paper looks up colours by positions, not the other way round.
            symmetric=False,
            key=key_predictor,
        )
        return DistributedBottleneck(encoder, predictor)

    return make_model


def open_picture(
    picture: Picture,
    decomposition: PositionDecomposition | None = None,
    settings: ImageSettings = PRESETS["quick"],
    *,
    seed: int = 0,
    n_seeds: int = 1,
    progress: ProgressCallback | None = None,
) -> ApproximationScheme:
    """Find the scheme of approximations of the relationship between position and colour.

    Args:
        picture: The picture.
        decomposition: How positions are split; by default into horizontal and vertical.
        settings: How to train; by default the preset "quick".
        seed: Seed of everything random.
        n_seeds: Independent repeats.
        progress: Called as the sweep goes on.

    Returns:
        A scheme whose components are those of the decomposition. Its baseline is the most that
        InfoNCE can certify, log2(batch size).

    Example:
        >>> from dataclasses import replace
        >>> import numpy as np
        >>> pixels = np.random.default_rng(0).integers(0, 255, (8, 6, 3), dtype=np.uint8)
        >>> brief = replace(PRESETS["quick"], n_steps=4, n_pretraining_steps=0, batch_size=16,
        ...                 encoder_hidden=(8,), predictor_hidden=(8,), embedding_dim=2)
        >>> open_picture(Picture("noise", pixels), settings=brief).components
        ('horizontal', 'vertical')
    """
    split = decomposition or horizontal_vertical()
    x = pixel_components(split, picture.width, picture.height, settings.batch_size)
    result = sweep(
        image_model(len(split.names), x.parts[0].shape[-1], settings),
        DistinctBatches(x, picture.colors(), settings.batch_size),
        settings.schedule,
        seed=seed,
        n_seeds=n_seeds,
        learning_rate=settings.learning_rate,
        first_learning_rate=settings.first_learning_rate,
        n_snapshots=settings.n_snapshots,
        progress=progress,
    )
    scheme = ApproximationScheme.from_sweep(
        result,
        split.names,
        baseline_entropy_bits=math.log2(settings.batch_size),
        baseline=f"InfoNCE's ceiling, log2({settings.batch_size:,})",
    )
    if len(scheme.snapshots.record) == 0:
        return scheme
    positions = _some_rows(x, picture.width * picture.height, seed)
    return scheme.with_information(
        positions, n_inputs=len(positions), n_records=N_MEASURED, seed=seed
    )


def _some_rows(x: DistinctRows, n_pixels: int, seed: int) -> NDArray[np.float32]:
    """Pixels drawn at random, `[n, component, feature]`."""
    n_drawn = min(N_POSITIONS, n_pixels)
    drawn = np.random.default_rng(seed).choice(n_pixels, n_drawn, replace=False)
    return np.asarray(x.take(drawn).rows(), np.float32)
