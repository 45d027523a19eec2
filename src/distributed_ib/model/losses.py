"""Losses: each defines its predictor, and how outputs become predictions and draws.

Code that fits a model calls methods of the loss and never tests its name, so that a new loss is
only a new class here.
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
    """How a prediction of Y is scored, and what a prediction is.

    Attributes:
        name: Name of the loss; a class variable.
        compares_rows: Whether rows are compared with each other, as in InfoNCE; a class variable.
    """

    name: ClassVar[str]
    compares_rows: ClassVar[bool] = False

    @abstractmethod
    def predictor_config(self, batch_size: int) -> dict[str, Any]:
        """Kind of the predictor and its options, except widths, as in `model_from_config`."""

    def fixed_arrays(self) -> tuple[Array, ...]:
        """Fixed arrays that describe Y, for the predictor's `with_arrays`."""
        return ()

    @abstractmethod
    def read(self, predictor: Any, outputs: Array, *extra: Array) -> Array:
        """Probabilities, `[n, ...]`, which a prediction averages over the noise.

        Args:
            predictor: A predictor of this loss.
            outputs: Its outputs for one draw of the noise.
            extra: `candidates`, for a loss that compares rows.
        """

    def draw(self, predictor: Any, outputs: Array, *extra_and_key: Array) -> Array:
        """Index of one outcome from each predicted distribution; the last argument is a key."""
        raise NotImplementedError(f"the loss {self.name!r} has no draws.")

    def usual_batch_size(self, size: int, n_rows: int) -> int:
        """The default batch size of this loss, where `size` is the usual one."""
        del n_rows
        return size


@dataclass(frozen=True)
class TiltedLoss(Loss):
    """Log likelihood of classes, or of the bins of numbers, around their marginal.

    Attributes:
        share: Share of the training rows in every bin, for each entry of Y.
        tilts: Functions by which the share may be tilted, `[bin][tilt]`, for each entry of Y.
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
        similarity: Measure of similarity of points; see `ContrastivePredictor`.
        temperature: Divisor of the similarities.
        symmetric: Whether to also identify X by Y.
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
        """Index of one of the candidates for each row, `[n]`."""
        candidates, key = extra_and_key
        probabilities = predictor.probabilities(outputs, candidates)
        return jax.random.categorical(key, jnp.log(probabilities), axis=-1)

    def usual_batch_size(self, size: int, n_rows: int) -> int:
        """At most a quarter of the rows.

        In a batch that contains a row twice, a correct Y counts as a wrong one.
        """
        return min(size, max(2, n_rows // 4))
