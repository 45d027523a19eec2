"""Circuits from written formulas such as `X2 & (X9 ^ (X5 | X7 ^ X8))`.

Nothing is evaluated: the text is split into tokens and turned into gates by operator precedence.
The parser keeps its own stacks, so that deeply nested parentheses can't exhaust Python's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from distributed_ib.errors import UserError
from distributed_ib.studies.boolean.circuit import Circuit, Gate, shown

MAX_GATES = 10_000
"""Largest number of gates of a circuit from a file or an expression."""

MAX_EXPRESSION_LENGTH = 1_000_000
"""Largest length of an expression, in characters."""

_PRECEDENCE = {"OR": 1, "XOR": 2, "AND": 3, "NOT": 4}
_SYMBOLS = {"~": "NOT", "&": "AND", "^": "XOR", "|": "OR"}
_TOKEN = re.compile(r"\s*(?:([^\W\d]\w*)|(\S))")

_Node = str | int  # the name of an input, or the number of a gate


@dataclass
class _Chain:
    """Operands joined by one operator, as in `a & b & ...`; more may be added."""

    op: str
    parts: list[_Node]


def circuit_from_expression(
    text: str,
    *,
    inputs: Sequence[str] | None = None,
    output: str | None = None,
    name: str = "expression",
) -> Circuit:
    """Build a circuit from a formula.

    Operators, highest precedence first: `~` or NOT, `&` or AND, `^` or XOR, `|` or OR (words in
    any case), and parentheses. A chain of one operator becomes one wide gate, and a part that
    occurs twice becomes one shared gate.

    Args:
        text: The formula. Names consist of letters, digits and `_`, and don't start with a digit.
        inputs: Names of the inputs in order, including inputs that the formula does not use; by
            default those in the formula, in natural order (X2 before X10).
        output: Name of the gate that is Y; "Y" by default. The others are called G1, G2, ...
        name: Name of the circuit.

    Raises:
        UserError: If the formula can't be read (the message gives the place), uses a name that is
            not in `inputs`, or is too long.

    >>> circuit_from_expression("a and not b").truth_table()[1].tolist()
    [0, 1, 0, 0]
    """
    if len(text) > MAX_EXPRESSION_LENGTH:
        raise UserError(
            f"the expression has {len(text):,} characters; at most {MAX_EXPRESSION_LENGTH:,} are "
            "allowed; write the circuit as gates in a file (--circuit)."
        )
    parser = _Parser(text)
    root = parser.parse()
    used = parser.names
    listed = sorted(used, key=_natural_key) if inputs is None else list(inputs)
    known = set(listed)
    for node in used:
        if node not in known:
            raise UserError(
                f"the expression uses {shown(node)}, which is not among the listed inputs; "
                "add it to them or correct the name."
            )
    if isinstance(root, str):
        if output not in (None, root):
            raise UserError(
                f"the expression consists only of the input {shown(root)}, so the output can't be "
                f"named {shown(output)}; leave the output out."
            )
        return Circuit(tuple(listed), (), output=root, name=name)
    output = "Y" if output is None else output
    if output in listed:
        raise UserError(
            f"the output and an input are both named {output!r}; give the output another name."
        )
    taken = {output, *listed}
    numbers = iter(range(1, len(parser.gates) + len(taken) + 1))
    free = (f"G{number}" for number in numbers if f"G{number}" not in taken)
    names = [output if number == root else next(free) for number in range(len(parser.gates))]
    gates = tuple(
        Gate(names[i], op, tuple(n if isinstance(n, str) else names[n] for n in parts))
        for i, (op, parts) in enumerate(parser.gates)
    )
    return Circuit(tuple(listed), gates, output=output, name=name)


class _Parser:
    """Operator-precedence parser with explicit stacks (a shunting yard)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, None] = {}  # input names, in order of appearance
        self.gates: list[tuple[str, tuple[_Node, ...]]] = []
        self._number: dict[tuple[str, tuple[_Node, ...]], int] = {}
        self._operators: list[tuple[str, int]] = []  # (operator or "(", its place)
        self._operands: list[_Node | _Chain] = []

    def parse(self) -> _Node:
        """Parse the whole text and return its node."""
        wants_operand = True
        for token, place in self._tokens():
            if wants_operand:
                wants_operand = self._read_operand(token, place)
            else:
                wants_operand = self._read_operator(token, place)
        if wants_operand:
            where = "is empty" if not self._operands else "ends where a name is expected"
            raise UserError(f"the expression {where}; write a formula such as 'a & ~b'.")
        while self._operators:
            op, place = self._operators[-1]
            if op == "(":
                raise self._error(place, "this '(' is never closed; add a ')'")
            self._reduce()
        return self._finish(self._operands.pop())

    def _tokens(self) -> list[tuple[str, int]]:
        """Tokens with their positions; operators are given as words in capitals."""
        found = []
        for match in _TOKEN.finditer(self.text):
            word, symbol = match.groups()
            if word is None:
                token = _SYMBOLS.get(symbol, symbol)
                if token not in _PRECEDENCE and token not in "()":
                    raise self._error(
                        match.start(2),
                        f"{symbol!r} is not allowed; use names, parentheses and ~ & ^ | or NOT AND "
                        "XOR OR",
                    )
                found.append((token, match.start(2)))
            else:
                is_operator = word.upper() in _PRECEDENCE
                found.append((word.upper() if is_operator else word, match.start(1)))
        return found

    def _read_operand(self, token: str, place: int) -> bool:
        """Read a token where an operand may start; returns whether an operand must follow."""
        if token in ("NOT", "("):
            self._operators.append((token, place))
            return True
        if token in _PRECEDENCE or token == ")":
            raise self._error(place, f"a name is missing before {token!r}")
        self.names[token] = None
        self._operands.append(token)
        return False

    def _read_operator(self, token: str, place: int) -> bool:
        """Read a token after an operand; returns whether an operand must follow."""
        if token == ")":
            while self._operators and self._operators[-1][0] != "(":
                self._reduce()
            if not self._operators:
                raise self._error(place, "this ')' has no '(' before it; remove it")
            self._operators.pop()
            self._operands.append(self._finish(self._operands.pop()))
            return False
        if token not in _PRECEDENCE or token == "NOT":
            raise self._error(place, f"an operator is missing before {shown(token)}")
        while (
            self._operators
            and self._operators[-1][0] != "("
            and _PRECEDENCE[self._operators[-1][0]] >= _PRECEDENCE[token]
        ):
            self._reduce()
        self._operators.append((token, place))
        return True

    def _reduce(self) -> None:
        """Apply the operator on top of the stack to the operands on top."""
        op, _ = self._operators.pop()
        right = self._finish(self._operands.pop())
        if op == "NOT":
            self._operands.append(self._gate("NOT", (right,)))
            return
        left = self._operands.pop()
        if isinstance(left, _Chain) and left.op == op:
            left.parts.append(right)
            self._operands.append(left)
        else:
            self._operands.append(_Chain(op, [self._finish(left), right]))

    def _finish(self, operand: _Node | _Chain) -> _Node:
        """Turn an operand into a node; a chain becomes a gate."""
        if isinstance(operand, _Chain):
            return self._gate(operand.op, tuple(operand.parts))
        return operand

    def _gate(self, op: str, parts: tuple[_Node, ...]) -> int:
        """Number of the gate that computes `op` of `parts`, created on first use."""
        key = (op, parts)
        if key not in self._number:
            if len(self.gates) == MAX_GATES:
                raise UserError(
                    f"the expression has more than {MAX_GATES:,} gates; use a smaller circuit."
                )
            self._number[key] = len(self.gates)
            self.gates.append(key)
        return self._number[key]

    def _error(self, place: int, problem: str) -> UserError:
        line = self.text.count("\n", 0, place) + 1
        column = place - self.text.rfind("\n", 0, place)
        return UserError(f"the expression, line {line}, character {column}: {problem}.")


def _natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that treats digits as numbers: X2 comes before X10."""
    key = []
    for part in re.findall(r"[0-9]+|[^0-9]+", name):
        # A number is compared by length, then digits: int() rejects thousands of digits.
        digits = part.lstrip("0")
        key.append((0, len(digits), digits) if part[0] in "0123456789" else (1, 0, part))
    return (*key, (0, 0, name))
