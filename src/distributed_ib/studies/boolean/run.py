"""A circuit's run on disk: made by one sweep, and read again later."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.files import write_text
from distributed_ib.information.subsets import check_exhaustive, subset_information_bits
from distributed_ib.runs import append_log, start_run, write_summary
from distributed_ib.scheme.measure import Measure
from distributed_ib.scheme.scheme import ApproximationScheme
from distributed_ib.scheme.words import summary
from distributed_ib.studies.boolean.circuit import Circuit
from distributed_ib.studies.boolean.files import circuit_to_toml, load_circuit
from distributed_ib.studies.boolean.findings import RankedSubset, rank_subsets
from distributed_ib.studies.boolean.report import circuit_figures, summary_text
from distributed_ib.studies.boolean.study import (
    BooleanSettings,
    check_direction,
    check_varies,
    open_circuit,
)
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
    """

    circuit: Circuit
    scheme: ApproximationScheme
    information_bits: NDArray[np.float64]

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
        return circuit_figures(
            self.scheme, self.circuit, self.information_bits, threshold_bits, measure
        )

    def summary_text(self, threshold_bits: float = 0.1) -> str:
        """The findings for people, in Markdown."""
        return summary_text(self.scheme, self.circuit, self.found(threshold_bits))


def run_circuit(
    circuit: Circuit,
    settings: BooleanSettings,
    folder: Path,
    *,
    seed: int = 0,
    n_seeds: int = 1,
    direction: Direction | Literal["both"] = "rising",
    progress: ProgressCallback | None = None,
    command: str = "",
) -> CircuitRun:
    """Open a circuit, search its subsets exhaustively, and leave all but the figures in a folder.

    Args:
        circuit: The circuit, with at most 20 inputs.
        settings: How to train.
        folder: New folder for the run.
        seed: Seed of everything random.
        n_seeds: Independent repeats.
        direction: How beta moves: "rising", "falling", or "both" in turn.
        progress: Called as the sweep goes on.
        command: What to write into the log as the origin of the run.

    Raises:
        UserError: If the circuit can't be searched or opened, or the folder can't be made; then
            nothing is left behind.
    """
    check_exhaustive(circuit.n_inputs)
    check_varies(circuit)
    check_repeats(seed, n_seeds)
    check_direction(direction)
    options = {"seed": seed, "n_seeds": n_seeds, "direction": direction, **asdict(settings)}
    start_run(folder, STUDY, {"training": options | {"hidden": list(settings.hidden)}})
    write_text(folder / CIRCUIT, circuit_to_toml(circuit))
    append_log(folder, f"command: {command}" if command else "started from Python")
    information_bits = subset_information_bits(circuit.truth_table()[1])
    scheme = open_circuit(
        circuit, settings, seed=seed, n_seeds=n_seeds, direction=direction, progress=progress
    )
    scheme.save(folder)
    seconds = scheme.to_xarray().attrs["seconds"]
    append_log(folder, f"sweep {scheme.message}, {seconds:.1f} s")
    run = CircuitRun(circuit, scheme, information_bits)
    write_summary(folder, _summary(run), run.summary_text())
    return run


def load_run(folder: Path) -> CircuitRun:
    """Read a run folder again.

    Raises:
        UserError: If something is missing or damaged.
    """
    circuit = load_circuit(folder / CIRCUIT)
    check_exhaustive(circuit.n_inputs)
    scheme = ApproximationScheme.load(folder)
    return CircuitRun(circuit, scheme, subset_information_bits(circuit.truth_table()[1]))


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
    }
