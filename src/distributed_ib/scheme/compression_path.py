"""How the values of a component merge along the sweep: its compression at every beta."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model.encoding import Inputs
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import VARIABLES, Measure, chosen_measure

FloatArray = NDArray[np.float64]

SAME = 0.5
"""Two values count as merged above this Bhattacharyya coefficient.

At this coefficient, the error of the best guess from u which of two equally likely values it was is
at least one in fifteen, (1 - sqrt(1 - 0.5^2)) / 2, and at most one in four, 0.5 / 2.
"""
# Encoders are compiled for each number of rows, so rows are padded to multiples of this.
_ROWS = 64


@dataclass(frozen=True)
class CompressionPath:
    """The distinguishability matrices of one component along a sweep.

    Attributes:
        component: Name of the component.
        beta: Bottleneck strength in ascending order, `[snapshot]`.
        bits: What the component conveys at each beta, `[snapshot]`.
        overlap: Bhattacharyya coefficients of all pairs of its values, `[snapshot, value, value]`:
            1 if two values are indistinguishable to the predictor, 0 if completely distinguishable.
        measure: Whether `bits` are "information" or "kl".
    """

    component: str
    beta: FloatArray
    bits: FloatArray
    overlap: FloatArray
    measure: Measure

    @property
    def neighbours(self) -> FloatArray:
        """Coefficients of neighbouring values, `[snapshot, value - 1]`."""
        return np.diagonal(self.overlap, offset=1, axis1=1, axis2=2)

    def merge_beta(self, threshold: float = SAME) -> FloatArray:
        """The beta above which two values are never told apart again, `[value, value]`.

        It is interpolated in log beta; inf for pairs that are told apart at the largest beta, and
        the smallest beta for pairs that are never told apart.
        """
        apart = self.overlap <= threshold
        last = len(self.beta) - 1 - np.argmax(apart[::-1], axis=0)  # the last time they were apart
        after = np.minimum(last + 1, len(self.beta) - 1)
        first, second = np.indices(last.shape)
        below, above = self.overlap[last, first, second], self.overlap[after, first, second]
        share = (threshold - below) / np.where(above > below, above - below, 1.0)
        log_beta = np.log(self.beta)
        merged = np.exp(log_beta[last] + share * (log_beta[after] - log_beta[last]))
        merged = np.where(last == len(self.beta) - 1, np.inf, merged)
        return np.asarray(np.where(apart.any(axis=0), merged, self.beta[0]))

    def bits_at(self, beta: FloatArray) -> FloatArray:
        """What the component conveys at given betas, interpolated in log beta."""
        return np.interp(np.log(beta), np.log(self.beta), self.bits)

    def merge_tree(self, threshold: float = SAME) -> FloatArray:
        """The order in which values merge, by single linkage, as a SciPy linkage `[value - 1, 4]`.

        Each row joins two clusters (numbered from 0: first the values, then the clusters) at a beta
        (third column), at which a value of one merges with a value of the other; inf if none does.
        The fourth column is the number of values in the new cluster.

        Raises:
            UserError: If there are fewer than two values.
        """
        if self.overlap.shape[1] < 2:
            raise UserError(f"component {self.component!r} has one value; there is no tree.")
        merged = self.merge_beta(threshold)
        beyond = 2 * float(self.beta[-1])  # linkage takes finite numbers only
        heights = np.where(np.isfinite(merged), merged, beyond)
        np.fill_diagonal(heights, 0.0)
        tree = linkage(squareform(np.maximum(heights, heights.T), checks=False), method="single")
        tree[tree[:, 2] >= beyond, 2] = np.inf
        return np.asarray(tree)

    def at_bits(self, bits: float) -> int:
        """The snapshot whose bits are nearest, from the one that conveys most onwards.

        Earlier models are still being trained: values that they have not yet learnt to tell apart
        would appear to have merged.
        """
        most = int(np.argmax(self.bits))
        return most + int(np.argmin(np.abs(self.bits[most:] - bits)))


def compression_path(
    scheme: ApproximationScheme,
    component: str,
    x: Inputs,
    *,
    n_records: int | None = 60,
    seed: int = 0,
    measure: Measure | None = None,
) -> CompressionPath:
    """Which values of a component can be told apart, along the sweep.

    Args:
        scheme: The scheme.
        component: Name of the component.
        x: Inputs in which the component takes its values, one per row, in the order in which they
            are to be drawn; only this component matters. For a table, use
            `FittedDecomposition.component_values`.
        n_records: Largest number of models to use, evenly spaced; None for all.
        seed: Which repeat.
        measure: Whether `bits` are "information" or "kl"; by default the information if it was
            measured.

    Raises:
        UserError: If there is no such component, repeat or measure, or no model was kept.
    """
    if component not in scheme.components:
        raise UserError(
            f"there is no component {component!r}; they are {', '.join(scheme.components)}."
        )
    snapshots = scheme.snapshots
    if len(snapshots.record) == 0:
        raise UserError("the sweep kept no model whose compression could be shown.")
    n_models = len(snapshots.record)
    wanted = n_models if n_records is None else whole_number("n_records", n_records, 1)
    places = np.unique(np.round(np.linspace(0, n_models - 1, min(wanted, n_models))).astype(int))
    x = jax.tree.map(np.asarray, x)
    n_values = len(jax.tree.leaves(x)[0])
    padded = jax.tree.map(_padded, x)
    data = scheme.to_xarray()
    measure = chosen_measure(data, measure)
    index = scheme.components.index(component)
    overlap = []
    for place in places:
        model = scheme.at(beta=float(snapshots.beta[place]), seed=seed)
        channel = model.encode(padded)
        overlap.append(
            coefficients(
                np.asarray(channel.mean[:n_values, index], np.float64),
                np.asarray(channel.log_variance[:n_values, index], np.float64),
            )
        )
    bits = data[VARIABLES[measure]].values[seed, snapshots.record[places], index]
    return CompressionPath(component, snapshots.beta[places], bits, np.stack(overlap), measure)


def _padded(leaf: NDArray[Any]) -> NDArray[Any]:
    """The rows, padded to a multiple of `_ROWS` by repeating the last."""
    missing = -len(leaf) % _ROWS
    return np.concatenate([leaf, leaf[-1:].repeat(missing, axis=0)])


def coefficients(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """`bhattacharyya_coefficients` of all pairs of `[value, embedding]`, without compilation."""
    first, second = log_variance[:, None], log_variance[None]
    log_middle = np.logaddexp(first, second) - np.log(2.0)
    gap = (mean[:, None] - mean[None]) ** 2
    distance = 0.125 * gap * np.exp(-log_middle) + 0.5 * (log_middle - 0.5 * (first + second))
    return np.asarray(np.exp(-distance.sum(axis=-1)))
