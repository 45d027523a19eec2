"""The description of one column: its kind, its levels, and how it is read from a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["continuous", "categorical"]
Level = str | int | float | bool
KINDS: tuple[Kind, ...] = get_args(Kind)
EXACT_BELOW = 2.0**53
"""Whole numbers below this are exact as doubles."""
MISSING = "missing"
"""Label of a missing value."""
RARE = "(rare)"
"""Label of the level that stands for all levels with few rows."""
Part = Literal["rank", "trend", "hour of day", "weekday", "day of year", "duration"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Reading:
    """How a column is read from a column of the user's table.

    Attributes:
        part: What is read: the rank among ordered levels, a part of a date, or a duration.
        origin: For a trend, the date from which days are counted, in ISO form.
        day_first: For dates written as text, whether the day comes before the month.
        unit: Unit of a duration.
    """

    part: Part
    origin: str = ""
    day_first: bool | None = None
    unit: str = ""


@dataclass(frozen=True)
class Column:
    """A column by name and kind.

    Attributes:
        name: Its name: that of the user's column, or of a part read from it ("when: weekday").
        kind: "continuous" (numbers, integers, booleans, ranks of ordered categories) or
            "categorical".
        levels: Values that a categorical column takes; None until fitted, unless the table itself
            declares them (a pandas category column). Once fitted, a last level `None` stands for
            missing values, and `RARE` may come before it. For an ordered category, its levels in
            order; empty for other continuous columns.
        source: The column of the user's table that it is read from; None if that has its name.
        reading: How it is read from there; None for the values themselves.
        has_missing: Whether a continuous column has, in addition to its number, a code with two
            levels that says whether the number is missing.
        has_rare: Whether a categorical column has the level `RARE`, for levels with few rows.
    """

    name: str
    kind: Kind
    levels: tuple[Level | None, ...] | None = ()
    source: str | None = None
    reading: Reading | None = None
    has_missing: bool = False
    has_rare: bool = False

    @property
    def read_from(self) -> str:
        """The column of the user's table."""
        return self.name if self.source is None else self.source

    @property
    def is_number(self) -> bool:
        """Whether it is one of `TableInput.numbers`."""
        return self.kind == "continuous"

    @property
    def is_ordered(self) -> bool:
        """Whether it is an ordered category, whose number is the rank of its level."""
        return self.reading is not None and self.reading.part == "rank"

    @property
    def can_be_missing(self) -> bool:
        """Whether "missing" is one of its values."""
        return self.has_missing or (not self.is_number and None in (self.levels or ())[-1:])

    @property
    def n_codes(self) -> int:
        """Number of levels of its code in `TableInput.codes`; 0 for a number never missing."""
        return 2 * self.has_missing if self.is_number else len(self.levels or ())

    @property
    def known_levels(self) -> tuple[Level, ...]:
        """Its levels without those for rare and for missing values, in the order of their codes.

        >>> Column("c", "categorical", ("a", "b", RARE, None), has_rare=True).known_levels
        ('a', 'b')
        """
        levels = [level for level in self.levels or () if level is not None]
        return tuple(levels[: len(levels) - self.has_rare])

    @property
    def has_text_levels(self) -> bool:
        """Whether it is read from text: all its known levels are text, and not parts of dates."""
        is_of_dates = self.reading is not None and not self.is_ordered
        return not is_of_dates and all(isinstance(level, str) for level in self.known_levels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Display names of its levels, all different; empty for numbers.

        The last is "missing" if that is one of its values.

        >>> Column("c", "categorical", ("", "missing", None)).labels
        ('(empty)', 'missing', '(missing)')
        """
        own = [level_text(level) for level in self.known_levels]
        own = [text if text.strip() else "(empty)" for text in own]
        if self.has_rare:
            own.append(_another(RARE, own))
        if self.can_be_missing and (self.is_ordered or not self.is_number):
            own.append(_another(MISSING, own))
        return tuple(own)


def level_text(level: Level) -> str:
    """A level as it is shown; integers that missing values turned into floats are integers again.

    >>> level_text(12345.0), level_text(0.5), level_text(True)
    ('12345', '0.5', 'True')
    """
    if isinstance(level, float) and level.is_integer() and abs(level) < EXACT_BELOW:
        return str(int(level))
    return str(level)


def _another(label: str, taken: Sequence[str]) -> str:
    """The label, in parentheses if it is already taken."""
    while label in taken:
        label = f"({label})"
    return label
