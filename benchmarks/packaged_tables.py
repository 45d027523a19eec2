"""Tables shipped with scikit-learn and statsmodels, selected by a fixed rule.

The rule: every `load_*` of `sklearn.datasets`, and every module of `statsmodels.datasets`, that
names the target and the predictors, with at least 150 rows and four predictors.

- Y is scikit-learn's `target`, or statsmodels' `endog`; X is `data`, or `exog`. Data sets without
  them (time series in statsmodels) are left out, as are those whose rows are pictures or texts in
  files.
- Two columns of `endog` are the successes and failures of a binomial Y: their share is predicted.
- Y with at most ten distinct values is a class, otherwise a number.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import sklearn.datasets
import statsmodels.datasets
from numpy.typing import NDArray

LEAST_ROWS, LEAST_COLUMNS, MOST_CLASSES = 150, 4, 10
# Functions of scikit-learn that read the user's own files, or pictures.
_NO_TABLES = (
    "load_files",
    "load_sample_image",
    "load_sample_images",
    "load_svmlight_file",
    "load_svmlight_files",
)
_NO_DATA_SETS = ("template_data", "tests", "utils")


@dataclass(frozen=True, eq=False)
class PackagedTable:
    """A table to predict from.

    Attributes:
        name: Name of the data set.
        x: Predictors, `[n, column]`; text is categorical.
        y: Codes of classes, or numbers, `[n]`.
        task: Whether `y` contains classes or numbers.
    """

    name: str
    x: pd.DataFrame
    y: NDArray[Any]
    task: Literal["classification", "regression"]


class LeftOut(NamedTuple):
    """A data set that the rule leaves out, and why."""

    name: str
    reason: str


def packaged_tables() -> tuple[list[PackagedTable], list[LeftOut]]:
    """All tables that the rule selects, by name, and those that it leaves out."""
    taken, left_out = [], []
    for name, x, y in (*_of_scikit_learn(), *_of_statsmodels()):
        found = _by_rule(name, x, y)
        if isinstance(found, PackagedTable):
            taken.append(found)
        else:
            left_out.append(found)
    return sorted(taken, key=lambda table: table.name), sorted(left_out)


def _of_scikit_learn() -> Iterator[tuple[str, Any, Any]]:
    for name in dir(sklearn.datasets):
        if name.startswith("load_") and name not in _NO_TABLES:
            found = getattr(sklearn.datasets, name)(as_frame=True)
            yield name.removeprefix("load_"), found.data, found.target


def _of_statsmodels() -> Iterator[tuple[str, Any, Any]]:
    for module in pkgutil.iter_modules(statsmodels.datasets.__path__):
        if module.name not in _NO_DATA_SETS:
            loader = importlib.import_module(f"statsmodels.datasets.{module.name}")
            found = loader.load_pandas()
            yield module.name, found.get("exog"), found.get("endog")


def _by_rule(name: str, x: Any, y: Any) -> PackagedTable | LeftOut:
    if x is None or y is None:
        return LeftOut(name, "names no target" if y is None else "names no columns to predict from")
    x, y = pd.DataFrame(x).reset_index(drop=True), pd.DataFrame(y).to_numpy(float)
    if len(x) < LEAST_ROWS:
        return LeftOut(name, f"{len(x)} rows")
    if x.shape[1] < LEAST_COLUMNS:
        return LeftOut(name, f"{x.shape[1]} columns to predict from")
    if y.shape[1] > 2:
        return LeftOut(name, f"{y.shape[1]} targets")
    values = y[:, 0] if y.shape[1] == 1 else y[:, 0] / y.sum(axis=1)
    x.columns = x.columns.astype(str)
    text = x.select_dtypes(exclude="number").columns
    x = x.astype({column: "category" for column in text})
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) <= MOST_CLASSES:
        return PackagedTable(name, x, codes, "classification")
    return PackagedTable(name, x, values, "regression")


if __name__ == "__main__":
    found, rest = packaged_tables()
    for table in found:
        print(f"{table.name}: {table.x.shape[0]} x {table.x.shape[1]}, {table.task}")
    print("left out:", ", ".join(f"{name} ({reason})" for name, reason in rest))
