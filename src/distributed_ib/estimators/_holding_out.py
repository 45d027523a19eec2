"""Which rows are held out: by groups, by time, or by classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns.column_values import reject_objects
from distributed_ib.data.columns.times import times_of
from distributed_ib.data.files._views import series_of
from distributed_ib.data.splitters import HoldOut, HoldOutLast, KeepAll, Splitter, label_codes
from distributed_ib.errors import UserError


def splitter_of(
    rows: NDArray[np.int64],
    n_rows: int,
    *,
    fraction: float,
    classes: Any = None,
    groups: Any = None,
    times: Any = None,
    is_given: bool = False,
) -> Splitter:
    """How rows are held out: the last rows in time, whole groups, or a share of every class.

    Args:
        rows: The rows that are used, out of `n_rows`.
        n_rows: Number of all rows.
        fraction: Share of the rows to hold out.
        classes: Class of each row, if Y has classes.
        groups: A label for each row; rows with the same label stay together.
        times: When each row was measured.
        is_given: Whether held-out rows are given in a separate table.

    Raises:
        UserError: If groups or times can't be used, or are given where they have no effect.
    """
    if times is not None and (groups is not None or is_given):
        other = "groups" if groups is not None else "validation_data"
        raise UserError(f"times and {other} both define the held-out rows; give only one of them.")
    if is_given:
        return KeepAll()
    if times is not None:
        found = times_of("times", times)
        if found.shape != (n_rows,):
            raise UserError(
                f"times must have shape [{n_rows}], one time for each row, got {found.shape}."
            )
        return HoldOutLast(found[rows], fraction)
    if groups is not None:
        return HoldOut(fraction, groups=label_codes(groups, n_rows, "groups")[rows])
    if classes is None:
        return HoldOut(fraction)
    found = np.asarray(classes)
    reject_objects(str(getattr(classes, "name", None) or "y"), series_of(found))
    return HoldOut(fraction, stratify=_sortable(found)[rows])


def _sortable(classes: NDArray[Any]) -> NDArray[Any]:
    """Labels, or their codes if some are objects other than text, which can't be stratified by."""
    if classes.dtype == object and not all(isinstance(label, str) for label in classes):
        return label_codes(classes, len(classes), "y")
    return classes
