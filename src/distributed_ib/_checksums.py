"""Checksums of the results in a folder, in the form that `sha256sum --check` reads."""

import hashlib
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from distributed_ib._files import write_text
from distributed_ib.errors import UserError

CHECKSUMS = "SHA256SUMS"
_LIMIT_BYTES = 1 << 22
_BLOCK_BYTES = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")


def record_checksums(folder: Path, names: Iterable[str]) -> None:
    """Add or replace the checksums of files in `folder/SHA256SUMS`.

    Args:
        folder: The folder.
        names: Files in it, as paths relative to it with forward slashes.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_text("a")
        >>> record_checksums(folder, ["a.txt"])
        >>> sorted(read_checksums(folder))
        ['a.txt']
    """
    record_digests(folder, {name: _sha256(folder / name) for name in names})


def record_digests(folder: Path, digests: Mapping[str, str]) -> None:
    """Add or replace known checksums, also of files that are not written yet."""
    _write(folder, {**(read_checksums(folder) or {}), **digests})


def remove_checksums(folder: Path, names: Iterable[str]) -> None:
    """Remove files from the list, before they are replaced."""
    known = read_checksums(folder)
    if known is not None:
        dropped = set(names)
        _write(folder, {name: digest for name, digest in known.items() if name not in dropped})


def read_checksums(folder: Path) -> dict[str, str] | None:
    """The checksums in `folder/SHA256SUMS` by file; None if there is no such list.

    Raises:
        UserError: If the list can't be read, or has changed since it was written.
    """
    path = folder / CHECKSUMS
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _LIMIT_BYTES:
            raise UserError(f"{path} is too large to be a list of checksums.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path} is damaged: it can't be read.") from None
    head, *entries = lines or [""]
    matches = [_LINE.fullmatch(line) for line in entries]
    if head != _head(entries) or not all(matches):
        raise UserError(f"{path} is damaged: its content has changed since it was written.")
    return {match[2]: match[1] for match in matches if match}


def check_files(folder: Path, names: Iterable[str] | None = None) -> None:
    """Check files against their checksums.

    Args:
        folder: Their folder.
        names: Files to check; by default all in the list.

    Raises:
        UserError: If a file is missing, has changed, or is not in the list; names it.

    Warns:
        UserWarning: If the folder has no list, as in earlier versions.
    """
    known = read_checksums(folder)
    if known is None:
        warnings.warn(
            f"{folder} has no list of checksums ({CHECKSUMS}), so damaged files can't be detected.",
            UserWarning,
            stacklevel=2,
        )
        return
    for name in known if names is None else names:
        path = folder / name
        if name not in known:
            raise UserError(
                f"{folder / CHECKSUMS} is damaged, or {path} does not belong to this run."
            )
        if not path.is_file():
            raise UserError(f"{path} is missing: the run is incomplete or damaged.")
        if _sha256(path) != known[name]:
            raise UserError(
                f"{path} is damaged: its content has changed since it was written (its checksum "
                "differs)."
            )


def _write(folder: Path, checksums: dict[str, str]) -> None:
    entries = [f"{digest}  {name}" for name, digest in sorted(checksums.items())]
    write_text(folder / CHECKSUMS, "\n".join([_head(entries), *entries]) + "\n")


def _head(entries: list[str]) -> str:
    """The first line, a checksum of the others; `sha256sum` ignores it."""
    digest = hashlib.sha256("\n".join(entries).encode()).hexdigest()
    return f"# {digest} of the lines below"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from None
    return digest.hexdigest()
