"""Boolean circuits: as data, as files and as drawings (the paper's Fig. 2)."""

from distributed_ib.studies.boolean.boolean_study import PRESETS, BooleanSettings, open_circuit
from distributed_ib.studies.boolean.circuit import Circuit, Gate, paper_circuit, random_circuit
from distributed_ib.studies.boolean.circuit_drawing import MAX_DRAWN_GATES, plot_circuit
from distributed_ib.studies.boolean.circuit_files import circuit_to_toml, load_circuit
from distributed_ib.studies.boolean.circuit_formula import circuit_from_expression
from distributed_ib.studies.boolean.ranked_subsets import RankedSubset, rank_subsets
from distributed_ib.studies.boolean.subset_ranks_figure import plot_subset_information

__all__ = [
    "MAX_DRAWN_GATES",
    "PRESETS",
    "BooleanSettings",
    "Circuit",
    "Gate",
    "RankedSubset",
    "circuit_from_expression",
    "circuit_to_toml",
    "load_circuit",
    "open_circuit",
    "paper_circuit",
    "plot_circuit",
    "plot_subset_information",
    "random_circuit",
    "rank_subsets",
]
