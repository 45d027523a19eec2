"""Names and numbers as labels that are literal, short and distinct."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

LABEL_LENGTH = 24
_MOST_DIGITS = 12
_VERY_MANY = 32
_SHAPELESS = ("Cc", "Cf", "Cs", "Co", "Cn")
_VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))


def literal(text: str) -> str:
    r"""Text on one line that Matplotlib draws literally, without interpreting `$` as mathematics.

    Invisible characters, such as direction marks, are omitted.

    Example:
        >>> literal("cost in $ per $100")
        'cost in \\$ per \\$100'
    """
    return _visible(text).replace("$", r"\$")


def short_label(text: str, length: int = LABEL_LENGTH) -> str:
    """`literal` text, cut in the middle if it is longer than `length` characters.

    Names of related columns often differ only at the end.

    Example:
        >>> short_label("concave points of the nucleus, worst", 20)
        'concave po…us, worst'
    """
    text = _visible(text)
    if len(text) > length:
        end = (length - 1) // 2
        text = text[: length - 1 - end] + "…" + text[len(text) - end :]
    return literal(text)


def short_labels(names: Sequence[str], length: int = LABEL_LENGTH) -> dict[str, str]:
    """A `short_label` for every name; labels that would be equal are numbered.

    Example:
        >>> short_labels(["a" * 9, "a" * 10, "b"], 6)
        {'aaaaaaaaa': 'a…a (1)', 'aaaaaaaaaa': 'a…a (2)', 'b': 'b'}
    """
    labels = {name: short_label(name, length) for name in names}
    groups: dict[str, list[str]] = {}
    for name, label in labels.items():
        groups.setdefault(label, []).append(name)
    for alike in (group for group in groups.values() if len(group) > 1):
        room = max(3, length - len(f" ({len(alike)})"))
        for number, name in enumerate(alike, start=1):
            labels[name] = f"{short_label(name, room)} ({number})"
    return labels


def _visible(text: str) -> str:
    """A single line of characters that can be drawn."""
    drawn = (
        character
        for character in " ".join(text.split())
        if unicodedata.category(character) not in _SHAPELESS
        and character not in _VARIATION_SELECTORS
    )
    return "".join(drawn) or "?"


def number_labels(values: ArrayLike) -> list[str]:
    """Numbers with the fewest digits, at least three, that keep them distinct.

    Example:
        >>> number_labels([1.0, 2.0, 10.0]), number_labels([0.123456, 1.0, 1500.5])
        (['1', '2', '10'], ['0.123', '1', '1500'])
        >>> number_labels([1e-9, 2e-9]), number_labels([1000.25, 1000.5])
        (['1e-09', '2e-09'], ['1000.2', '1000.5'])
    """
    numbers = np.asarray(values, np.float64)
    if np.all(numbers == np.round(numbers)) and np.all(np.abs(numbers) < 1e6):
        return [f"{number:.0f}" for number in numbers]
    for digits in range(3, _MOST_DIGITS):
        labels = [_with_digits(float(number), digits) for number in numbers]
        if len(set(labels)) == len(set(numbers.tolist())):
            break
    return labels


def _with_digits(number: float, digits: int) -> str:
    if number == 0 or 1e-4 <= abs(number) < 1e6:
        whole = len(str(int(abs(number))))  # digits before the point are never rounded away
        return np.format_float_positional(
            number, precision=max(digits, whole), fractional=False, trim="-"
        )
    return f"{number:.{digits}g}"


def shown_places(n_values: int, most: int, *, with_last: bool = False) -> NDArray[np.int64]:
    """Indices of the values that get a label: at most `most`, evenly spaced.

    Args:
        n_values: Number of values.
        most: Most labels.
        with_last: Whether the last of very many values gets a label even if the distances then
            differ by one. It always gets one if the distances are equal.

    Example:
        >>> shown_places(5, 8).tolist(), shown_places(22, 8).tolist()
        ([0, 1, 2, 3, 4], [0, 3, 6, 9, 12, 15, 18, 21])
        >>> shown_places(24, 8).tolist(), shown_places(64, 3, with_last=True).tolist()
        ([0, 3, 6, 9, 12, 15, 18, 21], [0, 32, 63])
    """
    if n_values <= most:
        return np.arange(n_values)
    for n_steps in range(most - 1, max(most // 2, 2) - 1, -1):
        if (n_values - 1) % n_steps == 0:
            return np.arange(0, n_values, (n_values - 1) // n_steps)
    if with_last and n_values > _VERY_MANY:
        return np.round(np.linspace(0, n_values - 1, most)).astype(int)
    return np.arange(0, n_values, -(-n_values // most))
