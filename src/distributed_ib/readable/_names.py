"""Names that a user gives to symbols."""

from collections.abc import Mapping
from dataclasses import replace

from distributed_ib.errors import UserError
from distributed_ib.readable.readable_approximation import ReadableApproximation, ReadableComponent


def with_names(
    readable: ReadableApproximation, names: Mapping[str, Mapping[str, str]]
) -> ReadableApproximation:
    """See `ReadableApproximation.named`."""
    components = tuple(_named(one, names.get(one.name, {})) for one in readable.components)
    return replace(readable, components=components)


def unknown_names(
    readable: ReadableApproximation, names: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Messages about names given to symbols that the table does not have."""
    found = []
    known = {one.name: [symbol.text for symbol in one.symbols] for one in readable.components}
    for component, words in names.items():
        if component not in known:
            found.append(f"component {component!r} is not in this table, so its names are ignored.")
            continue
        missing = [text for text in words if text not in known[component]]
        if missing:
            there = "; ".join(known[component])
            found.append(
                f"component {component!r} has no symbol {missing[0]!r} in this table; its symbols "
                f"are {there}."
            )
    return found


def _named(component: ReadableComponent, words: Mapping[str, str]) -> ReadableComponent:
    symbols = tuple(replace(s, name=words.get(s.text, s.name)) for s in component.symbols)
    given = [symbol.name for symbol in symbols]
    if len(set(given)) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise UserError(
            f"two symbols of {component.name} are named {twice!r}; give them different names."
        )
    return replace(component, symbols=symbols)
