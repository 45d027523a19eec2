"""The best of many solutions at every bottleneck strength: their lower envelope."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Envelope:
    """The best solution at each beta, including the one that conveys nothing.

    Attributes:
        beta: Bottleneck strengths, `[b]`.
        index: Number of the best solution, `[b]`; -1 if none is better than conveying nothing.
        objective_bits: Its objective, `[b]`, at most 0.
        total_bits: Information that it conveys about X, `[b]`.
        predictive_bits: Information that it has about Y, `[b]`.
    """

    beta: FloatArray
    index: NDArray[np.intp]
    objective_bits: FloatArray
    total_bits: FloatArray
    predictive_bits: FloatArray


def lower_envelope(beta: ArrayLike, total_bits: ArrayLike, predictive_bits: ArrayLike) -> Envelope:
    """The minimum of `beta * total - predictive` over all solutions, at every beta.

    A solution found at one beta is a solution at every other: its objective is a straight line in
    beta. A sweep lags behind its beta, so the best at a beta is often found earlier or later.

    Args:
        beta: Bottleneck strengths at which to compare, `[b]` or a number.
        total_bits: sum_i I(U_i; X_i) of each solution, `[solution]`.
        predictive_bits: I(U; Y) of each solution, `[solution]`.

    Returns:
        The envelope.

    Raises:
        UserError: If the two differ in length or a number is not finite.

    >>> best = lower_envelope([0.1, 0.4, 2.0], [2.0, 1.0], [1.0, 0.8])
    >>> best.index.tolist(), best.objective_bits.round(3).tolist()
    ([0, 1, -1], [-0.8, -0.4, 0.0])
    """
    strengths = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    total = np.asarray(total_bits, dtype=np.float64)
    predictive = np.asarray(predictive_bits, dtype=np.float64)
    if total.ndim != 1 or total.shape != predictive.shape or strengths.ndim != 1:
        raise UserError(
            f"An envelope needs as many totals as predictions; got shapes {total.shape} and "
            f"{predictive.shape}."
        )
    if not all(np.all(np.isfinite(values)) for values in (strengths, total, predictive)):
        raise UserError("An envelope needs finite numbers.")
    total, predictive = np.append(total, 0.0), np.append(predictive, 0.0)
    lines = strengths[:, None] * total - predictive
    best = np.argmin(lines, axis=1)
    return Envelope(
        beta=strengths,
        index=np.where(best == len(total) - 1, -1, best),
        objective_bits=lines[np.arange(len(strengths)), best],
        total_bits=total[best],
        predictive_bits=predictive[best],
    )
