"""A grid of options: a study is run with every combination of listed values."""

import hashlib
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from distributed_ib._toml_files import read_toml
from distributed_ib.errors import UserError
from distributed_ib.study.loading import named_study
from distributed_ib.study.options import NONE, from_toml, options_of, to_toml
from distributed_ib.study.study import Study
from distributed_ib.training.sweep import check_repeats

SEED, PRESET = "seed", "preset"
MOST_RUNS = 10_000
_LONGEST_NAME = 120
_SECTIONS = ("study", "options", "grid")


@dataclass(frozen=True)
class GridRun:
    """One combination of options.

    Attributes:
        name: Name of its folder, made from its values.
        values: Values of the options that vary, in the order of the file.
        seed: Seed of everything random.
        study: The study with these options; None if they are invalid.
        error: Why they are invalid.
    """

    name: str
    values: Mapping[str, Any]
    seed: int
    study: Study | None
    error: str = ""


@dataclass(frozen=True)
class Grid:
    """All combinations of a file.

    Attributes:
        title: Name of the study.
        names: Names of the options that vary.
        runs: The combinations; the last option varies fastest.
        file: The file that defines the study, if it is not an installed one.
    """

    title: str
    names: tuple[str, ...]
    runs: tuple[GridRun, ...]
    file: Path | None = None


def read_grid(path: Path) -> Grid:
    """Read a grid from a TOML file.

    `study` is the name of an installed study, or FILE.py or FILE.py:CLASS in the folder of the
    TOML file. `[options]` contains the options that all runs share, and `[grid]` a list of values
    for each option that varies. Options are named as in a run's `config.toml` (`train.n_steps`) or
    as on the command line (`n_steps`); `seed` and `preset` are options too.

    Raises:
        UserError: If the file can't be read, or names an option that does not exist. Values that
            the study does not accept are reported in `GridRun.error` instead.
    """
    table = read_toml(path, "a grid")
    for name in table:
        if name not in _SECTIONS:
            raise UserError(
                f"{path}: unknown entry {name!r}; the entries of the file are "
                f"{', '.join(_SECTIONS)}."
            )
    if not isinstance(table.get("study"), str):
        raise UserError(f'{path}: the study is missing; add a line such as study = "boolean".')
    cls, file = named_study(table["study"], path.parent)
    names = _paths(cls)
    fixed = _flat(_table(table, "options", path), names, path)
    varied = _flat(_table(table, "grid", path), names, path)
    for name, values in varied.items():
        if name in fixed:
            raise UserError(f"{path}: {name} is in both [options] and [grid]; remove it from one.")
        if not isinstance(values, list) or not values:
            raise UserError(f"{path}: [grid] needs a list of values for {name}, such as [1, 2].")
        if any(value in values[:k] for k, value in enumerate(values)):
            raise UserError(f"{path}: [grid] contains a value of {name} twice; remove one.")
    n_runs = math.prod(map(len, varied.values()))
    if not varied or n_runs > MOST_RUNS:
        raise UserError(
            f"{path}: [grid] has {n_runs:,} combinations; the maximum is {MOST_RUNS:,}."
            if varied
            else f"{path}: [grid] is empty; give a list of values, such as seed = [0, 1, 2]."
        )
    runs = [
        _combination(cls, fixed, dict(zip(varied, values, strict=True)), names)
        for values in itertools.product(*varied.values())
    ]
    return Grid(cls.name, tuple(varied), tuple(runs), file)


def _table(table: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        raise UserError(f"{path}: {name} must be a table: [{name}].")
    return found


def _paths(cls: type[Study]) -> dict[str, tuple[str, ...]]:
    """Paths of options by both of their names, including those of whole fields."""
    found: dict[str, tuple[str, ...]] = {SEED: (SEED,), PRESET: (PRESET,)}
    found |= {field.name: (field.name,) for field in fields(cls)}  # type: ignore[arg-type]
    for option in options_of(cls):
        found[option.flag.replace("-", "_")] = option.path
        found[".".join(option.path)] = option.path
    return found


def _flat(
    table: Mapping[str, Any], paths: Mapping[str, tuple[str, ...]], place: Path, prefix: str = ""
) -> dict[str, Any]:
    """The options of nested tables, each by the shortest of its names."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = prefix + key.replace("-", "_")
        nested = any(known.startswith(f"{name}.") for known in paths)
        if isinstance(value, Mapping) and nested:
            found |= _flat(value, paths, place, f"{name}.")
        elif name in paths:
            path = paths[name]
            found[min((one for one in paths if paths[one] == path), key=len)] = value
        else:
            known = ", ".join(sorted({name for name in paths if "." not in name}))
            raise UserError(f"{place}: there is no option {name!r}; the options are {known}.")
    return found


def _combination(
    cls: type[Study],
    fixed: Mapping[str, Any],
    values: Mapping[str, Any],
    paths: Mapping[str, tuple[str, ...]],
) -> GridRun:
    name, given = folder_name(values), {**fixed, **values}
    seed, preset = given.pop(SEED, 0), given.pop(PRESET, None)
    try:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise UserError(f"the seed must be a whole number, got {seed!r}.")
        check_repeats(seed, 1)
        study = _with_options(cls, preset, {paths[key]: value for key, value in given.items()})
        study.check()
    except UserError as error:
        return GridRun(name, values, seed if isinstance(seed, int) else 0, None, str(error))
    return GridRun(name, values, seed, study)


def _with_options(cls: type[Study], preset: Any, changes: Mapping[tuple[str, ...], Any]) -> Study:
    presets = cls.presets()
    if preset is not None and preset not in presets:
        raise UserError(
            f"there is no preset {preset!r}; presets of this study: {', '.join(presets) or 'none'}."
        )
    table = to_toml(presets[preset]) if preset is not None else _nested_defaults(cls, changes)
    for path, value in changes.items():
        inner = table
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return from_toml(cls, table)


def _nested_defaults(cls: type[Study], changes: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """The study's own defaults of nested settings that are given in part."""
    nested = {path[0] for path in changes if len(path) > 1}
    return {
        field.name: to_toml(field.default)
        for field in fields(cls)  # type: ignore[arg-type]
        if field.name in nested and field.default is not MISSING
    }


def folder_name(values: Mapping[str, Any]) -> str:
    """Name for the folder of a combination, independent of other combinations.

    >>> folder_name({"hidden": [64, 32], "seed": 1, "expression": "a & b"})
    'hidden=64x32,seed=1,expression=a_b-9ad892e7'
    """
    name = ",".join(f"{key}={value_text(value)}" for key, value in values.items())
    safe = re.sub(r"[^\w.,=+-]+", "_", name)
    if safe == name and len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{safe[:_LONGEST_NAME]}-{digest}"


def value_text(value: Any) -> str:
    """Text of a value, for a name or a table.

    >>> value_text([0.001, 2]), value_text(True), value_text({"a": 1})
    ('0.001x2', 'yes', 'a:1')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ";".join(f"{key}:{value_text(part)}" for key, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "x".join(map(value_text, value))
    return str(value) if value is not None else NONE
