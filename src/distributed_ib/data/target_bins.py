"""Bins of a numeric Y: its marginal, whatever its shape, and functions to tilt it by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from distributed_ib.errors import UserError

FloatArray = NDArray[np.float64]

# Rows per bin, and the smallest and largest number of bins.
ROWS_PER_BIN, FEWEST_BINS, MOST_BINS = 10, 8, 128
# A value is a bin of its own if it occurs in this share of the rows, and in at least so many.
ATOM_SHARE, ATOM_ROWS = 0.05, 5
# Points that represent the values in a bin.
POINTS_PER_BIN = 8
# If there are at most this many distinct values, each is a bin.
FREE_VALUES = 12
# Shares, from the end, at which the outermost intervals are divided: a predicted mean can't exceed
# that of the outermost bin, and a few extreme values dominate the squared error of a skewed Y.
OF_THE_OUTERMOST = (0.2, 0.5)
# Quantile levels at which values are clipped in a tilt.
TAILS = (0.02, 0.98)
# A tilt is dropped if its norm, less its projection on those before, is at most this.
LEAST_REST = 0.03
_LIMIT_BINS = 1 << 12


@dataclass(frozen=True, eq=False)
class TargetBins:
    """Bins of the values of Y, and the share of training rows in each.

    Values that many rows share, such as the zeros of a zero-inflated Y, are bins of their own
    ("atoms"). The others are divided into intervals with equally many rows, and each of the two
    outermost intervals into three.

    Attributes:
        edges: Boundaries between intervals, in ascending order, `[n_intervals - 1]`; None if all
            bins are atoms. A value on an edge belongs to the interval above it.
        atoms: Values that are bins of their own, in ascending order. They follow the intervals.
        share: Share of the training rows in each bin, `[bin]`; sums to one.
        centers: Mean of the training rows in each bin, `[bin]`.
        points: Equally likely values that represent each bin, in ascending order, `[bin, point]`.

    Example:
        >>> bins = TargetBins.fit(np.array([0.0] * 50 + list(range(1, 51))))
        >>> bins.atoms.tolist(), bins.share.tolist()[-1]
        ([0.0], 0.5)
        >>> bins.codes(np.array([0.0, 0.5, 60.0])).tolist()
        [9, 0, 8]
    """

    edges: FloatArray | None
    atoms: FloatArray
    share: FloatArray
    centers: FloatArray
    points: FloatArray

    @classmethod
    def fit(cls, values: Any, weight: FloatArray | None = None) -> "TargetBins":
        """Learn the bins of training values `[n]` with weights `[n]`."""
        values = np.asarray(values, np.float64)
        edges, atoms = _edges_and_atoms(values)
        codes = _codes(edges, atoms, values)
        n_bins = len(atoms) + (0 if edges is None else len(edges) + 1)
        sums = np.bincount(codes, weight, minlength=n_bins)
        totals = np.bincount(codes, values if weight is None else values * weight, minlength=n_bins)
        in_order = values[np.lexsort((values, codes))]
        parts = np.split(in_order, np.cumsum(np.bincount(codes, minlength=n_bins))[:-1])
        middles = (np.arange(POINTS_PER_BIN) + 0.5) / POINTS_PER_BIN
        points = [np.quantile(part, middles, method="inverted_cdf") for part in parts]
        return cls(edges, atoms, sums / sums.sum(), totals / sums, np.stack(points))

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.share)

    @property
    def n_intervals(self) -> int:
        """Number of bins that are not atoms."""
        return self.n_bins - len(self.atoms)

    def codes(self, values: Any) -> NDArray[np.int32]:
        """The bin of each value, `[n]`; if all bins are atoms, the nearest one."""
        return _codes(self.edges, self.atoms, np.asarray(values, np.float64))

    def mean(self, probabilities: FloatArray) -> FloatArray:
        """Mean of Y given probabilities of the bins, `[..., bin]`."""
        return np.asarray(probabilities @ self.centers)

    def draw(self, codes: NDArray[np.integer[Any]], random: np.random.Generator) -> FloatArray:
        """A random value for each bin in an array of any shape: one of the bin's points."""
        return np.asarray(
            self.points[codes, random.integers(self.points.shape[1], size=codes.shape)]
        )

    def tilts(self) -> FloatArray:
        """Functions of the bin by which its share is tilted, `[bin, tilt]`.

        They are powers of the bin's normal score (the standard normal quantile at the bin's
        position in the distribution), powers of its value, and an indicator of each atom, or of the
        most frequent value if all bins are atoms. The normal score and its square suit a Gaussian,
        or a monotonic function of one, whose mean and width depend on X; the value suits counts and
        distributions with two separate modes. The fourth power of the normal score, for heavy
        tails, is included only with `MOST_BINS` intervals or more (from 1,240 rows): fewer rows
        can't determine it. Each function is standardised to mean zero and variance one, then
        reduced by its projection on those before it (Gram-Schmidt), so that a function that adds
        little has little weight.
        """
        score, value = self._normal_scores(), self._values()
        functions = [score, score**2, value, score**3, value**2]
        if self.n_intervals >= MOST_BINS:
            functions.append(score**4)
        indicators = np.eye(self.n_bins)
        if self.n_intervals:
            functions += list(indicators[self.n_intervals :])
        else:
            functions.append(indicators[int(self.share.argmax())])
        return _decorrelated(functions, self.share)

    def _values(self) -> FloatArray:
        """Centers of the bins, clipped at the quantiles `TAILS` and scaled to -1 to 1."""
        order = np.argsort(self.centers, kind="stable")
        below = np.cumsum(self.share[order]) - self.share[order] / 2
        low, high = np.interp(TAILS, below, self.centers[order])
        # Centered, because squares of values far from zero would lose their differences.
        within = np.clip(self.centers, low, high) - (low / 2 + high / 2)
        return np.asarray(within / max(np.abs(within).max(), np.finfo(np.float64).tiny))

    def _normal_scores(self) -> FloatArray:
        order = np.argsort(self.centers, kind="stable")
        below = np.empty(self.n_bins)
        below[order] = np.cumsum(self.share[order]) - self.share[order] / 2
        return np.asarray(ndtri(np.clip(below, 1e-4, 1 - 1e-4)))

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "edges": None if self.edges is None else self.edges.tolist(),
            "atoms": self.atoms.tolist(),
            "share": self.share.tolist(),
            "centers": self.centers.tolist(),
            "points": self.points.tolist(),
        }

    @classmethod
    def from_dict(cls, description: Any) -> "TargetBins":
        """Restore the bins from the result of `to_dict`.

        Raises:
            UserError: If the description is not valid.
        """
        try:
            edges = description["edges"]
            bins = cls(
                None if edges is None else np.asarray(edges, np.float64),
                np.asarray(description["atoms"], np.float64),
                np.asarray(description["share"], np.float64),
                np.asarray(description["centers"], np.float64),
                np.asarray(description["points"], np.float64),
            )
            n_bins = len(bins.atoms) + (0 if bins.edges is None else len(bins.edges) + 1)
            fits = bins.share.shape == bins.centers.shape == bins.points.shape[:1] == (n_bins,)
            finite = all(
                np.isfinite(part).all() for part in vars(bins).values() if part is not None
            )
            usable = fits and finite and bins.points.ndim == 2 and bins.points.shape[1] > 0
            usable = usable and 0 < n_bins <= _LIMIT_BINS and (bins.share > 0).all()
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"this is not a valid description of bins: {error}.") from None
        if not usable:
            raise UserError("this is not a valid description of bins: its parts are inconsistent.")
        return bins


def quantiles_of_values(points: FloatArray, probabilities: FloatArray, levels: Any) -> FloatArray:
    """Quantiles of distributions over bins of equally likely points, `[n, level]`.

    Args:
        points: Values of every bin, `[bin, point]`.
        probabilities: `[n, bin]`.
        levels: Numbers between 0 and 1, `[level]`.

    Example:
        >>> quantiles_of_values(np.array([[0.0], [1.0]]), np.array([[0.6, 0.4]]), [0.5, 0.9])
        array([[0., 1.]])
    """
    order = np.argsort(points, axis=None, kind="stable")
    values = points.ravel()[order]
    owner = np.repeat(np.arange(len(points)), points.shape[1])[order]
    found = np.empty((len(probabilities), np.size(levels)))
    for row, shares in enumerate(probabilities):
        below = np.cumsum(shares[owner])
        place = np.searchsorted(below, np.asarray(levels) * below[-1], side="left")
        found[row] = values[np.minimum(place, len(values) - 1)]
    return found


def _edges_and_atoms(values: FloatArray) -> tuple[FloatArray | None, FloatArray]:
    found, counts = np.unique(values, return_counts=True)
    n_bins = min(max(len(values) // ROWS_PER_BIN, FEWEST_BINS), MOST_BINS)
    if len(found) <= max(FREE_VALUES, n_bins // 2):
        return None, found
    is_atom = counts >= max(ATOM_ROWS, ATOM_SHARE * len(values))
    atoms, rest = found[is_atom], values[~np.isin(values, found[is_atom])]
    if not len(rest):
        return None, found
    n_intervals = max(1, round(n_bins * len(rest) / len(values)))
    inner = np.linspace(0, 1, n_intervals + 1)[1:-1]
    if n_intervals > 2:
        ends = np.array(OF_THE_OUTERMOST) / n_intervals
        inner = np.concatenate([ends, inner, 1 - ends[::-1]])
    edges = np.unique(np.quantile(rest, inner, method="higher"))
    return edges[edges > rest.min()], atoms


def _codes(edges: FloatArray | None, atoms: FloatArray, values: FloatArray) -> NDArray[np.int32]:
    place = np.clip(np.searchsorted(atoms, values), 0, max(len(atoms) - 1, 0))
    if edges is None:
        # The midpoint of neighbouring floats may be one of them.
        nearest = np.searchsorted((atoms[1:] + atoms[:-1]) / 2, values, side="left")
        return np.where(atoms[place] == values, place, nearest).astype(np.int32)
    codes = np.searchsorted(edges, values, side="right")
    if len(atoms):
        codes = np.where(atoms[place] == values, len(edges) + 1 + place, codes)
    return codes.astype(np.int32)


def _decorrelated(functions: list[FloatArray], share: FloatArray) -> FloatArray:
    """The standardised functions, each minus its projection on those before it."""
    basis: list[FloatArray] = []
    kept = []
    for function in functions:
        centered = function - (share * function).sum()
        length = np.sqrt((share * centered**2).sum())
        if not length > 0:
            continue
        left = centered / length
        for _ in range(2):  # twice, because of rounding
            for known in basis:
                left = left - (share * left * known).sum() * known
        rest = np.sqrt((share * left**2).sum())
        if rest > LEAST_REST:
            basis.append(left / rest)
            kept.append(left)
    return np.stack(kept, axis=1)
