"""The rows from which a table is made: training, validation and reporting rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """Training and validation rows of one resample.

    Attributes:
        train: Indices of the training rows among the development rows, `[n_train]`.
        validation: Indices of the validation rows, `[n_validation]`; empty if there are none.
        model: Predictions of the models of this resample for all development rows, `[n, class]`.
        known_bits: Bits that these models know of each validation row, with a single draw of the
            noise, `[n_validation]`.
    """

    train: Codes
    validation: Codes
    model: FloatArray
    known_bits: FloatArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of data, as atoms of each component and classes of Y.

    Attributes:
        atoms: Atom of each component in use, `[n, component]`.
        y: Index of Y among the concatenated classes of all its entries, `[n, entry]`.
        weight: Weight of each row, `[n]`.
        groups: Group label of each row, `[n]`; None if there are no groups.
        marginal_bits: Loss of the marginal prediction, without X, on each row, `[n]`.
    """

    atoms: Codes
    y: Codes
    weight: FloatArray
    groups: NDArray[np.generic] | None
    marginal_bits: FloatArray

    def gains_bits(self, rows: Codes, cells: Codes, predictions: FloatArray) -> FloatArray:
        """Bits that the cells' predictions know of some rows, `[row]`.

        Args:
            rows: Indices of the rows.
            cells: The cell of each of these rows.
            predictions: Probabilities of the classes in each cell, `[cell, class]`.
        """
        found = np.log2(np.maximum(predictions[cells[:, None], self.y[rows]], 1e-300))
        return self.marginal_bits[rows] + found.sum(axis=1)


@dataclass(frozen=True, eq=False)
class Reported:
    """Reporting rows, and the bits that the models know of each.

    Attributes:
        rows: The rows.
        known_bits: With a single draw of the noise, as in the definition of conveyed bits, `[n]`.
        averaged_known_bits: With predictions averaged over the noise, `[n]`.
        which: Description of the rows, such as "held-out rows".
    """

    rows: Rows
    known_bits: FloatArray
    averaged_known_bits: FloatArray
    which: str
