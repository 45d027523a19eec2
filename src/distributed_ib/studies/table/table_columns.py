"""The columns of a table by their roles: X, Y, weights, groups, times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns.column import EXACT_BELOW
from distributed_ib.data.columns.column_values import numbers_of
from distributed_ib.data.columns.times import times_of
from distributed_ib.data.table_errors import reject_empty_table, where
from distributed_ib.errors import UserError
from distributed_ib.studies.table.column_names import quoted_name


@dataclass(frozen=True)
class ColumnRoles:
    """Names of columns that are not components, from the options of `dib fit`.

    Attributes:
        targets: Columns to explain.
        exclude: Columns to leave out, such as identifiers.
        weight: Column with the weight of each row.
        group: Column whose rows of equal value stay together.
        time: Column with the time of each row.
        day_first: Whether days come before months in the times; None if the user doesn't say.
    """

    targets: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    weight: str | None = None
    group: str | None = None
    time: str | None = None
    day_first: bool | None = None

    def named(self) -> list[tuple[str, str]]:
        """All names, each with its option."""
        single = [("weight", self.weight), ("group", self.group), ("time", self.time)]
        return [
            *(("target", name) for name in self.targets),
            *(("exclude", name) for name in self.exclude),
            *((option, name) for option, name in single if name is not None),
        ]


@dataclass(frozen=True, eq=False)
class TableColumns:
    """The columns of a table.

    Attributes:
        x: Columns of the components.
        y: The target, or the entries of a vector.
        weight: Weight of each row, `[n]`; None if all have the same weight.
        groups: A label for each row, `[n]`, shared by rows that stay together.
        times: Time of each row, `[n]`.
    """

    x: pd.DataFrame
    y: "pd.Series[Any] | pd.DataFrame"
    weight: NDArray[np.float64] | None = None
    groups: "pd.Series[Any] | None" = None
    times: NDArray[Any] | None = None


def columns_of(
    table: pd.DataFrame, place: str, roles: ColumnRoles, components: Sequence[str] = ()
) -> TableColumns:
    """The columns of a table by their roles.

    Args:
        table: The table.
        place: Its file, for messages.
        roles: Columns that are not components.
        components: Columns in groups of components; the time is a component if it is among these.

    Raises:
        UserError: If a column is missing or has two roles, no column or row is left, or a weight,
            group or time can't be used: names option, file, column and row.
    """
    _check_roles(table, place, roles)
    if table.empty:
        reject_empty_table(place)
    named = {name for option, name in roles.named() if option != "time" or name not in components}
    x = table.drop(columns=list(named))
    if x.shape[1] == 0:
        targets = " and ".join(map(repr, roles.targets))
        raise UserError(
            f"{place} has no columns left to explain {targets}; leave fewer columns out."
        )
    return TableColumns(
        x,
        _target(table, roles),
        weight=None if roles.weight is None else _weight(table, place, roles.weight),
        groups=None if roles.group is None else _groups(table, place, roles.group),
        times=None if roles.time is None else _times(table, place, roles.time, roles.day_first),
    )


def held_out_columns(
    table: pd.DataFrame, place: str, roles: ColumnRoles, names: Sequence[str]
) -> tuple[Any, ...]:
    """Held-out rows from a separate table: X, Y, and the weight if there is one.

    Args:
        table: The table of held-out rows.
        place: Its option and file, for messages.
        roles: Roles of the columns of the training table.
        names: Columns of X in the training table.

    Raises:
        UserError: If a column is missing, there are no rows, or a weight can't be used.
    """
    wanted = [*names, *roles.targets, *([] if roles.weight is None else [roles.weight])]
    for name in wanted:
        if name not in table.columns:
            raise UserError(
                f"{place} has no column {name!r}; it must have all columns that the fit uses: "
                f"{', '.join(wanted)}."
            )
    if table.empty:
        reject_empty_table(place)
    found: tuple[Any, ...] = (table[list(names)], _target(table, roles))
    return found if roles.weight is None else (*found, _weight(table, place, roles.weight))


def reject_fractions(name: str, values: "pd.Series[Any]") -> None:
    """Check that the values of a target can be classes.

    Raises:
        UserError: If a value is not a whole number; names one.
    """
    if not pd.api.types.is_float_dtype(values.dtype):
        return
    known = values.dropna()
    known = known[np.isfinite(known)]  # infinite values are reported elsewhere, with their rows
    fractions = known[known % 1 != 0]
    if len(fractions):
        raise UserError(
            f"the target {name!r} contains numbers such as {fractions.iloc[0]:g}, which can't be "
            "classes; use --task regression."
        )


def whole_numbers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Restore integers and booleans that pandas has converted because some are missing.

    A target of 0 and 1 has classes, whether or not it is known in every row.

    >>> whole_numbers(pd.Series([0.0, 1.0, None])).dropna().tolist()
    [0, 1]
    """
    known = values.dropna()
    if len(known) in (0, len(values)):
        return values
    if pd.api.types.is_object_dtype(values.dtype):
        return values.astype("boolean") if known.map(type).eq(bool).all() else values
    if not pd.api.types.is_float_dtype(values.dtype):
        return values
    is_whole = (np.abs(known) < EXACT_BELOW) & (known % 1 == 0)
    return values.astype("Int64") if is_whole.all() else values


def _target(table: pd.DataFrame, roles: ColumnRoles) -> "pd.Series[Any] | pd.DataFrame":
    """The target, or the entries of a vector."""
    if len(roles.targets) > 1:
        return table[list(roles.targets)]
    return whole_numbers(table[roles.targets[0]])


def _check_roles(table: pd.DataFrame, place: str, roles: ColumnRoles) -> None:
    known = ", ".join(map(str, table.columns))
    seen: dict[str, str] = {}
    for option, name in roles.named():
        if name not in table.columns:
            raise UserError(
                f"{place} has no column {name!r}, named by --{option}; its columns are {known}."
                f"{_quoting(table, roles, option)}"
            )
        if name in seen and option == seen[name] == "exclude":
            continue
        if name in seen:
            if option == "exclude" and seen[name] == "target":
                raise UserError(f"--exclude names the target {name!r}; remove it from --exclude.")
            if option == seen[name]:
                raise UserError(f"--{option} names the column {name!r} twice; name it once.")
            raise UserError(
                f"--{option} and --{seen[name]} both name the column {name!r}; remove it from one "
                "of them."
            )
        seen[name] = option


def _quoting(table: pd.DataFrame, roles: ColumnRoles, option: str) -> str:
    """A hint to quote a column whose name contains commas, if the given names are its parts."""
    parts = [name for other, name in roles.named() if other == option]
    for name in map(str, table.columns):
        if "," in name and [part.strip() for part in name.split(",")] == parts:
            return f" For the column {name!r} give --{option} '{quoted_name(name)}'."
    return ""


def _weight(table: pd.DataFrame, place: str, name: str) -> NDArray[np.float64]:
    try:
        weight = numbers_of(name, table[name])
    except UserError as error:
        raise UserError(f"--weight, {place}: {error}") from None
    if (weight < 0).any():
        row = int((weight < 0).argmax())
        raise UserError(
            f"--weight, {place}: {where(name, row + 1)} is {weight[row]:g}; weights must not be "
            "negative."
        )
    if not weight.any():
        raise UserError(
            f"--weight, {place}: {where(name)} is zero in every row; some rows must have a "
            "positive weight."
        )
    return weight


def _groups(table: pd.DataFrame, place: str, name: str) -> "pd.Series[Any]":
    groups = table[name]
    missing = groups.isna().to_numpy(bool)
    if missing.any():
        raise UserError(
            f"--group, {place}: {where(name, int(missing.argmax()) + 1)} is empty; fill in its "
            "group, or drop the row."
        )
    if groups.nunique() < 2:
        raise UserError(
            f"--group, {place}: {where(name)} contains a single group, {groups.iloc[0]!r}; whole "
            "groups are held out, so at least two are needed."
        )
    return groups


def _times(table: pd.DataFrame, place: str, name: str, day_first: bool | None) -> NDArray[Any]:
    try:
        times = times_of(name, table[name], day_first)
    except UserError as error:
        raise UserError(f"--time, {place}: {error}") from None
    if (times == times[0]).all():
        raise UserError(
            f"--time, {place}: {where(name)} is the same in every row, so no later rows can be "
            "held out."
        )
    return times
