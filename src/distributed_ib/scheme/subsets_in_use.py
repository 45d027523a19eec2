"""Which components are in use along a sweep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Subset:
    """A stretch of the sweep during which the same components are in use.

    Attributes:
        components: Names of the components above the threshold, in the order of the data.
        beta_low: Bottleneck strength at which the stretch begins.
        beta_high: Bottleneck strength at which it ends and the next stretch begins.
        total_bits: Total of what all components convey, median over the stretch; information or
            KL, as requested.
        predictive_bits: Information about Y, median over the stretch; on held-out rows if there
            are any.
    """

    components: tuple[str, ...]
    beta_low: float
    beta_high: float
    total_bits: float
    predictive_bits: float


def subsets_in_use(
    beta: NDArray[np.float64],
    information_bits: NDArray[np.float64],
    predictive_bits: NDArray[np.float64],
    components: tuple[str, ...],
    threshold_bits: float = 0.1,
) -> list[Subset]:
    """Divide a sweep into stretches with the same components in use.

    Args:
        beta: `[step]`, in ascending order.
        information_bits: What each component conveys, `[step, component]`.
        predictive_bits: What is known about Y, `[step]`.
        components: Names, in the order of `information_bits`.
        threshold_bits: A component is in use if it conveys more than this.

    Returns:
        The stretches in order of beta. They meet at the geometric mean of neighbouring records.

    Example:
        >>> found = subsets_in_use(np.array([0.1, 0.2, 0.4]), np.array([[1, 1], [1, 0], [1, 0.0]]),
        ...                        np.array([1.0, 0.5, 0.5]), ("a", "b"))
        >>> [(s.components, round(s.beta_low, 3), round(s.beta_high, 3)) for s in found]
        [(('a', 'b'), 0.1, 0.141), (('a',), 0.141, 0.4)]
    """
    in_use = information_bits > threshold_bits
    if len(beta) == 0:
        return []
    changes = np.flatnonzero(np.any(in_use[1:] != in_use[:-1], axis=1)) + 1
    starts, stops = [0, *changes.tolist()], [*changes.tolist(), len(beta)]
    total_bits = information_bits.sum(axis=1)
    return [
        Subset(
            components=tuple(np.asarray(components, object)[in_use[start]].tolist()),
            beta_low=_join(beta, start),
            beta_high=_join(beta, stop),
            total_bits=float(np.median(total_bits[start:stop])),
            predictive_bits=float(np.median(predictive_bits[start:stop])),
        )
        for start, stop in zip(starts, stops, strict=True)
    ]


def _join(beta: NDArray[np.float64], index: int) -> float:
    """Beta at which the record `index` begins: halfway, in log beta, from the previous record."""
    if index == 0:
        return float(beta[0])
    if index == len(beta):
        return float(beta[-1])
    return float(np.sqrt(beta[index - 1] * beta[index]))
