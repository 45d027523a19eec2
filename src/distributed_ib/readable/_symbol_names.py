"""Names of symbols: the values themselves, or "the others"."""

from collections.abc import Sequence

THE_OTHERS = "the others"
_LONG = 24  # a longer list of values is replaced by "the others", once for each component

_LISTED = 120
ALL_OTHER = "all other values"


def values_in_words(name: str, text: str) -> str:
    """The values of a symbol for a legend; those of "the others" are listed only if short.

    >>> values_in_words("the others", "0-6, 23")
    '0-6, 23'
    >>> values_in_words("the others", "x < 1 and y < 2 or " * 9)
    'all other values'
    """
    return ALL_OTHER if name == THE_OTHERS and len(text) > _LISTED else text


def abbreviate_longest(texts: Sequence[str]) -> list[str]:
    """Names of symbols, with the longest replaced by "the others" if it is too long.

    >>> abbreviate_longest(["8, 17, 18", "0-6, 23", "7, 9, 10, 11, 12, 13, 14, 15, 16, 19"])
    ['8, 17, 18', '0-6, 23', 'the others']
    """
    longest = max(range(len(texts)), key=lambda k: len(texts[k]))
    is_long = len(texts) > 1 and len(texts[longest]) > _LONG
    return [THE_OTHERS if is_long and k == longest else text for k, text in enumerate(texts)]
