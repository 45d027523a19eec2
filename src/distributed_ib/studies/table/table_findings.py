"""What is said about a table beyond its scheme: what was left out, and what to be careful with."""

from collections.abc import Iterable, Sequence
from typing import Any

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.estimators._known_rows import dropped_in_words, is_missing
from distributed_ib.report.report import Finding
from distributed_ib.report.words import listed

_RARE = (
    "Classes with fewer rows than there are folds are missing in some resamples: {}. What is said "
    "of them is not to be relied on."
)
_QUICK = (
    "This was a quick look: one sweep of one split of the rows. Its numbers have no error bars, "
    "and whether X tells anything about Y was not tested."
)


def warnings_of_table(
    *, quick: bool, rare_classes: Sequence[str], sentences: Iterable[str]
) -> tuple[Finding, ...]:
    """What to be careful with.

    Args:
        quick: Whether one sweep alone was made.
        rare_classes: Classes of Y with fewer rows than there are folds.
        sentences: Further ones.

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


def what_was_left_out(
    decomposition: Decomposition, targets: Sequence[tuple[str, Any]]
) -> tuple[Finding, ...]:
    """Columns, and rows without Y, that are not used.

    Args:
        decomposition: The components.
        targets: Y of each table, with words for where it is.
    """
    texts = []
    for place, y in targets:
        missing = is_missing(y)
        if missing.any():
            texts.append(f"{place}{dropped_in_words(int(missing.sum()), len(missing))}")
    texts += [one.sentence for one in decomposition.left_out]
    return tuple(Finding(_capital(text), kind="note") for text in texts)


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"
