"""The training rows of a table as a mask."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.errors import UserError


def training_mask(rows: NDArray[Any] | None, n_rows: int) -> NDArray[np.bool_] | None:
    """Training rows as a mask `[n_rows]`; None for all.

    Raises:
        UserError: If `rows` is empty or contains rows that don't exist.
    """
    if rows is None:
        return None
    rows = np.asarray(rows)
    mask = np.zeros(n_rows, bool)
    try:
        mask[rows] = True if rows.dtype != bool else rows[rows]
    except IndexError as error:
        raise UserError(f"the training rows do not match the data: {error}.") from None
    if not mask.any():
        raise UserError("there are no training rows; give at least one.")
    return mask
