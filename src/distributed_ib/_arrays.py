"""Arrays on disk as `.npz`, without pickle, and with limits on what is read."""

import zipfile
from pathlib import Path

import numpy as np

from distributed_ib.errors import UserError

# Far above any table made here; a file that unpacks to more is broken or hostile.
MAX_BYTES = 2_000_000_000


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a compressed `.npz` so that a half-written file never has the final name."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)
    temporary.replace(path)


def load_arrays(path: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """Read every array of an `.npz` file.

    Args:
        path: The file.
        max_bytes: Refuse files whose arrays take more than this once unpacked.

    Raises:
        UserError: if the file is missing, broken, too large, or needs pickle.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > max_bytes:
            raise UserError(
                f"{path}: unpacks to {size / 1e6:.0f} MB, more than the {max_bytes / 1e6:.0f} MB "
                "allowed; split it or load it with a larger `max_bytes`."
            )
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.") from None
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise UserError(
                f"{path}: holds Python objects, which can run code when read; use the plain CSV "
                "archive of the same data instead."
            ) from None
        raise UserError(f"{path}: not a readable .npz file ({error}); get it again.") from None
    except (zipfile.BadZipFile, OSError, EOFError, MemoryError) as error:
        raise UserError(f"{path}: not a readable .npz file ({error}); get it again.") from None
