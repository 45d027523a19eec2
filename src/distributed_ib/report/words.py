"""Names and lists as the report words them."""

from collections.abc import Sequence

from distributed_ib.report.quantity import Rows

MAX_LISTED = 10
SCORES = {"accuracy": "accuracy", "r2": "R2"}
"""Scores that tables and sentences show, by their names in a scheme."""

_ROWS: dict[str, Rows] = {
    "train": "training rows",
    "validation": "validation rows",
    "test": "held-out rows",
}


def rows_in_words(split: str) -> Rows:
    """The rows of a split of a scheme.

    >>> rows_in_words("test")
    'held-out rows'
    """
    return _ROWS[split]


def listed(names: Sequence[str]) -> str:
    """The first ten names.

    >>> listed(["a", "b"]), listed([])
    ('a, b', 'none')
    """
    return ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "") or "none"
