"""A readable approximation as text, Markdown, LaTeX and a data frame."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distributed_ib.readable._symbol_names import values_in_words
from distributed_ib.readable.atoms import number_text

if TYPE_CHECKING:
    import pandas as pd

    from distributed_ib.readable.readable_approximation import (
        Prediction,
        ReadableApproximation,
        ReadableComponent,
        ReadableRow,
    )

ANY = "any"
LEAST_SECOND = 0.1
"""A second class is named if it has at least this probability."""
_LONG = 28


def as_text(readable: "ReadableApproximation") -> str:
    """The sentence and the table as plain text, for a terminal."""
    lines = [sentence(readable), ""]
    table = _table(readable)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("   ".join(padded).rstrip())
    return "\n".join([*lines, *_legend(readable), *_formula(readable)]) + "\n"


def as_markdown(readable: "ReadableApproximation") -> str:
    """The sentence and the table in Markdown."""

    def line(row: Sequence[str]) -> str:
        escaped = (cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row)
        return "| " + " | ".join(cell.replace("<", "&lt;") for cell in escaped) + " |"

    head, *rows = _table(readable)
    table = [line(head), line(["---"] * len(head)), *map(line, rows)]
    legend = [f"- {text}" for text in _legend(readable)[1:]]
    formula = [f"    {text}" for text in _formula(readable)[1:]]
    rest = [part for lines in (legend, formula) if lines for part in ("", *lines)]
    return "\n".join([sentence(readable), "", *table, *rest]) + "\n"


def as_latex(readable: "ReadableApproximation") -> str:
    """The table in LaTeX, with rules of booktabs."""
    head, *rows = _table(readable)
    n = len(readable.components)
    lines = [
        f"% {sentence(readable)}",
        rf"\begin{{tabular}}{{{'l' * n}{'r' * (len(head) - n)}}}",
        r"\toprule",
        " & ".join(map(_latex, head)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_latex, row)) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return (
        "\n".join([*lines, *(f"% {text}" for text in map(_one_line, _formula(readable)[1:]))])
        + "\n"
    )


def _table(readable: "ReadableApproximation") -> list[list[str]]:
    """Headings and cells, each on one line."""
    return [[_one_line(cell) for cell in row] for row in (headings(readable), *cells(readable))]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def as_frame(readable: "ReadableApproximation") -> "pd.DataFrame":
    """The table as a pandas data frame."""
    import pandas as pd

    rows = []
    for row in readable.rows:
        found: dict[str, object] = {
            component.name: cell_text(component, row, k)
            for k, component in enumerate(readable.components)
        }
        for output, one in zip(readable.outputs, row.predictions, strict=True):
            if readable.classes:
                found |= {
                    output: one.value,
                    "probability": one.probability,
                    "low": one.low,
                    "high": one.high,
                }
                pairs = zip(readable.classes, one.probabilities, strict=True)
                found |= {f"probability of {label}": p for label, p in pairs}
            else:
                prefix = "" if len(readable.outputs) == 1 else f"{output} "
                values = (one.value, one.median, one.low, one.high)
                names = ("mean", "median", "5 %", "95 %")
                found |= {f"{prefix}{n}": v for n, v in zip(names, values, strict=True)}
        rows.append({**found, "rows": row.count, "share of rows": row.share})
    return pd.DataFrame(rows)


def sentence(readable: "ReadableApproximation") -> str:
    """One paragraph: what the approximation conveys and knows, and what the table keeps of it."""
    return _one_line(_sentence(readable))


def _sentence(readable: "ReadableApproximation") -> str:
    used = ", ".join(f"{one.name} {one.conveyed_bits:.2f}" for one in readable.components)
    where = f"At {readable.total_bits:.2f} bits" + (f" ({used})" if used else "")
    table = f"This table, whose symbols carry {readable.symbol_bits:.2f} bits,"
    if not readable.reported_on:
        return f"{where}. {table} was not scored, because there were no rows left for it."
    rows = f"{readable.n_reported:,} {readable.reported_on}"
    known = with_error(readable.known_bits, readable.known_error_bits)
    kept = with_error(readable.table_known_bits, readable.table_known_error_bits)
    text = f"{where}, the approximation gives {known} bits of information about {readable.target} "
    text += f"on {rows}. {table} gives {kept} bits"
    if math.isnan(readable.kept_share):
        return f"{text}."
    is_exact = readable.kept_error == 0 or math.isnan(readable.kept_error)
    error = "" if is_exact else f" ± {100 * readable.kept_error:.0f}"
    return f"{text}: {100 * readable.kept_share:.0f}{error} % of that."


def with_error(value: float, error: float) -> str:
    """A number with its standard error, if it has one.

    >>> with_error(0.5, 0.02), with_error(0.5, 0.0)
    ('0.500 ± 0.020', '0.500')
    """
    return f"{value:.3f}" if error == 0 or math.isnan(error) else f"{value:.3f} ± {error:.3f}"


def headings(readable: "ReadableApproximation") -> list[str]:
    """Headings of the table's columns."""
    names = [component.name for component in readable.components]
    if readable.classes:
        is_exact = all(one.low == one.high for row in readable.rows for one in row.predictions)
        probability = "probability" if is_exact else "probability (90 % interval)"
        return [*names, readable.target, probability, "or", "share of rows"]
    found = []
    for output in readable.outputs:
        found += [f"{output}, mean", "median", "90 % of rows"]
    return [*names, *found, "share of rows"]


def cells(readable: "ReadableApproximation") -> list[list[str]]:
    """The table as text."""
    spreads = [
        [row.predictions[k].high - row.predictions[k].low for row in readable.rows]
        for k in range(len(readable.outputs))
    ]
    decimals = [_decimals(sorted(part)[len(part) // 2]) for part in spreads if part]
    found = []
    for row in readable.rows:
        line = [cell_text(one, row, k) for k, one in enumerate(readable.components)]
        for k, one in enumerate(row.predictions):
            line += _class_cells(readable, one) if readable.classes else _numbers(one, decimals[k])
        found.append([*line, f"{_percent(row.share)} %"])
    return found


def cell_text(component: "ReadableComponent", row: "ReadableRow", place: int) -> str:
    """The symbols of a component that a row accepts, in words."""
    chosen = [component.symbols[k] for k in row.symbols[place]]
    if len(chosen) == len(component.symbols):
        return ANY
    names = " or ".join(symbol.name for symbol in chosen)
    text = row.texts[place]
    is_named = all(symbol.name != symbol.text for symbol in chosen)
    return names if len(chosen) == 1 or is_named or len(text) > _LONG else text


def _class_cells(readable: "ReadableApproximation", one: "Prediction") -> list[str]:
    """The most probable class, its probability, and the second class if probable enough."""
    ranked = sorted(zip(one.probabilities, readable.classes, strict=True), reverse=True)
    second = f"{ranked[1][1]} {_percent(ranked[1][0])} %" if len(ranked) > 1 else ""
    shown = len(ranked) > 1 and ranked[1][0] >= LEAST_SECOND
    interval = f"{_percent(one.probability)} %"
    if one.high > one.low:
        interval += f" ({_percent(one.low)} to {_percent(one.high)})"
    return [str(one.value), interval, second if shown else ""]


def _numbers(one: "Prediction", decimals: int) -> list[str]:
    assert one.median is not None
    mean, median, low, high = (
        f"{float(value):.{decimals}f}" for value in (one.value, one.median, one.low, one.high)
    )
    return [mean, median, f"{low} to {high}"]


def _percent(share: float) -> str:
    """A share in percent; 0 and 100 only if exact.

    >>> _percent(0.5), _percent(0.9999), _percent(1.0), _percent(0.21875)
    ('50', '>99', '100', '22')
    """
    text = f"{100 * share:.0f}"
    if text == "100" and share < 1:
        return ">99"
    return "<1" if text == "0" and share > 0 else text


def _decimals(spread: float) -> int:
    """Number of decimals that show a spread with about two digits."""
    if not 0 < spread < math.inf:
        return 3
    return max(0, 1 - math.floor(math.log10(spread)))


def _legend(readable: "ReadableApproximation") -> list[str]:
    """The values of symbols, for components with symbols that are not named by their values."""
    lines = []
    for component in readable.components:
        if any(symbol.name != symbol.text for symbol in component.symbols):
            parts = (
                f"{symbol.name}: {values_in_words(symbol.name, symbol.text)}"
                if symbol.name != symbol.text
                else symbol.text
                for symbol in component.symbols
            )
            lines.append(_one_line(f"{component.name}: {' | '.join(parts)}"))
    return ["", *lines] if lines else []


def _formula(readable: "ReadableApproximation") -> list[str]:
    return ["", *readable.formula] if readable.formula else []


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "±": r"$\pm$",
}


def _latex(text: str) -> str:
    r"""Text for LaTeX.

    >>> _latex("a_b >= 5 %")
    'a\\_b $\\geq$ 5 \\%'
    """
    parts = text.split(">=")
    return r"$\geq$".join("".join(_LATEX.get(c, c) for c in part) for part in parts)


def shown_number(value: float) -> str:
    """A number with four significant digits.

    >>> shown_number(0.21875)
    '0.2188'
    """
    return number_text(value, 4)
