"""Neighbourhoods: the particles around chosen centres, as ragged arrays."""

from dataclasses import dataclass

import numpy as np

from distributed_ib.studies.glass._cell import nearest_images

TYPE_A, TYPE_B = 1, 2
"""The small and the large particles."""

# Includes all particles that structure functions depend on: the outermost shell is at 4, more than
# ten widths inside.
NEIGHBOURHOOD_RADIUS = 4.5


@dataclass(frozen=True)
class Neighbourhoods:
    """The surroundings of many centres.

    Attributes:
        positions: `[total, d]`, relative to the centre, in units of sigma_AB; d is 2 or 3.
        types: `[total]`, 1 (A, small) or 2 (B, large).
        offsets: `[n + 1]`; neighbourhood i consists of rows `offsets[i]` to `offsets[i + 1]`.

    >>> import numpy as np
    >>> around = Neighbourhoods(np.ones((3, 2)), np.array([1, 2, 2]), np.array([0, 1, 3]))
    >>> len(around), around.of(1)[1].tolist()
    (2, [2, 2])
    """

    positions: np.ndarray
    types: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions `[k, d]` and types `[k]` around centre `index`."""
        rows = slice(self.offsets[index], self.offsets[index + 1])
        return self.positions[rows], self.types[rows]

    def take(self, indices: np.ndarray) -> "Neighbourhoods":
        """The neighbourhoods of some centres, in the given order."""
        sizes = np.diff(self.offsets)[indices]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.repeat(self.offsets[:-1][indices] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return Neighbourhoods(self.positions[rows], self.types[rows], offsets)


def join(parts: list[Neighbourhoods]) -> Neighbourhoods:
    """Concatenate several sets of neighbourhoods; `parts` must not be empty."""
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return Neighbourhoods(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.types for part in parts]),
        np.concatenate([[0], np.cumsum(sizes)]),
    )


def neighbourhoods_in(
    positions: np.ndarray,
    types: np.ndarray,
    box: np.ndarray,
    centres: np.ndarray,
    *,
    radius: float = NEIGHBOURHOOD_RADIUS,
) -> Neighbourhoods:
    """The neighbourhoods within `radius` of some particles of a periodic state.

    Args:
        positions: `[n, d]`, wrapped or not.
        types: `[n]`.
        box: `[d, d]`, its columns are the edges of the periodic cell.
        centres: Indices `[m]` of the central particles, which are not part of the result.
        radius: Largest distance, at most half the cell's width.
    """
    found, kinds, sizes = [], [], []
    for centre in np.asarray(centres).tolist():
        relative = nearest_images(positions - positions[centre], box)
        near = np.sum(relative**2, axis=1) <= radius**2
        near[centre] = False
        found.append(relative[near])
        kinds.append(types[near])
        sizes.append(int(near.sum()))
    dimension = positions.shape[1]
    return Neighbourhoods(
        np.concatenate(found) if found else np.empty((0, dimension)),
        np.concatenate(kinds) if kinds else np.empty(0, dtype=types.dtype),
        np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
    )
