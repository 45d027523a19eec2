"""The most informative approximations of a scheme: where the allocation of information changes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

# An approximation that knows this share of the most ever known about Y counts as complete.
AS_GOOD_AS_ALL = 0.98


def informative_betas(
    scheme: ApproximationScheme, n: int = 5, *, threshold_bits: float = 0.1, seed: int = 0
) -> list[float]:
    """Bottleneck strengths of `n` approximations between which the allocation changes equally.

    They are dense where the allocation changes fast with beta, and sparse where it is constant.
    Left out are the beginning, where unnecessary bits are lost and what is known about Y stays the
    same, and the end, where no component is in use.

    Args:
        scheme: The scheme.
        n: Number of strengths; fewer if fewer models with a component in use were kept.
        threshold_bits: A component is in use if it conveys more than this.
        seed: Which repeat.

    Returns:
        Strengths at which the scheme has a model, in ascending order; empty if no model uses any
        component.
    """
    run = scheme.to_xarray().isel(seed=seed, step=scheme.snapshots.record)
    run = run.sel(split=scheme.scoring_split)
    conveyed = scheme.conveyed_bits().isel(seed=seed, step=scheme.snapshots.record).values
    known = run["predictive_information_bits"].values
    start = 0
    if len(known) and known.max() > 0:
        start = int(np.flatnonzero(known >= AS_GOOD_AS_ALL * known.max())[-1])
    if not (conveyed > threshold_bits).any():
        return []
    if not (conveyed[start:] > threshold_bits).any():
        start = 0
    chosen = evenly_along(conveyed[start:], whole_number("n", n, 1), threshold_bits)
    return [float(scheme.snapshots.beta[start + k]) for k in chosen]


def evenly_along(
    conveyed_bits: NDArray[np.float64], n: int, threshold_bits: float = 0.1
) -> list[int]:
    """Rows of an allocation `[step, component]` that are evenly spaced along its path.

    One bit matters less the more bits a component has, so the length of the path is measured in
    log2(1 + bits / threshold), summed over components.

    Example:
        >>> bits = np.array([[3.0], [3.0], [3.0], [2.0], [1.0], [0.2], [0.0], [0.0]])
        >>> evenly_along(bits, 3)
        [0, 4, 5]

    Raises:
        UserError: If no component is in use in any row.
    """
    in_use = np.flatnonzero((conveyed_bits > threshold_bits).any(axis=1))
    if len(in_use) == 0:
        raise UserError(
            f"no model of this sweep conveys {threshold_bits:g} bit; start it at a smaller beta."
        )
    height = np.log2(1.0 + conveyed_bits[: in_use[-1] + 1] / threshold_bits)
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(height, axis=0)).sum(axis=1))])
    chosen: list[int] = []
    for goal in np.linspace(0.0, way[-1], n) if n > 1 else [0.0]:
        free = [k for k in range(len(way)) if k not in chosen]
        if free:
            chosen.append(min(free, key=lambda k: abs(way[k] - goal)))
    return sorted(chosen)


def nearest_betas(scheme: ApproximationScheme, wanted: Sequence[float]) -> list[float]:
    """The bottleneck strengths of the scheme's models nearest to `wanted`, in ascending order.

    Raises:
        UserError: If a strength is not positive, or there is no model.
    """
    return sorted({scheme.at(beta=beta).beta for beta in wanted})
