"""Names of columns from the command line."""

import csv
from collections.abc import Sequence


def split_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Split comma-separated names of columns; a name that contains a comma is in double quotes.

    Example:
        >>> split_names(["a, b", '"size, mm",c'])
        ('a', 'b', 'size, mm', 'c')
    """
    rows = csv.reader(texts, skipinitialspace=True)
    return tuple(name.strip() for row in rows for name in row if name.strip())


def quoted_name(name: str) -> str:
    """A name quoted such that `split_names` does not split it.

    >>> quoted_name("size, mm")
    '"size, mm"'
    """
    return '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name
