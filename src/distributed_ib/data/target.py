"""Y: its kind, its classes or scaling, and how uncertain it is before anything is known of X."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import entr

from distributed_ib._units import nats_to_bits
from distributed_ib.data._moments import Moments
from distributed_ib.data._views import series_of
from distributed_ib.data.columns import (
    Level,
    codes_of,
    infer_column,
    levels_of,
    numbers_of,
    refuse_objects,
    shown,
    sorted_levels,
)
from distributed_ib.data.fitted_decomposition import training_mask
from distributed_ib.errors import UserError

Task = Literal["classification", "regression"]
# Integers with at most this many distinct values are taken for classes by task="auto".
MAX_INTEGER_CLASSES = 20
_GAUSSIAN_BITS = 0.5 * math.log2(2 * math.pi * math.e)


@dataclass(frozen=True)
class Target:
    """What is to be predicted, as a model takes it.

    Attributes:
        name: Name of the target column.
        task: "classification" or "regression".
        classes: Labels in the order of their codes; empty for regression.
        mean: Mean of each output over the training rows; empty for classification.
        scale: Standard deviation of each output there.
        is_vector: Whether Y was given as `[n, d]` and not as `[n]`.
        baseline_entropy_bits: Uncertainty about Y of someone who knows nothing of X. For classes
            it is the entropy H(Y) of the training labels. For numbers it is the differential
            entropy of a Gaussian with their mean and variance, 1/2 log2(2 pi e var), of the
            standardised Y that the loss is computed for: 2.047 bits for each output. Information
            about Y, the baseline minus the loss, does not depend on the units.

    Example:
        >>> target = Target.fit(np.array(["no", "yes", "no", "yes"] * 5))
        >>> target.classes, target.baseline_entropy_bits
        (('no', 'yes'), 1.0)
    """

    name: str
    task: Task
    classes: tuple[Level, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    is_vector: bool
    baseline_entropy_bits: float

    @classmethod
    def fit(
        cls,
        y: Any,
        task: Literal["auto"] | Task = "auto",
        rows: NDArray[Any] | None = None,
        *,
        name: str | None = None,
    ) -> "Target":
        """Check Y and learn its classes, or its scaling from the training rows.

        Args:
            y: Labels or numbers `[n]`, or numbers `[n, d]`; arrays, a Series or a DataFrame.
            task: "auto" takes text, booleans, pandas categories and integers of at most 20
                distinct values for classes, and all other numbers for a regression.
            rows: Training rows, as indices or a mask; default all.
            name: Name of the target; default the Series' own, or "y".

        Raises:
            UserError: If a value is missing, infinite or no number, all values are the same, or
                the task is unknown.
        """
        columns, is_vector = _columns(y, name)
        label = next(iter(columns)) if not is_vector else name or "y"
        if task not in ("auto", "classification", "regression"):
            raise UserError(f"task {task!r} is unknown; choose auto, classification or regression.")
        n_rows = len(next(iter(columns.values())))
        training = training_mask(rows, n_rows)
        for column, values in columns.items():
            _refuse_missing(column, values)
        if task == "auto":
            task = "regression" if is_vector else _guess(label, columns[label])
        if task == "classification":
            if is_vector:
                raise UserError("classification needs one column of labels [n], got several.")
            return _fit_classes(label, columns[label], training)
        return _fit_scaling(label, columns, training, is_vector)

    def transform(self, y: Any) -> NDArray[Any]:
        """Y as a model takes it: codes `[n]` int32, or standardised numbers float32.

        Raises:
            UserError: If a value is missing, infinite, no number, or no known class.
        """
        columns, is_vector = _columns(y, self.name)
        if is_vector != self.is_vector or (self.mean and len(columns) != len(self.mean)):
            raise UserError(
                f"the target had {max(1, len(self.mean))} columns in training, now {len(columns)}."
            )
        for column, values in columns.items():
            _refuse_missing(column, values)
        if self.task == "classification":
            code_of = {level: code for code, level in enumerate(self.classes)}
            return codes_of(self.name, next(iter(columns.values())), code_of).astype(np.int32)
        scaled = [
            (numbers_of(column, values) - mean) / scale
            for (column, values), mean, scale in zip(
                columns.items(), self.mean, self.scale, strict=True
            )
        ]
        return (np.stack(scaled, axis=1) if is_vector else scaled[0]).astype(np.float32)

    def inverse(self, values: NDArray[Any]) -> NDArray[Any]:
        """From a model's codes or standardised numbers back to labels or the user's units."""
        if self.task == "classification":
            return label_array(self.classes)[np.asarray(values)]
        mean, scale = np.array(self.mean), np.array(self.scale)
        if not self.is_vector:
            mean, scale = mean[0], scale[0]
        return np.asarray(values, np.float64) * scale + mean

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "name": self.name,
            "task": self.task,
            "classes": list(self.classes),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "is_vector": self.is_vector,
            "baseline_entropy_bits": self.baseline_entropy_bits,
        }

    @classmethod
    def from_dict(cls, description: Any) -> "Target":
        """Read what `to_dict` gave.

        Raises:
            UserError: If it is no such description.
        """
        try:
            target = cls(
                name=str(description["name"]),
                task=description["task"],
                classes=tuple(description["classes"]),
                mean=tuple(float(v) for v in description["mean"]),
                scale=tuple(float(v) for v in description["scale"]),
                is_vector=bool(description["is_vector"]),
                baseline_entropy_bits=float(description["baseline_entropy_bits"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"this is no description of a target: {error}.") from None
        plain = all(isinstance(c, (str, bool, int, float)) for c in target.classes)
        sizes = {
            "classification": len(target.classes) >= 2,
            "regression": len(target.mean) == len(target.scale) >= 1,
        }
        if not plain or not sizes.get(target.task, False):
            raise UserError("this is no description of a target: its parts don't fit together.")
        return target


def target_array(y: Any) -> NDArray[Any]:
    """A target that is no table, as an array.

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
    # Large whole numbers may become doubles, and text loses zero characters at its end.
    pairs = zip(array.tolist(), classes, strict=True)
    if all(type(found) is type(label) and found == label for found, label in pairs):
        return array
    return np.array(classes, dtype=object)


def _fit_classes(name: str, values: pd.Series, training: NDArray[np.bool_] | None) -> Target:
    declared = infer_column(name, values, None if _is_category(values) else "categorical").levels
    found = levels_of(name, values)
    order = sorted_levels(set(found)) if declared is None else declared
    classes = tuple(level for level in order if level in set(found))
    if len(classes) < 2:
        raise UserError(
            f"the target {name!r} has one class, {shown(classes[0])}; there is nothing to predict. "
            "Give rows of at least two classes."
        )
    codes = codes_of(name, values, {level: code for code, level in enumerate(classes)})
    counts = np.bincount(codes if training is None else codes[training], minlength=len(classes))
    return Target(
        name=name,
        task="classification",
        classes=classes,
        mean=(),
        scale=(),
        is_vector=False,
        baseline_entropy_bits=float(nats_to_bits(entr(counts / counts.sum()).sum())),
    )


def _fit_scaling(
    name: str,
    columns: dict[str, pd.Series],
    training: NDArray[np.bool_] | None,
    is_vector: bool,
) -> Target:
    moments = []
    for column, values in columns.items():
        numbers = numbers_of(column, values)
        sums = Moments()
        sums.add(numbers if training is None else numbers[training])
        if sums.is_constant:
            raise UserError(
                f"the target {column!r} is {sums.low:g} in every training row; there is nothing "
                "to predict. Choose another target."
            )
        if not math.isfinite(sums.standard_deviation):
            raise UserError(f"the target {column!r} spans too large a range; change its units.")
        moments.append(sums)
    return Target(
        name=name,
        task="regression",
        classes=(),
        mean=tuple(sums.mean for sums in moments),
        scale=tuple(sums.standard_deviation for sums in moments),
        is_vector=is_vector,
        baseline_entropy_bits=_GAUSSIAN_BITS * len(moments),
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


def _refuse_missing(name: str, values: pd.Series) -> None:
    refuse_objects(name, values)
    missing = values.isna().to_numpy()
    if missing.any():
        raise UserError(
            f"the target {name!r} is missing in row {int(missing.argmax()) + 1} (data rows count "
            "from 1); drop such rows, for what is not known can't be learnt."
        )
