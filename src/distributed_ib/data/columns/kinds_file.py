"""How a table is read, as a TOML file that a user corrects and passes to `dib fit --kinds`."""

from collections.abc import Sequence
from typing import Any

import tomli_w

from distributed_ib.data.columns.survey import SurveyedColumn


def kinds_toml(surveyed: Sequence[SurveyedColumn], title: str) -> str:
    """The kinds of the columns as TOML, with findings as comments.

    Args:
        surveyed: From `survey`.
        title: Name of the table, for the first line.

    Example:
        >>> from distributed_ib.data.columns.column import Column
        >>> zips = SurveyedColumn("zip", "categorical", (Column("zip", "categorical"),), 2, 40)
        >>> print(kinds_toml([zips], "houses.csv"))
        # How distributed-ib reads houses.csv; edit it where needed and pass it to --kinds.
        <BLANKLINE>
        [kinds]
        # 40 levels; 2 missing
        zip = "categorical"
        <BLANKLINE>
    """
    head = (
        f"# How distributed-ib reads {_line(title)}; edit it where needed and pass it to --kinds."
    )
    lines = [head, "", "[kinds]"]
    for one in surveyed:
        lines += [f"# {_line(found)}" for found in [_found(one)] if found]
        key = tomli_w.dumps({one.name: 0}).rsplit(" = ", 1)[0]
        lines.append(f"{key} = {_value(kind_of(one))}")
    return "\n".join(lines) + "\n"


def kind_of(one: SurveyedColumn) -> str | dict[str, Any]:
    """The kind of a column in the form that `declared_kinds` takes."""
    options: dict[str, Any] = {}
    if one.levels:
        options["levels"] = list(one.levels)
    if one.day_first is not None:
        options["day_first"] = one.day_first
    return {"kind": one.kind, **options} if options else one.kind


def _value(kind: str | dict[str, Any]) -> str:
    """The kind on one line, as TOML requires for tables within tables."""
    if isinstance(kind, str):
        return f'"{kind}"'
    parts = []
    for key, value in kind.items():
        text = f"[{', '.join(map(_text, value))}]" if isinstance(value, list) else _text(value)
        parts.append(f"{key} = {text}")
    return "{" + ", ".join(parts) + "}"


def _text(value: Any) -> str:
    return tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")


def _found(one: SurveyedColumn) -> str:
    """What was found about a column."""
    if one.problem:
        return one.problem
    parts = [one.note] if one.note else []
    if one.n_levels is not None and not one.note:
        parts.append(f"{one.levels_text} levels")
    if one.values:
        parts.append(one.values)
    if one.n_missing:
        parts.append(f"{one.n_missing:,} missing")
    return "; ".join(parts)


def _line(text: str) -> str:
    """Text on one line, as a comment requires."""
    return "".join(c if c.isprintable() else " " for c in text)
