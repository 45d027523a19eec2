"""Checks of descriptions of fitted components, which may come from a file."""

import itertools
import math
from typing import TYPE_CHECKING, Any

from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.data.fitted_decomposition import FittedDecomposition


def check_fits(fitted: "FittedDecomposition") -> None:
    """Check that each attribute has a usable entry for each column.

    Raises:
        UserError: If not; attributes that older versions lack may be empty.
    """
    count = len(fitted.continuous)
    n_levels = [c.n_codes for c in fitted.columns if not c.is_number]
    scaling = (fitted.mean, fitted.scale, fitted.low, fitted.high)
    faults = {
        "its scaling is unusable": any(
            len(values) != count or not all(map(math.isfinite, values)) for values in scaling
        )
        or not all(scale > 0 for scale in fitted.scale),
        "its values are unusable": len(fitted.observed) not in (0, count)
        or not all(fitted.observed),
        "by_rank doesn't fit its columns": len(fitted.by_rank) not in (0, count)
        or (any(fitted.by_rank) and not fitted.observed),
        "spikes and rows_per_value don't fit its columns": len(fitted.spikes) not in (0, count)
        or len(fitted.rows_per_value) not in (0, count)
        or not all(map(math.isfinite, fitted.rows_per_value)),
        "its typical values don't fit": len(fitted.median) not in (0, count)
        or not all(map(math.isfinite, fitted.median))
        or len(fitted.most_frequent) not in (0, len(n_levels))
        or not all(0 <= k < n for k, n in zip(fitted.most_frequent, n_levels, strict=False)),
        "levels are missing": any(
            c.kind == "categorical" and not c.levels for c in fitted.decomposition.columns
        ),
    }
    for fault, is_there in faults.items():
        if is_there:
            raise UserError(f"this is not a valid description of fitted components: {fault}.")


def value_lists(description: Any, name: str) -> tuple[tuple[float, ...], ...]:
    """Some values of each continuous column; empty in files of older versions.

    Raises:
        ValueError: If they are not finite numbers in ascending order.
    """
    lists = tuple(tuple(map(float, values)) for values in description.get(name, ()))
    for values in lists:
        rising = all(a < b for a, b in itertools.pairwise(values))
        if not rising or not all(map(math.isfinite, values)):
            raise ValueError(f"its {name} values are unusable")
    return lists
