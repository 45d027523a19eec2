"""The study of one pattern by the Distributed or the standard Information Bottleneck."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from distributed_ib._checks import whole_number
from distributed_ib.data.problem import Problem
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import SeparateEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.studies.patterns.pattern_batches import as_components, pattern_batches
from distributed_ib.studies.patterns.pattern_library import HALF_SIDE, Pattern, pattern_named
from distributed_ib.studies.patterns.pattern_view import pattern_view
from distributed_ib.study.run import Run
from distributed_ib.study.study import Study
from distributed_ib.training.train_settings import TrainSettings

ENTROPY_BITS = 1.0


class Method(StrEnum):
    """Kind of bottleneck: a channel for each coordinate, or one for the whole position."""

    distributed = "distributed"
    standard = "standard"

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components, each with its own channel."""
        if self is Method.distributed:
            return ("horizontal", "vertical")
        return ("position",)


# Shows what the paper shows, in a fraction of its time. The bounds of the information differ by
# 1.44 * 2^I / 1024 bits: 0.003 bit at 1 bit, 0.09 bit at 6.
QUICK = TrainSettings(
    beta=(2e-3, 2.0),
    n_steps=7_500,
    n_pretraining_steps=0,
    batch_size=512,
    learning_rate=1e-3,
    n_snapshots=40,
    n_information_inputs=1024,
    n_information_records=None,
)


@dataclass(frozen=True)
class PatternStudy(Study):
    """How informative is each coordinate of a position about a binary pattern?

    Positions are drawn afresh at every step. For a custom pattern, which must be 1 on half of the
    square, inherit and override `drawn`.

    Attributes:
        pattern: Name of one of `PATTERNS`.
        method: The Distributed Information Bottleneck, on the horizontal and the vertical position,
            or the standard one, on the whole position.
        hidden: Widths of the layers of ReLU units, of every encoder and of the predictor.
        n_frequencies: Sines of the positional encoding of each coordinate. The highest of the
            paper's nine resolve details finer than in any pattern here, and make curved borders
            slow to learn.
        embedding_dim: Dimension of all embeddings together, divided evenly; an even number.
        train: How the sweep is trained.

    Example:
        >>> brief = TrainSettings(n_steps=4, n_pretraining_steps=0, batch_size=16)
        >>> PatternStudy(pattern="circle", hidden=(8,), train=brief).fit().components
        ('horizontal', 'vertical')
    """

    name: ClassVar[str] = "pattern"

    pattern: str = "halves"
    method: Method = Method.distributed
    hidden: tuple[int, ...] = (64, 64, 64)
    n_frequencies: int = 6
    embedding_dim: int = 8
    train: TrainSettings = QUICK

    def drawn(self) -> Pattern:
        """The pattern itself."""
        return pattern_named(self.pattern)

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components, each with its own channel."""
        return Method(self.method).components

    def check(self) -> None:
        """Check that pattern and method exist, and that embeddings can be divided."""
        self.drawn()
        if self.method not in list(Method):
            raise UserError(f"there is no method {self.method!r}; choose {' or '.join(Method)}.")
        whole_number("embedding_dim", self.embedding_dim, 2)
        if self.embedding_dim % 2:
            raise UserError(
                "embedding_dim must be even, because it is divided between two channels; got "
                f"{self.embedding_dim}."
            )
        # The findings include the information that the channels transmit.
        whole_number("n_information_inputs", self.train.n_information_inputs, 2)

    def page_views(self, run: Run) -> Sequence[Mapping[str, Any]]:
        """The pattern as each approximation reproduces it."""
        return (pattern_view(run.scheme, self.drawn()),) if len(run.scheme.snapshots.record) else ()

    def problem(self, seed: int) -> Problem:
        """Positions drawn uniformly from the square, and their Y."""
        pattern, names = self.drawn(), self.components
        shape = (self.train.n_information_inputs, 2)
        position = np.random.default_rng(seed).uniform(-HALF_SIDE, HALF_SIDE, shape)
        position = position.astype(np.float32)
        return Problem.fresh(
            lambda batch_size: pattern_batches(pattern, batch_size, len(names)),
            (
                as_components(position, len(names)),
                np.asarray(pattern.function(jnp.asarray(position))),
            ),
            names,
            entropy_bits=ENTROPY_BITS,
        )

    def model(self, key: Array) -> DistributedBottleneck:
        """Encoders and a predictor of the same depth and width, for both methods."""
        n_components = len(self.components)
        key_encoder, key_predictor = jax.random.split(key)
        encoder = SeparateEncoder(
            n_components,
            input_dim=2 // n_components,
            hidden=self.hidden,
            embedding_dim=self.embedding_dim // n_components,
            n_frequencies=self.n_frequencies,
            key=key_encoder,
        )
        predictor = BernoulliPredictor(self.embedding_dim, hidden=self.hidden, key=key_predictor)
        return DistributedBottleneck(encoder, predictor)

    def title(self) -> str:
        """The pattern and the method."""
        return f"Pattern {self.drawn().name}, {self.method} bottleneck"
