"""The place of a shell on g(r): on which peak or in which trough it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.studies.glass.structure_functions import (
    SHELL_RADII,
    SHELL_WIDTH,
    RadialDistribution,
)

_ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class Shell:
    """One structure function, with g(r) at its radius.

    Attributes:
        name: Name, such as 'B r=1.47'.
        kind: Type of the particles that it counts, 'A' or 'B'.
        radius: Radius of its middle, in units of sigma_AB.
        usual: g(r) there, averaged over the width of the shell; 1 is the mean density.
        place: 'core', 'first peak', 'first trough', ..., or 'unknown' if g(r) is unknown.
    """

    name: str
    kind: str
    radius: float
    usual: float
    place: str

    @property
    def on_peak(self) -> bool:
        """Whether particles are more frequent in the shell than on average."""
        return self.place.endswith("peak")

    @property
    def in_trough(self) -> bool:
        """Whether particles are less frequent in the shell than on average, outside the core."""
        return self.place.endswith("trough")


def shell_density(g: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """g(r) averaged with the weights of each shell, `[shells]`.

    It is NaN for shells beyond the radii at which g(r) is known.
    """
    weight = np.exp(-((SHELL_RADII[:, None] - radii) ** 2) / (2 * SHELL_WIDTH**2)) * radii
    total = weight.sum(axis=1)
    known = total > 1e-6
    return np.where(known, (weight @ g) / np.where(known, total, 1.0), np.nan)


def shell_places(density: NDArray[np.float64]) -> list[str]:
    """Peak or trough for each shell, numbered outwards.

    A peak is a range of shells with g(r) above 1, a trough one with g(r) below 1; the range inside
    the first peak is the core.

    >>> shell_places(np.array([0.0, 3.0, 2.0, 0.1, 1.5]))
    ['core', 'first peak', 'first peak', 'first trough', 'second peak']
    """
    above = density > 1
    places, number = [], 0
    for index, high in enumerate(above):
        if high and (index == 0 or not above[index - 1]):
            number += 1
        if np.isnan(density[index]):
            places.append("unknown")
        elif number == 0:
            places.append("core")
        else:
            ordinal = _ORDINALS[number - 1] if number <= len(_ORDINALS) else "far"
            places.append(f"{ordinal} {'peak' if high else 'trough'}")
    return places


def shells_of(distribution: RadialDistribution) -> list[Shell]:
    """All shells, in the order of the structure functions: type A, then type B."""
    shells = []
    for kind, g in (("A", distribution.g_aa), ("B", distribution.g_ab)):
        density = shell_density(g, distribution.radii)
        for radius, usual, place in zip(SHELL_RADII, density, shell_places(density), strict=True):
            name = f"{kind} r={radius:.2f}"
            shells.append(Shell(name, kind, float(radius), float(usual), place))
    return shells
