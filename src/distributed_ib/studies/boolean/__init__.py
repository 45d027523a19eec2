"""Boolean circuits: as data and as files (the paper's Fig. 2)."""

from distributed_ib.studies.boolean.circuit import Circuit, Gate, paper_circuit, random_circuit
from distributed_ib.studies.boolean.expression import circuit_from_expression
from distributed_ib.studies.boolean.files import circuit_to_toml, load_circuit

__all__ = [
    "Circuit",
    "Gate",
    "circuit_from_expression",
    "circuit_to_toml",
    "load_circuit",
    "paper_circuit",
    "random_circuit",
]
