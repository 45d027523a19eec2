"""Two measures of what a component conveys: the information itself, or the KL that bounds it."""

from typing import Literal, get_args

import xarray as xr

from distributed_ib.errors import UserError

Measure = Literal["information", "kl"]
"""What a channel transmits, I(U_i; X_i), or its KL to the prior, an upper bound on that."""

VARIABLES: dict[Measure, str] = {"information": "information_bits", "kl": "kl_bits"}
NAMES: dict[Measure, str] = {"information": "information", "kl": "KL"}
COLUMNS: dict[Measure, str] = {"information": "conveyed", "kl": "KL"}
"""Headings of tables."""
N_ERRORS = 2
"""Standard errors on either side in bands and intervals, for a coverage of about 95 %."""


def chosen_measure(dataset: xr.Dataset, measure: Measure | None) -> Measure:
    """The given measure; by default the information if it was measured, else the KL.

    Raises:
        UserError: If there is no such measure, or the scheme doesn't contain it.
    """
    if measure is None:
        return "information" if VARIABLES["information"] in dataset else "kl"
    if measure not in get_args(Measure):
        raise UserError(f"there is no measure {measure!r}; choose 'information' or 'kl'.")
    if VARIABLES[measure] not in dataset:
        raise UserError(
            "this scheme holds the KL of its components but not their information; compute it with "
            "with_information(x), or choose the measure 'kl'."
        )
    return measure
