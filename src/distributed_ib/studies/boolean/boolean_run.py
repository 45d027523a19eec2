"""A circuit's run on disk: made by one sweep, and read again later."""

import time
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib._files import write_text
from distributed_ib.errors import UserError
from distributed_ib.information.subset_information import check_exhaustive, subset_information_bits
from distributed_ib.optimum.gap import with_optimum
from distributed_ib.report.words import require_records, summary
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.scheme.terms import snapshot_terms
from distributed_ib.studies.boolean.boolean_report import circuit_figures, summary_text
from distributed_ib.studies.boolean.boolean_study import (
    BooleanSettings,
    check_direction,
    check_varies,
    open_circuit,
)
from distributed_ib.studies.boolean.circuit import Circuit
from distributed_ib.studies.boolean.circuit_files import circuit_to_toml, load_circuit
from distributed_ib.studies.boolean.circuit_optimality import (
    MAX_FRONTIER_INPUTS,
    CircuitOptimality,
    circuit_frontier,
    load_optimality,
    optimality_figures,
    optimality_of,
    refine_circuit,
)
from distributed_ib.studies.boolean.ranked_subsets import RankedSubset, rank_subsets
from distributed_ib.study.run_folder import append_log, start_run, write_summary
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.schedule import Direction
from distributed_ib.training.sweep import check_repeats

STUDY = "boolean"
CIRCUIT = "circuit.toml"


@dataclass(frozen=True)
class CircuitRun:
    """An opened circuit.

    Attributes:
        circuit: The circuit.
        scheme: What the sweep found.
        information_bits: I(X_S; Y) of every subset of inputs, `[2**n]`, by exhaustive search.
        optimality: The exact optimum and how far from it the sweep is; None where the circuit is
            too large, the sweep did not finish, or the run is of an older version.
    """

    circuit: Circuit
    scheme: ApproximationScheme
    information_bits: NDArray[np.float64]
    optimality: CircuitOptimality | None = None

    def found(
        self, threshold_bits: float = 0.1, measure: Measure | None = None
    ) -> list[RankedSubset]:
        """The subsets in use along the sweep, ranked among all of their size."""
        subsets = self.scheme.subsets(threshold_bits, measure=measure)
        return rank_subsets(subsets, self.circuit.inputs, self.information_bits)

    def figures(
        self, threshold_bits: float = 0.1, measure: Measure | None = None
    ) -> dict[str, Figure]:
        """All figures, by name."""
        figures = circuit_figures(
            self.scheme, self.circuit, self.information_bits, threshold_bits, measure
        )
        if self.optimality is not None:
            figures |= optimality_figures(self.optimality)
        return figures

    def optimality_sentences(self) -> list[str]:
        """How far the sweep is from the exact optimum, or why nobody knows."""
        if self.optimality is not None:
            return self.optimality.sentences()
        if self.circuit.n_inputs > MAX_FRONTIER_INPUTS:
            return [
                f"The exact optimum is not computed: it takes at most {MAX_FRONTIER_INPUTS} "
                f"inputs, and the circuit has {self.circuit.n_inputs}."
            ]
        return []

    def summary_text(self, threshold_bits: float = 0.1) -> str:
        """The findings for people, in Markdown."""
        text = summary_text(self.scheme, self.circuit, self.found(threshold_bits))
        sentences = " ".join(self.optimality_sentences())
        return f"{text}\n## Distance to the optimum\n\n{sentences}\n" if sentences else text


def run_circuit(
    circuit: Circuit,
    settings: BooleanSettings,
    folder: Path,
    *,
    seed: int = 0,
    n_seeds: int = 1,
    direction: Direction | Literal["both"] = "rising",
    refined: bool = False,
    progress: ProgressCallback | None = None,
    say: Callable[[str], None] | None = None,
    command: str = "",
) -> CircuitRun:
    """Open a circuit, search its subsets exhaustively, and leave all but the figures in a folder.

    Args:
        circuit: The circuit, with at most 20 inputs.
        settings: How to train.
        folder: New folder for the run.
        seed: Seed of everything random.
        n_seeds: Independent repeats.
        direction: How beta moves: "rising", "falling", or "both" in turn; see `open_circuit`.
        refined: Whether to refine the subsets of the sweep at fixed beta afterwards, if it
            finished.
        progress: Called as the sweep goes on.
        say: Called with a line of words as the refinement goes on.
        command: What to write into the log as the origin of the run.

    Raises:
        UserError: If the circuit can't be searched or opened, or the folder can't be made; then
            nothing is left behind.
    """
    check_exhaustive(circuit.n_inputs)
    check_varies(circuit)
    check_repeats(seed, n_seeds)
    check_direction(direction)
    if refined and circuit.n_inputs > MAX_FRONTIER_INPUTS:
        raise UserError(
            f"a refinement takes at most {MAX_FRONTIER_INPUTS} inputs, but the circuit has "
            f"{circuit.n_inputs}; leave --refine out."
        )
    options = {
        "seed": seed,
        "n_seeds": n_seeds,
        "direction": direction,
        "refined": refined,
        **asdict(settings),
    }
    start_run(folder, STUDY, {"training": options | {"hidden": list(settings.hidden)}})
    write_text(folder / CIRCUIT, circuit_to_toml(circuit))
    append_log(folder, f"command: {command}" if command else "started from Python")
    information_bits = subset_information_bits(circuit.truth_table()[1])
    frontier = None
    if circuit.n_inputs <= MAX_FRONTIER_INPUTS:
        frontier = circuit_frontier(circuit, settings.beta_start, settings.beta_end)
    scheme = open_circuit(
        circuit, settings, seed=seed, n_seeds=n_seeds, direction=direction, progress=progress
    )
    optimality = None
    if frontier is not None and scheme.status == "finished":
        terms = snapshot_terms(scheme, *circuit.truth_table(), seed=seed)
        scheme = with_optimum(scheme, frontier, terms)
        optimality = optimality_of(scheme, frontier, terms)
    scheme.save(folder)
    seconds = scheme.to_xarray().attrs["seconds"]
    append_log(folder, f"sweep {scheme.message}, {seconds:.1f} s")
    if refined and optimality is not None:
        began = time.perf_counter()
        beta = optimality.frontier.beta
        candidates = refine_circuit(circuit, scheme, beta, seed=seed, progress=say)
        optimality = optimality.with_refinement(circuit, candidates)
        append_log(folder, f"refinement finished, {time.perf_counter() - began:.1f} s")
    if optimality is not None:
        optimality.save(folder)
    run = CircuitRun(circuit, scheme, information_bits, optimality)
    write_summary(folder, _summary(run), run.summary_text())
    return run


def load_run(folder: Path) -> CircuitRun:
    """Read a run folder again.

    Raises:
        UserError: If something is missing or damaged, or the sweep ended before its first record.
    """
    circuit = load_circuit(folder / CIRCUIT)
    check_exhaustive(circuit.n_inputs)
    scheme = ApproximationScheme.load(folder)
    require_records(scheme, folder)
    information_bits = subset_information_bits(circuit.truth_table()[1])
    return CircuitRun(circuit, scheme, information_bits, load_optimality(folder))


def _summary(run: CircuitRun) -> dict[str, object]:
    return {
        **summary(run.scheme),
        "circuit": tomllib.loads(circuit_to_toml(run.circuit)),
        "subsets_of_first_repeat": [
            {
                "components": list(ranked.subset.components),
                "information_bits": ranked.information_bits,
                "rank": ranked.rank,
                "n_of_size": ranked.n_of_size,
            }
            for ranked in run.found()
        ],
        "optimality": None if run.optimality is None else run.optimality.summary(),
    }
