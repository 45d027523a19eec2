"""Names and lists as the report words them."""

from collections.abc import Sequence

from distributed_ib.report.quantity import Rows
from distributed_ib.scheme.splits import ROWS

MAX_LISTED = 10
SCORES = {"accuracy": "accuracy", "r2": "R2"}
"""Scores that tables and sentences show, by their names in a scheme."""

SIZES = (50, 20, 10, 5, 3, 2, 1)
"""Numbers of components of which tables show the best approximation."""


def rows_in_words(split: str) -> Rows:
    """The rows of a split of a scheme.

    >>> rows_in_words("test")
    'held-out rows'
    """
    return ROWS[split]


def listed(names: Sequence[str]) -> str:
    """The first ten names.

    >>> listed(["a", "b"]), listed([])
    ('a, b', 'none')
    """
    return ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "") or "none"
