"""Writing files such that nothing is ever half written, overwritten or lost."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from distributed_ib.errors import UserError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file in the folder of `path`, flush it to disk and rename it.

    Other processes see either the old or the new file at `path`, never a part of one.

    Raises:
        UserError: If the folder can't be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomically(folder / "note.txt", lambda p: p.write_text("hello"))
        >>> (folder / "note.txt").read_text()
        'hello'
    """
    temporary: Path | None = None
    try:
        # The suffix stays last, because some writers choose their format by it.
        name = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
        # Created with the system's call, which applies the user's permissions for new files.
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        temporary = name
        write(temporary)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"can't write {path}: {error.strerror or error}.") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomically(path, lambda p: p.write_text(text, encoding="utf-8"))


def create_folder(path: Path) -> Path:
    """Create a folder for results, including its parents.

    Raises:
        UserError: If the path exists, or can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir()
    except FileExistsError as error:
        if not (path.exists() or path.is_symlink()):
            raise UserError(
                f"can't create the folder {path}: {error.filename} is not a folder; choose another "
                "folder with --out."
            ) from None
        raise UserError(
            f"{path} already exists and will not be overwritten; choose another folder with --out."
        ) from None
    except OSError as error:
        raise UserError(
            f"can't create the folder {path}: {error.strerror or error}; choose another folder "
            "with --out."
        ) from None
    return path


def next_free_folder(parent: Path, stem: str) -> Path:
    """The first of `parent/stem-001`, `-002`, ... that does not exist.

    >>> next_free_folder(Path("nowhere"), "boolean").as_posix()
    'nowhere/boolean-001'
    """
    number = 1
    while (folder := parent / f"{stem}-{number:03d}").exists():
        number += 1
    return folder
