"""Selection of the record of a repeat from which an approximation is taken."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.scheme.choice import Choice
from distributed_ib.scheme.measure import VARIABLES, Measure
from distributed_ib.scheme.splits import choosing_split


def chosen_record(
    run: xr.Dataset,
    kept_beta: NDArray[np.float64],
    choice: Choice,
    threshold_bits: float,
    measure: Measure,
) -> int:
    """Index of the chosen record among those of one repeat at which models were kept.

    The most predictive record is the one that knows most about Y on validation rows.

    Args:
        run: The numbers of one repeat at these records.
        kept_beta: Bottleneck strength of the models kept at these records.
        choice: Which record.
        threshold_bits: A component is used if it conveys more than this.
        measure: Whether the bits are "information" or "kl".

    Raises:
        UserError: If nothing is chosen, or there is no model that small.
    """
    if not choice.is_given:
        raise UserError(
            "choose an approximation by exactly one of beta, bits, n_components; got none."
        )
    if choice.beta is not None:
        return nearest_place(kept_beta, choice.beta)
    known = run["predictive_information_bits"].sel(split=choosing_split(run)).values
    conveyed = run[VARIABLES[measure]].values
    if choice.bits is not None:
        return _best(known, conveyed.sum(axis=1), choice.bits, "total bits")
    counts = (conveyed > threshold_bits).sum(axis=1)
    assert choice.n_components is not None  # exactly one is given
    return _best(known, counts, choice.n_components, "components in use")


def nearest_place(all_beta: NDArray[np.float64], beta: float) -> int:
    """Index of the nearest bottleneck strength on a logarithmic scale.

    >>> nearest_place(np.array([0.01, 0.1, 1.0]), 0.2)
    1
    """
    return int(np.argmin(np.abs(np.log(all_beta / beta))))


def _best(known: NDArray[np.float64], cost: NDArray[np.number], limit: float, what: str) -> int:
    """Index of the most predictive record whose cost is within the limit."""
    affordable = cost <= limit
    if not affordable.any():
        raise UserError(
            f"no approximation of this sweep has at most {limit:g} {what}; the smallest has "
            f"{cost.min():g}. Sweep to a larger beta_end."
        )
    return int(np.argmax(np.where(affordable, known, -np.inf)))
