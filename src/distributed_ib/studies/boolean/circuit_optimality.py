"""The distance between the sweep of a circuit and the exact optimum."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.optimum._table_terms import channel_terms
from distributed_ib.optimum.candidates import Candidates, subsets_of
from distributed_ib.optimum.envelope import Envelope, lower_envelope
from distributed_ib.optimum.exact_optimum import (
    OptimalFrontier,
    joint_from_samples,
    optimal_frontier,
)
from distributed_ib.optimum.refine import RefineSettings, refine
from distributed_ib.optimum.snapshot_terms import SnapshotTerms
from distributed_ib.plots._style import figure_style
from distributed_ib.plots.frontier_figures import plot_frontier, plot_gap
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean.circuit import Circuit

FloatArray = NDArray[np.float64]

MAX_FRONTIER_INPUTS = 14
"""Largest number of inputs for which the optimum is computed: with more, it takes minutes."""

N_BETA = 30
"""Number of bottleneck strengths at which it is computed, evenly spaced in their logarithm."""

_SWEEP = ("swept_beta", "swept_total_bits", "swept_predictive_bits")
_REFINED = ("refined_information_bits", "refined_predictive_bits", "refined_learned_bits")


@dataclass(frozen=True)
class Gap:
    """Distances to the optimum along beta.

    Attributes:
        beta: `[b]`, bottleneck strengths.
        gap_bits: `[b]`, the objective in true bits minus its optimum.
        error_bits: `[b]`, standard errors of `gap_bits`; None if unknown.
    """

    beta: FloatArray
    gap_bits: FloatArray
    error_bits: FloatArray | None = None

    @property
    def largest_bits(self) -> float:
        """The largest gap; 0 if there are none."""
        return float(self.gap_bits.max(initial=0.0))

    @property
    def at_beta(self) -> float:
        """The beta of the largest gap."""
        return float(self.beta[np.argmax(self.gap_bits)]) if len(self.beta) else float("nan")

    @property
    def error_of_largest_bits(self) -> float | None:
        """Standard error of the largest gap; None if unknown."""
        if self.error_bits is None or not len(self.beta):
            return None
        return float(self.error_bits[np.argmax(self.gap_bits)])


@dataclass(frozen=True)
class CircuitOptimality:
    """The exact optimum of a circuit, with the sweep and, if there is one, the refinement.

    Attributes:
        frontier: The optimum at some bottleneck strengths, without its channels.
        swept_beta: Bottleneck strength at each snapshot of the sweep, `[snapshot]`.
        swept_total_bits: Exact information that the channels transmit there, `[seed, snapshot]`.
        swept_predictive_bits: Information of the learned predictor about Y over the whole truth
            table, `[seed, snapshot]`.
        refined_information_bits: Information that each refined candidate transmits,
            `[candidate, component]`; no candidates if nothing was refined.
        refined_predictive_bits: I(U; Y) of each candidate with the best predictor, exact,
            `[candidate]`.
        refined_learned_bits: Information of its own learned predictor about Y, `[candidate]`.
        swept_predictive_error_bits: Standard error of `swept_predictive_bits`; None if it was
            not measured.
    """

    frontier: OptimalFrontier
    swept_beta: FloatArray
    swept_total_bits: FloatArray
    swept_predictive_bits: FloatArray
    refined_information_bits: FloatArray
    refined_predictive_bits: FloatArray
    refined_learned_bits: FloatArray
    swept_predictive_error_bits: FloatArray | None = None

    @property
    def refined(self) -> bool:
        """Whether there was a refinement."""
        return len(self.refined_predictive_bits) > 0

    def swept_gap(self) -> Gap:
        """Gap of every snapshot at its own beta, in all repeats, within the frontier's range."""
        low, high = self.frontier.beta[[0, -1]]
        inside = (self.swept_beta >= low) & (self.swept_beta <= high)
        beta = self.swept_beta[inside]
        objective = beta * self.swept_total_bits[:, inside] - self.swept_predictive_bits[:, inside]
        gap = objective - np.minimum(self.frontier.objective_at(beta), 0.0)
        error = self.swept_predictive_error_bits
        return Gap(
            np.tile(beta, len(gap)),
            gap.reshape(-1),
            None if error is None else error[:, inside].reshape(-1),
        )

    def refined_envelope(self, *, learned: bool = False) -> Envelope:
        """The best refined candidate at the frontier's beta.

        Args:
            learned: Use the information of the learned predictors instead of the exact I(U; Y).
        """
        known = self.refined_learned_bits if learned else self.refined_predictive_bits
        total = self.refined_information_bits.sum(axis=1)
        return lower_envelope(self.frontier.beta, total, known)

    def refined_gap(self, *, learned: bool = False) -> Gap:
        """Gap of that envelope at the frontier's beta."""
        best = self.refined_envelope(learned=learned)
        optimum = np.minimum(self.frontier.objective_bits, 0.0)
        return Gap(best.beta, best.objective_bits - optimum)

    def sentences(self) -> list[str]:
        """The gaps as sentences."""
        swept = self.swept_gap()
        error = swept.error_of_largest_bits
        largest = f"{swept.largest_bits:.3f}" + ("" if error is None else f" ± {error:.3f}")
        found = [
            "The objective of the sweep, computed from the exact information, is at most "
            f"{largest} bits above the exact optimum (largest at beta={swept.at_beta:.3g})."
        ]
        if self.refined:
            true, learned = self.refined_gap(), self.refined_gap(learned=True)
            found.append(
                f"After refinement at fixed beta it is at most {true.largest_bits:.4f} bits above "
                f"(largest at beta={true.at_beta:.3g}), or {learned.largest_bits:.4f} bits with "
                "the information that the learned predictors reach."
            )
        return found

    def summary(self) -> dict[str, object]:
        """The gaps as plain values, for `summary.json`."""
        gaps = {"sweep": self.swept_gap()}
        if self.refined:
            gaps["refined"] = self.refined_gap()
            gaps["refined_with_learned_predictor"] = self.refined_gap(learned=True)
        return {
            name: {
                "largest_gap_bits": gap.largest_bits,
                "standard_error_bits": gap.error_of_largest_bits,
                "at_beta": gap.at_beta,
            }
            for name, gap in gaps.items()
            if len(gap.beta)
        }

    def with_refinement(self, circuit: Circuit, candidates: Candidates) -> "CircuitOptimality":
        """A copy with the candidates of a refinement."""
        joint = joint_from_samples(*circuit.truth_table())
        information, predictive = channel_terms(joint, candidates.channels)
        return replace(
            self,
            refined_information_bits=information,
            refined_predictive_bits=predictive,
            refined_learned_bits=candidates.predictive_bits,
        )

    def to_arrays(self) -> dict[str, NDArray[np.float64]]:
        """All fields as arrays by name, for `from_arrays`."""
        error = self.swept_predictive_error_bits
        assert error is not None  # it was measured, not read
        return {
            "optimal_beta": self.frontier.beta,
            "optimal_objective_bits": self.frontier.objective_bits,
            "optimal_information_bits": self.frontier.information_bits,
            "optimal_predictive_bits": self.frontier.predictive_bits,
            "swept_predictive_error_bits": error,
            **{name: getattr(self, name) for name in (*_SWEEP, *_REFINED)},
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], names: Sequence[str]
    ) -> "CircuitOptimality":
        """Make the object from the result of `to_arrays`, for a circuit with inputs `names`."""
        frontier = OptimalFrontier(
            beta=arrays["optimal_beta"],
            objective_bits=arrays["optimal_objective_bits"],
            information_bits=arrays["optimal_information_bits"],
            predictive_bits=arrays["optimal_predictive_bits"],
            channels=(),
            names=tuple(names),
        )
        named = {name: arrays[name] for name in (*_SWEEP, *_REFINED)}
        error = arrays["swept_predictive_error_bits"]
        return cls(frontier, **named, swept_predictive_error_bits=error)


def circuit_frontier(circuit: Circuit, beta_start: float, beta_end: float) -> OptimalFrontier:
    """The exact optimum of a circuit over the last two decades of a sweep's beta, or all if fewer.

    Raises:
        UserError: If the circuit has more than `MAX_FRONTIER_INPUTS` inputs.
    """
    if circuit.n_inputs > MAX_FRONTIER_INPUTS:
        raise UserError(
            f"the exact optimum supports at most {MAX_FRONTIER_INPUTS} inputs, but there are "
            f"{circuit.n_inputs}."
        )
    beta = np.geomspace(max(beta_start, 0.01 * beta_end), beta_end, N_BETA)
    joint = joint_from_samples(*circuit.truth_table())
    return optimal_frontier(joint, beta, names=circuit.inputs)


def optimality_of(
    scheme: ApproximationScheme, frontier: OptimalFrontier, terms: SnapshotTerms
) -> CircuitOptimality:
    """The optimum with a sweep that was not refined.

    Args:
        scheme: The scheme of the sweep.
        frontier: The optimum.
        terms: Both terms of the objective of every snapshot, from `snapshot_terms`.
    """
    return CircuitOptimality(
        frontier=frontier,
        swept_beta=scheme.snapshots.beta,
        swept_total_bits=terms.total_bits,
        swept_predictive_bits=terms.predictive_bits,
        swept_predictive_error_bits=terms.predictive_error_bits,
        refined_information_bits=np.zeros((0, len(frontier.names))),
        refined_predictive_bits=np.zeros(0),
        refined_learned_bits=np.zeros(0),
    )


def refine_circuit(
    circuit: Circuit,
    scheme: ApproximationScheme,
    beta: FloatArray,
    *,
    settings: RefineSettings | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Candidates:
    """Refine the subsets that a sweep used, from the circuit's input-output pairs."""
    used = [
        subset.components
        for repeat in range(scheme.n_seeds)
        for subset in scheme.subsets(seed=repeat)
    ]
    subsets = subsets_of(scheme.components, [*used, scheme.components])
    x, y = circuit.truth_table()
    return refine(x, y, beta, subsets=subsets, settings=settings, seed=seed, progress=progress)


def optimality_figures(optimality: CircuitOptimality) -> dict[str, Figure]:
    """Figures: the information plane in true bits with the optimum, and the gap along beta."""
    swept, refined = optimality.swept_gap(), None
    envelope = None
    if optimality.refined:
        gap = optimality.refined_gap()
        refined, envelope = (gap.beta, gap.gap_bits), optimality.refined_envelope()
    with figure_style():
        axes = {
            "optimal_frontier": plot_frontier(
                optimality.frontier,
                optimality.swept_total_bits,
                optimality.swept_predictive_bits,
                refined=envelope,
            ),
            "optimality_gap": plot_gap((swept.beta, swept.gap_bits), refined=refined),
        }
    figures = {name: ax.get_figure(root=True) for name, ax in axes.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}
