"""Sweeps over a binary pattern: the Distributed and the standard Information Bottleneck."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import jax
import numpy as np
from jax import Array

from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import SeparateEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.patterns.pattern_batches import as_components, pattern_batches
from distributed_ib.studies.patterns.pattern_library import HALF_SIDE, Pattern
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

ENTROPY_BITS = 1.0
# The bounds of the information part by 1.44 * 2^I / n bits: 0.003 bit at 1 bit, 0.09 bit at 6.
N_POSITIONS = 1024


class Method(StrEnum):
    """How a position is let through the bottleneck."""

    distributed = "distributed"
    standard = "standard"

    @property
    def components(self) -> tuple[str, ...]:
        """Names of what has a channel of its own."""
        if self is Method.distributed:
            return ("horizontal", "vertical")
        return ("position",)


@dataclass(frozen=True)
class PatternSettings:
    """How a pattern is analysed, the same for both methods.

    Attributes:
        beta_start: Bottleneck strength at the start.
        beta_end: Strength at the end.
        n_steps: Training steps while beta rises; there is no pre-training.
        batch_size: Positions drawn at every step.
        learning_rate: Adam's.
        hidden: Widths of the layers of ReLU units, of every encoder and of the predictor.
        n_frequencies: Sines of the positional encoding of each coordinate.
        embedding_dim: Dimensions of all embeddings together, shared out evenly; an even number.
        n_snapshots: Models kept along the sweep.
    """

    beta_start: float
    beta_end: float
    n_steps: int
    batch_size: int
    learning_rate: float
    hidden: tuple[int, ...]
    n_frequencies: int
    embedding_dim: int = 8
    n_snapshots: int = 40

    def __post_init__(self) -> None:
        """Refuse a schedule that can't be walked before anything is begun."""
        _ = self.schedule

    @property
    def schedule(self) -> BetaSchedule:
        """How beta rises."""
        return BetaSchedule(
            self.beta_start, self.beta_end, n_steps=self.n_steps, n_pretraining_steps=0
        )


PRESETS: Mapping[str, PatternSettings] = {
    # What the paper shows, in a small part of its time. The highest frequencies of the paper's
    # encoding tell positions apart that no pattern here does, and make curved borders slow to
    # learn.
    "quick": PatternSettings(
        beta_start=2e-3,
        beta_end=2.0,
        n_steps=7_500,
        batch_size=512,
        learning_rate=1e-3,
        hidden=(64, 64, 64),
        n_frequencies=6,
    ),
    # The paper's own, from its Appendix B.
    "paper": PatternSettings(
        beta_start=3e-4,
        beta_end=3.0,
        n_steps=50_000,
        batch_size=1024,
        learning_rate=3e-4,
        hidden=(128, 128, 128),
        n_frequencies=9,
    ),
}


def pattern_model(
    method: Method, settings: PatternSettings
) -> Callable[[Array], DistributedBottleneck]:
    """From a random key to a model: encoders and predictor alike in depth and width."""
    n_components = len(method.components)

    def make_model(key: Array) -> DistributedBottleneck:
        key_encoder, key_predictor = jax.random.split(key)
        encoder = SeparateEncoder(
            n_components,
            input_dim=2 // n_components,
            hidden=settings.hidden,
            embedding_dim=settings.embedding_dim // n_components,
            n_frequencies=settings.n_frequencies,
            key=key_encoder,
        )
        predictor = BernoulliPredictor(
            settings.embedding_dim, hidden=settings.hidden, key=key_predictor
        )
        return DistributedBottleneck(encoder, predictor)

    return make_model


def sweep_pattern(
    pattern: Pattern,
    method: Method = Method.distributed,
    settings: PatternSettings = PRESETS["quick"],
    *,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> ApproximationScheme:
    """Find the scheme of approximations of a pattern, from positions drawn afresh at every step.

    Args:
        pattern: One of `PATTERNS`, or one of your own with half of the square at 1.
        method: The Distributed Information Bottleneck, on the horizontal and the vertical
            position, or the standard one, on the whole position.
        settings: How to train; by default the preset "quick".
        seed: Seed of everything random.
        progress: Called as the sweep goes on.

    Returns:
        A scheme with the components `method.components`, and the information of each.
    """
    n_components = len(method.components)
    result = sweep(
        pattern_model(method, settings),
        pattern_batches(pattern, settings.batch_size, n_components),
        settings.schedule,
        seed=seed,
        learning_rate=settings.learning_rate,
        n_snapshots=settings.n_snapshots,
        progress=progress,
    )
    scheme = ApproximationScheme.from_sweep(
        result, method.components, baseline_entropy_bits=ENTROPY_BITS, baseline="H(Y)"
    )
    if len(scheme.snapshots.record) == 0:  # interrupted before its first record
        return scheme
    position = np.random.default_rng(seed).uniform(-HALF_SIDE, HALF_SIDE, (N_POSITIONS, 2))
    x = as_components(position.astype(np.float32), n_components)
    return scheme.with_information(x, n_inputs=N_POSITIONS, n_records=None, seed=seed)
