"""Particle files of other programs: LAMMPS dumps and extended XYZ, through ASE."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distributed_ib.errors import UserError
from distributed_ib.studies.glass._cell import cell_width, fractions
from distributed_ib.studies.glass.neighbourhoods import (
    NEIGHBOURHOOD_RADIUS,
    TYPE_A,
    TYPE_B,
    Neighbourhoods,
    neighbourhoods_in,
)
from distributed_ib.studies.glass.simulation._lammps import INSTALL_COMMAND
from distributed_ib.studies.glass.structure_functions import structure_functions

MAX_FILE_BYTES = 2_000_000_000
_FORMATS = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".dump": "lammps-dump-text",
    ".lammpstrj": "lammps-dump-text",
    ".lammpsdump": "lammps-dump-text",
}


@dataclass(frozen=True)
class Frame:
    """One periodic state of two kinds of particles.

    Attributes:
        positions: `[n, d]`, d is 2 or 3.
        types: `[n]`, 1 (A) or 2 (B).
        box: `[d, d]`, its columns are the edges of the periodic cell.
    """

    positions: np.ndarray
    types: np.ndarray
    box: np.ndarray

    def neighbourhoods(
        self, centres: np.ndarray | None = None, *, radius: float = NEIGHBOURHOOD_RADIUS
    ) -> Neighbourhoods:
        """The neighbourhoods of some particles (by default all of type A).

        Raises:
            UserError: If the cell is narrower than twice `radius`.
        """
        width = cell_width(self.box)
        if width < 2 * radius:
            raise UserError(
                f"The cell is {width:.3g} wide, too small for neighbourhoods of radius {radius:g}; "
                "repeat the cell periodically, or use a smaller radius."
            )
        if centres is None:
            centres = np.flatnonzero(self.types == TYPE_A)
        return neighbourhoods_in(self.positions, self.types, self.box, centres, radius=radius)

    def structure_functions(self, centres: np.ndarray | None = None) -> np.ndarray:
        """The paper's 100 structure functions of some particles (by default all of type A).

        Lengths must be in units of sigma_AB; divide `positions` and `box` by it if they are not.

        Returns:
            `[centres, 100]`.
        """
        return structure_functions(self.neighbourhoods(centres))


def read_particles(
    path: Path | str, *, type_a: str | int | None = None, max_bytes: int = MAX_FILE_BYTES
) -> list[Frame]:
    """Read every frame of a particle file.

    Systems whose cell is not periodic along z, or that have no extent along z, are treated as
    two-dimensional.

    Args:
        path: Extended XYZ (`.xyz`, `.extxyz`) or a LAMMPS text dump (`.dump`, `.lammpstrj`).
        type_a: The species (or LAMMPS type) that is A; the other one is B. By default the first
            by LAMMPS type, or in alphabetical order.
        max_bytes: Largest accepted size of the file.

    Raises:
        UserError: If ASE is missing; the file is missing, too large or not readable; there are
            not exactly two species; the cell is not periodic; or particles lie outside it.
    """
    path = Path(path)
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UserError(
            f"{path}: unknown file type; the name must end in one of {', '.join(_FORMATS)}."
        )
    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    if path.stat().st_size > max_bytes:
        raise UserError(
            f"{path}: {path.stat().st_size / 1e6:.0f} MB, more than the allowed "
            f"{max_bytes / 1e6:.0f} MB; split it or read it with a larger `max_bytes`."
        )
    try:
        import ase.io  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise UserError(
            f"reading particle files needs ASE, which is not installed: {INSTALL_COMMAND}"
        ) from None
    try:
        images = ase.io.read(path, index=":", format=kind)
    except Exception as error:
        raise UserError(
            f"{path}: the file can't be read as {kind} ({type(error).__name__}: {error})."
        ) from None
    if not images:
        raise UserError(f"{path}: contains no frames.")
    return [_frame(f"{path}, frame {k}", image, kind, type_a) for k, image in enumerate(images)]


def _frame(where: str, image: Any, kind: str, type_a: str | int | None) -> Frame:
    cell = np.asarray(image.cell.array, dtype=float)
    periodic = np.asarray(image.pbc)
    positions = np.asarray(image.positions, dtype=float)
    positions = positions - image.get_celldisp().ravel()
    # ASE stores LAMMPS types as atomic numbers, which keeps their order.
    is_dump = kind == "lammps-dump-text"
    numbers = np.asarray(image.numbers)
    symbols = np.array(image.get_chemical_symbols())
    labels = numbers.astype(str) if is_dump else symbols
    flat = not periodic[2] or np.ptp(positions[:, 2]) == 0
    dimension = 2 if flat else 3
    if not np.all(periodic[:dimension]) or abs(np.linalg.det(cell[:dimension, :dimension])) == 0:
        raise UserError(f"{where}: the frame has no periodic cell; add the cell to the file.")
    present = sorted(set(labels.tolist()), key=lambda name: (len(name), name) if is_dump else name)
    if len(present) != 2:
        raise UserError(
            f"{where}: the species are {', '.join(present)}; exactly two are needed, A and B."
        )
    first = present[0] if type_a is None else str(type_a)
    if first not in present:
        raise UserError(f"{where}: there is no species {first}, only {' and '.join(present)}.")
    box = cell[:dimension, :dimension].T.copy()
    positions = positions[:, :dimension]
    inside = fractions(positions, box)
    if not np.all(np.isfinite(inside)) or inside.min() < -1e-3 or inside.max() > 1 + 1e-3:
        count = int(np.sum(np.any((inside < -1e-3) | (inside > 1 + 1e-3), axis=1)))
        raise UserError(
            f"{where}: {count} particles are outside the cell; wrap them into it, and check that "
            "the cell belongs to this frame."
        )
    types = np.where(labels == first, TYPE_A, TYPE_B)
    return Frame(positions, types, box)
