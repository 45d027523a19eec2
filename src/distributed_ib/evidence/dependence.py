"""Permutation tests of whether X, and each component, is informative about Y, without a model.

Each component is tested alone and together with every other component, so that components that
are informative only jointly, as in an exclusive or, are found too. The statistic is a sum of
squared covariances between features (Gretton et al. 2007, "A kernel statistical test of
independence", with an explicit feature map); its null distribution is that over permutations of
the rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.component_values import ComponentValues
from distributed_ib.evidence._features import features_of_component, features_of_outcome

FloatArray = NDArray[np.float64]

N_DRAWS = 999
# At most this many rows, drawn at random, are used to test single components and pairs.
MOST_ROWS, MOST_ROWS_OF_PAIRS = 4000, 2000
# With more components, pairs are too many to be tested.
MOST_PAIRED = 50
# Features of a component, and of Y, that enter products.
N_PAIRED = 4
# Share of the type I error given to the test of a component alone; the rest goes to its pairs.
SHARE_ALONE = 2 / 3


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows on which dependence is tested.

    Attributes:
        components: Values of every component.
        y: Y, `[n]` or `[n, d]`; integers are classes.
        weight: Weight of each row, `[n]`; None if all are equal.
        groups: Group label of each row, `[n]`; rows of a group may be dependent. None if there are
            no groups.
    """

    components: Sequence[ComponentValues]
    y: NDArray[np.generic]
    weight: FloatArray | None = None
    groups: NDArray[np.int64] | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> "Rows":
        """Some of the rows."""
        return Rows(
            [part.take(rows) for part in self.components],
            self.y[rows],
            None if self.weight is None else self.weight[rows],
            None if self.groups is None else self.groups[rows],
        )

    def sample(self, n_rows: int, random: np.random.Generator) -> "Rows":
        """At most `n_rows` of the rows, drawn at random."""
        if self.n <= n_rows:
            return self
        return self.take(np.sort(random.choice(self.n, n_rows, replace=False)))


def joint_p_value(rows: Rows, *, n_draws: int = N_DRAWS, seed: int = 0) -> float:
    """p-value of the null hypothesis that X carries no information about Y.

    It is nearly exact for exchangeable rows (only nearly, because pairs are tested on fewer rows
    and with permutations of their own); with groups or weights it is valid if there are many.

    Three statistics are compared with their values when Y is permuted: the maximum over
    components, the sum over components, and the maximum over pairs. The minimum of the three
    p-values is itself compared with that of the permuted rows (Westfall and Young 1993).

    Args:
        rows: The rows.
        n_draws: Number of permutations; the smallest possible p-value is 1/(n_draws + 1). If rows
            have weights or groups, random signs of whole groups are drawn instead.
        seed: Seed of the permutations.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 1))
        >>> part = ComponentValues(x, np.zeros((100, 0), int))
        >>> joint_p_value(Rows([part], x[:, 0] ** 2)) < 0.01
        True
    """
    random = np.random.default_rng([seed, 1])
    rows = rows.sample(MOST_ROWS, random)
    y = _weighted(features_of_outcome(rows.y), rows)
    parts = _Parts.of([features_of_component(part) for part in rows.components], rows.weight)
    if not parts.n_features or not y.shape[1]:
        return 1.0
    alone = [
        parts.sums(parts.joined.T @ drawn).sum(axis=1)
        for drawn in _with_draws(y, rows, n_draws, random)
    ]
    scores = _standardised(np.array(alone))
    families = [scores.max(axis=1), np.array(alone).sum(axis=1)]
    if 1 < len(rows.components) <= MOST_PAIRED:
        families.append(_pairs_with_permuted_y(rows, n_draws, random).max(axis=(1, 2)))
    p_values = np.stack([_ranks(family) for family in families])
    # The minimum p-value of every draw, compared with that of all draws; smaller is more extreme.
    return float(_ranks(-p_values.min(axis=0))[0])


def component_p_values(rows: Rows, *, n_draws: int = N_DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """p-value for each component that it carries no information about Y, alone or in a pair.

    The values of a component are permuted against Y and all other components. Its dependence is
    tested on Y alone and on the products of Y and each other component; the two p-values are
    combined by a weighted Bonferroni correction, with weights of 2/3 and 1/3.

    Args:
        rows: The rows.
        n_draws: Minimum number of permutations; at least 20 per component are drawn.
        seed: Seed of the permutations.

    Returns:
        p-values, `[component]`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> parts = [ComponentValues(x[:, [k]], np.zeros((200, 0), int)) for k in range(2)]
        >>> product = Rows(parts, (x[:, 0] * x[:, 1] > 0).astype(int))
        >>> bool((component_p_values(product) < 0.01).all())
        True
    """
    random = np.random.default_rng([seed, 2])
    rows = rows.sample(MOST_ROWS, random)
    n_components = len(rows.components)
    n_draws = max(n_draws, 20 * n_components)
    y = _weighted(features_of_outcome(rows.y), rows)
    parts = _Parts.of([features_of_component(part) for part in rows.components], rows.weight)
    if not parts.n_features or not y.shape[1]:
        return np.ones(n_components)
    alone = np.array(
        [
            parts.sums(drawn.T @ y).sum(axis=1)
            for drawn in _with_draws(parts.joined, rows, n_draws, random)
        ]
    )
    p_alone = _first_ranks(alone)
    if not 1 < n_components <= MOST_PAIRED:
        return np.asarray(np.where(parts.widths > 0, p_alone, 1.0))
    # The first is valid if the component is independent of the others, the second if Y is
    # independent of the pair. Rare levels shared by two components could pass one by chance.
    p_pair = np.maximum(
        _first_ranks(_pairs_with_permuted_component(rows, n_draws, random).max(axis=2)),
        _first_ranks(_pairs_with_permuted_y(rows, n_draws, random).max(axis=2)),
    )
    found = np.minimum(p_alone / SHARE_ALONE, p_pair / (1 - SHARE_ALONE))
    return np.asarray(np.where(parts.widths > 0, np.minimum(found, 1.0), 1.0))


@dataclass(frozen=True, eq=False)
class _Parts:
    """Features of several components side by side."""

    joined: FloatArray
    widths: NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[FloatArray], weight: FloatArray | None) -> "_Parts":
        joined = np.concatenate(parts, axis=1)
        if weight is not None and joined.shape[1]:
            joined = joined - np.average(joined, axis=0, weights=weight)
        return cls(joined, np.array([part.shape[1] for part in parts]))

    @property
    def n_features(self) -> int:
        return self.joined.shape[1]

    def sums(self, covariances: FloatArray) -> FloatArray:
        """Sums of squares over the features of each component, `[component, ...]`."""
        squares = np.square(covariances)
        found = np.zeros((len(self.widths), *squares.shape[1:]))
        starts = np.cumsum(self.widths) - self.widths
        kept = np.flatnonzero(self.widths)
        found[kept] = np.add.reduceat(squares, starts[kept], axis=0)
        return found


def _paired_features(rows: Rows) -> tuple[_Parts, FloatArray]:
    """The first features of every component, and of Y, for products."""
    parts = [features_of_component(part, n_cosines=2)[:, :N_PAIRED] for part in rows.components]
    y = features_of_outcome(rows.y, n_cosines=2)[:, :N_PAIRED]
    return _Parts.of(parts, rows.weight), _weighted(y, rows)


def _pairs_with_permuted_y(rows: Rows, n_draws: int, random: np.random.Generator) -> FloatArray:
    """Standardised statistics of all pairs, `[1 + draw, component, component]`.

    Y is permuted against the products of features of two components, which keeps the dependence
    between the components.
    """
    rows = rows.sample(MOST_ROWS_OF_PAIRS, random)
    parts, y = _paired_features(rows)
    n_components, found = len(parts.widths), []
    for drawn in _with_draws(y, rows, n_draws, random):
        total = np.zeros((n_components,) * 2)
        for column in drawn.T:
            blocks = parts.sums((parts.joined * column[:, None]).T @ parts.joined)
            total += _block_sums(blocks, parts.widths)
        found.append(total)
    return _without_diagonal(found)


def _pairs_with_permuted_component(
    rows: Rows, n_draws: int, random: np.random.Generator
) -> FloatArray:
    """The same statistics, with a component permuted against Y and all other components."""
    rows = rows.sample(MOST_ROWS_OF_PAIRS, random)
    parts, y = _paired_features(rows)
    n_components, found = len(parts.widths), []
    products = np.concatenate([parts.joined * column[:, None] for column in y.T], axis=1)
    products = products - products.mean(axis=0)
    for drawn in _with_draws(parts.joined, rows, n_draws, random):
        sums = parts.sums(drawn.T @ products)
        by_entry = sums.reshape(n_components, y.shape[1], parts.n_features).sum(axis=1)
        found.append(_block_sums(by_entry, parts.widths))
    return _without_diagonal(found)


def _without_diagonal(statistics: list[FloatArray]) -> FloatArray:
    scores = _standardised(np.array(statistics))
    diagonal = np.arange(scores.shape[1])
    scores[:, diagonal, diagonal] = -np.inf
    return scores


def _block_sums(columns: FloatArray, widths: NDArray[np.int64]) -> FloatArray:
    """Sums over the columns of each component, `[component, component]`."""
    found = np.zeros((len(columns), len(widths)))
    starts = np.cumsum(widths) - widths
    kept = np.flatnonzero(widths)
    found[:, kept] = np.add.reduceat(columns, starts[kept], axis=1)
    return found


def _with_draws(
    features: FloatArray, rows: Rows, n_draws: int, random: np.random.Generator
) -> Iterator[FloatArray]:
    """Yields the features as they are, then `n_draws` draws under the null of independence."""
    yield features
    if rows.weight is None and rows.groups is None:
        for _ in range(n_draws):
            yield features[random.permutation(len(features))]
        return
    labels = np.arange(len(features)) if rows.groups is None else rows.groups
    _, group = np.unique(labels, return_inverse=True)
    for _ in range(n_draws):
        signs = random.choice((-1.0, 1.0), size=int(group.max()) + 1)
        yield features * signs[group][:, None]


def _weighted(features: FloatArray, rows: Rows) -> FloatArray:
    if rows.weight is None:
        return features
    weight = rows.weight / rows.weight.mean()
    return np.asarray((features - np.average(features, axis=0, weights=weight)) * weight[:, None])


def _standardised(statistics: FloatArray) -> FloatArray:
    """Standardised cube roots, which are nearly normal, of statistics `[1 + draw, ...]`.

    Mean and deviation include the observed statistic, so that it has no advantage over the draws.
    """
    roots = np.cbrt(statistics)
    deviation = roots.std(axis=0)
    safe = np.where(deviation > 0, deviation, 1)
    return np.asarray((roots - roots.mean(axis=0)) / safe)


def _ranks(values: FloatArray) -> FloatArray:
    """For each value, the share of all values that are at least as large, `[1 + draw]`."""
    values = np.round(values, 10)
    order = np.sort(values)
    return np.asarray(1 - np.searchsorted(order, values, side="left") / len(values))


def _first_ranks(statistics: FloatArray) -> FloatArray:
    """Share of all draws, the first included, with a statistic at least the first's, `[...]`."""
    return np.asarray((statistics >= statistics[0] * (1 - 1e-12)).mean(axis=0))
