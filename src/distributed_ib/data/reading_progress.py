"""How whoever reads a large table tells how far it is."""

from collections.abc import Callable

Told = Callable[[str, int, int], None]
"""Called with what is done, the rows that are done, and all rows."""


def tell_nobody(what: str, done: int, total: int) -> None:
    """Say nothing of how far it is."""
