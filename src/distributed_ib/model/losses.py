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
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.model.predictors import CategoricalPredictor

# A record of few held-out rows with one draw of the noise each scatters too much to be read, or to
# choose by.
_WANTED_DRAWS, _MOST_DRAWS = 2048, 16


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

    @abstractmethod
    def read(self, predictor: Any, outputs: Array, *extra: Array) -> Array:
        """What a prediction averages over the noise: probabilities or means, `[n, ...]`.

        Args:
            predictor: A predictor of this loss.
            outputs: What it gave for one draw of the noise.
            extra: `candidates`, for a loss that compares rows.
        """

    def draw(self, predictor: Any, outputs: Array, *extra_and_key: Array) -> Array:
        """One Y from each predicted distribution, `[n, d]`; the last argument is a random key."""
        raise NotImplementedError(f"the loss {self.name!r} has no draws.")

    def usual_batch_size(self, size: int, n_rows: int) -> int:
        """The size of a batch where the user names none and `size` is usual."""
        del n_rows
        return size

    def n_noise_draws(self, n_rows: int) -> int:
        """How often to measure each held-out row at a record, each time with noise of its own."""
        return max(1, min(_MOST_DRAWS, _WANTED_DRAWS // n_rows))


@dataclass(frozen=True)
class ClassLoss(Loss):
    """Cross entropy of classes.

    Attributes:
        n_classes: Classes of Y.
    """

    name: ClassVar[str] = "classes"
    n_classes: int

    def predictor_config(self, batch_size: int) -> dict[str, Any]:
        """A categorical predictor."""
        return {"kind": "categorical", "n_classes": self.n_classes}

    def read(self, predictor: CategoricalPredictor, outputs: Array, *extra: Array) -> Array:
        """Probability of each class, `[n, class]`."""
        return predictor.probabilities(outputs)


@dataclass(frozen=True)
class GaussianLoss(Loss):
    """Negative log likelihood of a Gaussian whose mean and width both follow X.

    Attributes:
        output_dim: Entries of Y; None for plain numbers `[n]`.
    """

    name: ClassVar[str] = "gaussian"
    output_dim: int | None = None

    def predictor_config(self, batch_size: int) -> dict[str, Any]:
        """A Gaussian predictor."""
        return {"kind": "gaussian", "output_dim": self.output_dim}

    def read(self, predictor: GaussianPredictor, outputs: Array, *extra: Array) -> Array:
        """Mean of Y, `[n, d]`."""
        return predictor.mean(outputs)

    def draw(self, predictor: GaussianPredictor, outputs: Array, *extra_and_key: Array) -> Array:
        """One Y from each Gaussian, `[n, d]`."""
        return predictor.draw(outputs, key=extra_and_key[-1])


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
        """Mean of the candidates, each as likely as it is, `[n, d]`."""
        (candidates,) = extra
        # Not the device's usual precision: predictions are in the user's units.
        return jnp.matmul(
            predictor.probabilities(outputs, candidates), candidates, precision="highest"
        )

    def draw(self, predictor: ContrastivePredictor, outputs: Array, *extra_and_key: Array) -> Array:
        """One of the candidates for each row, `[n, d]`."""
        candidates, key = extra_and_key
        probabilities = predictor.probabilities(outputs, candidates)
        return candidates[jax.random.categorical(key, jnp.log(probabilities), axis=-1)]

    def usual_batch_size(self, size: int, n_rows: int) -> int:
        """A quarter of the rows at most.

        A batch that holds a row twice has a wrong Y that is right.
        """
        return min(size, max(2, n_rows // 4))

    def n_noise_draws(self, n_rows: int) -> int:
        """One, since a copy of a row would be a wrong Y that is right."""
        return 1
