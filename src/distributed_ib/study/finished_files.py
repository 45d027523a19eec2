"""The files of a finished unit as bytes, from a worker whose disk the client can't access."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from distributed_ib._checksums import record_digests
from distributed_ib._files import write_atomically
from distributed_ib.study.run_folder import result_files


def files_in(folder: Path) -> dict[str, bytes]:
    """Contents of the result files in a folder, by relative path."""
    return {name: (folder / name).read_bytes() for name in result_files(folder)}


def write_files(folder: Path, files: Mapping[str, bytes], last: str) -> None:
    """Write files with their checksums, the one named `last` last: if it exists, all do.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_files(folder, {"b/c": b"1", "a": b"2"}, last="a")
        >>> files_in(folder)
        {'a': b'2', 'b/c': b'1'}
    """
    if not files:
        return
    for name in sorted(files, key=lambda name: name == last):
        if name == last:
            digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            record_digests(folder, digests)
        path, content = folder / name, files[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda new, content=content: new.write_bytes(content))  # type: ignore[misc]


def all_files_in(folder: Path) -> dict[str, bytes]:
    """Contents of all files in a folder except hidden ones, such as its lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def write_whole_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Create a folder with all of these files, or none if interrupted.

    It replaces an unfinished run of the same name.
    """
    half = folder.with_name(f".{folder.name}-half")
    shutil.rmtree(half, ignore_errors=True)
    for name, content in files.items():
        path = half / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
    shutil.rmtree(folder, ignore_errors=True)
    half.rename(folder)
