"""Summaries over the repeats of a sweep: which subsets recur, and the best approximations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme.subsets_in_use import Subset

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SubsetFrequency:
    """A subset of components and how many of the repeats found it.

    Attributes:
        components: Names of the components in use, in the order of the data.
        n_found: Number of repeats that used this subset somewhere along the sweep.
        n_repeats: Number of all repeats.
        beta_low: Beta at which it came into use, median over the repeats that found it.
        beta_high: Beta at which it went out of use, median.
        total_bits: Total of what all components conveyed, median.
        predictive_bits: What was known about Y, median; on held-out rows if there are any.
    """

    components: tuple[str, ...]
    n_found: int
    n_repeats: int
    beta_low: float
    beta_high: float
    total_bits: float
    predictive_bits: float

    @property
    def frequency(self) -> float:
        """Share of the repeats that found it."""
        return self.n_found / self.n_repeats


@dataclass(frozen=True)
class Frontier:
    """The best approximations of all repeats: no other knows more about Y for as few bits about X.

    Attributes:
        total_bits: Total of what all components convey, in ascending order, `[point]`.
        predictive_bits: What is known about Y, in ascending order, `[point]`.
        beta: Bottleneck strength, `[point]`.
        seed: The repeat of each point, `[point]`.
        step: The record of each point, `[point]`.
    """

    total_bits: FloatArray
    predictive_bits: FloatArray
    beta: FloatArray
    seed: NDArray[np.int64]
    step: NDArray[np.int64]


def subset_frequencies(subsets: Sequence[Sequence[Subset]]) -> list[SubsetFrequency]:
    """How many repeats found each subset.

    Args:
        subsets: For each repeat its subsets, from `subsets_in_use`. A subset that recurs counts
            once, from its first beta to its last.

    Returns:
        The subsets, the most frequent first, and the largest first among equals.

    Example:
        >>> ab, a = Subset(("a", "b"), 0.1, 0.2, 2.0, 1.0), Subset(("a",), 0.2, 0.4, 1.0, 0.5)
        >>> [(f.components, f.frequency) for f in subset_frequencies([[ab, a], [ab]])]
        [(('a', 'b'), 1.0), (('a',), 0.5)]
    """
    found: dict[tuple[str, ...], list[FloatArray]] = {}
    for repeat in subsets:
        stretches: dict[tuple[str, ...], list[Subset]] = {}
        for subset in repeat:
            stretches.setdefault(subset.components, []).append(subset)
        for components, parts in stretches.items():
            row = [
                min(part.beta_low for part in parts),
                max(part.beta_high for part in parts),
                float(np.median([part.total_bits for part in parts])),
                float(np.median([part.predictive_bits for part in parts])),
            ]
            found.setdefault(components, []).append(np.array(row))
    table = [
        SubsetFrequency(
            components, len(rows), len(subsets), *np.median(rows, axis=0).astype(float).tolist()
        )
        for components, rows in found.items()
    ]
    return sorted(table, key=lambda f: (-f.n_found, -len(f.components), f.components))


def best_of_all(
    total_bits: FloatArray, predictive_bits: FloatArray, beta: FloatArray, *, concave: bool = False
) -> Frontier:
    """The upper envelope of all records of all repeats.

    Args:
        total_bits: `[seed, step]`.
        predictive_bits: `[seed, step]`.
        beta: `[step]`.
        concave: Whether to keep only what is best at some price of a bit: the corners of the
            concave hull. Points between corners are reached by switching between them at random.

    Example:
        >>> best = best_of_all(np.array([[3.0, 2.0, 1.0], [3.0, 2.5, 0.0]]),
        ...                    np.array([[0.9, 0.5, 0.4], [0.8, 0.3, 0.0]]), np.array([1, 2, 4.0]))
        >>> best.total_bits.tolist(), best.seed.tolist()
        ([0.0, 1.0, 2.0, 3.0], [1, 0, 0, 0])
    """
    total, known = total_bits.ravel(), predictive_bits.ravel()
    order = np.lexsort((-known, total))
    record = np.maximum.accumulate(np.concatenate([[-np.inf], known[order][:-1]]))
    kept = order[known[order] > record]
    if concave:
        kept = _hull(kept, total, known)
    seed, step = np.divmod(kept, max(len(beta), 1))
    return Frontier(total[kept], known[kept], beta[step], seed, step)


def _hull(points: NDArray[np.int64], total: FloatArray, known: FloatArray) -> NDArray[np.int64]:
    """The corners of the upper hull of the points, which are sorted from left to right."""
    hull: list[int] = []
    for point in points.tolist():
        while len(hull) > 1:
            a, b = hull[-2:]
            before = (known[b] - known[a]) * (total[point] - total[a])
            if before > (known[point] - known[a]) * (total[b] - total[a]):
                break
            hull.pop()
        hull.append(point)
    return np.array(hull, np.int64)
