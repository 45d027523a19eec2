"""Reporting of progress while a large table is read."""

from collections.abc import Callable

ReadingCallback = Callable[[str, int, int], None]
"""Called with the current task, the number of rows done, and the number of all rows."""


def no_progress(what: str, done: int, total: int) -> None:
    """Report no progress."""
