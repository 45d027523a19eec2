"""Findings about a table besides its scheme: what was left out, and warnings."""

from collections.abc import Iterable, Sequence
from typing import Any

from distributed_ib.data.columns.column import level_text
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.estimators._known_rows import dropped_in_words, is_missing
from distributed_ib.report.report import Finding
from distributed_ib.report.words import listed

_RARE = (
    "These classes have fewer rows than there are folds, so they are missing in some resamples: "
    "{}. Findings about them are not reliable."
)
_QUICK = (
    "This was a quick look: a single sweep with one split of the rows. Its numbers have no error "
    "bars, and it was not tested whether X tells anything about Y."
)

_SPIKES = (
    "These values are far more frequent in the training rows than neighbouring values, so the "
    "model can distinguish them from their neighbours, as if they were codes: {}."
)
_MOST_COLUMNS = 6


def warnings_of_table(
    *, quick: bool, rare_classes: Sequence[str], sentences: Iterable[str]
) -> tuple[Finding, ...]:
    """Warnings about a table.

    Args:
        quick: Whether only one sweep was made.
        rare_classes: Classes of Y with fewer rows than there are folds.
        sentences: Further warnings.

    Example:
        >>> [found.kind for found in warnings_of_table(quick=True, rare_classes=[], sentences=[])]
        ['warning']
    """
    texts = [
        *([_QUICK] if quick else []),
        *([_RARE.format(listed(rare_classes))] if rare_classes else []),
        *map(_capital, sentences),
    ]
    return tuple(Finding(text, kind="warning") for text in texts)


def notes_of_table(
    fitted: FittedDecomposition, targets: Sequence[tuple[str, Any]]
) -> tuple[Finding, ...]:
    """Notes on unused columns, rows without Y, and numbers that the model can treat as codes.

    Args:
        fitted: The components, with the statistics of their columns in the training rows.
        targets: Y of each table, with a phrase that says which table it is.
    """
    texts = []
    for place, y in targets:
        missing = is_missing(y)
        if missing.any():
            texts.append(f"{place}{dropped_in_words(int(missing.sum()), len(missing))}")
    texts += [one.sentence for one in fitted.decomposition.left_out]
    texts += [spikes_in_words(fitted)] if any(fitted.spikes) else []
    return tuple(Finding(_capital(text), kind="note") for text in texts)


def spikes_in_words(fitted: FittedDecomposition) -> str:
    """Sentence on numeric values so frequent that a model can treat them as codes.

    Args:
        fitted: The components; at least one of their columns has such values.
    """
    found = {
        name: listed([level_text(value) for value in values])
        for name, values in zip(fitted.continuous, fitted.spikes, strict=True)
        if values
    }
    shown = "; ".join(f"{name}: {found[name]}" for name in list(found)[:_MOST_COLUMNS])
    rest = len(found) - _MOST_COLUMNS
    more = f"; and values of {rest} more columns" if rest > 0 else ""
    return _SPIKES.format(f"{shown}{more}")


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"
