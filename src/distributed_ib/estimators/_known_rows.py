"""Rows with a known Y; the others are left out."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column_values import without_signals
from distributed_ib.errors import UserError


def known_rows(y: Any, *, stacklevel: int = 2) -> NDArray[np.int64] | None:
    """Indices of the rows whose target is not missing; None for all rows.

    Args:
        y: Labels or numbers, `[n]` or `[n, d]`; arrays, a Series or a DataFrame.
        stacklevel: Stack level of the warning.

    Raises:
        UserError: If the target is missing in every row.

    Warns:
        UserWarning: How many rows are left out.
    """
    missing = is_missing(y)
    n_missing = int(missing.sum())
    if not n_missing:
        return None
    if n_missing == len(missing):
        raise UserError("the target is missing in every row; there is nothing to learn.")
    warnings.warn(dropped_in_words(n_missing, len(missing)), UserWarning, stacklevel=stacklevel)
    return np.flatnonzero(~missing)


def is_missing(y: Any) -> NDArray[np.bool_]:
    """Whether an entry of Y is missing in each row, `[n]`.

    >>> is_missing(["yes", None, "no"]).tolist()
    [False, True, False]
    """
    if isinstance(y, pd.DataFrame):
        columns = [y.iloc[:, k] for k in range(y.shape[1])]
    elif isinstance(y, pd.Series):
        columns = [y]
    else:
        array = np.asarray(y)
        if array.dtype.kind not in "fOcmM" or not len(array):
            return np.zeros(len(array), bool)
        columns = [pd.Series(part) for part in array.reshape(len(array), -1).T]
    found = [without_signals(column).isna().to_numpy() for column in columns]
    return np.any(found, axis=0) if found else np.zeros(len(y), bool)


def dropped_in_words(n_missing: int, n_rows: int) -> str:
    """A sentence on rows that are left out.

    >>> dropped_in_words(1, 100)
    'the target is missing in 1 of 100 rows, which is left out.'
    """
    verb = "is" if n_missing == 1 else "are"
    return f"the target is missing in {n_missing:,} of {n_rows:,} rows, which {verb} left out."


def rows_of(y: Any, rows: NDArray[np.int64]) -> Any:
    """Some rows of a target or of labels."""
    return y.iloc[rows] if isinstance(y, (pd.Series, pd.DataFrame)) else np.asarray(y)[rows]
