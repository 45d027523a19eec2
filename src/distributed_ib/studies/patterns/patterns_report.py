"""The findings of a run as sentences, a table and plain values."""

from collections.abc import Sequence
from typing import Any

from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Finding, Table
from distributed_ib.report.words import rows_in_words
from distributed_ib.studies.patterns.pattern_study import Method
from distributed_ib.studies.patterns.patterns_findings import (
    END_BITS,
    PLATEAU,
    PatternSweep,
    find,
    in_words,
)

COLUMNS = ("pattern", "method", "about Y", "transmitted", "drops out", "ends")

LEGEND = f"""\
Information is in bits; every pattern has 1 bit of entropy.

- **about Y**: the largest information about Y along the sweep.
- **transmitted**: what the channels of the horizontal / the vertical position transmit for beta
  between {PLATEAU[0]:g} and {PLATEAU[1]:g} (median; midpoint of a lower and an upper bound, which
  differ by less than 0.1 bit up to 6 bits). The standard bottleneck has a single channel.
- **drops out**: the beta at which the KL of each channel falls below {END_BITS:g} bit and stays
  below.
- **ends**: the beta at which the information about Y falls below {END_BITS:g} bit and stays below.

In a quick sweep these betas are slightly too large, because the model follows beta with a delay.
"""


def findings_table(sweeps: Sequence[PatternSweep]) -> Table:
    """A row for each sweep."""
    rows = []
    for one in sweeps:
        found = find(one)
        bits = found.plateau_bits.values()
        rows.append(
            (
                one.pattern.name,
                str(one.method),
                Quantity(found.best_bits, "bits", rows=rows_in_words(one.scheme.scoring_split)),
                " / ".join("-" if value is None else f"{value:.2f}" for value in bits),
                " / ".join(map(_beta, found.given_up_beta.values())),
                _beta(found.end_beta),
            )
        )
    return Table("patterns", "Binary patterns, information in bits", COLUMNS, tuple(rows))


def sentences(sweeps: Sequence[PatternSweep]) -> list[Finding]:
    """Sentences on both methods, and then on every pattern."""
    said = [
        _ends_in_words(method, [one for one in sweeps if one.method is method])
        for method in Method
        if any(one.method is method for one in sweeps)
    ]
    said += [
        Finding(f"{one.pattern.name} ({one.pattern.words}): {in_words(find(one))}.")
        for one in sweeps
        if one.method is Method.distributed
    ]
    return said


def sweep_values(sweeps: Sequence[PatternSweep]) -> dict[str, Any]:
    """The findings as plain values, for `summary.json`."""
    rows = []
    for one in sweeps:
        found = find(one)
        rows.append(
            {
                "pattern": one.pattern.name,
                "method": str(one.method),
                "status": one.scheme.status,
                "seconds": one.scheme.to_xarray().attrs["seconds"],
                "end_beta": found.end_beta,
                "given_up_beta": found.given_up_beta,
                "best_predictive_bits": found.best_bits,
                "plateau_information_bits": found.plateau_bits,
            }
        )
    return {"end_threshold_bits": END_BITS, "plateau_beta": list(PLATEAU), "sweeps": rows}


def _ends_in_words(method: Method, sweeps: Sequence[PatternSweep]) -> Finding:
    ends = [end for one in sweeps if (end := find(one).end_beta) is not None]
    if not ends:
        return Finding(f"No scheme of the {method} bottleneck ends within the sweep.")
    low, high = min(ends), max(ends)
    numbers = {"first_end_beta": Quantity(low), "last_end_beta": Quantity(high)}
    if len(ends) == 1:
        text = f"The scheme of the {method} bottleneck ends at beta={low:.2g}."
    else:
        text = (
            f"The {len(ends)} schemes of the {method} bottleneck end between beta={low:.3g} and "
            f"{high:.3g}" + (", whatever the pattern." if high < 1.2 * low else ".")
        )
    return Finding(text, numbers)


def _beta(value: float | None) -> str:
    return "never" if value is None else f"{value:.3g}"
