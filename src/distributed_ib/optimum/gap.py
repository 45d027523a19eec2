"""The gap between a scheme and the exact optimum of the objective, in transmitted bits.

The objective is `beta * sum_i I(U_i; X_i) - I(U; Y)` in bits, with the information that channels
transmit instead of the KL that is charged in training. I(U; Y) is what the scheme's own predictor
knows; with the optimal predictor for the same channels it would be slightly larger.
"""

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.optimum.exact_optimum import OptimalFrontier
from distributed_ib.optimum.snapshot_terms import SnapshotTerms
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

OBJECTIVE, OPTIMUM = "objective_bits", "optimal_objective_bits"
GAP, GAP_ERROR = "optimality_gap_bits", "optimality_gap_error_bits"


def with_optimum(
    scheme: ApproximationScheme, frontier: OptimalFrontier, terms: SnapshotTerms
) -> ApproximationScheme:
    """The scheme with its objective, the optimal one and the gap between them at every snapshot.

    Adds `objective_bits`, `optimality_gap_bits` and its standard error
    `optimality_gap_error_bits` (`[seed, snapshot]`), `optimal_objective_bits` (`[snapshot]`), and
    the attribute `largest_optimality_gap_bits`. Both terms are those of the snapshot itself, so
    that the gap is unbiased.

    Args:
        scheme: The scheme.
        frontier: The exact optimum, with the same components in the same order.
        terms: Both terms of the objective of every snapshot, from `snapshot_terms`.

    Returns:
        A new scheme with the same snapshots.

    Raises:
        UserError: If the components or shapes don't fit.
    """
    if tuple(frontier.names) != scheme.components:
        raise UserError(
            f"the optimum is for components {', '.join(frontier.names)}, the scheme has "
            f"{', '.join(scheme.components)}."
        )
    data = scheme.to_xarray()
    over_snapshots = (data.sizes["seed"], data.sizes["snapshot"])
    for name, expected in (
        ("information_bits", (*over_snapshots, data.sizes["component"])),
        ("predictive_bits", over_snapshots),
        ("predictive_error_bits", over_snapshots),
    ):
        if (shape := getattr(terms, name).shape) != expected:
            raise UserError(f"{name} must be of shape {expected}, got {shape}.")
    beta = data["snapshot_beta"].values
    objective = beta * terms.total_bits - terms.predictive_bits
    # Conveying nothing is always possible, with objective 0.
    optimum = np.minimum(frontier.objective_at(beta), 0.0)
    gap = objective - optimum
    data = data.assign(
        {
            OBJECTIVE: (("seed", "snapshot"), objective),
            OPTIMUM: (("snapshot",), optimum),
            GAP: (("seed", "snapshot"), gap),
            GAP_ERROR: (("seed", "snapshot"), terms.predictive_error_bits),
        }
    )
    data.attrs["largest_optimality_gap_bits"] = float(gap.max()) if gap.size else 0.0
    return ApproximationScheme(data, scheme.snapshots)
