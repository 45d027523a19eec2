"""Components as groups of columns, from a TOML file."""

import tomllib
from pathlib import Path

from distributed_ib.errors import UserError

LIMIT_BYTES = 1 << 20


def read_groups(path: Path) -> dict[str, list[str]]:
    """Components from a TOML file with lines such as `position = ["x", "y"]`.

    They may stand under a heading `[components]`.

    Raises:
        UserError: If it can't be read, or says anything else.
    """
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise UserError(f"{path} is too large to be a list of components.")
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read as TOML: {error}.") from None
    if list(groups) == ["components"] and isinstance(groups["components"], dict):
        groups = groups["components"]
    for name, columns in groups.items():
        if not (isinstance(columns, list) and columns and all(isinstance(c, str) for c in columns)):
            raise UserError(
                f'{path}: component {name!r} should be a list of columns, such as ["x", "y"].'
            )
    return groups
