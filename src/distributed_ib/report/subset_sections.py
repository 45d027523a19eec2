"""Tables of the subsets of components in use: along one sweep, and over repeats."""

from collections.abc import Sequence
from typing import Any

from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Section, Table
from distributed_ib.report.words import rows_in_words
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.scheme.repeats import SubsetFrequency
from distributed_ib.scheme.subsets_in_use import Subset

MAX_SUBSETS = 20


def frequency_section(
    scheme: ApproximationScheme, threshold_bits: float = 0.1, measure: Measure | None = None
) -> Section:
    """The subsets that the repeats found, the most frequent first, with medians over repeats.

    Repeats are counted separately for each direction, with at most 20 subsets for each.
    """
    measure = measure or scheme.measure
    parts = scheme.by_direction()
    rows = tuple(
        (
            f"{found.n_found} of {found.n_repeats}" + (f" {name}" if len(parts) > 1 else ""),
            subset_label(found, scheme.components),
            beta_range(found),
            Quantity(found.total_bits, "bits", digits=2),
            Quantity(found.predictive_bits, "bits", rows=rows_in_words(scheme.scoring_split)),
        )
        for name, part in parts.items()
        for found in part.subset_frequencies(threshold_bits, measure=measure)[:MAX_SUBSETS]
    )
    table = Table(
        "subset_frequencies",
        "Information in bits",
        ("found by", "subset", "beta", COLUMNS[measure], "about Y"),
        rows,
    )
    return Section("Subsets by the number of repeats that found them", tables=(table,))


def subsets_table(
    scheme: ApproximationScheme, threshold_bits: float = 0.1, measure: Measure | None = None
) -> Table:
    """The subsets in use along the first repeat, in order of beta."""
    measure = measure or scheme.measure
    rows = tuple(
        (
            beta_range(subset),
            subset_label(subset, scheme.components),
            Quantity(subset.total_bits, "bits", digits=2),
            Quantity(subset.predictive_bits, "bits", rows=rows_in_words(scheme.scoring_split)),
        )
        for subset in scheme.subsets(threshold_bits, measure=measure)
    )
    return Table(
        "subsets",
        f"Components in use along the sweep{first_repeat(scheme)}, in bits",
        ("beta", "components in use", COLUMNS[measure], "about Y"),
        rows,
    )


def subset_values(subset: Subset | SubsetFrequency, measure: Measure) -> dict[str, Any]:
    """A subset as plain values for programs."""
    return {
        "components": list(subset.components),
        "beta_low": subset.beta_low,
        "beta_high": subset.beta_high,
        f"total_{measure}_bits": subset.total_bits,
        "predictive_bits": subset.predictive_bits,
    }


def subset_label(subset: Subset | SubsetFrequency, components: Sequence[str]) -> str:
    """The names of the subset's components: a list, "all", or "all but" the few missing ones.

    >>> label = lambda *used: subset_label(Subset(used, 0.1, 1.0, 1.0, 1.0), ["a", "b", "c", "d"])
    >>> label(), label("a", "c"), label("a", "b", "c"), label("a", "b", "c", "d")
    ('none', 'a c', 'all but d', 'all')
    """
    missing = [name for name in components if name not in subset.components]
    if not subset.components:
        return "none"
    if not missing:
        return "all"
    if len(missing) < min(4, len(subset.components)):
        return f"all but {' '.join(missing)}"
    return " ".join(subset.components)


def beta_range(subset: Subset | SubsetFrequency) -> str:
    """The range of beta in which the subset is in use.

    >>> beta_range(Subset((), 0.1, 1.0, 0.0, 0.0))
    '0.1 – 1'
    """
    return f"{subset.beta_low:.3g} – {subset.beta_high:.3g}"


def first_repeat(scheme: ApproximationScheme) -> str:
    """A suffix for titles of what is shown for the first of several repeats only."""
    return " (first repeat)" if scheme.n_seeds > 1 else ""
