"""The exact table of binary components if all rows are known, with its logic as formulas."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from distributed_ib.information.entropy import binary_entropy_bits
from distributed_ib.readable.boolean_logic import Term, minimal_terms, terms_text
from distributed_ib.readable.readable_approximation import (
    Prediction,
    ReadableApproximation,
    ReadableComponent,
    ReadableRow,
    Symbol,
)

Bits = NDArray[np.int64]

_SYMBOLS = tuple(Symbol(text, text, (k,), (), 0.5) for k, text in enumerate("01"))


def logic_table(
    x: Bits,
    y: Bits,
    names: Sequence[str],
    conveyed_bits: Sequence[float],
    *,
    target: str,
    beta: float,
    total_bits: float,
    known_bits: float,
) -> ReadableApproximation:
    """The table of a circuit's output given some inputs, when all its rows are equally likely.

    Rows with the same prediction are merged into the fewest terms (Quine and McCluskey). Terms
    that hold for the same row of the circuit predict the same.

    Args:
        x: The inputs in use, 0 or 1, in all rows of the truth table, `[2**n, m]`.
        y: The output, 0 or 1, `[2**n]`.
        names: Names of these inputs.
        conveyed_bits: What each of them conveys.
        target: Name of the output.
        beta: Bottleneck strength.
        total_bits: What all inputs convey.
        known_bits: Bits of Y that the approximation knows.

    Example:
        >>> x = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
        >>> table = logic_table(x, x[:, 0] & x[:, 1], ["a", "b"], [1.0, 1.0], target="Y",
        ...                     beta=0.1, total_bits=2.0, known_bits=0.8)
        >>> table.formula, round(table.table_known_bits, 3)
        (('Y = a & b',), 0.811)
    """
    n_inputs = x.shape[1]
    places = x @ (1 << np.arange(n_inputs)) if n_inputs else np.zeros(len(y), np.int64)
    ones = np.bincount(places, y, minlength=1 << n_inputs).astype(int)
    each = len(y) >> n_inputs
    terms = {
        int(count): minimal_terms(n_inputs, np.flatnonzero(ones == count).tolist())
        for count in sorted(set(ones.tolist()), reverse=True)
    }
    exact = float(binary_entropy_bits(y.mean()) - binary_entropy_bits(ones / each).mean())
    return ReadableApproximation(
        target=target,
        classes=("0", "1"),
        outputs=(target,),
        beta=beta,
        total_bits=total_bits,
        components=tuple(
            ReadableComponent(name, float(bits), 1.0, _SYMBOLS)
            for name, bits in zip(names, conveyed_bits, strict=True)
        ),
        rows=_rows(terms, n_inputs, each),
        n_rows=len(y),
        known_bits=known_bits,
        table_known_bits=exact,
        table_known_error_bits=0.0,
        kept_share=exact / known_bits if known_bits > 0 else float("nan"),
        reported_on="rows, the complete truth table",
        n_reported=len(y),
        formula=_formula(terms, each, names, target),
    )


def _rows(terms: dict[int, list[Term]], n_inputs: int, each: int) -> tuple[ReadableRow, ...]:
    rows, left = [], np.ones(1 << n_inputs, bool)
    places = np.arange(1 << n_inputs)
    for count, part in terms.items():
        p = count / each
        value, best = ("1", p) if p > 0.5 else ("0", 1 - p)
        for care, fixed in part:
            holds = left & ((places & care) == fixed)
            left &= ~holds
            symbols = tuple(
                ((fixed >> k) & 1,) if care >> k & 1 else (0, 1) for k in range(n_inputs)
            )
            texts = tuple("any" if len(one) > 1 else str(one[0]) for one in symbols)
            n = int(holds.sum())
            prediction = Prediction(value, None, best, best, (1 - p, p))
            rows.append(ReadableRow(symbols, texts, n * each, n / (1 << n_inputs), (prediction,)))
    return tuple(rows)


def _formula(
    terms: dict[int, list[Term]], each: int, names: Sequence[str], target: str
) -> tuple[str, ...]:
    """A line for each probability; a single line if the output is deterministic."""
    if set(terms) <= {0, each}:
        return (f"{target} = {terms_text(terms.get(each, []), names)}",)
    return tuple(
        f"P({target} = 1) = {Fraction(count, each)} where {terms_text(part, names)}"
        for count, part in terms.items()
    )
