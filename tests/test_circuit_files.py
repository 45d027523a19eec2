"""Circuit files and expressions: their meaning, round trips, and untrusted text."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_ib.errors import UserError
from distributed_ib.studies.boolean import (
    Circuit,
    Gate,
    circuit_files,
    circuit_from_expression,
    circuit_to_toml,
    load_circuit,
    paper_circuit,
    random_circuit,
)

HEAD = 'inputs = ["a", "b"]\noutput = "Y"\n'
GATE = '[[gate]]\nname = "Y"\nop = "AND"\ninputs = ["a", "b"]\n'
PAPER = "X2 & (X9 ^ (X5 | X7 ^ X8)) & (X0 | X1 | X6 ^ X3 & X4)"


def written(folder: Path, text: str) -> Path:
    path = folder / "circuit.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "circuit",
    [
        paper_circuit(),
        random_circuit(17, seed=3),
        Circuit(("a", "unused"), (), "a", "one input"),
        Circuit(
            ('say "a"', "back\\slash", "β"),
            (Gate("it's", "NOR", ("β", "back\\slash")), Gate("Y", "NOT", ("it's",))),
            "Y",
            "ünïcode = # [x]",
        ),
    ],
    ids=lambda circuit: circuit.name,
)
def test_toml_round_trip_is_exact(tmp_path: Path, circuit: Circuit) -> None:
    assert load_circuit(written(tmp_path, circuit_to_toml(circuit))) == circuit


def test_the_example_of_the_documentation_works(tmp_path: Path) -> None:
    blocks = [
        block for block in (circuit_files.__doc__ or "").split("::\n") if "    name =" in block
    ]
    texts = ["\n".join(x for x in block.splitlines() if x.startswith("    ")) for block in blocks]
    gates, formula = (load_circuit(written(tmp_path, text)) for text in texts)
    assert gates.name == formula.name == "example"
    assert gates.inputs == formula.inputs == ("X0", "X1", "X2")
    np.testing.assert_array_equal(gates.truth_table()[1], formula.truth_table()[1])


def test_defaults_and_spelling(tmp_path: Path) -> None:
    circuit = load_circuit(written(tmp_path, HEAD + GATE.replace("AND", "and")))
    assert circuit.name == "circuit"  # the name of the file
    assert circuit.gates == (Gate("Y", "AND", ("a", "b")),)
    path = written(tmp_path, 'expression = "q & r"\ninputs = ["r", "q", "s"]\noutput = "both"\n')
    assert load_circuit(path).inputs == ("r", "q", "s")
    assert load_circuit(path).gates == (Gate("both", "AND", ("q", "r")),)


def test_the_paper_circuit_as_an_expression() -> None:
    circuit = circuit_from_expression(PAPER)
    assert circuit.inputs == paper_circuit().inputs
    np.testing.assert_array_equal(circuit.truth_table()[1], paper_circuit().truth_table()[1])


def test_inputs_come_in_natural_order() -> None:
    circuit = circuit_from_expression("X10 | X2 | x1 | X02b | a9 | a10 | X2a")
    assert circuit.inputs == ("X2", "X2a", "X02b", "X10", "a9", "a10", "x1")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a | b ^ c & ~d", "a | (b ^ (c & (~d)))"),
        ("~a & b", "(~a) & b"),
        ("a & b ^ c", "(a & b) ^ c"),
        ("a ^ b | c", "(a ^ b) | c"),
        ("a ^ b & c | d ^ ~b", "((a ^ (b & c)) | (d ^ (~b)))"),
        ("not a and b", "~a & b"),
        ("a OR b xor c And Not d", "a | b ^ c & ~d"),
        ("NOT (a or b)", "~(a|b)"),
        ("not not a & b", "a & b"),
    ],
)
def test_precedence_is_the_same_for_symbols_and_words(text: str, same: str) -> None:
    inputs = ("a", "b", "c", "d")
    one, other = (circuit_from_expression(t, inputs=inputs) for t in (text, same))
    np.testing.assert_array_equal(one.truth_table()[1], other.truth_table()[1])


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "c", "~a", "~ ~b"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" & ", "^", " | "]), inner).map("".join),
        inner.map("({})".format),
        inner.map("~({})".format),
    ),
    max_leaves=12,
)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(EXPRESSIONS)
def test_expressions_mean_what_python_says(text: str) -> None:
    # Python's ~ & ^ | have the same precedence. A test may evaluate its text; the library must not.
    circuit = circuit_from_expression(text, inputs=("a", "b", "c"))
    x, y = circuit.truth_table()
    a, b, c = x.astype(bool).T
    expected = eval(text, {"__builtins__": {}}, {"a": a, "b": b, "c": c})
    np.testing.assert_array_equal(y, expected)


def test_chains_are_wide_gates_and_repeats_are_shared() -> None:
    assert circuit_from_expression("a & b & c").gates == (Gate("Y", "AND", ("a", "b", "c")),)
    assert len(circuit_from_expression("(a & b) & c").gates) == 2
    shared = circuit_from_expression("(a ^ b) & c | (a ^ b) & d")
    assert sum(gate.op == "XOR" for gate in shared.gates) == 1


def test_made_up_gate_names_avoid_those_of_inputs() -> None:
    circuit = circuit_from_expression("G1 & (G2 | a) ^ ~G4")
    assert {gate.name for gate in circuit.gates} == {"G3", "G5", "G6", "Y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; write a formula"),
        ("   \n", "is empty"),
        ("a &", "ends where a name is expected"),
        ("~", "is empty|ends where"),
        ("& a", "character 1: a name is missing before 'AND'"),
        ("a & & b", "character 5: a name is missing"),
        ("a b", "character 3: an operator is missing before 'b'"),
        ("a not b", "an operator is missing before 'NOT'"),
        ("a (b)", r"an operator is missing before '\('"),
        ("(a", r"character 1: this '\(' is never closed; add a '\)'"),
        ("a)", r"character 2: this '\)' has no '\(' before it"),
        ("()", r"a name is missing before '\)'"),
        ("a\n & (b + c)", r"line 2, character 7: '\+' is not allowed; use names"),
        ("1a", "'1' is not allowed"),
        ("__import__('os')", "an operator is missing|is not allowed"),
        ("Y & a", "output and an input are both named 'Y'; give the output another name"),
        ("b" * 65 + "& a", "1 to 64 printable"),
    ],
)
def test_broken_expressions_are_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        circuit_from_expression(text)


def test_listed_inputs_and_output_must_fit() -> None:
    with pytest.raises(UserError, match="uses 'b', which is not among the listed inputs; add it"):
        circuit_from_expression("a & b", inputs=["a"])
    with pytest.raises(UserError, match="consists only of the input 'a'"):
        circuit_from_expression("a", output="Z")
    assert circuit_from_expression("(a)").output == "a"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inputs = [", "is not valid TOML"),
        ("", "has no 'gate'; a circuit file needs 'inputs', 'output' and"),
        (GATE, "has no 'inputs'"),
        ('inputs = ["a"]\n' + GATE, "has no 'output'"),
        (HEAD, "has no 'gate'"),
        (
            "gates = 1\n" + HEAD + GATE,
            "has the unknown key 'gates'; the valid keys are name, inputs",
        ),
        ('expression = "a"\n' + HEAD + GATE, "has both 'expression' and"),
        ("expression = 3", "'expression' is not a string; write it in quotes"),
        ('expression = "a &"', "the expression ends where a name is expected"),
        (HEAD.replace('"a"', "1") + GATE, "'inputs' is not a list of strings"),
        (HEAD.replace('"Y"', "1") + GATE, "'output' is not a string"),
        ("name = 1\n" + HEAD + GATE, "'name' is not a string"),
        (HEAD + "gate = 5", "'gate' is not a list of tables"),
        (HEAD + "gate = [5]", "gate number 1 is not a table"),
        (HEAD + GATE + '[[gate]]\nop = "OR"', "gate number 2 has no 'name'"),
        (HEAD + '[[gate]]\nname = "Y"\ninputs = ["a", "b"]', "gate 'Y' has no 'op'; a gate has"),
        (HEAD + GATE + "delay = 1", "gate 'Y' has the unknown key 'delay'"),
        (HEAD + GATE.replace('"AND"', "1"), "'op' of gate 'Y' is not a string"),
        (HEAD + GATE.replace('["a", "b"]', '"a"'), "'inputs' of gate 'Y' is not a list of strings"),
        (HEAD + GATE.replace("AND", "MUX"), "gate 'Y' has the unknown op 'MUX'; use one of NOT,"),
        (HEAD + GATE.replace('["a", "b"]', '["a"]'), "gate 'Y' is AND with 1 inputs"),
        (HEAD + GATE.replace('["a", "b"]', '["a", "X7"]'), "gate 'Y' reads 'X7', which is no"),
        (HEAD + GATE.replace('["a", "b"]', '["a", "Y"]'), "gates form a cycle: Y -> Y"),
        (HEAD + GATE + GATE, "gate 'Y' has the name of another gate"),
        (HEAD.replace('"Y"', '"Z"') + GATE, "the output 'Z' is not an input or gate"),
        ('inputs = []\noutput = "Y"\ngate = []', "the circuit has no inputs"),
    ],
)
def test_broken_files_are_refused_in_one_line_with_the_file(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=message) as caught:
        load_circuit(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml: there is no such file; check the path"):
        load_circuit(tmp_path / "none.toml")
    with pytest.raises(UserError, match=r"can't be read .*; check the path and its permissions"):
        load_circuit(tmp_path)
    path = tmp_path / "binary.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(UserError, match=r"is not UTF-8 text \(byte 8\)"):
        load_circuit(path)


MANY = "".join(f'[[gate]]\nname="{i}"\nop="NOT"\ninputs=["a"]\n' for i in range(10_001))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" " * 1_000_001, "is larger than 1,000,000 bytes"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ("a = " + "{a=" * 100_000, "is nested too deeply"),
        ("a = " + "1" * 5000, "is not valid TOML"),
        ("a." * 400_000 + "b = 1", "key with more than 20 parts"),
        ("a = {" + '"a" . ' * 100_000 + "b = 1}", "key with more than 20 parts"),
        ("[" + "a." * 400_000 + "b]", "key with more than 20 parts"),
        ("a" * 500_000, "is not valid TOML"),
        ("\"'" * 400_000, "is not valid TOML"),
        (HEAD + MANY, "has 10,001 gates; at most 10,000"),
        (f'expression = "{"~" * 20_000}a"', "more than 10,000 gates"),
        (f'expression = "{"(" * 100_000}a"', "is never closed"),
        (f'expression = "a{"|a" * 30_000})"', "no '\\(' before it"),
        (HEAD + GATE.replace('"AND"', '"' + "z" * 500_000 + '"'), "unknown op 'ZZZ"),
        ("z" * 500_000 + " = 1", "unknown key 'zzz"),
    ],
    ids=range(15),
)
def test_hostile_files_fail_fast_with_a_short_line(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    start = time.process_time()
    with pytest.raises(UserError, match=message) as caught:
        load_circuit(path)
    assert time.process_time() - start < 5.0
    assert len(str(caught.value)) < 400 + len(str(path))


def test_deep_parentheses_are_no_trouble() -> None:
    deep = "(" * 50_000 + "a" + ")" * 50_000
    assert circuit_from_expression(f"{deep} ^ b").gates == (Gate("Y", "XOR", ("a", "b")),)
    ladder = "~(a & " * 2_000 + "b" + ")" * 2_000
    assert len(circuit_from_expression(ladder).truth_table()[1]) == 4


def test_expressions_are_limited_in_length() -> None:
    with pytest.raises(UserError, match="1,000,001 characters; at most 1,000,000"):
        circuit_from_expression("a" * 1_000_001)
