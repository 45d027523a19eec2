"""Reading a user's small TOML files."""

import tomllib
from pathlib import Path
from typing import Any

from distributed_ib.errors import UserError

LIMIT_BYTES = 1 << 20


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The content of a TOML file.

    Args:
        path: The file.
        what: Description of the expected content, for errors, such as "a list of names".

    Raises:
        UserError: If it can't be read, is too large, or is not TOML.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.toml"
        >>> _ = path.write_text('a = ["x"]')
        >>> read_toml(path, "a list of names")
        {'a': ['x']}
    """
    try:
        if path.stat().st_size > LIMIT_BYTES:
            raise UserError(f"{path} is too large to be {what}.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read as TOML: {error}.") from None
