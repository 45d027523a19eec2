"""Minimal formulas of truth tables, by the Quine-McCluskey algorithm.

A term fixes some inputs and leaves the others free. It is a pair of bit masks (care, value), in
which bit i is input i.
"""

from collections.abc import Collection, Sequence
from itertools import combinations

from distributed_ib.errors import UserError

Term = tuple[int, int]

MOST_INPUTS = 12
"""Most inputs of a formula: there may be thousands of prime terms."""
_MOST_EXACT = 16  # up to this many optional terms, all combinations are tried


def minimal_terms(n_inputs: int, true_rows: Collection[int]) -> list[Term]:
    """A minimal set of prime terms that together hold for exactly the given rows.

    The number of terms is minimal, unless more than 16 optional terms remain, among which the
    choice is greedy.

    Args:
        n_inputs: Number of inputs.
        true_rows: Rows for which the formula holds; bit i of a row's number is input i.

    Raises:
        UserError: If there are too many inputs.

    Example:
        >>> [terms_text([term], ["a", "b"]) for term in minimal_terms(2, [1, 2, 3])]
        ['a', 'b']
    """
    if n_inputs > MOST_INPUTS:
        raise UserError(
            f"a formula supports at most {MOST_INPUTS} inputs, but there are {n_inputs}."
        )
    primes = _prime_terms(n_inputs, set(true_rows))
    covers = {t: frozenset(r for r in true_rows if r & t[0] == t[1]) for t in primes}
    chosen: list[Term] = []
    left = set(true_rows)
    while left:
        owners: dict[int, list[Term]] = {row: [] for row in left}
        for term in covers:
            for row in covers[term] & left:
                owners[row].append(term)
        only = {terms[0] for terms in owners.values() if len(terms) == 1}
        if only:
            picked = sorted(only)
        else:
            useful = [term for term in covers if covers[term] & left]
            picked = _fewest(useful, covers, left) or [
                max(useful, key=lambda t: (len(covers[t] & left), -t[0].bit_count(), t))
            ]
        for term in picked:
            chosen.append(term)
            left -= covers[term]
            covers.pop(term, None)
    return sorted(_needed(chosen, set(true_rows)), key=lambda t: (t[0].bit_count(), _places(t), t))


def terms_text(terms: Sequence[Term], names: Sequence[str]) -> str:
    """A formula of terms, with `&`, `|` and `~`.

    >>> terms_text([(0b11, 0b01)], ["a", "b"]), terms_text([], ["a"]), terms_text([(0, 0)], ["a"])
    ('a & ~b', 'never', 'always')
    """
    if not terms:
        return "never"
    parts = []
    for care, value in terms:
        inputs = [
            name if value >> k & 1 else f"~{name}" for k, name in enumerate(names) if care >> k & 1
        ]
        text = " & ".join(inputs) or "always"
        parts.append(f"({text})" if len(inputs) > 1 and len(terms) > 1 else text)
    return " | ".join(parts)


def inputs_of(terms: Sequence[Term], names: Sequence[str]) -> tuple[str, ...]:
    """The inputs that occur in a formula."""
    read = 0
    for care, _ in terms:
        read |= care
    return tuple(name for k, name in enumerate(names) if read >> k & 1)


def _prime_terms(n_inputs: int, rows: set[int]) -> list[Term]:
    """Prime terms: those that hold only for these rows, and no longer if an input is dropped."""
    every = (1 << n_inputs) - 1
    level: set[Term] = {(every, row) for row in rows}
    primes: list[Term] = []
    while level:
        joined: set[Term] = set()
        used: set[Term] = set()
        for care, value in level:
            rest = care
            while rest:
                bit = rest & -rest
                rest ^= bit
                other = (care, value ^ bit)
                if other in level:
                    used |= {(care, value), other}
                    joined.add((care ^ bit, value & ~bit))
        primes += sorted(level - used)
        level = joined
    return primes


def _fewest(
    useful: Sequence[Term], covers: dict[Term, frozenset[int]], left: set[int]
) -> list[Term]:
    """The fewest terms that cover all rows; empty if there are too many terms to search."""
    if len(useful) > _MOST_EXACT:
        return []
    for size in range(1, len(useful) + 1):
        fits = [
            terms
            for terms in combinations(useful, size)
            if left <= frozenset().union(*(covers[term] for term in terms))
        ]
        if fits:
            return list(min(fits, key=lambda terms: (sum(t[0].bit_count() for t in terms), terms)))
    return []


def _needed(terms: Sequence[Term], rows: set[int]) -> list[Term]:
    """The terms without those whose rows are all covered by others."""
    kept = list(terms)
    for term in sorted(terms, key=lambda t: (-t[0].bit_count(), t)):
        others = [other for other in kept if other != term]
        if all(any(row & care == value for care, value in others) for row in rows):
            kept = others
    return kept


def _places(term: Term) -> tuple[int, ...]:
    return tuple(k for k in range(term[0].bit_length()) if term[0] >> k & 1)
