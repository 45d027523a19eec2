"""How X is divided into named components, independently of the data values."""

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column
from distributed_ib.data.columns.column_files import column_from_dict, column_to_dict
from distributed_ib.data.columns.declared_kinds import KindsOfColumns, declared_kinds
from distributed_ib.data.columns.survey import SurveyedColumn, survey
from distributed_ib.data.files._views import ArrayView, View, flatten, frame_view, view_of
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.data.fitted_decomposition import FittedDecomposition

Groups = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Component:
    """A component X_i: a name, and the columns it consists of."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """A column of a table that belongs to no component.

    Attributes:
        name: Its name.
        why: The reason, such as "it contains the row numbers".
        place: Its position among the columns of the table.
    """

    name: str
    why: str
    place: int

    @property
    def sentence(self) -> str:
        """Why the column is left out, and how to keep it."""
        is_final = "declared" in self.why or "no value" in self.why
        again = "" if is_final else "; to keep it, declare its kind"
        return f"column {self.name!r} is left out: {self.why}{again}."


@dataclass(frozen=True)
class Decomposition:
    """Named components of X, each one or more columns; every column belongs to exactly one.

    Attributes:
        columns: All columns in use, in the order of the table. A date column contributes several,
            its parts.
        components: The components, in the order used by the model.
        left_out: Columns of the table that belong to no component.
        function: Computes the columns from raw X, if made by `from_function`; otherwise None.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"x": [0.1, 0.2], "y": [1, 2], "colour": ["red", "blue"]})
        >>> Decomposition.from_frame(table).names
        ('x', 'y', 'colour')
        >>> Decomposition.from_frame(table, {"position": ["x", "y"]}).names
        ('position', 'colour')
    """

    columns: tuple[Column, ...]
    components: tuple[Component, ...]
    left_out: tuple[LeftOut, ...] = ()
    function: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check(self.columns, self.components)

    @classmethod
    def from_frame(
        cls,
        table: Any,
        components: Groups | str | None = None,
        *,
        kinds: KindsOfColumns | None = None,
    ) -> "Decomposition":
        """Describe a table; by default every column is a component.

        Numbers, including integers, and booleans are continuous. Text and pandas category columns
        are categorical: one component per column, however many levels it has. Ordered categories
        keep their order. A date column is one component made of its natural parts, called
        "when: trend", "when: weekday" and so on. Constant columns, row numbers and free text are
        left out. See `docs/tables.md`.

        Args:
            table: A pandas, polars or pyarrow table, or a `ParquetTable`.
            components: Groups of columns by name. Groups come first, in the order given; columns in
                no group follow as components of their own, in the order of the table. "all" makes
                one component of everything: the standard Information Bottleneck. A column named in
                a group is never left out, and a group may name a single part of a date.
            kinds: Kinds of columns whose type in the table is misleading, such as postal codes:
                "continuous", "categorical", "ordered", "date", "date parts" or "left out"; or a
                mapping with `kind`, `levels` and `day_first`.

        Raises:
            UserError: If the table has no or duplicate columns, a column contains values that are
                neither numbers, text nor dates, a group names an unknown column, or a column is in
                two groups.

        Warns:
            UserWarning: For each column that is left out.
        """
        view = frame_view(table)
        declared = declared_kinds(kinds)
        reject_unknown(declared, view.names, "kinds")
        surveyed = survey(view, declared, kept=_named(components))
        found = cls.from_survey(surveyed, components)
        found.warn_of_left_out(declared, stacklevel=3)
        return found

    @classmethod
    def from_survey(
        cls, surveyed: Sequence[SurveyedColumn], components: Groups | str | None = None
    ) -> "Decomposition":
        """Describe a table whose columns were examined by `survey`.

        Raises:
            UserError: If a column can't be read, or no column is left; and as in `from_frame`.
        """
        for one in surveyed:
            if one.problem:
                raise UserError(one.problem)
        columns = tuple(column for one in surveyed for column in one.columns)
        left_out = tuple(
            LeftOut(one.name, one.note, place)
            for place, one in enumerate(surveyed)
            if not one.columns
        )
        if left_out and not columns:
            raise UserError(
                "no column is left to form components; give columns with different values "
                f"({left_out[0].sentence.removesuffix('.')})."
            )
        return cls(columns, _components(surveyed, components), left_out)

    def warn_of_left_out(self, declared: Collection[str], *, stacklevel: int) -> None:
        """Warn about columns that are left out, except those that the user declared."""
        for one in self.left_out:
            if one.name not in declared:
                warnings.warn(one.sentence, UserWarning, stacklevel=stacklevel)

    @classmethod
    def from_arrays(
        cls,
        arrays: Any,
        names: Sequence[str] | None = None,
        *,
        components: Groups | str | None = None,
    ) -> "Decomposition":
        """Describe arrays: each column of a single array, or each of several, is a component.

        Args:
            arrays: One array `[n, m]`: components x0 .. x(m-1), one column each. Or a list or
                dict of arrays `[n]` or `[n, d_i]`: one component each, whose columns are called
                e.g. "x0[0]", "x0[1]".
            names: Names to use instead of x0, x1, ...
            components: Groups of columns, or "all", as in `from_frame`; for one array `[n, m]`.

        Raises:
            UserError: If shapes or lengths don't match, or as in `from_frame`.

        Example:
            >>> import numpy as np
            >>> Decomposition.from_arrays(np.zeros((5, 2))).names
            ('x0', 'x1')
            >>> Decomposition.from_arrays({"place": np.zeros((5, 2)), "time": np.zeros(5)}).names
            ('place', 'time')
        """
        view, groups = flatten(arrays, names)
        if components is not None and not isinstance(view, ArrayView):
            raise UserError(
                "groups apply to a single array [n, m] only; here each array is a component. Leave "
                "groups out."
            )
        return cls.from_survey(_all_kept(view), groups if components is None else components)

    @classmethod
    def from_function(
        cls, function: Callable[[Any], Any], x: Any, names: Sequence[str] | None = None
    ) -> "Decomposition":
        """Describe the components that a function computes from raw X: projections, distances, ...

        Such a decomposition can't be saved, since a Python function can't be stored safely.

        Args:
            function: Maps raw X `[n, ...]` to what `from_arrays` takes: a dict of arrays `[n]` or
                `[n, d_i]` by name, a list of them, or one array `[n, m]`.
            x: Some rows of raw X, to find the components that the function returns.
            names: Names to use if the function returns none.

        Example:
            >>> import numpy as np
            >>> split = Decomposition.from_function(
            ...     lambda x: {"radius": np.hypot(x[:, 0], x[:, 1]), "height": x[:, 2]},
            ...     np.ones((4, 3)))
            >>> split.names, split.is_saveable
            (('radius', 'height'), False)
        """

        def named(raw: Any) -> Any:
            view, groups = flatten(function(raw), names)
            return view, groups

        view, groups = named(x)
        found = cls.from_survey(_all_kept(view), groups)
        return cls(found.columns, found.components, function=lambda raw: named(raw)[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return tuple(component.name for component in self.components)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the table that are read, without duplicates, in table order."""
        return tuple(dict.fromkeys(column.read_from for column in self.columns))

    @property
    def is_saveable(self) -> bool:
        """Whether `to_dict` works: False if a Python function computes the components."""
        return self.function is None

    def fit(
        self, data: Any, rows: NDArray[Any] | None = None, *, min_rows: int = 20
    ) -> "FittedDecomposition":
        """Learn the scaling of continuous columns and the levels of categorical ones.

        All rows are checked. Means and scales come from the training rows alone, as does whether a
        column can be missing; levels come from all rows, so that a rare level that occurs only in
        validation rows is known. In a column with more than 50 levels, those with fewer than 5
        training rows are merged into one, "(rare)".

        Args:
            data: The data, in the form from which the decomposition was made.
            rows: Training rows, as indices or a mask `[n]`; default all.
            min_rows: Smallest number of rows that is accepted.

        Raises:
            UserError: If columns are missing, there are too few rows, or a value is infinite or
                not a number where one is required: names column, row and remedy.

        Warns:
            UserWarning: For a column that is constant among the training rows.
        """
        from distributed_ib.data.fitting_columns import fit_decomposition

        return fit_decomposition(self, data, rows, min_rows)

    def view(self, data: Any) -> View:
        """The columns of `data`, found by name, or by position in an array `[n, m]`.

        Columns that the decomposition doesn't know are ignored.

        Raises:
            UserError: If a column is missing, or an array has a different number of columns.
        """
        raw = data if self.function is None else self.function(data)
        names = list(self.sources)
        if self.left_out and np.ndim(raw) == 2 and np.shape(raw)[1] > len(names):
            for one in self.left_out:  # an array contains them too
                names.insert(one.place, one.name)
        return view_of(raw, tuple(names))

    def to_dict(self) -> dict[str, Any]:
        """The description as plain JSON values.

        Raises:
            UserError: If the components are computed by a Python function.
        """
        if not self.is_saveable:
            raise UserError(
                "a decomposition that is defined by a Python function can't be saved; compute its "
                "columns first and pass them to Decomposition.from_arrays."
            )
        return {
            "columns": [column_to_dict(column) for column in self.columns],
            "components": [{"name": c.name, "columns": list(c.columns)} for c in self.components],
            "left_out": [vars(one) for one in self.left_out],
        }

    @classmethod
    def from_dict(cls, description: Any) -> "Decomposition":
        """Restore a decomposition from the result of `to_dict`.

        Raises:
            UserError: If the description is not valid.
        """
        try:
            columns = tuple(column_from_dict(entry) for entry in description["columns"])
            components = tuple(
                Component(_text(entry["name"]), tuple(_text(c) for c in entry["columns"]))
                for entry in description["components"]
            )
            left_out = tuple(
                LeftOut(_text(entry["name"]), _text(entry["why"]), int(entry["place"]))
                for entry in description.get("left_out", ())
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"this is not a valid description of components: {error}.") from None
        return cls(columns, components, left_out)


def ordered_columns(decomposition: Decomposition) -> tuple[Column, ...]:
    """The columns in the order of the components, which is the order of a model's input."""
    column = {c.name: c for c in decomposition.columns}
    return tuple(column[name] for c in decomposition.components for name in c.columns)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a name")
    return value


def _all_kept(view: View) -> list[SurveyedColumn]:
    """The columns of arrays, none of which is left out.

    Raises:
        UserError: If a column has no values.
    """
    surveyed = survey(view, {}, kept=view.names)
    for one in surveyed:
        if not one.columns and not one.problem:
            raise UserError(f"column {one.name!r} has no values; leave it out.")
    return surveyed


def _named(groups: Groups | str | None) -> set[str]:
    """Names in groups, which are therefore never left out."""
    if not isinstance(groups, Mapping):
        return set()
    return {
        str(name)
        for members in groups.values()
        for name in ([members] if isinstance(members, str) else members)
    }


def _components(
    surveyed: Sequence[SurveyedColumn], groups: Groups | str | None
) -> tuple[Component, ...]:
    if isinstance(groups, str):
        if groups != "all":
            raise UserError(
                f"components={groups!r} is not valid; give groups of columns, or 'all'."
            )
        return (Component("all", tuple(c.name for one in surveyed for c in one.columns)),)
    if groups is None:
        groups = {}
    if not isinstance(groups, Mapping):
        raise UserError("components must be a dict that maps names to lists of columns, or 'all'.")
    parts = {one.name: tuple(c.name for c in one.columns) for one in surveyed}
    singles = {name for members in parts.values() for name in members}
    named = _named(groups)
    declared = []
    for group, members in groups.items():
        members = (members,) if isinstance(members, str) else tuple(members)
        reject_unknown(members, [*parts, *sorted(singles - set(parts))], f"component {group!r}")
        found: list[str] = []
        for name in members:
            if name in singles:
                found.append(name)
            elif not parts[name]:
                raise UserError(
                    f"component {group!r} contains the column {name!r}, which has no values or is "
                    "declared as left out; remove it from the component."
                )
            else:  # the parts that no group names individually
                found += [part for part in parts[name] if part not in named]
        declared.append(Component(str(group), tuple(found)))
    taken = {column for component in declared for column in component.columns}
    return (*declared, *_others(surveyed, taken))


def _others(surveyed: Sequence[SurveyedColumn], taken: Collection[str]) -> list[Component]:
    """Components of the columns that are in no group."""
    found = []
    for one in surveyed:
        left = tuple(c.name for c in one.columns if c.name not in taken)
        if one.kind == "date parts":
            found += [Component(name, (name,)) for name in left]
        elif left:
            found.append(Component(one.name if one.kind == "date" else left[0], left))
    return found


def reject_unknown(wanted: Any, names: Sequence[str], where: str) -> None:
    """Check that a table has the columns that are named in `where`.

    Raises:
        UserError: If one is missing: names it and `where`.
    """
    unknown = [name for name in wanted if name not in set(names)]
    if unknown:
        raise UserError(
            f"{where} names the column {unknown[0]!r}, which the table does not have; its columns "
            f"are {', '.join(map(str, names[:20]))}{', ...' if len(names) > 20 else ''}."
        )


def _check(columns: Sequence[Column], components: Sequence[Component]) -> None:
    known, owner = {column.name for column in columns}, dict[str, str]()
    if len(known) != len(columns):
        raise UserError("two columns have the same name; rename one.")
    if not components:
        raise UserError("there are no columns to form components; give at least one.")
    seen = set()
    for component in components:
        if component.name in seen:
            raise UserError(f"two components are named {component.name!r}; rename one.")
        seen.add(component.name)
        if not component.columns:
            raise UserError(
                f"component {component.name!r} has no columns; add one, or remove the component."
            )
        for column in component.columns:
            if column not in known:
                raise UserError(
                    f"component {component.name!r} contains the unknown column {column!r}."
                )
            if column in owner:
                raise UserError(
                    f"column {column!r} is in two components, {owner[column]!r} and "
                    f"{component.name!r}; remove it from one."
                )
            owner[column] = component.name
    if unused := known - owner.keys():
        raise UserError(f"column {min(unused)!r} belongs to no component.")
