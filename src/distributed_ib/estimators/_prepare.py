"""Checked model input from the arguments of `fit` and `predict`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files._views import View, frame_view, is_array_collection
from distributed_ib.data.files.any_frame import as_pandas
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.splitters import HoldOutGiven, Splitter, label_codes
from distributed_ib.data.table_errors import reject_empty_table
from distributed_ib.data.table_input import TableInput
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError, one_line
from distributed_ib.estimators._holding_out import splitter_of
from distributed_ib.estimators._known_rows import known_rows, rows_of
from distributed_ib.estimators._streamed import StreamedSource

Task = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Checked data in the form that a model takes.

    Attributes:
        decomposition: Components with their scaling.
        target: Y with its classes or scaling.
        x: All rows of X.
        y: Codes of classes or bins, or standardised numbers, `[n]` or `[n, d]`.
        truth: Y as scores compare it with predictions: codes of classes, or numbers in the units
            of Y.
        weight: Weight of each row, `[n]`; None if all are equal.
        splitter: Which rows are held out.
        n_train_rows: Number of training rows.
        kept: Rows of the table that are used, `[n]`; None for all.
    """

    decomposition: FittedDecomposition
    target: Target
    x: TableInput
    y: NDArray[Any]
    truth: NDArray[Any]
    weight: NDArray[np.float64] | None
    splitter: Splitter
    n_train_rows: int
    kept: NDArray[np.int64] | None = None


def check_table(estimator: Any, x: Any, *, reset: bool) -> Any:
    """X in the form that a `Decomposition` takes, with its columns checked.

    Names and number of columns are stored (`reset`) or compared with those stored. Tables in memory
    become pandas tables; tables on disk and lists or dicts of arrays are returned unchanged;
    anything else becomes an array `[n, m]`.

    Raises:
        UserError: If X is not a table, or its columns are not those of training.
    """
    x = as_pandas(x)
    is_sparse = hasattr(x, "toarray")  # some sparse matrices are dictionaries too
    by_function = isinstance(estimator.components, Decomposition) and not (
        estimator.components.is_saveable
    )
    if not is_sparse and (by_function or is_array_collection(x) or isinstance(x, (Mapping, View))):
        return x
    try:
        if not isinstance(x, pd.DataFrame):
            array = check_array(
                x, dtype=None, ensure_all_finite=False, ensure_min_samples=1, estimator=estimator
            )
            validate_data(estimator, x, reset=reset, skip_check_array=True)
            return array
        frame_view(x)  # its errors say more clearly what is wrong with names
        if not (reset or len(x)):
            reject_empty_table()
        validate_data(estimator, x, reset=reset, skip_check_array=True)
    except (TypeError, ValueError) as error:
        raise UserError(one_line(error)) from None
    return x if reset else _named_as_in_training(estimator, x)


def _named_as_in_training(estimator: Any, x: pd.DataFrame) -> pd.DataFrame:
    """The table with the column names of an array, if the model was fitted to an array.

    scikit-learn warns in this case, and matches columns by position.
    """
    fitted = getattr(estimator, "decomposition_", None)
    if fitted is None or hasattr(estimator, "feature_names_in_"):
        return x
    known = list(fitted.decomposition.sources)
    if set(known) <= set(map(str, x.columns)) or len(known) != x.shape[1]:
        return x
    return x.set_axis(known, axis=1)


def describe(components: Any, table: Any, kinds: Mapping[str, Any] | None) -> Decomposition:
    """The decomposition of this table according to `components`."""
    if isinstance(components, Decomposition):
        return components
    if isinstance(table, (pd.DataFrame, View)):
        return Decomposition.from_frame(table, components, kinds=kinds)
    if kinds:
        raise UserError("kinds= needs a table with named columns; pass X as a DataFrame.")
    return Decomposition.from_arrays(table, components=components)


def prepare(
    decomposition: Decomposition | FittedDecomposition,
    table: Any,
    y: Any,
    *,
    task: Task,
    sample_weight: Any,
    groups: Any,
    validation_data: Any,
    times: Any = None,
    validation_fraction: float,
    min_rows: int,
    binned: bool,
    seed: int,
    streamed: StreamedSource | None = None,
) -> Prepared:
    """Split, scale and check the data.

    `binned` says whether a numeric Y is encoded as bins. Rows of weight zero and rows without Y are
    left out. Without `validation_data`, the held-out rows are the last by `times`, whole `groups`,
    or a share of every class or of all rows. For a table larger than memory, `table` and `y` are
    the measured rows, and `decomposition` and the classes are those of all rows of `streamed`.

    Raises:
        UserError: As `Decomposition.fit`, `Target.fit` and `split_rows`.
    """
    n_table_rows = _length(y)
    known = known_rows(y, stacklevel=5)
    weight = _weights(sample_weight, n_table_rows)
    if known is not None:
        y = rows_of(y, known)
        weight = None if weight is None else weight[known]
        groups = None if groups is None else rows_of(groups, known)
        times = None if times is None else rows_of(times, known)
    n_rows = len(y)
    if n_rows < (least := max(min_rows, 2)):
        raise UserError(f"the data have too few rows (n_samples={n_rows}); give at least {least}.")
    rows = np.arange(n_rows) if weight is None else np.flatnonzero(weight > 0)
    splitter = splitter_of(
        rows,
        n_rows,
        fraction=validation_fraction,
        classes=y if task == "classification" else None,
        groups=groups,
        times=times,
        is_given=validation_data is not None,
    )
    train, _ = splitter.split(len(rows), seed)
    train_rows = rows[train]
    in_table = train_rows if known is None else known[train_rows]
    fitted = (
        decomposition.fit(
            table, None if len(train_rows) == n_table_rows else in_table, min_rows=min_rows
        )
        if isinstance(decomposition, Decomposition)
        else decomposition
    )
    target = Target.fit(y, task, train_rows, weight=weight)
    if streamed is not None:
        target = streamed.target(target)
    x, codes = fitted.transform(table), target.transform(y, binned=binned)
    _require_length(x, n_table_rows)
    x = x if known is None else x.take(known)
    prepared = Prepared(
        fitted,
        target,
        x if len(rows) == n_rows else x.take(rows),
        codes[rows],
        _truth(target, y)[rows],
        None if weight is None else weight[rows],
        splitter,
        len(train_rows) + (0 if streamed is None else streamed.n_training),
        kept=None if len(rows) == n_table_rows else rows if known is None else known[rows],
    )
    if validation_data is None:
        return prepared
    own = None if groups is None else label_codes(groups, n_rows, "groups")[rows]
    return _with_given(prepared, validation_data, binned, own, n_table_rows)


def _with_given(
    prepared: Prepared,
    validation_data: Any,
    binned: bool,
    groups: NDArray[np.int64] | None,
    n_table_rows: int,
) -> Prepared:
    """The data with the user's own held-out rows appended to the training rows.

    The rows of `validation_data` count as independent of each other. `groups` are those of the
    training rows, which come from a table of `n_table_rows`.
    """
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        raise UserError("validation_data must be a pair (X, y), or (X, y, sample_weight).")
    table, y, *weights = map(as_pandas, validation_data)
    n_rows = _length(y)
    weight = _weights(weights[0] if weights else None, n_rows)
    n_given = n_rows
    try:
        known = known_rows(y, stacklevel=6)
        y = y if known is None else rows_of(y, known)
        x = prepared.decomposition.transform(table)
        given_y = prepared.target.transform(y, binned=binned)
    except UserError as error:
        raise UserError(f"validation_data: {error}") from None
    _require_length(x, n_rows)
    if known is not None:
        x, n_rows = x.take(known), len(known)
        weight = None if weight is None else weight[known]
    rows = np.arange(n_rows) if weight is None else np.flatnonzero(weight > 0)
    in_table = rows if known is None else known[rows]
    kept = prepared.kept
    if kept is not None or len(in_table) < n_given:
        before = np.arange(n_table_rows) if kept is None else kept
        kept = np.concatenate([before, n_table_rows + in_table])
    own, given = prepared.weight, None if weight is None else weight[rows]
    both = None
    if own is not None or given is not None:
        n_own = len(prepared.y)
        both = np.concatenate(
            [
                np.ones(n_own) if own is None else own / own.mean(),
                np.ones(len(rows)) if given is None else given / given.mean(),
            ]
        )
    if groups is not None:
        groups = np.concatenate([groups, groups.max() + 1 + np.arange(len(rows))])
    held_out = np.arange(len(prepared.y) + len(rows)) >= len(prepared.y)
    return replace(
        prepared,
        x=TableInput(
            *(np.concatenate(pair) for pair in zip(prepared.x, x.take(rows), strict=True))
        ),
        truth=np.concatenate([prepared.truth, _truth(prepared.target, y)[rows]]),
        y=np.concatenate([prepared.y, given_y[rows]]),
        weight=both,
        splitter=HoldOutGiven(held_out, groups=groups),
        kept=kept,
    )


def _truth(target: Target, y: Any) -> NDArray[Any]:
    """Codes of classes, or numbers in the units of Y."""
    if target.task == "classification":
        return target.transform(y)
    return target.numbers(y)


def _weights(sample_weight: Any, n_rows: int) -> NDArray[np.float64] | None:
    """Non-negative weights `[n]`; None if all are equal, as for a single number."""
    if sample_weight is None:
        return None
    if np.isscalar(sample_weight):
        sample_weight = np.full(n_rows, sample_weight)
    try:
        weight = check_array(
            sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"sample_weight is not valid: {one_line(error)}") from None
    if weight.shape != (n_rows,):
        raise UserError(
            f"sample_weight has shape {weight.shape}; give [{n_rows}], one number for each row."
        )
    if (weight < 0).any():
        row = int((weight < 0).argmax())
        raise UserError(
            f"sample_weight is {weight[row]:g} in row {row + 1} (data rows count from 1); weights "
            "must not be negative."
        )
    if not weight.any():
        raise UserError("Sample weights must contain at least one non-zero number.")
    return None if np.all(weight == weight[0]) else weight


def _require_length(x: TableInput, n_rows: int) -> None:
    if x.n_rows != n_rows:
        raise UserError(
            f"Found input variables with inconsistent numbers of samples: X has {x.n_rows} rows, "
            f"y has {n_rows}."
        )


def _length(y: Any) -> int:
    check_consistent_length(y)
    return len(y)
