"""Predictions of the cells of a table, from counts of rows and the model's predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from distributed_ib.data.target_bins import TargetBins

FloatArray = NDArray[np.float64]
Labels = NDArray[np.int64]

_TINY = 1e-300
MODEL_ROWS = (1.0, 4.0, 16.0, 64.0)
"""Candidate numbers of rows that the model's prediction counts as; validation rows choose."""
WIDTHS = (0.02, 0.05, 0.12)
"""Candidate widths, in shares of the rows, by which counts of bins of a number are smoothed."""


def kernels(target_bins: Sequence[TargetBins], n_classes: int) -> list[FloatArray]:
    """Matrices that smooth counts over neighbouring bins, `[class, class]`; rows sum to one.

    The bins of a number are as fine as all rows together allow, but a cell has only some of the
    rows. Classes, and values with a bin of their own, are not smoothed.
    """
    if not any(bins.n_intervals > 1 for bins in target_bins):
        return [np.eye(n_classes)]
    found = []
    for width in WIDTHS:
        kernel, first = np.eye(n_classes), 0
        for bins in target_bins:
            n = bins.n_intervals
            share = bins.share[:n] / bins.share[:n].sum()
            place = np.cumsum(share) - share / 2
            part = share * np.exp(-0.5 * ((place[:, None] - place[None, :]) / width) ** 2)
            kernel[first : first + n, first : first + n] = part / part.sum(axis=1, keepdims=True)
            first += bins.n_bins
        found.append(kernel)
    return found


@dataclass(frozen=True, eq=False)
class Mixing:
    """How counts and the model's prediction are mixed.

    Attributes:
        model_rows: Number of rows that the model's prediction counts as.
        kernel: Matrix that smooths counts, `[class, class]`.
    """

    model_rows: float
    kernel: FloatArray


@dataclass(frozen=True, eq=False)
class CellSums:
    """Sums over the rows of each cell.

    Attributes:
        weight: Weight of the rows, `[cell]`.
        counts: Weight of the rows by their Y, `[cell, class]`; the classes of all entries of Y are
            concatenated.
        model: Sum of the model's predictions times weight, `[cell, class]`.
        marginal: Shares of the classes in all rows, for cells without rows, `[class]`.
    """

    weight: FloatArray
    counts: FloatArray
    model: FloatArray
    marginal: FloatArray

    @classmethod
    def of(
        cls,
        cells: Labels,
        n_cells: int,
        y: Labels,
        model: FloatArray,
        weight: FloatArray,
    ) -> "CellSums":
        """Sum over the rows of each cell.

        Args:
            cells: Cell of each row, `[n]`.
            n_cells: Number of cells.
            y: Index of Y among the classes of all entries, `[n, entry]`.
            model: Predictions of the model, `[n, class]`.
            weight: Weights, `[n]`.
        """
        n_classes = model.shape[1]
        counts = np.zeros(n_cells * n_classes)
        for column in y.T:
            counts += np.bincount(cells * n_classes + column, weight, minlength=counts.size)
        counts = counts.reshape(n_cells, n_classes)
        member = csr_array((weight, (cells, np.arange(len(cells)))), shape=(n_cells, len(cells)))
        total = max(weight.sum(), _TINY)
        # The model's mean prediction counts as one row, for classes that the rows lack.
        marginal = (counts.sum(axis=0) + (weight @ model) / total) / (total + 1.0)
        return cls(
            np.bincount(cells, weight, minlength=n_cells).astype(np.float64),
            counts,
            member @ model,
            marginal,
        )

    def merged(self, labels: Labels) -> "CellSums":
        """The sums of larger cells; `labels` gives the larger cell of each cell."""
        member = np.zeros((int(labels.max()) + 1, len(labels)))
        member[labels, np.arange(len(labels))] = 1.0
        return CellSums(
            member @ self.weight, member @ self.counts, member @ self.model, self.marginal
        )

    def smoothed(self, kernel: FloatArray) -> "CellSums":
        """The same with counts smoothed over neighbouring bins."""
        return replace(self, counts=self.counts @ kernel)

    def predictions(self, model_rows: float) -> FloatArray:
        """Probabilities of Y in each cell, `[cell, class]`.

        Args:
            model_rows: Number of rows that the model's prediction counts as.
        """
        weight = self.weight[:, None]
        model = np.where(weight > 0, self.model / np.maximum(weight, _TINY), self.marginal)
        return np.asarray((self.counts + model_rows * model) / (weight + model_rows))

    def mixed(self, mixing: Mixing) -> FloatArray:
        """Probabilities of Y in each cell, `[cell, class]`."""
        return self.smoothed(mixing.kernel).predictions(mixing.model_rows)
