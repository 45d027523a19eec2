"""Components as groups of columns, from a TOML file."""

from pathlib import Path

from distributed_ib._toml_files import read_toml
from distributed_ib.errors import UserError


def read_groups(path: Path) -> dict[str, list[str]]:
    """Read components from a TOML file with lines such as `position = ["x", "y"]`.

    The lines may be in a table `[components]`.

    Raises:
        UserError: If the file can't be read or contains anything else.
    """
    groups = read_toml(path, "a list of components")
    if list(groups) == ["components"] and isinstance(groups["components"], dict):
        groups = groups["components"]
    for name, columns in groups.items():
        if not (isinstance(columns, list) and columns and all(isinstance(c, str) for c in columns)):
            raise UserError(
                f'{path}: component {name!r} must be a list of columns, such as ["x", "y"].'
            )
    return groups
