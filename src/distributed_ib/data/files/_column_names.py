"""The names of a table's columns, checked before anything else is read."""

from collections.abc import Sequence

from distributed_ib.errors import UserError


def check_names(place: str, names: Sequence[str]) -> None:
    """Check that every column has a name of its own.

    Args:
        place: The file, for messages.
        names: Names of its columns.

    Raises:
        UserError: If a name is empty, or two names are the same.
    """
    seen = set()
    for position, name in enumerate(names):
        if not name.strip():
            raise UserError(
                f"{place}: column {position + 1} has no name; give it a name or, if it contains "
                "row numbers, write the table without them (pandas: to_csv(index=False))."
            )
        if name in seen:
            raise UserError(f"{place}: two columns are named {name!r}; rename or drop one.")
        seen.add(name)
