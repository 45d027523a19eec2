"""How X splits into named components, independent of the values of the data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from distributed_ib.data._views import ArrayView, View, flatten, frame_view, view_of
from distributed_ib.data.columns import KINDS, Column, Kind, infer_column
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
class Decomposition:
    """Named components of X, each one or more columns; every column belongs to exactly one.

    Attributes:
        columns: All columns in use, in the order of the table.
        components: The components, in the order in which the model has them.
        function: Makes the columns from raw X, for a decomposition `from_function`; else None.

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
    function: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check(self.columns, self.components)

    @classmethod
    def from_frame(
        cls,
        table: Any,
        components: Groups | str | None = None,
        *,
        kinds: Mapping[str, Kind] | None = None,
    ) -> "Decomposition":
        """Describe a table; by default every column is a component.

        Numbers, integers and booleans are continuous. Text and pandas category columns are
        categorical, a column being one component however many levels it has.

        Args:
            table: A table of pandas, polars or pyarrow, or a `ParquetTable`.
            components: Names of groups and their columns. Groups come first, in the order given;
                columns in no group follow as components of their own, in the order of the table.
                "all" makes one component of everything: the standard Information Bottleneck.
            kinds: "continuous" or "categorical" for columns where the table's own type misleads,
                such as postal codes.

        Raises:
            UserError: If the table has no or duplicate columns, a column holds dates or other
                things that are neither numbers nor text, a group names an unknown column, or a
                column stands in two groups.
        """
        view = frame_view(table)
        kinds = dict(kinds or {})
        _refuse_unknown(kinds, view.names, "kinds")
        head = view.head()
        columns = tuple(infer_column(name, head[name], kinds.get(name)) for name in view.names)
        return cls(columns, _components(view.names, components))

    @classmethod
    def from_arrays(
        cls,
        arrays: Any,
        names: Sequence[str] | None = None,
        *,
        components: Groups | str | None = None,
    ) -> "Decomposition":
        """Describe arrays: each column of one, or each of several, is a component.

        Args:
            arrays: One array `[n, m]`: components x0 .. x(m-1), one column each. Or a list or
                dict of arrays `[n]` or `[n, d_i]`: one component each, whose columns are called
                e.g. "x0[0]", "x0[1]".
            names: Names in place of x0, x1, ...
            components: Groups of columns, or "all", as in `from_frame`; for one array `[n, m]`.

        Raises:
            UserError: If shapes or lengths don't fit, or as in `from_frame`.

        Example:
            >>> import numpy as np
            >>> Decomposition.from_arrays(np.zeros((5, 2))).names
            ('x0', 'x1')
            >>> Decomposition.from_arrays({"place": np.zeros((5, 2)), "time": np.zeros(5)}).names
            ('place', 'time')
        """
        view, groups = flatten(arrays, names)
        if components is not None and not isinstance(view, ArrayView):
            raise UserError("groups are for one array [n, m]; here each array is a component.")
        head = view.head()
        columns = tuple(infer_column(name, head[name]) for name in view.names)
        return cls(columns, _components(view.names, groups if components is None else components))

    @classmethod
    def from_function(
        cls, function: Callable[[Any], Any], x: Any, names: Sequence[str] | None = None
    ) -> "Decomposition":
        """Describe the components that a function makes of raw X: projections, distances, ...

        Such a decomposition can't be saved, since a Python function can't be stored safely.

        Args:
            function: From raw X `[n, ...]` to what `from_arrays` takes: a dict of arrays `[n]` or
                `[n, d_i]` by name, a list of them, or one array `[n, m]`.
            x: Some raw X, to see what the function makes of it.
            names: Names where the function gives none.

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
        head = view.head()
        columns = tuple(infer_column(name, head[name]) for name in view.names)
        return cls(columns, _components(view.names, groups), lambda raw: named(raw)[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return tuple(component.name for component in self.components)

    @property
    def is_saveable(self) -> bool:
        """Whether `to_dict` works: not for a decomposition by a Python function."""
        return self.function is None

    def fit(
        self, data: Any, rows: NDArray[Any] | None = None, *, min_rows: int = 20
    ) -> "FittedDecomposition":
        """Learn the scaling of continuous columns and the levels of categorical ones.

        All rows are checked. Means and scales come from the training rows alone; levels come from
        all rows, so that a rare level that fell to the validation part is known.

        Args:
            data: The data, in the form from which the decomposition was made.
            rows: Training rows, as indices or a mask `[n]`; default all.
            min_rows: Fewest rows to accept.

        Raises:
            UserError: If columns are missing, there are too few rows, or a value is missing,
                infinite or not a number where one should be: names column, row and remedy.

        Warns:
            UserWarning: For a column that is constant among the training rows, and for a
                categorical column with nearly as many levels as rows.
        """
        from distributed_ib.data.fitted_decomposition import fit_decomposition

        return fit_decomposition(self, data, rows, min_rows)

    def view(self, data: Any) -> View:
        """The columns of `data`, found by name, or by position in an array `[n, m]`.

        Columns that the decomposition doesn't know are ignored.

        Raises:
            UserError: If a column is missing, or an array has another number of columns.
        """
        names = tuple(column.name for column in self.columns)
        return view_of(data if self.function is None else self.function(data), names)

    def to_dict(self) -> dict[str, Any]:
        """The description as plain JSON values.

        Raises:
            UserError: If the components are made by a Python function.
        """
        if not self.is_saveable:
            raise UserError(
                "a decomposition by a Python function can't be saved; compute its columns first "
                "and pass them to Decomposition.from_arrays."
            )
        return {
            "columns": [
                {
                    "name": c.name,
                    "kind": c.kind,
                    "levels": None if c.levels is None else list(c.levels),
                }
                for c in self.columns
            ],
            "components": [{"name": c.name, "columns": list(c.columns)} for c in self.components],
        }

    @classmethod
    def from_dict(cls, description: Any) -> "Decomposition":
        """Make the object from the result of `to_dict`.

        Raises:
            UserError: If it is not such a description.
        """
        try:
            columns = tuple(_column_from(entry) for entry in description["columns"])
            components = tuple(
                Component(_text(entry["name"]), tuple(_text(c) for c in entry["columns"]))
                for entry in description["components"]
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"this is not a description of components: {error}.") from None
        return cls(columns, components)


def _column_from(entry: Any) -> Column:
    levels = entry["levels"]
    if entry["kind"] not in KINDS:
        raise ValueError(f"kind {entry['kind']!r}")
    if levels is not None:
        if not isinstance(levels, list) or not all(
            isinstance(v, (str, bool, int, float)) for v in levels
        ):
            raise ValueError(f"levels of {entry['name']!r}")
        levels = tuple(levels)
    return Column(_text(entry["name"]), entry["kind"], levels)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a name")
    return value


def _components(names: Sequence[str], groups: Groups | str | None) -> tuple[Component, ...]:
    if isinstance(groups, str):
        if groups != "all":
            raise UserError(f"components={groups!r} is unknown; give groups of columns, or 'all'.")
        return (Component("all", tuple(names)),)
    if groups is None:
        groups = {}
    if not isinstance(groups, Mapping):
        raise UserError("components must be a dict from names to lists of columns, or 'all'.")
    declared = []
    for group, members in groups.items():
        members = (members,) if isinstance(members, str) else tuple(members)
        _refuse_unknown(members, names, f"component {group!r}")
        declared.append(Component(str(group), members))
    taken = {column for component in declared for column in component.columns}
    return (*declared, *(Component(name, (name,)) for name in names if name not in taken))


def _refuse_unknown(wanted: Any, names: Sequence[str], where: str) -> None:
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
        raise UserError("there are no columns to make components of; give at least one.")
    seen = set()
    for component in components:
        if component.name in seen:
            raise UserError(f"two components are called {component.name!r}; rename one.")
        seen.add(component.name)
        if not component.columns:
            raise UserError(f"component {component.name!r} has no columns; give it one or drop it.")
        for column in component.columns:
            if column not in known:
                raise UserError(f"component {component.name!r} names unknown column {column!r}.")
            if column in owner:
                raise UserError(
                    f"column {column!r} is in two components, {owner[column]!r} and "
                    f"{component.name!r}; take it out of one."
                )
            owner[column] = component.name
    if unused := known - owner.keys():
        raise UserError(f"column {min(unused)!r} belongs to no component.")
