"""The rows from which a table is made: some train, some choose, and others report."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that train and rows that choose, for one resample.

    Attributes:
        train: Places of rows that train among those of development, `[n_train]`.
        validation: Places of rows that choose, `[n_validation]`; empty if there are none.
        model: Predictions of the models of this resample for all rows of development,
            `[n, class]`.
        known_bits: What these models know of each row that chooses, with a single draw of the
            noise, `[n_validation]`.
    """

    train: Codes
    validation: Codes
    model: FloatArray
    known_bits: FloatArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows.

    Attributes:
        atoms: Atom of each component in use, `[n, component]`.
        y: Place of Y among the classes of all its entries, one after another, `[n, entry]`.
        weight: How much each row counts, `[n]`.
        groups: A label for each row, where they come in groups; else None.
        marginal_bits: Loss of each row without X, `[n]`.
    """

    atoms: Codes
    y: Codes
    weight: FloatArray
    groups: NDArray[np.generic] | None
    marginal_bits: FloatArray

    def gains_bits(self, rows: Codes, cells: Codes, predictions: FloatArray) -> FloatArray:
        """What the cells' predictions know of some rows, `[row]`.

        Args:
            rows: Which, by their places.
            cells: The cell of each of these.
            predictions: Probabilities of the classes in each cell, `[cell, class]`.
        """
        found = np.log2(np.maximum(predictions[cells[:, None], self.y[rows]], 1e-300))
        return self.marginal_bits[rows] + found.sum(axis=1)


@dataclass(frozen=True, eq=False)
class Reported:
    """Rows that report, and what the models know of them.

    Attributes:
        rows: The rows.
        known_bits: With a single draw of the noise, as the stated bits tell, `[n]`.
        averaged_known_bits: With predictions that are averaged over the noise, `[n]`.
        which: What the rows are, such as "held-out rows".
    """

    rows: Rows
    known_bits: FloatArray
    averaged_known_bits: FloatArray
    which: str
