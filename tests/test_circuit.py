"""Circuits as data: what they compute and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_ib.errors import UserError
from distributed_ib.information.subset_information import subset_information_bits
from distributed_ib.studies.boolean import Circuit, Gate, paper_circuit, random_circuit


def test_paper_circuit_has_the_reference_output() -> None:
    circuit = paper_circuit()
    x, y = circuit.truth_table()
    assert circuit.inputs == tuple(f"X{i}" for i in range(10))
    assert x.shape == (1024, 10)
    assert x.dtype == y.dtype == np.dtype(np.uint8)
    assert y.sum() == 224
    assert circuit.output_entropy_bits() == pytest.approx(0.757878, abs=5e-7)


def test_paper_circuit_is_the_formula_of_the_paper() -> None:
    x, y = paper_circuit().truth_table()
    b = x.astype(bool).T
    left = b[2] & (b[9] ^ (b[5] | (b[7] ^ b[8])))
    np.testing.assert_array_equal(y, left & ((b[6] ^ (b[3] & b[4])) | b[0] | b[1]))


def test_row_numbers_hold_input_i_at_bit_i() -> None:
    x, y = paper_circuit().truth_table()
    np.testing.assert_array_equal(x @ (1 << np.arange(10)), np.arange(1024))
    np.testing.assert_array_equal(paper_circuit().evaluate(x), y)


@pytest.mark.parametrize(
    ("op", "truth"),
    [
        ("AND", lambda ones, n: ones == n),
        ("OR", lambda ones, n: ones > 0),
        ("XOR", lambda ones, n: ones % 2 == 1),
        ("NAND", lambda ones, n: ones < n),
        ("NOR", lambda ones, n: ones == 0),
        ("XNOR", lambda ones, n: ones % 2 == 0),
    ],
)
@pytest.mark.parametrize("n_inputs", [2, 3, 5])
def test_gates_compute_their_names(op: str, truth, n_inputs: int) -> None:  # type: ignore[no-untyped-def]
    inputs = tuple(f"X{i}" for i in range(n_inputs))
    x, y = Circuit(inputs, (Gate("Y", op, inputs),), "Y").truth_table()
    assert y.tolist() == [int(truth(int(row.sum()), n_inputs)) for row in x]


def test_not_and_an_input_as_output() -> None:
    assert Circuit(("a",), (Gate("Y", "NOT", ("a",)),), "Y").truth_table()[1].tolist() == [1, 0]
    assert Circuit(("a", "b"), (), "b").truth_table()[1].tolist() == [0, 0, 1, 1]


def test_gates_may_come_in_any_order() -> None:
    circuit = paper_circuit()
    turned = Circuit(circuit.inputs, circuit.gates[::-1], circuit.output)
    np.testing.assert_array_equal(turned.truth_table()[1], circuit.truth_table()[1])
    place = {gate.name: i for i, gate in enumerate(turned.sorted_gates)}
    for gate in turned.gates:
        assert all(place[node] < place[gate.name] for node in gate.inputs if node in place)


def test_permuting_inputs_permutes_the_table_and_the_information() -> None:
    circuit = paper_circuit()
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    permuted = circuit.permuted(order)
    x, y = circuit.truth_table()
    assert permuted.inputs[0] == "X3"
    np.testing.assert_array_equal(permuted.evaluate(x[:, order]), y)
    before = subset_information_bits(y)
    after = subset_information_bits(permuted.truth_table()[1])
    np.testing.assert_allclose([after[1 << k] for k in range(10)], [before[1 << i] for i in order])


def test_many_rows_are_evaluated_in_blocks() -> None:
    x = np.random.default_rng(0).integers(0, 2, size=(40_000, 10))
    rows = x @ (1 << np.arange(10))
    np.testing.assert_array_equal(
        paper_circuit().evaluate(x), paper_circuit().truth_table()[1][rows]
    )
    assert paper_circuit().evaluate(np.zeros((0, 10))).shape == (0,)


def test_a_chain_of_ten_thousand_gates_needs_no_deep_recursion() -> None:
    gates = [Gate("g0", "NOT", ("a",))]
    gates += [Gate(f"g{i}", "NOT", (f"g{i - 1}",)) for i in range(1, 10_000)]
    circuit = Circuit(("a",), tuple(gates[::-1]), "g9999")
    assert circuit.truth_table()[1].tolist() == [0, 1]
    assert circuit == Circuit(("a",), tuple(gates[::-1]), "g9999")


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.integers(2, 8), st.integers(0, 10_000))
def test_random_circuits_read_every_input_once_and_each_matters(n_inputs: int, seed: int) -> None:
    circuit = random_circuit(n_inputs, seed)
    read = [node for gate in circuit.gates for node in gate.inputs]
    nodes = [*circuit.inputs, *(gate.name for gate in circuit.gates)]
    assert sorted(read) == sorted(set(nodes) - {"Y"})
    y = circuit.truth_table()[1]
    for i in range(n_inputs):
        assert (y != y[np.arange(len(y)) ^ 1 << i]).any()


def test_the_same_seed_gives_the_same_circuit_for_ever() -> None:
    assert random_circuit(12, seed=5) == random_circuit(12, seed=5)
    assert random_circuit(12, seed=5) != random_circuit(12, seed=6)
    found = [(gate.op, gate.inputs) for gate in random_circuit(4, seed=1).gates]
    assert found == [("XOR", ("X0", "X3")), ("OR", ("X1", "X2")), ("AND", ("G2", "G1"))]


A_AND_B = Gate("g", "AND", ("a", "b"))


@pytest.mark.parametrize(
    ("inputs", "gates", "output", "message"),
    [
        ((), (), "a", "no inputs; give it at least one"),
        (("a", "a"), (), "a", "input 'a' is listed twice"),
        (("a", "b"), (A_AND_B, A_AND_B), "g", "gate 'g' has the name of another"),
        (("a", "g", "b"), (A_AND_B,), "g", "gate 'g' has the name of another"),
        (("a",), (A_AND_B,), "g", "gate 'g' reads 'b', which is not an input or gate"),
        (("a", "b"), (A_AND_B,), "Y", "the output 'Y' is not an input or gate"),
        (("a\n",), (), "a", r"an input is named 'a\\n'; a name must have"),
        (("",), (), "", "an input is named ''"),
        (("a" * 65,), (), "a", "1 to 64 printable"),
    ],
)
def test_broken_circuits_are_refused(
    inputs: tuple[str, ...], gates: tuple[Gate, ...], output: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Circuit(inputs, gates, output)


def test_a_cycle_is_named_with_its_nodes_only() -> None:
    gates = (
        Gate("p", "AND", ("a", "r")),
        Gate("q", "NOT", ("p",)),
        Gate("r", "OR", ("q", "a")),
        Gate("after", "NOT", ("r",)),
    )
    with pytest.raises(UserError, match=r"^gates form a cycle: p -> q -> r -> p; change"):
        Circuit(("a",), gates, "after")
    with pytest.raises(UserError, match=r"^gates form a cycle: p -> q -> r -> p; change"):
        Circuit(("a",), (gates[3], *gates[:3]), "after")
    with pytest.raises(UserError, match="cycle: g -> g;"):
        Circuit(("a",), (Gate("g", "AND", ("a", "g")),), "g")


@pytest.mark.parametrize(
    ("op", "inputs", "message"),
    [
        ("IMPLIES", ("a", "b"), "gate 'g' has the unknown op 'IMPLIES'; use one of NOT, AND"),
        ("NOT", ("a", "b"), "gate 'g' is NOT with 2 inputs; NOT takes exactly one"),
        ("AND", ("a",), "gate 'g' is AND with 1 inputs; AND takes two or more"),
        ("XNOR", (), "gate 'g' is XNOR with 0 inputs"),
    ],
)
def test_broken_gates_are_refused(op: str, inputs: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Gate("g", op, inputs)


def test_bad_calls_are_refused() -> None:
    circuit = paper_circuit()
    with pytest.raises(UserError, match=r"shape \[n, 10\], got \[3, 9\]"):
        circuit.evaluate(np.zeros((3, 9)))
    with pytest.raises(UserError, match="0 and 1 only"):
        circuit.evaluate(np.full((1, 10), 2))
    with pytest.raises(UserError, match="from 0 to 9 once"):
        circuit.permuted([0] * 10)
    with pytest.raises(UserError, match="25 inputs, but truth tables are limited to 24"):
        random_circuit(25, seed=0).truth_table()
    with pytest.raises(UserError, match="at least 2 inputs, but 1"):
        random_circuit(1, seed=0)
    with pytest.raises(UserError, match="0 or more, but it is -1"):
        random_circuit(4, seed=-1)
