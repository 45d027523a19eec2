"""Arrays into which model input is written, in memory or on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.errors import UserError


def code_type(n_levels: Sequence[int]) -> Any:
    """The smallest type that can hold the codes of columns with these numbers of levels."""
    largest = max(n_levels, default=0)
    return np.uint8 if largest <= 256 else np.uint16 if largest <= 65536 else np.int32


def empty_array(shape: tuple[int, int], dtype: Any, folder: Path | None, name: str) -> NDArray[Any]:
    """An array to fill, on disk if a folder is given; no file is ever overwritten.

    Raises:
        UserError: If the file exists already, or can't be written.
    """
    if folder is None or 0 in shape:  # an empty file can't be mapped
        return np.empty(shape, dtype)
    path = folder / f"{name}.npy"
    if path.exists():
        raise UserError(f"{path} already exists and will not be overwritten; choose a new folder.")
    try:
        return np.lib.format.open_memmap(path, "w+", dtype, shape)
    except OSError as error:
        raise UserError(f"can't write {path}: {error.strerror or error}.") from None
