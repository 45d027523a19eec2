"""Ordered categories, rare levels, and unseen levels."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.errors import UserError
from distributed_ib.estimators.table_page import inputs_for_page
from distributed_ib.readable._agglomerate import merge_path
from distributed_ib.readable.atoms import Atoms

SIZES = ["small", "medium", "large", "huge"]


def fit(values: Any, kind: Any = None, rows: Any = None) -> FittedDecomposition:
    table = pd.DataFrame({"c": values})
    split = Decomposition.from_frame(table, kinds=None if kind is None else {"c": kind})
    return split.fit(table, rows)


def transformed(fitted: FittedDecomposition, values: Any, **options: Any) -> Any:
    return fitted.transform(pd.DataFrame({"c": values}), **options)


def sizes(n: int = 40) -> list[str]:
    return [SIZES[k] for k in np.random.default_rng(0).integers(4, size=n)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Categorical(sizes(), SIZES, ordered=True), None),
        (pd.Categorical(sizes(), SIZES), "ordered"),
        (sizes(), {"kind": "ordered", "levels": SIZES}),
    ],
)
def test_an_ordered_category_is_a_rank_and_keeps_its_order(values: Any, kind: Any) -> None:
    fitted = fit(values, kind)
    assert fitted.continuous == ("c",) and fitted.coded == ()
    assert fitted.column("c").is_ordered and fitted.column("c").labels == tuple(SIZES)
    ranks = np.array([SIZES.index(value) for value in sizes()])
    np.testing.assert_array_equal(fitted.read(pd.DataFrame({"c": values}))["c"], ranks)
    x = transformed(fitted, values)
    assert np.corrcoef(x.numbers[:, 0], ranks)[0, 1] == pytest.approx(1.0)
    labels, inputs = fitted.component_values("c")
    assert labels.tolist() == SIZES and (np.diff(inputs.numbers[:, 0]) > 0).all()
    again = FittedDecomposition.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    (shown,) = inputs_for_page(fitted, {})["c"]
    assert shown["levels"] == SIZES and shown["is_rank"]


def test_an_ordered_category_can_be_missing() -> None:
    values = [None if k % 7 == 0 else value for k, value in enumerate(sizes())]
    fitted = fit(pd.Categorical(values, SIZES, ordered=True))
    assert fitted.coded == ("c",)
    assert fitted.column("c").labels == (*SIZES, "missing")
    labels, inputs = fitted.component_values("c")
    assert labels[-1] == "missing" and inputs.codes[:, 0].tolist() == [0, 0, 0, 0, 1]


def test_the_order_of_levels_has_to_be_known() -> None:
    with pytest.raises(UserError, match="order of its levels is unknown; declare the order"):
        fit(sizes(), "ordered")
    with pytest.raises(UserError, match="contains 'huge', which is not among its levels"):
        fit(sizes(), {"kind": "ordered", "levels": SIZES[:3]})
    assert fit([3, 1, 2] * 10, "ordered").column("c").labels == ("1", "2", "3")


def test_symbols_of_an_ordered_category_join_neighbours_alone() -> None:
    p = np.array([0.1, 0.9, 0.1, 0.9])  # the first and the third are equivalent
    predictions = np.stack([p, 1 - p], -1)[:, None]
    path = merge_path(predictions, np.full(4, 0.25), is_number=True, only_neighbours=True)
    for labels in path.labels:
        assert (np.diff(labels) >= 0).all()
    free = merge_path(predictions, np.full(4, 0.25), is_number=False)
    assert free.labels[1].tolist() == [0, 1, 0, 1]
    atoms = Atoms.of_ordered("size", SIZES)
    assert atoms.text({0, 1, 2}) == "small to large" and atoms.text({0, 1}) == "small, medium"


def rare_column(n_levels: int) -> list[str]:
    """A column in which level k occurs in k rows."""
    return [f"L{k:02d}" for k in range(1, n_levels + 1) for _ in range(k)]


def test_rare_levels_are_merged_if_there_are_many_levels() -> None:
    few, many = fit(rare_column(50)), fit(rare_column(60))
    assert len(few.levels("c")) == 50 and not few.column("c").has_rare
    assert many.levels("c") == (*(f"L{k:02d}" for k in range(5, 61)), "(rare)")
    x = transformed(many, ["L01", "L04", "L05", "never seen"])
    rare = len(many.levels("c")) - 1
    assert x.codes[:, 0].tolist() == [rare, rare, 0, rare]


def test_whether_a_level_is_rare_follows_from_the_training_rows() -> None:
    values = [*rare_column(60), *["L01"] * 50]
    assert "L01" in fit(values).levels("c")
    train = np.arange(len(values) - 50)
    assert "L01" not in fit(values, rows=train).levels("c")


def test_an_unseen_level_is_the_most_frequent_with_a_warning_or_refused() -> None:
    fitted = fit(["a"] * 20 + ["b"] * 10)
    with pytest.warns(UserWarning, match="'c' has a category not seen.*'z', in 2 rows.*'a'"):
        x = transformed(fitted, ["b", "z", "z"])
    assert x.codes[:, 0].tolist() == [1, 0, 0]
    with pytest.raises(UserError, match=r"column 'c', row 2 .*'z', a category not seen"):
        transformed(fitted, ["b", "z"], unseen="error")
    with pytest.raises(UserError, match=r"row 1 .*'never', a category not seen"):
        transformed(fit(rare_column(60)), ["never"], unseen="error")
    with pytest.raises(UserError, match="unseen='drop' is unknown"):
        transformed(fitted, ["b"], unseen="drop")
    ordered = fit(sizes(), {"kind": "ordered", "levels": SIZES})
    with pytest.warns(UserWarning, match="not seen"):
        transformed(ordered, ["tiny"])


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([f"note {k}" for k in range(40)], "nearly every row has a different value"),
        (["same"] * 40, "it is constant"),
        ([2.5] * 40, "it is constant"),
        (np.arange(40), "it contains the row numbers"),
        (np.arange(1, 41), "it contains the row numbers"),
    ],
)
def test_columns_that_can_tell_nothing_are_left_out_and_come_back_with_a_kind(
    values: Any, why: str
) -> None:
    table = pd.DataFrame({"c": values, "x": np.arange(40) / 7})
    with pytest.warns(
        UserWarning, match=f"column 'c' is left out: {why}.*to keep it, declare its kind"
    ):
        split = Decomposition.from_frame(table)
    assert split.names == ("x",) and [one.name for one in split.left_out] == ["c"]
    assert Decomposition.from_dict(json.loads(json.dumps(split.to_dict()))) == split
    kind = "continuous" if isinstance(table["c"][0], (float, np.integer)) else "categorical"
    assert Decomposition.from_frame(table, kinds={"c": kind}).names == ("c", "x")
    assert Decomposition.from_frame(table, {"g": ["c", "x"]}).names == ("g",)
    if kind == "continuous":  # an array includes the column that was left out
        x = split.fit(table).transform(table.to_numpy(np.float64))
        np.testing.assert_array_equal(x.numbers, split.fit(table).transform(table).numbers)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(2, 42),  # for example years
        np.arange(40.0),
        ["same", None] * 20,  # missingness can be informative
        [f"name {k % 20}" for k in range(40)],
    ],
)
def test_other_columns_are_not_left_out(values: Any) -> None:
    assert Decomposition.from_frame(pd.DataFrame({"c": values})).names == ("c",)


def test_numbers_that_are_levels_are_shown_as_they_were_written_beside_gaps() -> None:
    table = pd.DataFrame({"zip": [12345.0, 10115.0, None] * 10})  # as pandas reads 12345
    column = Decomposition.from_frame(table, kinds={"zip": "categorical"}).fit(table).columns[0]
    assert column.labels == ("10115", "12345", "missing")


def test_a_level_is_the_same_as_a_number_and_as_text() -> None:
    table = pd.DataFrame({"zip": [12345, 10115] * 10, "code": ["7", "A"] * 10})
    kinds = dict.fromkeys(table, "categorical")
    fitted = Decomposition.from_frame(table, kinds=kinds).fit(table)
    new = pd.DataFrame({"zip": ["12345", "unknown"], "code": [7, 7]})
    with pytest.warns(UserWarning, match="'zip' has a category not seen .*'unknown', in 1 row"):
        codes = fitted.transform(new).codes
    assert codes.tolist() == [[1, 0], [0, 0]]
