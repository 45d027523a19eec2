"""The target Y: its task, its classes or bins, and their marginal shares."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distributed_ib.data.columns._moments import Moments
from distributed_ib.data.columns.column import Level
from distributed_ib.data.columns.column_values import (
    codes_of,
    infer_column,
    levels_of,
    numbers_of,
    reject_objects,
    sorted_levels,
)
from distributed_ib.data.files._views import series_of
from distributed_ib.data.table_errors import shown
from distributed_ib.data.target_bins import TargetBins
from distributed_ib.data.training_rows import training_mask
from distributed_ib.errors import UserError

Task = Literal["classification", "regression"]
# With task="auto", integers with at most this many distinct values are classes.
MAX_INTEGER_CLASSES = 20


@dataclass(frozen=True)
class Target:
    """The target Y, in the form that a model takes.

    Attributes:
        name: Name of the target column.
        task: "classification" or "regression".
        classes: Labels in the order of their codes; empty for regression.
        share: Share of each class in the training rows; empty for regression.
        mean: Mean of each output over the training rows; empty for classification.
        scale: Standard deviation of each output over the training rows; likewise.
        bins: Bins of each output, with their share of the training rows; empty for classification.
        is_vector: Whether Y was given as `[n, d]` rather than `[n]`.
        entries: Names of the entries of a vector; empty for one column.

    Example:
        >>> target = Target.fit(np.array(["no", "yes", "no", "yes"] * 5))
        >>> target.classes, target.share
        (('no', 'yes'), (0.5, 0.5))
    """

    name: str
    task: Task
    classes: tuple[Level, ...]
    share: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    bins: tuple[TargetBins, ...]
    is_vector: bool
    entries: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        y: Any,
        task: Literal["auto"] | Task = "auto",
        rows: NDArray[Any] | None = None,
        *,
        weight: NDArray[np.float64] | None = None,
        name: str | None = None,
    ) -> "Target":
        """Check Y and learn its classes, or its scaling and bins from the training rows.

        Args:
            y: Labels or numbers `[n]`, or numbers `[n, d]`; arrays, a Series or a DataFrame.
            task: "auto" treats text, booleans, pandas categories and integers with at most 20
                distinct values as classes, and all other numbers as a regression target.
            rows: Training rows, as indices or a mask; default all.
            weight: Weight of each row, `[n]`; by default all count equally.
            name: Name of the target; default the name of the Series, or "y".

        Raises:
            UserError: If a value is missing, infinite or not a number, all values are the same, or
                the task is unknown.
        """
        columns, is_vector = _columns(y, name)
        label = name or "y"
        if not is_vector or (name is None and isinstance(y, pd.DataFrame)):
            label = ", ".join(columns)
        if task not in ("auto", "classification", "regression"):
            raise UserError(f"task {task!r} is unknown; choose auto, classification or regression.")
        n_rows = len(next(iter(columns.values())))
        training = training_mask(rows, n_rows)
        for column, values in columns.items():
            _reject_missing(column, values)
        if task == "auto":
            task = "regression" if is_vector else _guess(label, columns[label])
        if task == "classification":
            if is_vector:
                raise UserError(
                    "classification needs a single column of labels [n], got several columns."
                )
            return _fit_classes(label, columns[label], training, weight)
        return _fit_numbers(label, columns, training, weight, is_vector)

    @property
    def entry_names(self) -> tuple[str, ...]:
        """Names of what is predicted: the target, or the entries of a vector."""
        if not self.is_vector:
            return (self.name,)
        return self.entries or tuple(f"{self.name}[{k}]" for k in range(len(self.mean)))

    def numbers(self, y: Any) -> NDArray[np.float64]:
        """Numeric Y in its own units, checked as in `transform`: `[n]`, or `[n, d]`."""
        columns = self._checked(y)
        found = [numbers_of(column, values) for column, values in columns.items()]
        return np.stack(found, axis=1) if self.is_vector else found[0]

    def with_counts(self, counts: Mapping[Level, int]) -> "Target":
        """A target with the class shares of other rows, and with any further classes in them.

        Args:
            counts: Number of rows of each class, whether or not the training rows contain it.

        Example:
            >>> target = Target.fit(np.array(["no", "yes"] * 10))
            >>> target.with_counts({"yes": 3, "no": 1}).share
            (0.25, 0.75)
        """
        classes = sorted_levels({*self.classes, *counts})
        sums = np.array([counts.get(level, 0) for level in classes], np.float64)
        return replace(self, classes=classes, share=_shares(sums, 0.5))

    @property
    def marginal(self) -> str:
        """What is predicted without X, in words: H(Y), or how Y is divided into bins.

        The bins of a continuous Y are as fine as the number of rows allows, so that their entropy
        says little about Y.
        """
        n_bins = [part.n_bins for part in self.bins]
        if all(part.n_intervals == 0 for part in self.bins):
            return "H(Y)"
        return f"the training rows of Y in {' x '.join(map(str, n_bins))} bins"

    def transform(self, y: Any, *, binned: bool = True) -> NDArray[Any]:
        """Y in the form that a model takes.

        Args:
            y: As in `fit`.
            binned: Whether numbers become codes of their bins rather than standardised numbers.

        Returns:
            Codes of classes or bins, int32, or numbers, float32: `[n]`, or `[n, d]` for a vector.

        Raises:
            UserError: If a value is missing, infinite, not a number, or not a known class.
        """
        columns = self._checked(y)
        if self.task == "classification":
            code_of = {level: code for code, level in enumerate(self.classes)}
            return codes_of(self.name, next(iter(columns.values())), code_of).astype(np.int32)
        numbers = [numbers_of(column, values) for column, values in columns.items()]
        if binned:
            found = [part.codes(row) for part, row in zip(self.bins, numbers, strict=True)]
            return np.stack(found, axis=1) if self.is_vector else found[0]
        scaled = (np.stack(numbers, axis=1) - np.array(self.mean)) / np.array(self.scale)
        return (scaled if self.is_vector else scaled[:, 0]).astype(np.float32)

    def _checked(self, y: Any) -> "dict[str, pd.Series[Any]]":
        columns, is_vector = _columns(y, self.name)
        if is_vector != self.is_vector or (self.mean and len(columns) != len(self.mean)):
            raise UserError(
                f"the target had {max(1, len(self.mean))} columns in training, but has "
                f"{len(columns)} now."
            )
        for column, values in columns.items():
            _reject_missing(column, values)
        return columns

    def inverse(self, values: NDArray[Any]) -> NDArray[Any]:
        """Convert codes of classes back to labels, or standardised numbers to the units of Y.

        Args:
            values: `[n]`, or numbers `[..., d]` with an entry for each output.
        """
        if self.task == "classification":
            return label_array(self.classes)[np.asarray(values)]
        return np.asarray(values, np.float64) * np.array(self.scale) + np.array(self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "name": self.name,
            "task": self.task,
            "classes": list(self.classes),
            "share": list(self.share),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "bins": [bins.to_dict() for bins in self.bins],
            "is_vector": self.is_vector,
            "entries": list(self.entries),
        }

    @classmethod
    def from_dict(cls, description: Any) -> "Target":
        """Restore a target from the result of `to_dict`.

        Raises:
            UserError: If the description is not valid.
        """
        try:
            target = cls(
                name=str(description["name"]),
                task=description["task"],
                classes=tuple(description["classes"]),
                share=tuple(float(v) for v in description["share"]),
                mean=tuple(float(v) for v in description["mean"]),
                scale=tuple(float(v) for v in description["scale"]),
                bins=tuple(map(TargetBins.from_dict, description["bins"])),
                is_vector=bool(description["is_vector"]),
                entries=tuple(map(str, description.get("entries", ()))),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"this is not a valid description of a target: {error}.") from None
        plain = all(isinstance(c, (str, bool, int, float)) for c in target.classes)
        sizes = {
            "classification": len(target.classes) == len(target.share) >= 2,
            "regression": len(target.mean) == len(target.scale) == len(target.bins) >= 1
            and len(target.entries) in (0, len(target.mean)),
        }
        if not plain or not sizes.get(target.task, False):
            raise UserError(
                "this is not a valid description of a target: its parts are inconsistent."
            )
        return target


def target_array(y: Any) -> NDArray[Any]:
    """A target that is not a table, as an array.

    Raises:
        UserError: If its rows differ in length.
    """
    try:
        return np.asarray(y)
    except ValueError:
        raise UserError(
            "the target's rows differ in length; give [n], or [n, d] for a vector."
        ) from None


def label_array(classes: Sequence[Level]) -> NDArray[Any]:
    """Labels as an array of their own type; of objects if that would change them or mix types.

    >>> label_array(("no", "yes")).dtype.kind, label_array((1, 2)).dtype.kind
    ('U', 'i')
    """
    array = np.array(classes)
    # Large integers may become doubles, and text loses trailing null characters.
    pairs = zip(array.tolist(), classes, strict=True)
    if all(type(found) is type(label) and found == label for found, label in pairs):
        return array
    return np.array(classes, dtype=object)


def _fit_classes(
    name: str,
    values: pd.Series,
    training: NDArray[np.bool_] | None,
    weight: NDArray[np.float64] | None,
) -> Target:
    declared = infer_column(name, values, None if _is_category(values) else "categorical").levels
    found = levels_of(name, values)
    order = sorted_levels(set(found)) if declared is None else declared
    classes = tuple(level for level in order if level in set(found))
    if len(classes) < 2:
        raise UserError(
            f"the target {name!r} has only one class, {shown(classes[0])}, so there is nothing to "
            "predict. Give rows of at least two classes."
        )
    codes = codes_of(name, values, {level: code for code, level in enumerate(classes)})
    used = np.ones(len(codes)) if weight is None else np.asarray(weight, np.float64)
    used = used if training is None else used * training
    sums = np.bincount(codes, used, minlength=len(classes)).astype(np.float64)
    return Target(
        name=name,
        task="classification",
        classes=classes,
        share=_shares(sums, 0.5 * used.sum() / max(np.count_nonzero(used), 1)),
        mean=(),
        scale=(),
        bins=(),
        is_vector=False,
    )


def _shares(sums: NDArray[np.float64], half_a_row: float) -> tuple[float, ...]:
    """Shares of classes, with half a row for a class that the training rows lack.

    Such a class is rare, but not impossible.
    """
    least = np.maximum(sums, half_a_row)
    return tuple((least / least.sum()).tolist())


def _fit_numbers(
    name: str,
    columns: dict[str, pd.Series],
    training: NDArray[np.bool_] | None,
    weight: NDArray[np.float64] | None,
    is_vector: bool,
) -> Target:
    used = None
    if weight is not None:
        used = np.asarray(weight, np.float64)
        used = used if training is None else used[training]
    moments, bins = [], []
    for column, values in columns.items():
        numbers = numbers_of(column, values)
        numbers = numbers if training is None else numbers[training]
        sums = Moments()
        sums.add(numbers)
        if sums.is_constant:
            raise UserError(
                f"the target {column!r} is {sums.low:g} in every training row, so there is nothing "
                "to predict. Choose another target."
            )
        if not math.isfinite(sums.standard_deviation):
            raise UserError(
                f"the target {column!r} spans too large a range of values; rescale it, or take its "
                "logarithm."
            )
        moments.append(sums)
        bins.append(TargetBins.fit(numbers, used))
    return Target(
        name=name,
        task="regression",
        classes=(),
        share=(),
        mean=tuple(sums.mean for sums in moments),
        scale=tuple(sums.standard_deviation for sums in moments),
        bins=tuple(bins),
        is_vector=is_vector,
        entries=tuple(columns) if is_vector else (),
    )


def _columns(y: Any, name: str | None) -> tuple[dict[str, pd.Series], bool]:
    """The outputs by name, and whether Y is a vector."""
    if isinstance(y, pd.Series):
        return {name or ("y" if y.name is None else str(y.name)): y}, False
    if isinstance(y, pd.DataFrame):
        if y.shape[1] == 1:
            return _columns(y.iloc[:, 0], name)
        return {str(column): y.iloc[:, k] for k, column in enumerate(y.columns)}, True
    array = target_array(y)
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise UserError(f"the target has shape {array.shape}; give [n], or [n, d] for a vector.")
    label = name or "y"
    if array.ndim == 1:
        return {label: series_of(array)}, False
    return {f"{label}[{k}]": series_of(array[:, k]) for k in range(array.shape[1])}, True


def _guess(name: str, values: pd.Series) -> Task:
    column = infer_column(name, values)
    if column.kind == "categorical" or pd.api.types.is_bool_dtype(values.dtype):
        return "classification"
    if pd.api.types.is_integer_dtype(values.dtype) and values.nunique() <= MAX_INTEGER_CLASSES:
        return "classification"
    return "regression"


def _is_category(values: pd.Series) -> bool:
    return isinstance(values.dtype, pd.CategoricalDtype)


def _reject_missing(name: str, values: pd.Series) -> None:
    reject_objects(name, values)
    missing = values.isna().to_numpy()
    if missing.any():
        raise UserError(
            f"the target {name!r} is missing in row {int(missing.argmax()) + 1} (data rows count "
            "from 1); drop such rows."
        )
