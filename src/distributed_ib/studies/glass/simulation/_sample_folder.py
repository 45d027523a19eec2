"""The folder of the samples of a simulation: its settings, and the check of its files."""

import json
import os
import re
import warnings
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from distributed_ib._files import write_text
from distributed_ib._locks import LOCK
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.simulation.sample import (
    Sample,
    Settings,
    load_liquid,
    load_sample,
)

_SETTINGS_FILE = "settings.json"
_SAMPLE_NAME = re.compile(r"sample-(\d{5,})\.npz")
# Files that `write_atomically` leaves behind if the process is killed.
_LEFTOVER_NAME = re.compile(r"\.(settings|(sample|quench)-\d{5,})-(\w{8}|\w{16})\.(json|npz)")
_LIQUID_NAME = re.compile(r"quench-(\d{5,})\.npz")


def make_folder(folder: Path) -> None:
    """Create a folder if it does not exist.

    Raises:
        UserError: If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"can't create the folder {folder}: {error.strerror or error}; choose another folder."
        ) from None


def claim(folder: Path, settings: Settings) -> None:
    """Write the settings into an empty folder, or check that they are those of a used one.

    Raises:
        UserError: If they differ, or the folder contains something else.
    """
    path = folder / _SETTINGS_FILE
    wanted = json.loads(json.dumps(asdict(settings)))
    if path.exists():
        try:
            present = dict(json.loads(path.read_text()))
        except (TypeError, ValueError):
            raise UserError(f"{path}: the file can't be read; choose another folder.") from None
        different = [key for key in wanted if present.get(key) != wanted[key]]
        if different:
            key = different[0]
            raise UserError(
                f"{folder}: its samples were made with {key} = {present.get(key)}, not "
                f"{wanted[key]}; use the same settings, or choose another folder."
            )
        return
    names = {path.name for path in folder.iterdir()} - {LOCK}
    if any(not _LEFTOVER_NAME.fullmatch(name) for name in names):
        raise UserError(
            f"{folder}: the folder is not empty and was not made by this command; choose another "
            "folder."
        )
    write_text(path, json.dumps(wanted, indent=2) + "\n")


def rename_damaged_files(folder: Path, settings: Settings) -> None:
    """Rename samples and liquids that can't be read, so that they are made again.

    Only files that a killed process had not finished writing are removed.

    Warns:
        UserWarning: For every damaged file, by name.
    """
    for path in sorted(folder.iterdir()):
        if _LEFTOVER_NAME.fullmatch(path.name):
            path.unlink()
        try:
            if _SAMPLE_NAME.fullmatch(path.name):
                load_sample(path)
            elif _LIQUID_NAME.fullmatch(path.name):
                load_liquid(path, settings.n_particles)
        except UserError:
            if not os.access(path, os.R_OK):
                raise
            aside = _free_name(path.with_name(path.name + ".damaged"))
            try:
                path.rename(aside)
            except OSError as error:
                raise UserError(
                    f"{path} is damaged and can't be renamed ({error.strerror or error}); remove "
                    "it, and repeat the command to make it again."
                ) from None
            warnings.warn(
                f"{path} is damaged; it is kept as {aside.name}, and the sample is made again from "
                "its seed.",
                UserWarning,
                stacklevel=3,
            )


def _free_name(path: Path) -> Path:
    """The first of `path`, `path-2`, `path-3`, ... that does not exist."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def liquid_file(folder: Path, number: int) -> Path:
    """File of the quenched liquid of a sample, until it is sheared."""
    return folder / f"quench-{number:05d}.npz"


def sample_file(folder: Path, number: int) -> Path:
    """File of a finished sample."""
    return folder / f"sample-{number:05d}.npz"


def sample_files(folder: Path) -> dict[int, Path]:
    """The finished samples by number."""
    names = ((_SAMPLE_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(name[1]): path for name, path in names if name}


def in_order(folder: Path) -> Iterable[Sample]:
    """Finished samples from number 0 up to the first missing one."""
    number = 0
    while (path := sample_file(folder, number)).exists():
        yield load_sample(path)
        number += 1
