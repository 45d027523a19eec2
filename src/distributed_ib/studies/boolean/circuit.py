"""Boolean circuits as data: named inputs, named gates, one output.

Gates may share nodes and be listed in any order, but must not form a cycle.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from graphlib import CycleError, TopologicalSorter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError
from distributed_ib.information.entropy import binary_entropy_bits

OPS = ("NOT", "AND", "OR", "XOR", "NAND", "NOR", "XNOR")
"""Kinds of gate. NOT reads one node, the others two or more; XOR of many is their parity."""

MAX_TRUTH_TABLE_INPUTS = 24
"""Largest number of inputs of a truth table: 2^24 rows."""

MAX_NAME_LENGTH = 64

_ROWS_AT_ONCE = 1 << 14  # limits memory for wide circuits, and keeps an array of values in cache


@dataclass(frozen=True)
class Gate:
    """One gate: its own name, what it computes, and the nodes that it reads.

    Attributes:
        name: Name of the gate, by which others read it.
        op: One of `OPS`.
        inputs: Names of the inputs and gates that it reads.

    Raises:
        UserError: If `op` is unknown or the number of inputs does not suit it.

    >>> Gate("G1", "AND", ("X0", "X1")).op
    'AND'
    """

    name: str
    op: str
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_name(self.name, "a gate")
        if self.op not in OPS:
            raise UserError(
                f"gate {self.name!r} has the unknown op {shown(self.op)}; "
                f"use one of {', '.join(OPS)}."
            )
        if self.op == "NOT" and len(self.inputs) != 1:
            raise UserError(
                f"gate {self.name!r} is NOT with {len(self.inputs)} inputs; NOT takes exactly one."
            )
        if self.op != "NOT" and len(self.inputs) < 2:
            raise UserError(
                f"gate {self.name!r} is {self.op} with {len(self.inputs)} inputs; {self.op} takes "
                "two or more."
            )


@dataclass(frozen=True)
class Circuit:
    """A Boolean function Y = f(X) as a circuit of gates.

    Attributes:
        inputs: Names of the inputs in order; input i is column i of `x` and bit i of a row number.
            An input that no gate reads is allowed.
        gates: The gates, in any order.
        output: Name of the node that is Y.
        name: Name of the circuit, for titles and files.

    Raises:
        UserError: If a name is used twice, a gate or the output names a missing node, gates form a
            cycle, or there are no inputs.

    >>> xor = Circuit(("a", "b"), (Gate("Y", "XOR", ("a", "b")),), output="Y", name="xor")
    >>> xor.truth_table()[1].tolist()
    [0, 1, 1, 0]
    """

    inputs: tuple[str, ...]
    gates: tuple[Gate, ...]
    output: str
    name: str = "circuit"

    def __post_init__(self) -> None:
        _check_name(self.name, "the circuit")
        if not self.inputs:
            raise UserError("the circuit has no inputs; give it at least one.")
        known: set[str] = set()
        for node in self.inputs:
            _check_name(node, "an input")
            if node in known:
                raise UserError(f"input {node!r} is listed twice; give every input its own name.")
            known.add(node)
        for gate in self.gates:
            if gate.name in known:
                raise UserError(
                    f"gate {gate.name!r} has the name of another gate or input; rename one of them."
                )
            known.add(gate.name)
        for gate in self.gates:
            for node in gate.inputs:
                if node not in known:
                    raise UserError(
                        f"gate {gate.name!r} reads {shown(node)}, which is not an input or gate; "
                        "add it or correct the name."
                    )
        if self.output not in known:
            raise UserError(
                f"the output {shown(self.output)} is not an input or gate; name the node that is Y."
            )
        _ = self.sorted_gates  # finds cycles

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self.inputs)

    @cached_property
    def sorted_gates(self) -> tuple[Gate, ...]:
        """The gates in an order in which each comes after the nodes that it reads."""
        return _topological_order(self.gates)

    def evaluate(self, x: ArrayLike) -> NDArray[np.uint8]:
        """Output of the circuit for many settings of the inputs.

        Args:
            x: Inputs `[n, n_inputs]` of 0 and 1 (or booleans), columns in the order of `inputs`.

        Returns:
            Outputs `[n]` of 0 and 1.

        Raises:
            UserError: If `x` has another shape or contains other values.

        >>> paper_circuit().evaluate([[1] * 10, [0] * 10]).tolist()
        [0, 0]
        """
        values = np.asarray(x)
        if values.ndim != 2 or values.shape[1] != self.n_inputs:
            raise UserError(
                f"circuit {self.name!r} takes x of shape [n, {self.n_inputs}], got "
                f"{list(values.shape)}."
            )
        if not np.all((values == 0) | (values == 1)):
            raise UserError(f"circuit {self.name!r} takes inputs of 0 and 1 only.")
        columns = values.astype(np.bool_)
        y = np.empty(len(values), dtype=np.uint8)
        for start in range(0, len(y), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            y[rows] = self._output({n: columns[rows, i] for i, n in enumerate(self.inputs)})
        return y

    def truth_table(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """All 2^n settings of the inputs, and the output for each.

        Returns:
            `x [2**n, n]` and `y [2**n]` of 0 and 1. Row r has input i at bit i of r, so the first
            input changes fastest.

        Raises:
            UserError: If there are more than `MAX_TRUTH_TABLE_INPUTS` inputs.
        """
        y = self._truth_values()
        x = np.empty((len(y), self.n_inputs), dtype=np.uint8)
        rows = np.arange(len(y))
        for i in range(self.n_inputs):
            x[:, i] = rows >> i & 1
        return x, y

    def output_entropy_bits(self) -> float:
        """Entropy H(Y) in bits of the output under uniform inputs.

        Raises:
            UserError: If there are more than `MAX_TRUTH_TABLE_INPUTS` inputs.

        >>> round(paper_circuit().output_entropy_bits(), 6)
        0.757878
        """
        return float(binary_entropy_bits(self._truth_values().mean()))

    def permuted(self, order: Sequence[int]) -> "Circuit":
        """The same function with its inputs in another order.

        Args:
            order: Numbers 0 to n-1 in the new order: input k of the result is input `order[k]` of
                this circuit, and `permuted.evaluate(x[:, order])` equals `evaluate(x)`.

        Raises:
            UserError: If `order` does not contain every number from 0 to n-1 exactly once.
        """
        if sorted(order) != list(range(self.n_inputs)):
            raise UserError(
                f"an order of {self.n_inputs} inputs must contain each number from 0 to "
                f"{self.n_inputs - 1} once, got {list(order)}."
            )
        return replace(self, inputs=tuple(self.inputs[i] for i in order))

    @cached_property
    def _needed_gates(self) -> tuple[Gate, ...]:
        """The sorted gates on which the output depends."""
        needed = {self.output}
        gates = []
        for gate in reversed(self.sorted_gates):
            if gate.name in needed:
                gates.append(gate)
                needed.update(gate.inputs)
        return tuple(reversed(gates))

    def _output(self, columns: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """The output `[n]` from one array `[n]` per input."""
        values = dict(columns)
        for gate in self._needed_gates:
            values[gate.name] = _apply(gate.op, [values[node] for node in gate.inputs])
        return values[self.output]

    def _truth_values(self) -> NDArray[np.uint8]:
        """The output `[2**n]` for every row of the truth table."""
        if self.n_inputs > MAX_TRUTH_TABLE_INPUTS:
            raise UserError(
                f"circuit {self.name!r} has {self.n_inputs} inputs, but truth tables are limited "
                f"to {MAX_TRUTH_TABLE_INPUTS}; use a circuit with fewer inputs."
            )
        y = np.empty(1 << self.n_inputs, dtype=np.uint8)
        for start in range(0, len(y), _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(y)))
            columns = {n: (rows >> i & 1).astype(np.bool_) for i, n in enumerate(self.inputs)}
            y[rows] = self._output(columns)
        return y


def paper_circuit() -> Circuit:
    """The ten-input circuit of the paper's Fig. 2, with inputs X0 to X9 and output Y.

    >>> paper_circuit().truth_table()[1].sum().item()
    224
    """
    gates = (
        Gate("G10", "OR", ("X1", "X0")),
        Gate("G11", "XOR", ("X8", "X7")),
        Gate("G12", "AND", ("X4", "X3")),
        Gate("G13", "OR", ("G11", "X5")),
        Gate("G14", "XOR", ("X6", "G12")),
        Gate("G15", "XOR", ("G13", "X9")),
        Gate("G16", "OR", ("G14", "G10")),
        Gate("G17", "AND", ("G15", "X2")),
        Gate("Y", "AND", ("G17", "G16")),
    )
    return Circuit(_numbered_inputs(10), gates, output="Y", name="paper")


def random_circuit(n_inputs: int, seed: int) -> Circuit:
    """A random formula of AND, OR and XOR that reads each input once.

    Two random unread nodes are joined by a random gate until only one unread node is left. Such a
    function is never constant, and every input matters. The same seed gives the same circuit in
    every version of Python and NumPy.

    Args:
        n_inputs: Number of inputs, at least 2; they are named X0, X1, ...
        seed: Seed of the random choices, 0 or more.

    Raises:
        UserError: If `n_inputs` is below 2 or `seed` below 0.

    >>> random_circuit(6, seed=1).n_inputs
    6
    """
    if n_inputs < 2:
        raise UserError(f"a random circuit needs at least 2 inputs, but {n_inputs} were asked for.")
    if seed < 0:
        raise UserError(f"the seed of a random circuit must be 0 or more, but it is {seed}.")
    source = random.Random(seed)
    inputs = _numbered_inputs(n_inputs)
    open_nodes = list(inputs)
    gates = []
    for number in range(1, n_inputs):
        # Only Random.random() is documented to give the same numbers in all versions of Python.
        read = tuple(open_nodes.pop(int(source.random() * len(open_nodes))) for _ in range(2))
        op = ("AND", "OR", "XOR")[int(source.random() * 3)]
        gates.append(Gate("Y" if number == n_inputs - 1 else f"G{number}", op, read))
        open_nodes.append(gates[-1].name)
    return Circuit(inputs, tuple(gates), output="Y", name=f"random-{n_inputs}-seed{seed}")


def _numbered_inputs(n_inputs: int) -> tuple[str, ...]:
    return tuple(f"X{i}" for i in range(n_inputs))


def shown(text: str) -> str:
    """`text` in quotes on one line, shortened if it is too long for a message.

    >>> shown("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"
    """
    return repr(text if len(text) <= MAX_NAME_LENGTH else text[:40] + "...")


def _check_name(name: str, what: str) -> None:
    """Raise an error for a name that would break a table, a figure or a terminal."""
    if not name or name != name.strip() or not name.isprintable() or len(name) > MAX_NAME_LENGTH:
        raise UserError(
            f"{what} is named {shown(name)}; a name must have 1 to {MAX_NAME_LENGTH} printable "
            "characters and no space at its ends."
        )


def _apply(op: str, values: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Value `[n]` of a gate from the values `[n]` of the nodes that it reads."""
    if op == "NOT":
        return ~values[0]
    combine = {"AND": np.logical_and, "OR": np.logical_or, "XOR": np.logical_xor}
    if op in combine:
        return reduce(combine[op], values)
    negated = {"NAND": "AND", "NOR": "OR", "XNOR": "XOR"}[op]
    return ~reduce(combine[negated], values)


def _topological_order(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Sort gates so that each follows those it reads; the error for a cycle names its nodes."""
    by_name = {gate.name: gate for gate in gates}
    sorter = TopologicalSorter({name: () for name in by_name})  # ties keep the order of the list
    for gate in gates:
        sorter.add(gate.name, *(node for node in gate.inputs if node in by_name))
    try:
        return tuple(by_name[name] for name in sorter.static_order())
    except CycleError as error:
        *cycle, _ = error.args[1]  # in the direction of the signal; the last name is the first
    place = {name: i for i, name in enumerate(by_name)}
    start = cycle.index(min(cycle, key=place.__getitem__))
    cycle = cycle[start:] + cycle[:start]
    named = cycle if len(cycle) <= 8 else [*cycle[:4], "...", *cycle[-3:]]
    raise UserError(
        f"gates form a cycle: {' -> '.join([*named, cycle[0]])}; change the input of one of them."
    )
