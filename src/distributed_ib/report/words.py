"""A scheme in plain words and tables, for people who meet it for the first time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.scheme.repeats import SubsetFrequency
from distributed_ib.scheme.subsets_in_use import Subset


def subset_label(subset: Subset | SubsetFrequency, components: Sequence[str]) -> str:
    """The subset's components by name: a list, or "all", or "all but" the few that are missing.

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
    """The stretch of beta in which the subset is in use.

    >>> beta_range(Subset((), 0.1, 1.0, 0.0, 0.0))
    '0.1 – 1'
    """
    return f"{subset.beta_low:.3g} – {subset.beta_high:.3g}"


ROWS = {"train": "training rows", "validation": "held-out rows"}
"""The rows of each split, in words."""

_ENTROPIES = ("H(Y)", "entropy of Y")


def opening_words(scheme: ApproximationScheme, measure: Measure | None = None) -> list[str]:
    """Sentences on how the sweep went, and what it says first.

    Where rows were held out, what is known about Y is known about them. A component is named as
    the last one only if something is known about Y from it alone.
    """
    if scheme.is_empty:
        return [f"The sweep {scheme.message}.", "There is nothing to show."]
    subsets = scheme.subsets(measure=measure)
    first, last = subsets[0], subsets[-1]
    sentences = [f"The sweep {scheme.message}.", _baseline(scheme), _at_the_weakest(scheme, first)]
    if last.components:
        after = "; a larger beta_end would show what comes after"
        sentences.append(
            f"The sweep ended at beta={last.beta_high:.3g} with {', '.join(last.components)} still "
            f"in use{after if scheme.status == 'finished' else ''}."
        )
    elif (survivor := _survivor(subsets)) is not None:
        sentences.append(f"{survivor} outlives all other components.")
    return sentences


def _baseline(scheme: ApproximationScheme) -> str:
    """What is known about Y is measured against this."""
    name, limit = str(scheme.to_xarray().attrs["baseline"]), scheme.baseline_entropy_bits
    if name in _ENTROPIES:
        return f"The entropy of Y is {limit:.3f} bits."
    return f"What is known about Y is measured against a baseline of {limit:.3f} bits: {name}."


def _at_the_weakest(scheme: ApproximationScheme, first: Subset) -> str:
    used = (
        f"At the weakest bottleneck {len(first.components)} of {len(scheme.components)} components "
        "are in use"
    )
    where = " on held-out rows" if scheme.scoring_split == "validation" else ""
    known = first.predictive_bits
    if known > 0:
        return f"{used} and {known:.3f} bits of Y are known{where}."
    return (
        f"{used}, but nothing is known about Y{where}: predictions are {-known:.3g} bits worse "
        "than without X."
    )


def _survivor(subsets: Sequence[Subset]) -> str | None:
    """The component that is in use longest, if it is a single one from which something is known."""
    last = next((subset for subset in reversed(subsets) if subset.components), None)
    if last is None or len(last.components) != 1 or not last.predictive_bits > 0:
        return None
    return last.components[0]


def require_records(scheme: ApproximationScheme, folder: Path) -> None:
    """Refuse a run that holds nothing to show or to draw.

    Args:
        scheme: The scheme of the run.
        folder: The folder of the run, to be named.

    Raises:
        UserError: If the sweep ended before its first record; says how.
    """
    if scheme.is_empty:
        raise UserError(f"{folder} holds nothing to show: its sweep {scheme.message}.")


def frequency_columns(measure: Measure) -> tuple[str, ...]:
    """Headings of `frequency_rows`."""
    return ("found by", "subset", "beta", COLUMNS[measure], "Y known")


def frequency_rows(
    scheme: ApproximationScheme,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
    n_rows: int = 20,
) -> list[list[str]]:
    """The subsets that the repeats found, the most frequent first: medians over those repeats.

    Repeats of either direction are counted by themselves, at most `n_rows` subsets for each.
    """
    parts = _by_direction(scheme)
    return [
        [
            f"{found.n_found} of {found.n_repeats}" + (f" {name}" if len(parts) > 1 else ""),
            subset_label(found, scheme.components),
            beta_range(found),
            f"{found.total_bits:.2f}",
            f"{found.predictive_bits:.3f}",
        ]
        for name, part in parts.items()
        for found in part.subset_frequencies(threshold_bits, measure=measure)[:n_rows]
    ]


def _by_direction(scheme: ApproximationScheme) -> dict[str, ApproximationScheme]:
    """The repeats in which beta rose, and those in which it fell."""
    return {name: scheme.of_direction(name) for name in dict.fromkeys(scheme.directions)}


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A table in Markdown; bars in cells are escaped.

    >>> print(markdown_table(["a", "b"], [["1", "x|y"]]))
    | a | b |
    | --- | --- |
    | 1 | x\|y |
    """
    lines = [list(columns), ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def summary(scheme: ApproximationScheme) -> dict[str, Any]:
    """The findings as plain values, for `summary.json`; `measured_on` says of which rows."""
    return {
        "status": scheme.status,
        "message": scheme.message,
        "baseline_entropy_bits": scheme.baseline_entropy_bits,
        "measured_on": ROWS[scheme.scoring_split],
        "components": list(scheme.components),
        "measure": scheme.measure,
        "directions": [str(name) for name in scheme.directions],
        "subset_frequencies": [
            {
                "direction": direction,
                "components": list(found.components),
                "n_found": found.n_found,
                "n_repeats": found.n_repeats,
                "beta_low": found.beta_low,
                "beta_high": found.beta_high,
                f"total_{scheme.measure}_bits": found.total_bits,
                "predictive_bits": found.predictive_bits,
            }
            for direction, part in _by_direction(scheme).items()
            for found in part.subset_frequencies()
        ],
        "repeats": [
            [
                {
                    "components": list(subset.components),
                    "beta_low": subset.beta_low,
                    "beta_high": subset.beta_high,
                    f"total_{scheme.measure}_bits": subset.total_bits,
                    "predictive_bits": subset.predictive_bits,
                }
                for subset in scheme.subsets(seed=seed)
            ]
            for seed in range(scheme.n_seeds)
        ],
    }
