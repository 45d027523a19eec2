"""Which components are interchangeable, indispensable, or informative only together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from distributed_ib.data.component_values import ComponentValues
from distributed_ib.evidence.interval import Interval
from distributed_ib.evidence.subset_knowledge import Subset, SubsetKnowledge
from distributed_ib.scheme._paired import Mean

# At most this many components are measured alone and left out, and in pairs.
MOST_MEASURED, MOST_PAIRED = 8, 6
# In a pair, a component is hardly missed if it adds less than this share of what it tells alone,
# and tells nothing alone if it tells less than this share of what the pair tells.
HARDLY_MISSED, NOTHING_ALONE = 0.25, 0.15
# Information below this is not reported.
LEAST_BITS = 0.02
# A value is significant if it exceeds this many standard errors.
N_ERRORS = 2
STRONG_CORRELATION = 0.9
# Columns with missing values are compared only on at least this many common rows.
_LEAST_PAIRS = 20
_MOST_ROWS = 20_000


@dataclass(frozen=True)
class ComponentKnowledge:
    """What one component tells among the others.

    Attributes:
        name: The component.
        alone: Bits of Y known from it alone.
        unique: Bits lost without it: known from all measured components, but not from the others.
        interchangeable_with: Components that tell the same about Y: each of the two is informative
            alone and adds hardly anything to the other.
        only_with: Components that tell, together with it, what neither tells alone.
    """

    name: str
    alone: Interval
    unique: Interval
    interchangeable_with: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()


def subsets_to_measure(components: Sequence[int]) -> list[Subset]:
    """The subsets to measure of some components, the most important first.

    These are all components, each alone, all but one, and every pair of the first `MOST_PAIRED`.
    Only the first `MOST_MEASURED` components are measured.

    Example:
        >>> [sorted(subset) for subset in subsets_to_measure([4, 7])]
        [[4, 7], [4], [7]]
    """
    chosen = list(components)[:MOST_MEASURED]
    whole = frozenset(chosen)
    singles = [frozenset({k}) for k in chosen]
    pairs = [frozenset(pair) for pair in combinations(chosen[:MOST_PAIRED], 2)]
    found = [whole, *singles, *(whole - one for one in singles), *pairs]
    return [subset for subset in dict.fromkeys(found) if subset]


def redundancy(
    knowledge: SubsetKnowledge, components: Sequence[int], names: Sequence[str], level: float
) -> list[ComponentKnowledge]:
    """What each of some components tells about Y, alone and among the others.

    Args:
        knowledge: Knowledge of the subsets returned by `subsets_to_measure`.
        components: Numbers of the components, as passed to `subsets_to_measure`.
        names: Names of all components.
        level: Coverage of the intervals.
    """
    chosen = list(components)[:MOST_MEASURED]
    whole = frozenset(chosen)
    alone = {k: knowledge.known({k}) for k in chosen}
    unique = {k: _lost_without(knowledge, whole, k) for k in chosen}
    same: dict[int, list[str]] = {k: [] for k in chosen}
    together: dict[int, list[str]] = {k: [] for k in chosen}
    for pair in combinations(chosen[:MOST_PAIRED], 2):
        is_same = _interchangeable(knowledge, pair, alone)
        is_joint = _only_together(knowledge, pair, alone)
        for first, second in (pair, pair[::-1]):
            if is_same:
                same[first].append(names[second])
            if is_joint:
                together[first].append(names[second])
    return [
        ComponentKnowledge(
            names[k],
            Interval.of(alone[k], level, knowledge.n_independent),
            Interval.of(unique[k], level, knowledge.n_independent),
            tuple(same[k]),
            tuple(together[k]),
        )
        for k in chosen
    ]


def _lost_without(knowledge: SubsetKnowledge, whole: Subset, k: int) -> Mean:
    rest = whole - {k}
    return knowledge.gained(whole, rest) if rest else knowledge.known(whole)


def _interchangeable(
    knowledge: SubsetKnowledge, pair: tuple[int, int], alone: dict[int, Mean]
) -> bool:
    """Whether each is informative alone and adds hardly anything to the other.

    The pair must know no less than either component alone: otherwise its models learned too
    little for a conclusion.
    """
    both = knowledge.known(pair)
    if both.value < max(alone[k].value - _error(alone[k]) for k in pair):
        return False
    beyond = {k: knowledge.gained(pair, {other}) for k, other in (pair, pair[::-1])}
    return all(
        _is_more(alone[k]) and beyond[k].value + _error(beyond[k]) < HARDLY_MISSED * alone[k].value
        for k in pair
    )


def _only_together(
    knowledge: SubsetKnowledge, pair: tuple[int, int], alone: dict[int, Mean]
) -> bool:
    """Whether the pair is informative although neither component tells much alone."""
    both = knowledge.known(pair)
    surplus = both.value - max(alone[k].value for k in pair)
    return (
        _is_more(both)
        and surplus > LEAST_BITS
        and all(alone[k].value < NOTHING_ALONE * both.value for k in pair)
    )


def _is_more(mean: Mean) -> bool:
    return mean.value > max(LEAST_BITS, N_ERRORS * _error(mean))


def _error(mean: Mean) -> float:
    """The standard error; infinite if unknown."""
    return float(np.nan_to_num(mean.error, nan=np.inf))


def strongly_correlated(
    components: Sequence[ComponentValues], names: Sequence[str]
) -> list[tuple[str, str, float]]:
    """Pairs of components of one numeric column with an absolute rank correlation above 0.9.

    Returns:
        The two names and Spearman's correlation, for each pair.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(50, 1))
        >>> none = np.zeros((50, 0), np.int64)
        >>> parts = [ComponentValues(x, none), ComponentValues(np.exp(x), none)]
        >>> strongly_correlated(parts, ["a", "b"])
        [('a', 'b', 1.0)]
    """
    kept = [
        k
        for k, part in enumerate(components)
        if part.numbers.shape[1] == 1 and part.codes.shape[1] == 0 and _varies(part.numbers)
    ]
    if len(kept) < 2:
        return []
    columns: NDArray[np.float64] = np.concatenate(
        [components[k].numbers[:: max(1, components[k].n_rows // _MOST_ROWS)] for k in kept], axis=1
    )
    matrix = _rank_correlations(columns)
    return [
        (names[kept[a]], names[kept[b]], round(float(matrix[a, b]), 6))
        for a, b in combinations(range(len(kept)), 2)
        if abs(matrix[a, b]) > STRONG_CORRELATION
    ]


def _varies(numbers: NDArray[np.float64]) -> bool:
    known = numbers[~np.isnan(numbers)]
    return bool(len(known)) and bool(np.ptp(known) > 0)


def _rank_correlations(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlations of all pairs, each on the rows where neither value is missing."""
    n = columns.shape[1]
    if not np.isnan(columns).any():
        found = np.asarray(spearmanr(columns).statistic).reshape(-1)
        return found.reshape(n, n) if n > 2 else np.array([[1.0, found[0]], [found[0], 1.0]])
    matrix = np.eye(n)
    for a, b in combinations(range(n), 2):
        pair = columns[:, [a, b]]
        pair = pair[~np.isnan(pair).any(axis=1)]
        if len(pair) >= _LEAST_PAIRS and np.ptp(pair, axis=0).all():
            matrix[a, b] = matrix[b, a] = float(spearmanr(pair).statistic)
    return matrix
