r"""Circuit files: TOML that lists the gates, or contains a formula.

Gates may be in any order, read inputs and other gates by name, and be read by several gates::

    name = "example"
    inputs = ["X0", "X1", "X2"]
    output = "Y"

    [[gate]]
    name = "same"
    op = "XNOR"                  # NOT, AND, OR, XOR, NAND, NOR or XNOR
    inputs = ["X0", "X1"]

    [[gate]]
    name = "Y"
    op = "OR"
    inputs = ["same", "X2"]

The same as a formula, with `~ & ^ |` or NOT AND XOR OR, highest precedence first::

    name = "example"
    expression = "~(X0 ^ X1) | X2"

With an expression, `inputs` and `output` may be left out: inputs are then in natural order
(X2 before X10), and the output is called Y. A file is untrusted text: it is never executed, and
files above 1 MB or 10,000 gates are rejected.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distributed_ib.errors import UserError
from distributed_ib.studies.boolean.circuit import Circuit, Gate, shown
from distributed_ib.studies.boolean.circuit_formula import MAX_GATES, circuit_from_expression

MAX_FILE_BYTES = 1_000_000
"""Largest circuit file that is read."""

_KEYS = ("name", "inputs", "output", "gate", "expression")
_GATE_KEYS = ("name", "op", "inputs")
# The time of Python's TOML reader grows with the square of the number of parts of a dotted key.
_LONG_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){20}""")


def load_circuit(path: str | Path) -> Circuit:
    """Read a circuit from a TOML file (see the module for the format).

    Args:
        path: The file. A circuit without `name` gets the name of the file.

    Raises:
        UserError: If the file can't be read or describes no circuit. The message names the file
            and the gate, and says what to do.
    """
    path = Path(path)
    try:
        return _circuit(_read_toml(path), default_name=path.stem)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def circuit_from_text(text: str) -> Circuit:
    """A circuit from the text of a circuit file, or from a formula alone.

    Raises:
        UserError: If it describes no circuit.

    Example:
        >>> circuit_from_text("a & b").inputs, circuit_from_text('expression = "a | b"').inputs
        (('a', 'b'), ('a', 'b'))
    """
    if "=" not in text:
        return circuit_from_expression(text)
    return _circuit(_parsed_toml(text.encode()), default_name="circuit")


def circuit_to_toml(circuit: Circuit) -> str:
    """Write a circuit as TOML text that `load_circuit` reads back as an equal circuit.

    >>> from distributed_ib.studies.boolean.circuit import Gate
    >>> print(circuit_to_toml(Circuit(("a",), (Gate("Y", "NOT", ("a",)),), "Y", "no")))
    name = "no"
    inputs = ["a"]
    output = "Y"
    <BLANKLINE>
    [[gate]]
    name = "Y"
    op = "NOT"
    inputs = ["a"]
    <BLANKLINE>
    """
    lines = [
        f"name = {_quoted(circuit.name)}",
        f"inputs = {_quoted_list(circuit.inputs)}",
        f"output = {_quoted(circuit.output)}",
    ]
    if not circuit.gates:
        lines.append("gate = []")
    for gate in circuit.gates:
        lines += [
            "",
            "[[gate]]",
            f"name = {_quoted(gate.name)}",
            f"op = {_quoted(gate.op)}",
            f"inputs = {_quoted_list(gate.inputs)}",
        ]
    return "\n".join(lines) + "\n"


def _read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file of bounded size."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise UserError("there is no such file; check the path.") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"can't be read ({reason}); check the path and its permissions.") from None
    if len(content) > MAX_FILE_BYTES:
        raise UserError(
            f"is larger than {MAX_FILE_BYTES:,} bytes, too large for a circuit file; check the "
            "path."
        )
    return _parsed_toml(content)


def _parsed_toml(content: bytes) -> dict[str, Any]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    if _LONG_KEY.search(text):
        raise UserError(
            f"has a key with more than 20 parts; the valid keys are {', '.join(_KEYS)}."
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UserError("is nested too deeply; a circuit file has no nested lists.") from None
    except ValueError as error:  # TOMLDecodeError, or a number with too many digits
        raise UserError(f"is not valid TOML ({error}).") from None


def _circuit(table: Mapping[str, Any], *, default_name: str) -> Circuit:
    """Build the circuit that a parsed file describes."""
    for key in table:
        if key not in _KEYS:
            raise UserError(
                f"has the unknown key {shown(key)}; the valid keys are {', '.join(_KEYS)}."
            )
    name = _string(table.get("name", default_name), "'name'")
    inputs = _strings(table["inputs"], "'inputs'") if "inputs" in table else None
    output = _string(table["output"], "'output'") if "output" in table else None
    if "expression" in table and "gate" in table:
        raise UserError("has both 'expression' and [[gate]] tables; keep one of them.")
    if "expression" in table:
        text = _string(table["expression"], "'expression'")
        return circuit_from_expression(text, inputs=inputs, output=output, name=name)
    for key in ("gate", "inputs", "output"):
        if key not in table:
            raise UserError(
                f"has no {key!r}; a circuit file needs 'inputs', 'output' and [[gate]] tables, "
                "or an 'expression'."
            )
    gates = table["gate"]
    if not isinstance(gates, list):
        raise UserError("'gate' is not a list of tables; write each gate under [[gate]].")
    if len(gates) > MAX_GATES:
        raise UserError(f"has {len(gates):,} gates; at most {MAX_GATES:,} are allowed.")
    assert inputs is not None and output is not None  # for the type checker: required above
    return Circuit(
        inputs, tuple(_gate(gate, i) for i, gate in enumerate(gates, 1)), output=output, name=name
    )


def _gate(table: object, number: int) -> Gate:
    """Build one gate from its table; `number` counts from 1, for messages."""
    if not isinstance(table, dict):
        raise UserError(f"gate number {number} is not a table; write it under [[gate]].")
    name = table.get("name")
    what = f"gate {shown(name)}" if isinstance(name, str) else f"gate number {number}"
    for key in table:
        if key not in _GATE_KEYS:
            raise UserError(
                f"{what} has the unknown key {shown(key)}; a gate has {', '.join(_GATE_KEYS)}."
            )
    for key in _GATE_KEYS:
        if key not in table:
            raise UserError(f"{what} has no {key!r}; a gate has {', '.join(_GATE_KEYS)}.")
    return Gate(
        _string(name, f"'name' of {what}"),
        _string(table["op"], f"'op' of {what}").upper(),
        _strings(table["inputs"], f"'inputs' of {what}"),
    )


def _string(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{what} is not a string; write it in quotes.")
    return value


def _strings(value: object, what: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UserError(f'{what} is not a list of strings; write it as ["X0", "X1"].')
    return tuple(value)


def _quoted(text: str) -> str:
    # Names are printable, and for printable text a JSON string is a TOML basic string.
    return json.dumps(text, ensure_ascii=False)


def _quoted_list(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(_quoted(name) for name in names) + "]"
