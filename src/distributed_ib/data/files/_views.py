"""Tables and arrays as named columns, read a stretch of rows at a time."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.files.any_frame import as_pandas
from distributed_ib.errors import UserError

Chunk = Mapping[str, pd.Series]


@runtime_checkable
class View(Protocol):
    """Named columns that can be read in stretches of rows, repeatedly."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        ...

    def head(self) -> Chunk:
        """The first rows (or all), from which the types of the columns are inferred."""
        ...

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Chunk]]:
        """The rows in order, as (index of the first row, columns called `names`)."""
        ...


class FrameView:
    """The columns of a DataFrame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._position = {str(name): k for k, name in enumerate(frame.columns)}
        self.names = tuple(self._position)
        self.n_rows = len(frame)

    def head(self) -> Chunk:
        """All rows, which are in memory already."""
        return self._columns(self.names)

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Chunk]]:
        """One stretch; its columns are read one by one, so the table is never copied."""
        yield 0, self._columns(names)

    def _columns(self, names: Sequence[str]) -> Chunk:
        return {name: self._frame.iloc[:, self._position[name]] for name in names}


class ArrayView:
    """The columns of one array `[n, m]`."""

    def __init__(self, array: Any, names: Sequence[str]) -> None:
        self._array = array
        self.names = tuple(names)
        self.n_rows = int(array.shape[0])

    def head(self) -> Chunk:
        """All rows."""
        return self._columns(self.names)

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Chunk]]:
        """One stretch of views, without copying."""
        yield 0, self._columns(names)

    def _columns(self, names: Sequence[str]) -> Chunk:
        position = {name: k for k, name in enumerate(self.names)}
        return {name: _series(self._array[:, position[name]]) for name in names}


class ColumnsView:
    """Columns that are arrays `[n]` of their own."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns
        self.names = tuple(columns)
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise UserError(f"the arrays differ in length: {lengths}; give arrays of equal length.")
        self.n_rows = next(iter(lengths.values()), 0)

    def head(self) -> Chunk:
        """All rows."""
        return {name: _series(values) for name, values in self._columns.items()}

    def chunks(self, names: Sequence[str]) -> Iterator[tuple[int, Chunk]]:
        """One stretch."""
        yield 0, {name: _series(self._columns[name]) for name in names}


def frame_view(table: Any) -> View:
    """A view of a DataFrame, or `table` itself if it is a view already.

    Raises:
        UserError: If it is not a table, has no columns, or two of its columns share a name.
    """
    table = as_pandas(table)
    if not isinstance(table, pd.DataFrame):
        if isinstance(table, View):
            return table
        raise UserError(
            f"expected a table from pandas, polars or pyarrow, got {type(table).__name__}; for "
            "arrays, use from_arrays."
        )
    names = [str(name) for name in table.columns]
    if not names:
        raise UserError("the table has no columns.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"the table has two columns named {twice!r}; rename or drop one.")
    return FrameView(table)


def flatten(arrays: Any, names: Sequence[str] | None) -> tuple[View, dict[str, list[str]] | None]:
    """Named columns of one or several arrays, and the columns of each array if several.

    Raises:
        UserError: If the shapes are wrong or the lengths differ.
    """
    if not is_array_collection(arrays):
        array = _matrix(arrays)
        return ArrayView(array, _default_names(names, array.shape[1], "columns")), None
    parts = dict(arrays) if isinstance(arrays, Mapping) else None
    if parts is None:
        parts = dict(zip(_default_names(names, len(arrays), "arrays"), arrays, strict=True))
    elif names is not None:
        raise UserError(
            "names are given twice, as keys of the dict and as names=; leave out names=."
        )
    columns: dict[str, Any] = {}
    groups: dict[str, list[str]] = {}
    for key, part in parts.items():
        name, part = str(key), np.asarray(part)
        if part.ndim not in (1, 2) or 0 in part.shape[1:]:
            raise UserError(f"array {name!r} has shape {part.shape}; give [n] or [n, d].")
        single = part.ndim == 1 or part.shape[1] == 1
        found = (
            {name: part.reshape(-1)}
            if single
            else {f"{name}[{j}]": part[:, j] for j in range(part.shape[1])}
        )
        if twice := found.keys() & columns.keys():
            raise UserError(f"two columns are named {min(twice)!r}; rename an array.")
        columns |= found
        groups[name] = list(found)
    return ColumnsView(columns), groups


def view_of(data: Any, names: tuple[str, ...]) -> View:
    """A view of `data` with the columns `names`; those of an array `[n, m]` are in this order.

    Raises:
        UserError: If a column is missing, or an array has a different number of columns.
    """
    view: View
    data = as_pandas(data)
    if isinstance(data, (pd.DataFrame, View)):
        view = frame_view(data)
    elif isinstance(data, Mapping):
        view = flatten(data, None)[0]
    elif is_array_collection(data):
        view = flatten(data, None)[0]
        if len(view.names) == len(names):  # by position, since the arrays may have been named
            found = view.head()
            view = ColumnsView(
                {name: found[key] for name, key in zip(names, view.names, strict=True)}
            )
    else:
        array = _matrix(data)
        if array.shape[1] != len(names):
            raise UserError(
                f"the array has {array.shape[1]} columns, but the model was fitted on "
                f"{len(names)}: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}."
            )
        view = ArrayView(array, names)
    missing = [name for name in names if name not in set(view.names)]
    if missing:
        raise UserError(
            f"the column {missing[0]!r} is missing"
            + (f" (and {len(missing) - 1} more)" if len(missing) > 1 else "")
            + f"; the model needs {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}."
        )
    return view


def is_array_collection(arrays: Any) -> bool:
    """Whether this is a dict or list of arrays, and not a matrix written as nested lists."""
    if isinstance(arrays, Mapping):
        return True
    return (
        isinstance(arrays, (list, tuple))
        and len(arrays) > 0
        and all(isinstance(part, np.ndarray) or hasattr(part, "__array__") for part in arrays)
    )


def series_of(array: NDArray[Any]) -> pd.Series:
    """An array `[n]` as a Series, of Python objects if pandas does not support its type."""
    try:
        return pd.Series(array, copy=False)
    except ValueError:  # records, or text that is not Unicode
        return pd.Series(array.astype(object), dtype=object)


def _matrix(data: Any) -> Any:
    if hasattr(data, "toarray"):
        raise UserError("sparse matrices aren't supported; pass x.toarray() if it fits in memory.")
    array = data if isinstance(data, np.ndarray) else np.asarray(data)
    if array.ndim != 2 or array.shape[1] == 0:
        hint = "; for a single column use x.reshape(-1, 1)" if array.ndim == 1 else ""
        raise UserError(f"expected an array [n, m], got shape {array.shape}{hint}.")
    return array


def _default_names(names: Sequence[str] | None, count: int, what: str) -> list[str]:
    if names is None:
        return [f"x{k}" for k in range(count)]
    found = [str(name) for name in names]
    if len(found) != count or len(set(found)) != count:
        raise UserError(
            f"names must be {count} different names, one for each of the {what}; got {found}."
        )
    return found


def _series(values: Any) -> pd.Series:
    array = np.asarray(values)
    if array.dtype.kind == "S":
        with contextlib.suppress(UnicodeDecodeError):
            array = array.astype(str)
    series = series_of(array)
    if array.dtype == object:
        with contextlib.suppress(UnicodeEncodeError):
            return series.infer_objects()
    return series
