"""The options of a study: conversion to and from TOML, and from text on the command line."""

import inspect
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from distributed_ib.errors import UserError

T = TypeVar("T")
NONE = "none"


@dataclass(frozen=True)
class Option:
    """One option of a study.

    Attributes:
        path: Path of its value: the name of a field, or the names of a nested settings object and
            of a field in it.
        flag: Its name on the command line, without the dashes.
        kind: Its type.
        default: Its default value; `dataclasses.MISSING` if there is none.
        help: Its help text, from the docstring of the class.
    """

    path: tuple[str, ...]
    flag: str
    kind: Any
    default: Any
    help: str

    @property
    def is_switch(self) -> bool:
        """Whether it is a switch."""
        return self.kind is bool

    @property
    def metavar(self) -> str:
        """The placeholder of its value in help texts.

        >>> Option(("n",), "n", tuple[float, float], MISSING, "").metavar
        'NUMBER,NUMBER'
        """
        return _metavar(self.kind)


def options_of(cls: type) -> list[Option]:
    """All options of a study class, including those of nested settings, as a flat list.

    The flag of a nested field is its own name, unless another field has the same name: then the
    names are joined, as in `train-n-steps`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Settings:
        ...     n_steps: int = 10
        >>> @dataclass(frozen=True)
        ... class Example:
        ...     width: int = 3
        ...     train: Settings = Settings()
        >>> [(option.flag, option.default) for option in options_of(Example)]
        [('width', 3), ('n-steps', 10)]
    """
    found = _collected(cls, ())
    names = [option.path[-1] for option in found]
    return [
        Option(
            option.path,
            "-".join(option.path if names.count(option.path[-1]) > 1 else option.path[-1:]).replace(
                "_", "-"
            ),
            option.kind,
            option.default,
            option.help,
        )
        for option in found
    ]


def to_toml(value: Any) -> dict[str, Any]:
    """The fields of a study or of its settings as TOML values.

    TOML has no None: it is left out if it is the default, and otherwise written as "none".

    Example:
        >>> @dataclass(frozen=True)
        ... class Example:
        ...     hidden: tuple[int, ...] = (64, 64)
        ...     limit: float | None = None
        >>> to_toml(Example())
        {'hidden': [64, 64]}
    """
    table: dict[str, Any] = {}
    for field in fields(value):
        part = _plain(getattr(value, field.name))
        if part is not None:
            table[field.name] = part
        elif _default(field) is not None:
            table[field.name] = NONE
    return table


def from_toml(cls: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """Make a study, or settings, from a table of options; missing options take their defaults.

    Args:
        cls: The class.
        table: Values as from `to_toml`, or text from the command line in place of a value.
        where: Prefix of messages, such as "config.toml: ".

    Raises:
        UserError: If an option does not exist, or a value has the wrong type or is rejected by the
            class.

    Example:
        >>> @dataclass(frozen=True)
        ... class Example:
        ...     n_steps: int = 10
        >>> from_toml(Example, {"n_steps": "20"})
        Example(n_steps=20)
        >>> from_toml(Example, {"n_step": 20})
        Traceback (most recent call last):
            ...
        distributed_ib.errors.UserError: there is no option 'n_step'; the options are n_steps.
    """
    _reject_unknown(cls, table, where)
    try:
        found: T = _adapter(cast(Any, cls)).validate_python(_with_none(cls, table))
        return found
    except ValidationError as error:
        raise UserError(where + _first_fault(error)) from None


def changed(study: T, changes: Mapping[tuple[str, ...], Any], where: str = "") -> T:
    """A copy of a study with some options changed.

    Args:
        study: A study.
        changes: New values, or their text, by path as in `Option.path`; None resets to the default.
        where: Prefix of messages.

    Raises:
        UserError: As for `from_toml`.
    """
    table = to_toml(study)
    for path, value in changes.items():
        inner = table
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        if value is None:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = value
    return from_toml(type(study), table, where)


def parsed(option: Option, text: str) -> Any:
    """A value from the command line, split at commas if the option takes several.

    >>> parsed(Option(("hidden",), "hidden", tuple[int, ...], MISSING, ""), "64,32")
    ['64', '32']
    """
    kind = _without_none(option.kind)
    if get_origin(kind) in (tuple, list) or kind in (tuple, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _collected(cls: type, prefix: tuple[str, ...]) -> list[Option]:
    hints, meanings = get_type_hints(cls), _attribute_docs(cls)
    found: list[Option] = []
    for field in fields(cls):
        kind, default = hints[field.name], _default(field)
        if isinstance(kind, type) and is_dataclass(kind):
            inner = _collected(kind, (*prefix, field.name))
            found += [_with_default_of(option, default) for option in inner]
        else:
            found.append(
                Option((*prefix, field.name), "", kind, default, meanings.get(field.name, ""))
            )
    return found


def _with_default_of(option: Option, settings: Any) -> Option:
    """The default of a nested field: its value in the study's own default settings."""
    default = option.default if settings is MISSING else getattr(settings, option.path[-1])
    return Option(option.path, option.flag, option.kind, default, option.help)


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return MISSING if field.default_factory is MISSING else field.default_factory()


def _attribute_docs(cls: type) -> dict[str, str]:
    """Help texts of the fields, from the section "Attributes:" of the class's docstring."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^(?:Attributes|Args):\n((?: +.*\n?|\n)+)", text, flags=re.M)
        for entry in re.finditer(
            r"^    (\w+): (.*(?:\n {5,}.*)*)", section[1] if section else "", flags=re.M
        ):
            found[entry[1]] = " ".join(entry[2].split())
    return found


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return to_toml(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    return value


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _reject_unknown(cls: Any, table: Mapping[str, Any], where: str) -> None:
    hints = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    for name, value in table.items():
        if name not in names:
            raise UserError(
                f"{where}there is no option {name!r}; the options are {', '.join(names)}."
            )
        if (
            isinstance(hints[name], type)
            and is_dataclass(hints[name])
            and isinstance(value, Mapping)
        ):
            _reject_unknown(hints[name], value, where)


def _with_none(cls: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with "none" replaced by None wherever an option may be None."""
    hints, found = get_type_hints(cls), dict(table)
    for name, value in table.items():
        kind = hints[name]
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, Mapping):
            found[name] = _with_none(kind, value)
        elif value == NONE and type(None) in get_args(kind):
            found[name] = None
    return found


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    name = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, UserError):
        return str(cause)
    if fault["type"] == "missing":
        return f"the option {name} is required; give it a value."
    message = fault["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"the option {name} {message}, got {fault['input']!r}."


def _metavar(kind: Any) -> str:
    kind = _without_none(kind)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    if get_origin(kind) in (tuple, list):
        parts: Sequence[Any] = get_args(kind)
        several = parts[-1:] == (Ellipsis,) or len(parts) == 1
        return f"{_metavar(parts[0])},..." if several else ",".join(map(_metavar, parts))
    return {int: "N", float: "NUMBER", Path: "FILE", str: "TEXT"}.get(kind, "VALUE")


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        others = [part for part in get_args(kind) if part is not type(None)]
        return others[0] if len(others) == 1 else kind
    return kind
