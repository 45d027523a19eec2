"""Wording of names and lists in reports."""

from collections.abc import Sequence

from distributed_ib.report.quantity import Rows
from distributed_ib.scheme.splits import ROWS

MAX_LISTED = 10
SCORES = {"accuracy": "accuracy", "r2": "R2"}
"""Labels of the scores that tables and sentences show, by their names in a scheme."""

SIZES = (50, 20, 10, 5, 3, 2, 1)
"""Numbers of components for which tables show the best approximation."""


def rows_in_words(split: str) -> Rows:
    """The name of the rows of a split.

    >>> rows_in_words("test")
    'held-out rows'
    """
    return ROWS[split]


def listed(names: Sequence[str]) -> str:
    """The first ten names, separated by commas.

    >>> listed(["a", "b"]), listed([])
    ('a, b', 'none')
    """
    return ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "") or "none"
