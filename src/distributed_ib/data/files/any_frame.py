"""Tables and columns of polars, pyarrow and others, converted to pandas."""

from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa


def as_pandas(data: Any) -> Any:
    """Convert a table or column of another library to pandas; return anything else unchanged.

    Nulls become missing values. Categories with a declared order (an Enum of polars, an ordered
    dictionary of Arrow) stay categories; others become plain values, since the order of their
    levels is only that of first appearance. A lazy table is collected.

    Args:
        data: A table or column of any library that Narwhals supports, such as polars and pyarrow.

    Example:
        >>> import pyarrow as pa
        >>> as_pandas(pa.table({"x": [1, None], "place": ["north", "south"]})).dtypes.astype(str)
        x        float64
        place        str
        dtype: str
        >>> as_pandas([1, 2])
        [1, 2]
    """
    if isinstance(data, (pd.DataFrame, pd.Series)):
        return data
    found = nw.from_native(data, allow_series=True, pass_through=True)
    if isinstance(found, nw.LazyFrame):
        found = found.collect()
    if isinstance(found, nw.Series):
        return _series(found)
    if isinstance(found, nw.DataFrame):
        # Column by column, since some libraries hide columns in an index.
        columns = {name: _series(found[name]) for name in found.columns}
        return pd.DataFrame(columns, copy=False)
    return data


def _series(column: Any) -> "pd.Series[Any]":
    native = column.to_native()
    if isinstance(native, pa.ChunkedArray):
        if pa.types.is_dictionary(native.type) and not native.type.ordered:
            native = native.cast(native.type.value_type)
        return native.to_pandas().rename(column.name or None)
    return (column.cast(nw.String()) if column.dtype == nw.Categorical else column).to_pandas()
