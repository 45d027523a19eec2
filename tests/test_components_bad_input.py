"""Faulty data: each fault gives one clear error that names the column, the row and the remedy."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError


def good(n: int = 30) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(n) * 0.5, "b": ["u", "v"] * (n // 2)})


def fit(table: Any, components: Any = None, **options: Any) -> Any:
    return Decomposition.from_frame(table, components, **options).fit(table)


def test_an_infinite_number_is_named() -> None:
    with pytest.raises(UserError, match=r"column 'a', row 30 .*infinite"):
        fit(good().assign(a=[*range(29), -np.inf]))


@pytest.mark.parametrize("name", ["1-2", "10.0.0.1", "2020-W03", "12:30 pm sharp", "v1.2.3"])
def test_names_with_digits_are_no_dates(name: str) -> None:
    fit(good().assign(when=[name, "other"] * 15))
    fit(good().assign(when=[name, name + "x"] * 15))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([*map(str, range(29)), "n/a"], r"column 'c', row 30 .*contains numbers, but also 'n/a'"),
        ([*range(29), "n/a"], r"column 'c', row 30 .*contains numbers, but also 'n/a'"),
        ([[1, 2]] * 30, "row 1 .*a value of type list"),
        ([1 + 2j] * 30, "complex numbers"),
        (pd.cut(np.arange(30), 3), "of type Interval; convert them to text"),
    ],
)
def test_what_is_neither_number_nor_category_is_refused(values: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fit(good().assign(c=values))


def test_numbers_kept_as_objects_are_numbers() -> None:
    table = good().assign(c=[Decimal(k) for k in range(30)], d=[0, 1.5, True] * 10)
    assert Decomposition.from_frame(table).fit(table).continuous == ("a", "c", "d")


def test_text_where_a_number_was_declared_is_named() -> None:
    table = good().assign(c=["1", "2", "three"] * 10)
    with pytest.raises(UserError, match=r"column 'c', row 3 .*declared continuous .*'three'"):
        fit(table, kinds={"c": "continuous"})
    fitted = fit(good())
    with pytest.raises(UserError, match=r"column 'a', row 2 .*'x'; correct the value"):
        fitted.transform(pd.DataFrame({"a": [1.0, "x"], "b": ["u", "u"]}))


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ({"g": ["a"], "h": ["a", "b"]}, "column 'a' is in two components, 'g' and 'h'"),
        ({"g": ["a", "a"]}, "column 'a' is in two components"),
        ({"g": ["a", "z"]}, "component 'g' names the column 'z', which .* its columns are a, b"),
        ({"b": ["a"]}, "two components are named 'b'; rename one"),
        ({"g": []}, "component 'g' has no columns"),
        ("everything", "components='everything' is not valid"),
        (["a", "b"], "components must be a dict"),
    ],
)
def test_faulty_groups(components: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fit(good(), components)


def test_faulty_tables() -> None:
    with pytest.raises(UserError, match="two columns named 'a'; rename or drop one"):
        fit(pd.DataFrame(np.ones((30, 2)), columns=["a", "a"]))
    with pytest.raises(UserError, match="no columns"):
        fit(pd.DataFrame(index=range(30)))
    with pytest.raises(UserError, match=r"have only 19 rows; .* at least 20"):
        fit(good(30).iloc[:19])
    with pytest.raises(UserError, match="kinds names the column 'zip'"):
        fit(good(), kinds={"zip": "categorical"})
    with pytest.raises(UserError, match="column 'a' is declared 'number'; choose one of"):
        fit(good(), kinds={"a": "number"})
    with pytest.raises(UserError, match="use from_arrays"):
        fit(np.ones((30, 2)))
    with pytest.raises(UserError, match="spans too large a range"):
        fit(good().assign(a=np.linspace(-1e300, 1e300, 30)))
    with pytest.raises(UserError, match="training rows do not match"):
        Decomposition.from_frame(good()).fit(good(), np.array([31]))
    with pytest.raises(UserError, match="no training rows"):
        Decomposition.from_frame(good()).fit(good(), np.array([], int))


def test_faulty_arrays() -> None:
    with pytest.raises(UserError, match=r"got shape \(5,\); for a single column use x.reshape"):
        Decomposition.from_arrays(np.ones(5))
    with pytest.raises(UserError, match=r"differ in length: {'x0': 5, 'x1': 6}"):
        Decomposition.from_arrays([np.ones(5), np.ones(6)])
    with pytest.raises(UserError, match=r"array 'x1' has shape \(5, 2, 2\)"):
        Decomposition.from_arrays([np.ones(5), np.ones((5, 2, 2))])
    with pytest.raises(UserError, match="names must be 2 different names"):
        Decomposition.from_arrays(np.ones((5, 2)), ["a", "a"])


def test_faults_of_new_rows() -> None:
    fitted = fit(good())
    with pytest.raises(UserError, match=r"column 'b', row 2 .*'w', a category not seen .*'u', 'v'"):
        fitted.transform(pd.DataFrame({"a": [1, 2], "b": ["u", "w"]}), unseen="error")
    with pytest.raises(UserError, match="column 'b' is missing; the model needs a, b"):
        fitted.transform(pd.DataFrame({"a": [1, 2], "c": ["u", "v"]}))
    with pytest.raises(UserError, match="array has 3 columns, but the model was fitted on 2: a, b"):
        fitted.transform(np.ones((4, 3)))
    with pytest.raises(UserError, match=r"column 'a', row 2 .*more than 1e30 standard deviations"):
        fitted.transform(pd.DataFrame({"a": [1, 1e200], "b": ["u", "v"]}))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, 2.0, None] * 10, r"target 'y' is missing in row 3"),
        (["a", None, "b"] * 10, r"target 'y' is missing in row 2"),
        ([2.5] * 30, "target 'y' is 2.5 in every training row"),
        (["a"] * 30, "target 'y' has only one class, 'a'"),
        ([1.0, np.inf, 2.0] * 10, r"column 'y', row 2 .*infinite"),
    ],
)
def test_faulty_targets(y: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Target.fit(pd.Series(y, name="y"))


def test_an_unknown_class_is_named() -> None:
    target = Target.fit(["no", "yes"] * 10)
    with pytest.raises(UserError, match=r"column 'y', row 2 .*'maybe', a category not seen"):
        target.transform(["no", "maybe"])
