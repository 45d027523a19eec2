"""Atoms of a component: the smallest sets of values of which symbols are composed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns.column import MISSING, Level

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_ATOMS = 96
"""Most atoms of a number: cuts between them are off by at most half a percent of the rows."""
MOST_LISTED_NUMBERS = 32
"""Integers with at most this many distinct values are listed; other numbers form intervals."""
_MOST_DIGITS = 17
_SHOWN_DIGITS = 15


@dataclass(frozen=True, eq=False)
class Atoms:
    """The values of one component, cut into atoms.

    Attributes:
        component: Name of the component.
        labels: Name of each atom of a category, or of a part of a component of several columns;
            empty for numbers.
        cuts: Boundaries between the atoms of a number, in ascending order, `[atom - 1]`; a value on
            a cut belongs to the atom above it. Empty for categories.
        values: The integer that each atom contains, if these are listed; otherwise empty.
        joiner: Separator between the names of atoms of a category.
        missing: Name of the atom of missing values, which is the last and not on the line; "" if
            there is none, and for unordered categories, where missing is a level like others.
        is_ordered: Whether the levels of a category are ordered, so that only neighbours merge.

    Example:
        >>> hours = Atoms.of_numbers("hour", np.arange(24.0))
        >>> hours.text({0, 1, 2, 23}), hours.codes(np.array([2.0, 23.0])).tolist()
        ('0-2, 23', [2, 23])
        >>> size = Atoms.of_numbers("size", np.linspace(0.0, 1.0, 1000), most=4)
        >>> size.text({0}), size.text({1, 2}), size.text({0, 3})
        ('< 0.25', '0.25 to 0.75', '< 0.25 or >= 0.75')
    """

    component: str
    labels: tuple[str, ...]
    cuts: FloatArray
    values: tuple[int, ...] = ()
    joiner: str = ", "
    missing: str = ""
    is_ordered: bool = False

    @classmethod
    def of_levels(cls, component: str, levels: Sequence[Level]) -> "Atoms":
        """An atom for each level of a category."""
        return cls(component, tuple(map(str, levels)), np.zeros(0))

    @classmethod
    def of_ordered(cls, component: str, levels: Sequence[Level], missing: str = "") -> "Atoms":
        """An atom for each level of an ordered category, and one for `missing` if it has a name.

        >>> size = Atoms.of_ordered("size", ["S", "M", "L", "XL"], "missing")
        >>> size.text({1, 2, 3}), size.text({0, 4})
        ('M to XL', 'S or missing')
        """
        names = tuple(map(str, levels))
        return cls(component, names, np.zeros(0), missing=missing, is_ordered=True)

    @classmethod
    def of_numbers(cls, component: str, values: FloatArray, most: int = MOST_ATOMS) -> "Atoms":
        """An atom for each distinct number, or intervals of about equal shares of rows if many.

        Cuts are the shortest decimal numbers that separate the values of the rows.

        Args:
            component: Name of the component.
            values: Its values in the rows, `[n]`; NaN if missing.
            most: Most atoms.
        """
        missing = np.isnan(values)
        values = values[~missing] if not missing.all() else np.zeros(1)
        distinct, counts = np.unique(values, return_counts=True)
        whole = np.array_equal(distinct, np.round(distinct)) and np.abs(distinct).max() < 2**53
        listed = whole and len(distinct) <= MOST_LISTED_NUMBERS
        if len(distinct) <= most:
            above = np.arange(1, len(distinct))
        else:
            below = np.cumsum(counts)[:-1] / len(values)
            above = np.unique(1 + np.searchsorted(below, np.arange(1, most) / most))
            above = above[above < len(distinct)]
        pairs = zip(distinct[above - 1], distinct[above], strict=True)
        cuts = np.array([shortest_between(float(low), float(high)) for low, high in pairs])
        whole_numbers = tuple(map(int, distinct)) if listed else ()
        name = MISSING if missing.any() else ""
        return cls(component, (), cuts, whole_numbers, missing=name)

    @property
    def is_number(self) -> bool:
        """Whether the atoms lie on a line."""
        return not self.labels

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return self._n_known + bool(self.missing)

    @property
    def n_on_line(self) -> int:
        """How many of the first atoms lie on a line; 0 for a category without an order."""
        return self._n_known if self.is_number or self.is_ordered else 0

    @property
    def _n_known(self) -> int:
        return len(self.labels) or len(self.cuts) + 1

    def codes(self, values: NDArray[np.floating] | Codes) -> Codes:
        """The atom of each value, `[n]`; for categories, these are the values themselves."""
        if self.is_number or self.is_ordered:
            numbers = np.asarray(values, np.float64)
            missing = np.isnan(numbers)
            known = np.where(missing, 0, numbers)
            if self.is_number:
                known = np.searchsorted(self.cuts, known, side="right")
            # If no development row is missing, a missing value is assigned to a middle atom.
            last = self._n_known if self.missing else self._n_known // 2
            return np.where(missing, last, np.rint(known)).astype(np.int64)
        return np.asarray(values, np.int64)

    def runs(self, members: Collection[int]) -> list[tuple[int, int]]:
        """Runs of neighbouring atoms among the members, each as its first and last atom."""
        found: list[tuple[int, int]] = []
        for atom in sorted(members):
            if atom >= self._n_known:
                continue
            if found and found[-1][1] == atom - 1:
                found[-1] = (found[-1][0], atom)
            else:
                found.append((atom, atom))
        return found

    def intervals(self, members: Collection[int]) -> list[tuple[float | None, float | None]]:
        """Intervals of numbers that the members cover, as pairs of cuts; None if unbounded."""
        ends = [None, *self.cuts.tolist(), None]
        return [(ends[first], ends[last + 1]) for first, last in self.runs(members)]

    def listed(self, members: Collection[int]) -> list[str | int]:
        """The values of the members if they are listed; empty for intervals."""
        names: Sequence[str | int] = self.labels or self.values
        known = [names[atom] for atom in sorted(members) if atom < self._n_known] if names else []
        return [*known, self.missing] if self._n_known in members and known else known

    def text(self, members: Collection[int]) -> str:
        """The values of the members in words; "any" for all atoms."""
        if len(members) == self.n_atoms:
            return "any"
        if self._n_known in members:
            known = set(members) - {self._n_known}
            return f"{self.text(known)} or {self.missing}" if known else self.missing
        if self.missing and len(members) == self._n_known:
            return f"not {self.missing}"
        if self.is_ordered:
            runs = [self.labels[first : last + 1] for first, last in self.runs(members)]
            return ", ".join(
                f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs
            )
        if self.labels:
            return self.joiner.join(map(str, self.listed(members)))
        if self.values:
            return ", ".join(
                str(self.values[first])
                if first == last
                else f"{self.values[first]}-{self.values[last]}"
                if self.values[first] >= 0
                else f"{self.values[first]} to {self.values[last]}"
                for first, last in self.runs(members)
            )
        return " or ".join(interval_text(low, high) for low, high in self.intervals(members))


def interval_text(low: float | None, high: float | None) -> str:
    """An interval in words.

    >>> interval_text(None, 2.5), interval_text(1000.0, None), interval_text(1.0, 2.5)
    ('< 2.5', '>= 1000', '1 to 2.5')
    """
    if low is None:
        return "any" if high is None else f"< {number_text(high)}"
    return (
        f">= {number_text(low)}" if high is None else f"{number_text(low)} to {number_text(high)}"
    )


def number_text(value: float, digits: int = _SHOWN_DIGITS) -> str:
    """A number as text with at most `digits` significant digits; integer digits are kept.

    >>> number_text(0.35), number_text(12000.0), number_text(1 / 3, 3), number_text(2.5e-9)
    ('0.35', '12000', '0.333', '2.5e-09')
    """
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e7:
        whole = max(digits, len(str(int(abs(value)))))
        return np.format_float_positional(value, precision=whole, fractional=False, trim="-")
    return f"{value:.{digits}g}"


def shortest_between(low: float, high: float) -> float:
    """The number with the fewest decimals in (`low`, `high`], nearest to the middle.

    >>> shortest_between(0.3481, 0.3522), shortest_between(34, 35), shortest_between(-7.0, 112.0)
    (0.35, 35.0, 0.0)
    """
    magnitude = int(np.ceil(np.log10(max(abs(low), abs(high), 1e-300))))
    middle = low + (high - low) / 2
    for decimals in range(-magnitude, _MOST_DIGITS - magnitude):
        step = 10.0**-decimals
        for candidate in (round(middle, decimals), round(np.floor(high / step) * step, decimals)):
            if low < candidate <= high:
                return float(candidate)
    return high
