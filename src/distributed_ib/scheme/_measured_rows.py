"""Rows on which frozen models are measured, by what the rows are for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.data.problem import Division, Split
from distributed_ib.scheme._marginal import Marginal
from distributed_ib.scheme._noise import RowLosses, row_losses

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeasuredRows:
    """Rows on which models are measured.

    Attributes:
        x: Inputs as the encoder takes them.
        y: Y as the predictor takes it, `[n, ...]`.
        weight: How much each row counts, `[n]`; None if all count the same.
        groups: A label for each row, `[n]`, where they come in groups.
        marginal: Loss of each row for someone who knows nothing of X, in nats, `[n]`.
    """

    x: Any
    y: NDArray[Any]
    weight: NDArray[Any] | None
    groups: NDArray[Any] | None
    marginal: FloatArray

    @classmethod
    def of(cls, split: Split, which: NDArray[np.int64], marginal: Marginal) -> "MeasuredRows":
        """Some rows of a problem."""
        groups = getattr(split.problem.splitter, "groups", None)
        x, y, weight = split.problem.rows(which)
        return cls(
            x.rows() if lists_values(x) else x,
            np.asarray(y),
            weight,
            None if groups is None else np.asarray(groups)[which],
            marginal.losses_nats(y),
        )

    def losses(self, models: Sequence[Any], n_draws: int) -> RowLosses:
        """What models lose on these rows."""
        return row_losses(models, self.x, self.y, n_samples=n_draws)

    def mean(self, values: FloatArray) -> FloatArray:
        """Weighted mean over the rows, which are the second axis of `[model, n, ...]`."""
        return np.asarray(np.average(values, axis=1, weights=self.weight))


@dataclass(frozen=True, eq=False)
class Roles:
    """The rows of a split by what they are for.

    Attributes:
        train: Rows that each resample trains on.
        validation: Rows that choose among its models.
        test: Rows on which the chosen ones report; None if there are none.
    """

    train: tuple[MeasuredRows, ...]
    validation: tuple[MeasuredRows, ...]
    test: MeasuredRows | None

    @property
    def baseline_bits(self) -> float:
        """Loss of someone who knows nothing of X, averaged over the training rows of resamples."""
        means = [np.average(part.marginal, weights=part.weight) for part in self.train]
        return float(nats_to_bits(np.mean(means)))

    @classmethod
    def of(cls, split: Split, division: Division, predictor: Any) -> "Roles":
        """Measure against the marginal of all training rows."""
        _, y, weight = split.problem.rows(split.train)
        marginal = Marginal(predictor, np.asarray(y), weight)

        def rows(which: NDArray[np.int64]) -> MeasuredRows:
            return MeasuredRows.of(split, which, marginal)

        return cls(
            tuple(map(rows, division.train)),
            tuple(map(rows, division.validation)),
            rows(division.test) if len(division.test) else None,
        )
