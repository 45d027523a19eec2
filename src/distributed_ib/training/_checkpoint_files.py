"""Checkpoints as files: numbered, with checksums, each complete or absent.

FOLDER/  checkpoint-000007.json                  description of the checkpoint, with checksums of
         checkpoint-000007-state.safetensors     the state of the sweep, and of
         checkpoint-000007-models.safetensors    the models kept since the previous checkpoint

A checkpoint also names the models of all earlier ones, so that each model is written only once. The
JSON file is written last: without it, the other files are ignored. No file name is used twice.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from distributed_ib._files import write_atomically
from distributed_ib.training._sweep_state import Tensors

FORMAT = "distributed-ib checkpoint 1"
MANIFEST_LIMIT_BYTES = 16 << 20
_MANIFEST = re.compile(r"checkpoint-(\d{6,9})\.json")
_DATA = re.compile(r"checkpoint-\d{6,9}-(state|models)\.safetensors")
# Files that `write_atomically` leaves if the process is killed while it writes.
_TEMPORARY = re.compile(r"\.checkpoint-\d{6,9}(-state|-models)?-\w+\.(json|safetensors)")


class DamagedError(Exception):
    """A checkpoint that can't be used; the message says why."""


@dataclass(frozen=True)
class DataFile:
    """A file of arrays that belongs to a checkpoint.

    Attributes:
        name: Its name in the folder.
        n_bytes: Its size.
        sha256: Checksum of its content.
    """

    name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Description of a checkpoint.

    Attributes:
        number: Number of the checkpoint, in the order in which they were written.
        sweep: Description of the sweep it belongs to.
        made_with: Versions and device, which may affect the last digits.
        step: Number of training steps made.
        seconds: Time spent until then.
        state: File of the sweep's state.
        models: Files of the models kept, in order.
    """

    number: int
    sweep: dict[str, Any]
    made_with: dict[str, str]
    step: int
    seconds: float
    state: DataFile
    models: tuple[DataFile, ...]


def manifest_name(number: int) -> str:
    """Name of the JSON file of a checkpoint.

    >>> manifest_name(7)
    'checkpoint-000007.json'
    """
    return f"checkpoint-{number:06d}.json"


def checkpoint_numbers(folder: Path) -> list[int]:
    """Numbers of the checkpoints in a folder, including damaged ones, the newest first."""
    names = (_MANIFEST.fullmatch(path.name) for path in _entries(folder))
    return sorted((int(match[1]) for match in names if match), reverse=True)


def write_data(folder: Path, number: int, kind: str, tensors: Tensors) -> DataFile:
    """Write the arrays of a checkpoint; `kind` is "state" or "models"."""
    name = f"checkpoint-{number:06d}-{kind}.safetensors"
    content = save(tensors)
    _write(folder / name, content)
    return DataFile(name, len(content), _sha256(content))


def read_data(folder: Path, file: DataFile) -> Tensors:
    """The arrays of a file.

    Raises:
        DamagedError: If it is missing or has changed since it was written.
    """
    path = folder / file.name
    try:
        if path.stat().st_size != file.n_bytes:
            raise DamagedError(
                f"{file.name} has {path.stat().st_size:,} bytes instead of {file.n_bytes}"
            )
        content = path.read_bytes()
    except OSError as error:
        raise DamagedError(f"{file.name} can't be read: {error.strerror or error}") from None
    if _sha256(content) != file.sha256:
        raise DamagedError(f"{file.name} has changed since it was written (its checksum differs)")
    try:
        return dict(load(content))
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedError(f"{file.name} can't be read: {error}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the JSON file that completes a checkpoint, and flush the folder to the disk."""
    body = _canonical(asdict(manifest))
    text = json.dumps(
        {"format": FORMAT, "sha256": _sha256(body.encode()), "checkpoint": json.loads(body)},
        indent=1,
    )
    _write(folder / manifest_name(manifest.number), (text + "\n").encode())
    sync_folder(folder)


def read_manifest(folder: Path, number: int) -> Manifest:
    """The description of a checkpoint.

    Raises:
        DamagedError: If it has changed since `write_manifest` wrote it.
    """
    path = folder / manifest_name(number)
    try:
        if path.stat().st_size > MANIFEST_LIMIT_BYTES:
            raise DamagedError(f"{path.name} is too large")
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise DamagedError(f"{path.name} has an unknown format")
        body = stored["checkpoint"]
        if _sha256(_canonical(body).encode()) != stored["sha256"]:
            raise DamagedError(
                f"{path.name} has changed since it was written (its checksum differs)"
            )
        state, *models = (DataFile(**file) for file in (body["state"], *body["models"]))
        manifest = Manifest(**{**body, "state": state, "models": tuple(models)})
    except OSError as error:
        raise DamagedError(f"{path.name} can't be read: {error.strerror or error}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DamagedError(f"{path.name} is not a description of a checkpoint") from None
    # A name that contains a path could point outside the folder.
    if not all(_DATA.fullmatch(str(file.name)) for file in (state, *models)):
        raise DamagedError(f"{path.name} refers to files that do not belong to a checkpoint")
    if not (manifest.number == number and isinstance(manifest.seconds, int | float)):
        raise DamagedError(f"{path.name} belongs to another checkpoint")
    return manifest


def remove_all_but(folder: Path, kept: tuple[Manifest, ...] = ()) -> None:
    """Remove checkpoints and unfinished files, except `kept` and the files they name."""
    names = {manifest_name(manifest.number) for manifest in kept}
    names |= {file.name for manifest in kept for file in (manifest.state, *manifest.models)}
    ours = [
        path
        for path in _entries(folder)
        if path.name not in names
        and any(kind.fullmatch(path.name) for kind in (_MANIFEST, _DATA, _TEMPORARY))
    ]
    # The JSON files first, so that no checkpoint lacks a file while it is being removed.
    for path in sorted(ours, key=lambda path: path.suffix != ".json"):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make sure that files renamed into a folder survive a power failure."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _write(path: Path, content: bytes) -> None:
    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_atomically(path, write)


def _canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
