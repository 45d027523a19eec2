"""Boolean circuits: data, files, drawings, and their study (the paper's Fig. 2)."""

from distributed_ib.studies.boolean.boolean_study import BooleanStudy as BooleanStudy
from distributed_ib.studies.boolean.circuit import Circuit as Circuit
from distributed_ib.studies.boolean.circuit import Gate as Gate
from distributed_ib.studies.boolean.circuit import paper_circuit as paper_circuit
from distributed_ib.studies.boolean.circuit import random_circuit as random_circuit
from distributed_ib.studies.boolean.circuit_drawing import MAX_DRAWN_GATES as MAX_DRAWN_GATES
from distributed_ib.studies.boolean.circuit_drawing import plot_circuit as plot_circuit
from distributed_ib.studies.boolean.circuit_files import circuit_from_text as circuit_from_text
from distributed_ib.studies.boolean.circuit_files import circuit_to_toml as circuit_to_toml
from distributed_ib.studies.boolean.circuit_files import load_circuit as load_circuit
from distributed_ib.studies.boolean.circuit_formula import (
    circuit_from_expression as circuit_from_expression,
)
from distributed_ib.studies.boolean.ranked_subsets import RankedSubset as RankedSubset
from distributed_ib.studies.boolean.ranked_subsets import rank_subsets as rank_subsets
from distributed_ib.studies.boolean.subset_ranks_figure import (
    plot_subset_information as plot_subset_information,
)
