"""How far a scheme is from the exact optimum of the objective, in true bits.

The objective compared is `beta * sum_i I(U_i; X_i) - I(U; Y)`, in bits, with what the channels
really transmit, not the KL that training charges. For I(U; Y) the scheme has what its own
predictor knows; with the best possible predictor for the same channels it would be a little more.
"""

import equinox as eqx
import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError
from distributed_ib.information.exact_channel import exact_information
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.optimum.exact_optimum import OptimalFrontier
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

FloatArray = NDArray[np.float64]

OBJECTIVE, OPTIMUM, GAP = "objective_bits", "optimal_objective_bits", "optimality_gap_bits"


def snapshot_channels(
    scheme: ApproximationScheme, x: ArrayLike, *, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Means and log variances that every snapshot of a repeat gives to rows `x`.

    Returns:
        Two arrays `[snapshot, row, component, embedding]`.
    """
    rows = jax.numpy.asarray(x)
    params = jax.tree.map(lambda leaf: leaf[:, seed], scheme.snapshots.params)
    mean, log_variance = _encode_all(params, scheme.snapshots.static, rows)
    return np.asarray(mean, np.float64), np.asarray(log_variance, np.float64)


def snapshot_information_bits(scheme: ApproximationScheme, n_values: int = 2) -> FloatArray:
    """Exact I(U_i; X_i) of every snapshot's channels, for equally likely values 0 .. n_values - 1.

    Returns:
        `[seed, snapshot, component]`.
    """
    values = np.tile(np.arange(n_values)[:, None], (1, len(scheme.components)))
    found = []
    for seed in range(scheme.n_seeds):
        mean, log_variance = snapshot_channels(scheme, values, seed=seed)
        exact = exact_information(mean.swapaxes(1, 2), log_variance.swapaxes(1, 2))
        found.append(exact.information_bits)
    return np.stack(found)


def with_optimum(
    scheme: ApproximationScheme, frontier: OptimalFrontier, information_bits: ArrayLike
) -> ApproximationScheme:
    """The scheme with its objective, the optimal one and the gap between them at every snapshot.

    Adds `objective_bits` and `optimality_gap_bits` (`[seed, snapshot]`) and
    `optimal_objective_bits` (`[snapshot]`), and the attribute `largest_optimality_gap_bits`. I(U;Y)
    is that of the scheme's own predictor, on the last split.

    Args:
        scheme: The scheme.
        frontier: The exact optimum, with the same components in the same order.
        information_bits: What each channel transmits, `[seed, snapshot, component]`.

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
    conveyed = np.asarray(information_bits, dtype=np.float64)
    expected = (data.sizes["seed"], data.sizes["snapshot"], data.sizes["component"])
    if conveyed.shape != expected:
        raise UserError(f"information_bits must be of shape {expected}, got {conveyed.shape}.")
    record = data["snapshot_record"].values
    predictive = data["predictive_information_bits"].isel(step=record, split=-1).values
    beta = data["snapshot_beta"].values
    objective = beta * conveyed.sum(axis=2) - predictive
    # Conveying nothing is always possible, and costs nothing.
    optimum = np.minimum(frontier.objective_at(beta), 0.0)
    gap = objective - optimum
    data = data.assign(
        {
            OBJECTIVE: (("seed", "snapshot"), objective),
            OPTIMUM: (("snapshot",), optimum),
            GAP: (("seed", "snapshot"), gap),
        }
    )
    data.attrs["largest_optimality_gap_bits"] = float(gap.max()) if gap.size else 0.0
    return ApproximationScheme(data, scheme.snapshots)


@eqx.filter_jit
def _encode_all(params: object, static: object, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(leaves: object) -> tuple[jax.Array, jax.Array]:
        channel: GaussianChannel = eqx.combine(leaves, static).encoder(x)  # type: ignore[attr-defined]
        return channel.mean, jax.numpy.broadcast_to(channel.log_variance, channel.mean.shape)

    return jax.lax.map(one, params)
