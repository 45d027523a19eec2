"""Rows on which frozen models are measured, by role."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from distributed_ib._jax_threads import map_in_threads
from distributed_ib._units import nats_to_bits
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.data.problem import Division, Split
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.tilted_predictor import TiltedPredictor
from distributed_ib.scheme._marginal import Marginal
from distributed_ib.scheme._noise import BLOCK_ROWS, mean_over_noise, read_probabilities
from distributed_ib.scheme._row_losses import RowLosses, row_losses

FloatArray = NDArray[np.float64]
Given = TypeVar("Given")
Made = TypeVar("Made")
# Single draws of the noise for each training or validation row: fewer if there are many rows.
FEW_ROWS, SINGLE_OF_FEW, SINGLE_OF_MANY = 1000, 8, 2


@dataclass(frozen=True, eq=False)
class MeasuredRows:
    """Rows on which models are measured.

    Attributes:
        x: Inputs as the encoder takes them.
        y: Y as the predictor takes it, `[n, ...]`.
        weight: Weight of each row, `[n]`; None if all are equal.
        groups: A label for each row, `[n]`, if rows form groups.
        marginal: Loss of each row without X, in nats, `[n]`.
    """

    x: Any
    y: NDArray[Any]
    weight: NDArray[Any] | None
    groups: NDArray[Any] | None
    marginal: FloatArray

    @classmethod
    def of(cls, split: Split, which: NDArray[np.int64], marginal: Marginal) -> "MeasuredRows":
        """Some rows of a problem."""
        groups = split.problem.row_groups
        x, y, weight = split.problem.rows(which)
        return cls(
            x.rows() if lists_values(x) else x,
            np.asarray(y),
            weight,
            None if groups is None else groups[which],
            marginal.losses_nats(y),
        )

    def losses(self, models: Sequence[Any], n_draws: int, n_single: int = 8) -> RowLosses:
        """Losses of models on these rows; see `row_losses`."""
        return row_losses(models, self.x, self.y, n_samples=n_draws, n_single=n_single)

    def losses_of_predictions(
        self, models: Sequence[Any], losses: RowLosses, n_draws: int
    ) -> FloatArray:
        """Loss of predictions as made by `predict`, averaged and sharpened, in nats, `[n]`.

        Args:
            models: The models whose predictions are averaged.
            losses: Result of `losses` for them, with the same number of draws.
            n_draws: Draws of the noise.
        """
        predictor = models[0].predictor
        if not (isinstance(predictor, TiltedPredictor) and predictor.is_sharpened):
            return losses.of_all
        found = mean_over_noise(models, self.x, read_probabilities, n_samples=n_draws, seed=0)
        return self.losses_of_probabilities(found)

    def losses_of_probabilities(self, probabilities: FloatArray) -> FloatArray:
        """Negative logarithm of the probability of each row's class, in nats, `[n]`."""
        chances = probabilities[np.arange(len(probabilities)), np.asarray(self.y, np.int64)]
        return np.asarray(-np.log(np.maximum(chances, np.finfo(np.float64).tiny)))

    def part(self, places: NDArray[np.int64]) -> "MeasuredRows":
        """Some of the rows, by index."""

        def take(values: Any) -> Any:
            return None if values is None else values[places]

        return MeasuredRows(
            jax.tree.map(take, self.x),
            self.y[places],
            take(self.weight),
            take(self.groups),
            self.marginal[places],
        )

    def mean(self, values: FloatArray) -> FloatArray:
        """Weighted mean over the rows, the second axis of `[model, n, ...]`."""
        return np.asarray(np.average(values, axis=1, weights=self.weight))


class DevelopmentLosses(NamedTuple):
    """Losses of some members on training and validation rows, as lists over members.

    Attributes:
        train: Losses of each member on the rows on which it was trained.
        validation: Losses of each member on the validation rows of its resample.
    """

    train: list[RowLosses]
    validation: list[RowLosses]


@dataclass(frozen=True, eq=False)
class Roles:
    """The rows of a split by role.

    Attributes:
        development: Training and validation rows.
        train_places: Training rows of each resample, as indices into `development`.
        validation_places: Validation rows of each resample, as indices into `development`.
        test: Test rows, on which the chosen models are evaluated; None if there are none.
    """

    development: MeasuredRows
    train_places: tuple[NDArray[np.int64], ...]
    validation_places: tuple[NDArray[np.int64], ...]
    test: MeasuredRows | None

    @classmethod
    def of(cls, split: Split, division: Division, predictor: Any) -> "Roles":
        """The rows of a split, measured against the marginal of all training rows."""
        _, y, weight = split.problem.rows(split.train)
        marginal = Marginal(predictor, np.asarray(y), weight)
        both = [*division.train, *division.validation]
        development = np.unique(np.concatenate(both))

        def places(parts: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], ...]:
            return tuple(np.searchsorted(development, part) for part in parts)

        return cls(
            MeasuredRows.of(split, development, marginal),
            places(division.train),
            places(division.validation),
            MeasuredRows.of(split, division.test, marginal) if len(division.test) else None,
        )

    @cached_property
    def train(self) -> tuple[MeasuredRows, ...]:
        """The training rows of each resample."""
        return tuple(map(self.development.part, self.train_places))

    @cached_property
    def validation(self) -> tuple[MeasuredRows, ...]:
        """The validation rows of each resample."""
        return tuple(map(self.development.part, self.validation_places))

    @cached_property
    def choosing_places(self) -> NDArray[np.int64]:
        """Validation rows of any resample, as indices into `development`."""
        return np.unique(np.concatenate(self.validation_places))

    @property
    def baseline_bits(self) -> float:
        """Loss without X, averaged over the training rows of the resamples."""
        means = [np.average(part.marginal, weights=part.weight) for part in self.train]
        return float(nats_to_bits(np.mean(means)))

    def for_each(self, function: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
        """Results of a function that measures models on these rows, for each item in order.

        Items are processed in parallel, unless there are so many rows that their blocks are.
        """
        if len(self.development.marginal) > BLOCK_ROWS:
            return [function(item) for item in given]
        return map_in_threads(function, given)

    def losses(
        self, models: Sequence[Any], resamples: Sequence[int], n_draws: int
    ) -> DevelopmentLosses:
        """Losses of models on the training and validation rows of their resamples.

        Args:
            models: The models.
            resamples: The resample of each model.
            n_draws: Draws over which predictions are averaged; 0 for single draws only.
        """
        few = len(self.development.marginal) <= FEW_ROWS
        n_single = SINGLE_OF_FEW if few else SINGLE_OF_MANY
        if isinstance(models[0].predictor, ContrastivePredictor):
            # Rows are compared with each other, so each set of rows is measured separately.
            pairs = list(zip(models, resamples, strict=True))
            return DevelopmentLosses(
                [self.train[k].losses([model], n_draws, n_single) for model, k in pairs],
                [self.validation[k].losses([model], n_draws, n_single) for model, k in pairs],
            )
        everything = self.development.losses(models, n_draws, n_single)
        return DevelopmentLosses(
            [everything.part(m, self.train_places[k]) for m, k in enumerate(resamples)],
            [everything.part(m, self.validation_places[k]) for m, k in enumerate(resamples)],
        )
