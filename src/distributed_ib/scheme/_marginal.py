"""Prediction without X: the marginal of Y, in the predictor's family of distributions."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
from distributed_ib.model.tilted_predictor import TiltedPredictor


def has_marginal(predictor: Any) -> bool:
    """Whether the predictor's family contains a marginal of Y.

    A predictor that compares rows has no marginal that depends on Y.
    """
    return isinstance(
        predictor,
        BernoulliPredictor | CategoricalPredictor | GaussianPredictor | TiltedPredictor,
    )


@dataclass(frozen=True)
class Marginal:
    """The marginal of Y in the training rows.

    Attributes:
        predictor: The predictor whose family it belongs to.
        y: Y of the training rows, `[n, ...]`.
        weight: Weight of each training row, `[n]`; None if all are equal.
    """

    predictor: Any
    y: NDArray[Any]
    weight: NDArray[Any] | None = None

    def losses_nats(self, y: Any) -> NDArray[np.float64]:
        """Negative log likelihood of each row, `[n]`, in nats.

        Raises:
            UserError: If the predictor's family is not known.

        Example:
            >>> import jax
            >>> predictor = BernoulliPredictor(1, hidden=(1,), key=jax.random.key(0))
            >>> marginal = Marginal(predictor, np.array([0, 1, 1, 1]))
            >>> np.exp(-marginal.losses_nats(np.array([0, 1]))).tolist()
            [0.25, 0.75]
        """
        y = np.asarray(y)
        if isinstance(self.predictor, TiltedPredictor):
            logs = np.asarray(self.predictor.marginal_logs())
            codes = y.reshape(len(y), -1)
            found = np.array([log[codes[:, k]] for k, log in enumerate(logs)], np.float64)
            return np.asarray(-found.sum(axis=0))
        if isinstance(self.predictor, BernoulliPredictor | CategoricalPredictor):
            classes, known = y.astype(np.int64), self.y.astype(np.int64)
            counts = np.bincount(known, self.weight, minlength=int(classes.max(initial=0)) + 1)
            # Half a row for classes that the training rows lack, since they are not impossible.
            shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
            return np.asarray(-np.log(shares)[classes])
        if isinstance(self.predictor, GaussianPredictor):
            known = self.y.reshape(len(self.y), -1).astype(np.float64)
            mean = np.average(known, axis=0, weights=self.weight)
            variance = np.maximum(
                np.average((known - mean) ** 2, axis=0, weights=self.weight), 1e-12
            )
            squared = (y.reshape(len(y), -1) - mean) ** 2 / variance
            return np.asarray(0.5 * (squared + np.log(2 * np.pi * variance)).sum(axis=1))
        if isinstance(self.predictor, ContrastivePredictor):
            return np.full(len(y), math.log(self.predictor.batch_size))
        raise UserError(
            f"the marginal of Y is not known for a {type(self.predictor).__name__}; train with "
            "n_starts=1 and n_resamples=0."
        )
