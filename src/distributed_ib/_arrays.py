"""Arrays on disk as `.npz`, without pickle, and with limits on what is read."""

import zipfile
from pathlib import Path

import numpy as np

from distributed_ib._files import write_atomically
from distributed_ib.errors import UserError, first_line

# Far above the size of any table made here; a file that unpacks to more is damaged or malicious.
MAX_BYTES = 2_000_000_000


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a compressed `.npz` atomically.

    Raises:
        UserError: If the folder can't be written.
    """

    def write(temporary: Path) -> None:
        with temporary.open("wb") as handle:
            np.savez_compressed(handle, allow_pickle=False, **arrays)

    write_atomically(path, write)


def load_arrays(
    path: Path, *, max_bytes: int = MAX_BYTES, remedy: str = "get it again"
) -> dict[str, np.ndarray]:
    """Read every array of an `.npz` file.

    Args:
        path: The file.
        max_bytes: Largest accepted size of the unpacked arrays.
        remedy: What to do about a damaged file, for the message.

    Raises:
        UserError: If the file is missing, damaged or too large, or needs pickle.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > max_bytes:
            raise UserError(
                f"{path}: unpacks to {size / 1e6:.0f} MB, more than the allowed "
                f"{max_bytes / 1e6:.0f} MB; split it or load it with a larger `max_bytes`."
            )
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        if not all(isinstance(array, np.ndarray) for array in found.values()):
            raise ValueError("it holds something else than arrays")
        return found
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.") from None
    # A damaged archive can make the libraries raise undocumented errors: of the decompressor, of
    # syntax, of memory, of types, ...
    except Exception as error:
        if "allow_pickle" in str(error):
            raise UserError(
                f"{path}: contains Python objects, which can run code when they are read; use the "
                "CSV archive of the same data instead."
            ) from None
        raise UserError(
            f"{path}: not a readable .npz file ({first_line(error)}); {remedy}."
        ) from None
