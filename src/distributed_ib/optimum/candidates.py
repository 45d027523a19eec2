"""The result of a refinement: candidates at every bottleneck strength."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.optimum.envelope import Envelope, lower_envelope

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """The result of a refinement: several candidates at every beta.

    Attributes:
        beta: Bottleneck strength at which each was trained, `[candidate]`.
        start: Number of the subset with which each started, `[candidate]`.
        channels: For each component p(u_i|x_i), `[candidate, x_i, u_i]`; rows sum to one.
        information_bits: I(U_i; X_i), exact for the values' frequencies, `[candidate, component]`.
        prediction_error_bits: Error of the learned predictor on the validation data, or on the
            training data if there is none, `[candidate]`.
        baseline_bits: The prediction error without knowledge of X.
        params: Trainable arrays of the predictors, each `[candidate, ..]`.
        static: The predictor without them; `equinox.combine` combines the two. Its input is the
            one-hot symbols of all components, padded to the largest number of values.
    """

    beta: FloatArray
    start: NDArray[np.intp]
    channels: tuple[FloatArray, ...]
    information_bits: FloatArray
    prediction_error_bits: FloatArray
    baseline_bits: float
    params: Any
    static: Any

    @property
    def total_bits(self) -> FloatArray:
        """Information conveyed by all components together, `[candidate]`."""
        return self.information_bits.sum(axis=1)

    @property
    def predictive_bits(self) -> FloatArray:
        """Information about Y that the learned predictor has, `[candidate]`."""
        return self.baseline_bits - self.prediction_error_bits

    def envelope(self, beta: ArrayLike, predictive_bits: ArrayLike | None = None) -> Envelope:
        """The best candidate at every beta.

        Args:
            beta: Bottleneck strengths, `[b]` or a number.
            predictive_bits: I(U; Y) of each candidate, if it is known more exactly than from the
                learned predictor (`channel_terms`).
        """
        known = self.predictive_bits if predictive_bits is None else predictive_bits
        return lower_envelope(beta, self.total_bits, known)


def joined(first: Candidates, second: Candidates) -> Candidates:
    """The candidates of both, concatenated."""

    def both(one: Any, other: Any) -> Any:
        return np.concatenate([np.asarray(one), np.asarray(other)])

    return replace(
        first,
        beta=both(first.beta, second.beta),
        start=both(first.start, second.start),
        channels=tuple(both(a, b) for a, b in zip(first.channels, second.channels, strict=True)),
        information_bits=both(first.information_bits, second.information_bits),
        prediction_error_bits=both(first.prediction_error_bits, second.prediction_error_bits),
        params=jax.tree.map(both, first.params, second.params),
    )


def subsets_of(names: Sequence[str], used: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """Subsets by name as rows for `refine`, `[subset, component]`; empty subsets are omitted.

    >>> subsets_of(["a", "b"], [["a", "b"], ["b"], []]).tolist()
    [[True, True], [False, True]]
    """
    rows = [[name in subset for name in names] for subset in used if len(subset)]
    return np.array(rows, dtype=bool).reshape(len(rows), len(names))
