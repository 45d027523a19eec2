"""Losses: each knows its predictor, and how the predictor's outputs become predictions and draws.

Whoever fits a model asks the loss and never its name, so that a new one is a class here and no
branch anywhere else.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from distributed_ib.model._similarity import Similarity
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.tilted_predictor import TiltedPredictor, marginal_arrays


@dataclass(frozen=True)
class Loss(ABC):
    """How the prediction of Y is judged, and what a prediction is.

    Attributes:
        name: Name of the loss; a class variable.
        compares_rows: Whether rows are judged against each other, as by InfoNCE; a class variable.
    """

    name: ClassVar[str]
    compares_rows: ClassVar[bool] = False

    @abstractmethod
    def predictor_config(self, batch_size: int) -> dict[str, Any]:
        """Kind of the predictor and its options besides widths, as `model_from_config` has them."""

    def fixed_arrays(self) -> tuple[Array, ...]:
        """What predictors of this loss know of Y before any training: for `with_arrays`."""
        return ()

    @abstractmethod
    def read(self, predictor: Any, outputs: Array, *extra: Array) -> Array:
        """What a prediction averages over the noise: probabilities, `[n, ...]`.

        Args:
            predictor: A predictor of this loss.
            outputs: What it gave for one draw of the noise.
            extra: `candidates`, for a loss that compares rows.
        """

    def draw(self, predictor: Any, outputs: Array, *extra_and_key: Array) -> Array:
        """The number of one outcome from each predicted distribution; a random key comes last."""
        raise NotImplementedError(f"the loss {self.name!r} has no draws.")

    def usual_batch_size(self, size: int, n_rows: int) -> int:
        """The size of a batch where the user names none and `size` is usual."""
        del n_rows
        return size


@dataclass(frozen=True)
class TiltedLoss(Loss):
    """Log likelihood of classes, or of the bins of numbers, around their marginal.

    Attributes:
        share: Share of the training rows in every bin, for each entry of Y.
        tilts: Functions by which it may be tilted, `[bin][tilt]`, for each entry of Y.
        is_vector: Whether Y is given as `[n, entry]`.
    """

    name: ClassVar[str] = "density"
    share: tuple[tuple[float, ...], ...]
    tilts: tuple[tuple[tuple[float, ...], ...], ...]
    is_vector: bool = False

    def predictor_config(self, batch_size: int) -> dict[str, Any]:
        """A tilted predictor."""
        return {
            "kind": "tilted",
            "n_bins": [len(part) for part in self.share],
            "n_tilts": [len(part[0]) for part in self.tilts],
            "is_vector": self.is_vector,
        }

    def fixed_arrays(self) -> tuple[Array, ...]:
        """The marginal, and the functions by which it may be tilted."""
        return tuple(map(jnp.asarray, marginal_arrays(self.share, self.tilts)))

    def read(self, predictor: TiltedPredictor, outputs: Array, *extra: Array) -> Array:
        """Probability of each bin, `[n, bin]` or `[n, entry, bin]`."""
        return predictor.probabilities(outputs)

    def draw(self, predictor: TiltedPredictor, outputs: Array, *extra_and_key: Array) -> Array:
        """One bin from each distribution, `[n, entry]`."""
        return jax.random.categorical(extra_and_key[-1], outputs, axis=-1)


@dataclass(frozen=True)
class ContrastiveLoss(Loss):
    """InfoNCE: which of the Ys of a batch belongs to which row.

    Attributes:
        y_dim: Entries of Y.
        similarity: How alike points are; see `ContrastivePredictor`.
        temperature: What similarities are divided by.
        symmetric: Whether to look up X by Y too.
    """

    name: ClassVar[str] = "infonce"
    compares_rows: ClassVar[bool] = True
    y_dim: int = 1
    similarity: Similarity = "euclidean"
    temperature: float = 1.0
    symmetric: bool = True

    def predictor_config(self, batch_size: int) -> dict[str, Any]:
        """A contrastive predictor."""
        return {
            "kind": "contrastive",
            "y_dim": self.y_dim,
            "batch_size": batch_size,
            "similarity": self.similarity,
            "temperature": self.temperature,
            "symmetric": self.symmetric,
        }

    def read(self, predictor: ContrastivePredictor, outputs: Array, *extra: Array) -> Array:
        """Probability of each candidate, `[n, candidate]`."""
        (candidates,) = extra
        return predictor.probabilities(outputs, candidates)

    def draw(self, predictor: ContrastivePredictor, outputs: Array, *extra_and_key: Array) -> Array:
        """One of the candidates for each row, by number, `[n]`."""
        candidates, key = extra_and_key
        probabilities = predictor.probabilities(outputs, candidates)
        return jax.random.categorical(key, jnp.log(probabilities), axis=-1)

    def usual_batch_size(self, size: int, n_rows: int) -> int:
        """A quarter of the rows at most.

        A batch that holds a row twice has a wrong Y that is right.
        """
        return min(size, max(2, n_rows // 4))
