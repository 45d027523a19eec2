"""The exact optimum of the Distributed IB objective for discrete components and outcome.

A sweep with a neural network finds *a* scheme of approximations. If the joint distribution of
components and outcome is known (a truth table, a contingency table), this module finds the *best*
scheme: the channels p(u_i|x_i) that minimise `beta * sum_i I(U_i; X_i) - I(U; Y)` at every beta,
and thus the frontier that no trained model can exceed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError
from distributed_ib.optimum._search import (
    Problem,
    best_per_beta,
    exchange,
    hard_starts,
    join,
    random_starts,
    run,
)

FloatArray = NDArray[np.float64]

_NATS_PER_BIT = float(np.log(2.0))
_ROUGH_ROUNDS, _FINE_ROUNDS = 100, 3000
_KEPT_PER_BETA = 3  # descents per beta that continue after the rough rounds


@dataclass(frozen=True)
class OptimalFrontier:
    """The best known solution of the objective at each bottleneck strength.

    Attributes:
        beta: Bottleneck strengths in the given order, `[b]`.
        objective_bits: `beta * sum_i I(U_i; X_i) - I(U; Y)`, `[b]`; 0 if nothing is conveyed.
        information_bits: I(U_i; X_i) of each component, `[b, m]`.
        predictive_bits: I(U; Y), `[b]`.
        channels: For each component i, p(u_i|x_i), `[b, x_i, u_i]`; rows sum to 1.
        names: Names of the components, `[m]`.

    >>> frontier = optimal_frontier(joint_from_truth_table([[0, 1], [1, 0]]), [0.25])
    >>> frontier.information_bits.round(6).tolist(), frontier.objective_bits.round(6).tolist()
    ([[1.0, 1.0]], [-0.5])
    """

    beta: FloatArray
    objective_bits: FloatArray
    information_bits: FloatArray
    predictive_bits: FloatArray
    channels: tuple[FloatArray, ...]
    names: tuple[str, ...]

    @property
    def total_bits(self) -> FloatArray:
        """Information conveyed by all components together, sum_i I(U_i; X_i), `[b]`."""
        return self.information_bits.sum(axis=1)

    def subsets(self, threshold_bits: float = 0.1) -> NDArray[np.bool_]:
        """Which components convey more than `threshold_bits` at each beta, `[b, m]`."""
        return self.information_bits > threshold_bits

    def objective_at(self, beta: ArrayLike) -> FloatArray:
        """An upper bound of the optimal objective in bits at any beta, from all solutions found.

        The objective of every solution is a straight line in beta, and the optimum is at or below
        the lowest of them. At the values of beta solved for, the bound is the optimum found.
        """
        strengths = np.asarray(beta, dtype=np.float64)
        return np.min(strengths[..., None] * self.total_bits - self.predictive_bits, axis=-1)

    def to_xarray(self) -> xr.Dataset:
        """The frontier as a labelled dataset (dims `beta`, `component`), without the channels."""
        return xr.Dataset(
            {
                "objective_bits": ("beta", self.objective_bits),
                "information_bits": (("beta", "component"), self.information_bits),
                "predictive_information_bits": ("beta", self.predictive_bits),
            },
            coords={"beta": self.beta, "component": list(self.names)},
        )


def joint_from_truth_table(truth_table: ArrayLike) -> FloatArray:
    """p(x_1, .., x_m, y) of a function of independent, uniform inputs.

    Args:
        truth_table: Integers from 0, `truth_table[x_1, .., x_m] = y`, with one axis per input.

    Returns:
        Probabilities `[x_1, .., x_m, y]`, which sum to 1.

    Raises:
        UserError: If the entries are not integers from 0, or there is no input.

    >>> joint_from_truth_table([[0, 0], [0, 1]])[1, 1].tolist()
    [0.0, 0.25]
    """
    table = np.asarray(truth_table)
    if table.ndim == 0 or table.size == 0:
        raise UserError("The truth table has no inputs; give one axis per input.")
    if not np.array_equal(table, np.round(table)) or table.min() < 0:
        raise UserError("The truth table's entries must be whole numbers from 0: the values of Y.")
    outcomes = np.arange(int(table.max()) + 1)
    return (table[..., None] == outcomes).astype(np.float64) / table.size


def joint_from_samples(
    inputs: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None = None
) -> FloatArray:
    """p(x_1, .., x_m, y) as the frequencies of rows, such as those of a truth table.

    Args:
        inputs: Integers from 0, `[n, m]`.
        outcome: Integers from 0, `[n]`.
        weights: Weight of each row, `[n]`; equal by default.

    Returns:
        Probabilities `[x_1, .., x_m, y]`, which sum to 1.

    Raises:
        UserError: If the shapes disagree, values are not integers from 0, or weights are negative
            or all 0.

    >>> joint_from_samples([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])[0, 1].tolist()
    [0.0, 0.25]
    """
    rows, y = np.asarray(inputs), np.asarray(outcome)
    if rows.ndim != 2 or y.shape != rows.shape[:1] or rows.size == 0:
        raise UserError(
            f"Inputs must have shape [n, m] and the outcome [n]; got {rows.shape} and {y.shape}."
        )
    cells = np.column_stack([rows, y])
    if not np.array_equal(cells, np.round(cells)) or cells.min() < 0:
        raise UserError("Inputs and outcome must be whole numbers from 0; encode categories first.")
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != y.shape or not np.all(weight >= 0) or not 0 < weight.sum() < np.inf:
        raise UserError("Weights must be [n], none negative, not all 0.")
    cells = cells.astype(np.intp)
    joint = np.zeros(tuple(cells.max(axis=0) + 1))
    np.add.at(joint, tuple(cells.T), weight)
    return joint / joint.sum()


def optimal_frontier(
    joint: ArrayLike,
    beta: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    n_subsets: int = 8,
    n_random: int = 4,
    max_exchanges: int | None = None,
    seed: int = 0,
) -> OptimalFrontier:
    """Minimise `beta * sum_i I(U_i; X_i) - I(U; Y)` over all channels, at every beta.

    Alternating minimisation (a generalised Blahut-Arimoto iteration, whose monotonicity is checked
    at runtime) has four kinds of starts: hard subsets, random channels, and solutions of the
    neighbouring beta below and above. The best solution found at each beta is kept. Its objective
    is achieved, and thus an upper bound of the optimum; no method certifies that it is the optimum.

    Each u_i has as many values as x_i. More never help: with the other channels fixed, the
    objective is a mean over u_i of a function of p(x_i|u_i), whose best value is a point of a
    lower convex hull in |X_i| dimensions, reached by mixing at most |X_i| points.

    Args:
        joint: p(x_1, .., x_m, y), `[x_1, .., x_m, y]`, with up to about 2^20 cells; rescaled to sum
            to 1. Components may be dependent.
        beta: Positive bottleneck strengths in any order, `[b]` or a number. A fine grid helps the
            warm starts.
        names: Names of the components; `X0`, `X1`, .. by default.
        n_subsets: Hard subsets to start from at each beta (all components open is always added).
            8 covers the near ties of the circuits tried.
        n_random: Random starts per beta.
        max_exchanges: Maximum rounds of warm starts; by default the number of beta, which lets a
            solution propagate along the whole sweep. Most searches stop after two.
        seed: Seed of the random starts.

    Returns:
        The frontier, in the order of `beta`.

    Raises:
        UserError: If the table or beta are invalid.
        MonotonicityError: If the objective increases beyond rounding, a bug of this package.

    >>> same = optimal_frontier(joint_from_truth_table([0, 1]), [0.5, 1.5])  # Y = X1
    >>> same.information_bits[:, 0].round(6).tolist()
    [1.0, 0.0]
    """
    table = _checked_joint(joint)
    strengths = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    if strengths.ndim != 1 or not len(strengths) or not np.all(strengths > 0):
        raise UserError("Beta must be a positive number or a list of positive numbers.")
    if not np.all(np.isfinite(strengths)):
        raise UserError("Beta must be finite.")
    labels = tuple(names) if names is not None else tuple(f"X{i}" for i in range(table.ndim - 1))
    if len(labels) != table.ndim - 1:
        raise UserError(f"{len(labels)} names for {table.ndim - 1} components; give one for each.")
    order = np.argsort(strengths, kind="stable")
    problem = Problem(np.ascontiguousarray(np.moveaxis(table, -1, 0)), strengths[order])
    rng = np.random.default_rng(seed)

    starts = join([hard_starts(problem, n_subsets), random_starts(problem, n_random, rng)])
    run(problem, starts, max_rounds=_ROUGH_ROUNDS, tolerance_nats=1e-9)
    few = best_per_beta(starts, _KEPT_PER_BETA)
    run(problem, few, max_rounds=_FINE_ROUNDS, tolerance_nats=1e-11)
    best = exchange(
        problem,
        best_per_beta(few, 1),
        rng,
        max_rounds=_FINE_ROUNDS,
        tolerance_nats=1e-10,
        max_sweeps=len(strengths) if max_exchanges is None else max_exchanges,
    )
    run(problem, best, max_rounds=_FINE_ROUNDS, tolerance_nats=1e-12)

    back = np.argsort(order, kind="stable")
    best = best.take(back)
    return OptimalFrontier(
        beta=strengths,
        objective_bits=best.objective_nats / _NATS_PER_BIT,
        information_bits=best.information_nats / _NATS_PER_BIT,
        predictive_bits=best.predictive_nats / _NATS_PER_BIT,
        channels=tuple(channel.swapaxes(1, 2) for channel in best.channels),
        names=labels,
    )


def _checked_joint(joint: ArrayLike) -> FloatArray:
    table = np.asarray(joint, dtype=np.float64)
    if table.ndim < 2:
        raise UserError(
            f"The joint distribution has {table.ndim} axes; give one per component and Y last."
        )
    if not np.all(table >= 0) or not 0 < table.sum() < np.inf:
        raise UserError("The joint distribution must hold finite probabilities, none negative.")
    return table / table.sum()
