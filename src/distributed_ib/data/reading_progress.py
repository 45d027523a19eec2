"""Reporting of progress while a large table is read."""

from collections.abc import Callable

Told = Callable[[str, int, int], None]
"""Called with the current task, the number of rows done, and the number of all rows."""


def tell_nobody(what: str, done: int, total: int) -> None:
    """Report no progress."""
