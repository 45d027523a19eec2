"""Decompositions: how columns become components and values become numbers."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError

FIXED = settings(max_examples=40, derandomize=True, deadline=None)


def mixed_table(n: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.normal(3.0, 2.0, n),
            "count": rng.integers(0, 5, n),
            "flag": rng.random(n) < 0.5,
            "colour": rng.choice(["red", "green", "blue"], n),
            "size": pd.Categorical(rng.choice(["S", "L"], n), categories=["S", "M", "L"]),
        }
    )


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Small tables of continuous and categorical columns, none of them constant."""
    n = draw(st.integers(20, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = pd.DataFrame(index=range(n))
    for k in range(draw(st.integers(1, 6))):
        match draw(st.sampled_from(["normal", "offset", "integer", "boolean", "text"])):
            case "normal":
                table[f"c{k}"] = rng.normal(0.0, 10.0 ** rng.integers(-8, 8), n)
            case "offset":
                table[f"c{k}"] = 1e9 + rng.normal(size=n)
            case "integer":
                table[f"c{k}"] = rng.permutation(n)
            case "boolean":
                table[f"c{k}"] = rng.permutation(n) % 2 == 0
            case _:
                table[f"c{k}"] = rng.choice(list("abc"), n).tolist()
                table.loc[:2, f"c{k}"] = list("abc")
    return table


@st.composite
def grouped(draw: st.DrawFn) -> tuple[pd.DataFrame, Decomposition]:
    """A table and a random decomposition of its columns into components."""
    table = draw(tables())
    owner = [draw(st.integers(0, 2)) for _ in table.columns]
    groups = {
        f"g{g}": [c for c, o in zip(table.columns, owner, strict=True) if o == g] for g in (1, 2)
    }
    return table, Decomposition.from_frame(table, {g: cs for g, cs in groups.items() if cs})


def assert_same(first: TableInput, second: TableInput) -> None:
    np.testing.assert_array_equal(first.numbers, second.numbers)
    np.testing.assert_array_equal(first.codes, second.codes)


def test_each_column_of_a_table_is_a_component_and_text_is_one_of_them() -> None:
    table = mixed_table()
    split = Decomposition.from_frame(table)
    assert split.names == ("x", "count", "flag", "colour", "size")
    fitted = split.fit(table)
    assert fitted.continuous == ("x", "count", "flag")
    assert fitted.levels("colour") == ("blue", "green", "red")
    assert fitted.levels("size") == ("S", "M", "L")  # declared, although M does not occur
    assert fitted.encoder_options() == {
        "n_numbers": [1, 1, 1, 0, 0],
        "n_levels": [[], [], [], [3], [3]],
    }
    inputs = fitted.transform(table)
    assert inputs.numbers.dtype == np.float32 and inputs.codes.dtype == np.uint8
    decoded = np.array(fitted.levels("colour"))[inputs.codes[:, 0]]
    np.testing.assert_array_equal(decoded, table["colour"])
    np.testing.assert_allclose(inputs.numbers.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(inputs.numbers.std(axis=0), 1.0, atol=1e-5)


def test_groups_come_first_and_the_other_columns_follow() -> None:
    table = mixed_table()
    split = Decomposition.from_frame(table, {"look": ["colour", "x"], "fit": "size"})
    assert split.names == ("look", "fit", "count", "flag")
    fitted = split.fit(table)
    assert fitted.encoder_options() == {
        "n_numbers": [1, 0, 1, 1],
        "n_levels": [[3], [3], [], []],
    }
    assert fitted.continuous == ("x", "count", "flag")
    assert Decomposition.from_frame(table, "all").names == ("all",)


def test_arrays_lists_and_dicts_of_arrays() -> None:
    rng = np.random.default_rng(0)
    place, time = rng.normal(size=(30, 2)), rng.normal(size=30)
    one = Decomposition.from_arrays(np.column_stack([place, time]))
    assert one.names == ("x0", "x1", "x2")
    several = Decomposition.from_arrays([place, time])
    assert several.names == ("x0", "x1")
    assert several.components[0].columns == ("x0[0]", "x0[1]")
    named = Decomposition.from_arrays([place, time], ["place", "time"])
    assert named.names == ("place", "time")
    expected = one.fit(np.column_stack([place, time])).transform(np.column_stack([place, time]))
    assert_same(several.fit([place, time]).transform([place, time]), expected)
    assert_same(named.fit([place, time]).transform([place, time]), expected)
    in_dict = {"place": place, "time": time}
    assert_same(Decomposition.from_arrays(in_dict).fit(in_dict).transform(in_dict), expected)
    assert Decomposition.from_arrays(np.zeros((3, 4)), components="all").names == ("all",)


def test_a_function_of_x_makes_components_but_can_not_be_saved() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))

    def shells(raw: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {"radius": np.hypot(raw[:, 0], raw[:, 1]), "rest": raw[:, 1:]}

    fitted = Decomposition.from_function(shells, x).fit(x)
    assert fitted.names == ("radius", "rest")
    inputs = fitted.transform(x[:7])
    radius = np.hypot(x[:, 0], x[:, 1])
    np.testing.assert_allclose(
        inputs.numbers[:, 0], ((radius - radius.mean()) / radius.std())[:7], rtol=1e-5
    )
    assert not fitted.decomposition.is_saveable
    with pytest.raises(UserError, match="function can't be saved"):
        fitted.to_dict()


@FIXED
@given(tables(), st.data())
def test_permuting_columns_permutes_components(table: pd.DataFrame, data: st.DataObject) -> None:
    order = data.draw(st.permutations(list(table.columns)))
    straight = Decomposition.from_frame(table).fit(table)
    shuffled = Decomposition.from_frame(table[order]).fit(table[order])
    assert shuffled.names == tuple(order)
    first, second = straight.transform(table), shuffled.transform(table)
    for name in order:
        assert_same(component_of(straight, first, name), component_of(shuffled, second, name))


def component_of(fitted: FittedDecomposition, inputs: TableInput, name: str) -> TableInput:
    numbers = [fitted.continuous.index(name)] if name in fitted.continuous else []
    codes = [fitted.categorical.index(name)] if name in fitted.categorical else []
    return TableInput(inputs.numbers[:, numbers], inputs.codes[:, codes])


@FIXED
@given(grouped(), st.randoms(use_true_random=False))
def test_rows_are_transformed_one_by_one(
    case: tuple[pd.DataFrame, Decomposition], random: object
) -> None:
    table, split = case
    fitted = split.fit(table)
    rows = np.random.default_rng(len(table)).permutation(len(table))[:11]
    whole = fitted.transform(table)
    assert_same(fitted.transform(table.iloc[rows]), whole.take(rows))


@FIXED
@given(grouped())
def test_a_saved_decomposition_transforms_alike(case: tuple[pd.DataFrame, Decomposition]) -> None:
    table, split = case
    assert Decomposition.from_dict(json.loads(json.dumps(split.to_dict()))) == split
    fitted = split.fit(table)
    again = FittedDecomposition.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    assert_same(again.transform(table), fitted.transform(table))


@FIXED
@given(grouped())
def test_the_order_of_columns_and_further_columns_make_no_difference(
    case: tuple[pd.DataFrame, Decomposition],
) -> None:
    table, split = case
    fitted = split.fit(table)
    other = table[table.columns[::-1]].assign(further="text")
    assert_same(fitted.transform(other), fitted.transform(table))


@FIXED
@given(tables(), st.integers(0, 2**31))
def test_scaling_sees_the_training_rows_alone(table: pd.DataFrame, seed: int) -> None:
    train = np.random.default_rng(seed).permutation(len(table))[:10]
    split = Decomposition.from_frame(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # all rows of a boolean can be equal
        by_index = split.fit(table, train)
        by_mask = split.fit(table, np.isin(np.arange(len(table)), train))
        alone = split.fit(table.iloc[np.sort(train)], min_rows=1)
    assert by_index == by_mask
    assert by_index.mean == alone.mean and by_index.scale == alone.scale


def test_a_category_that_occurs_only_in_held_out_rows_is_known() -> None:
    table = pd.DataFrame({"colour": ["red", "blue"] * 15 + ["violet"], "x": np.arange(31.0)})
    fitted = Decomposition.from_frame(table).fit(table, np.arange(30))
    assert fitted.levels("colour") == ("blue", "red", "violet")


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e12])
def test_a_huge_offset_costs_no_digits(offset: float) -> None:
    steps = np.arange(100.0) / 8.0  # exact in double precision at any of these offsets
    plain = Decomposition.from_arrays(steps[:, None])
    moved = (steps + offset)[:, None]
    np.testing.assert_allclose(
        plain.fit(moved).transform(moved).numbers,
        plain.fit(steps[:, None]).transform(steps[:, None]).numbers,
        atol=1e-5,
    )


def test_a_constant_column_only_warns() -> None:
    table = mixed_table().assign(flat=1e15 + 0.1)
    with pytest.warns(UserWarning, match="column 'flat' is constant in the training rows"):
        fitted = Decomposition.from_frame(table, kinds={"flat": "continuous"}).fit(table)
    assert np.all(fitted.transform(table).numbers[:, fitted.continuous.index("flat")] == 0)


def test_an_array_takes_the_columns_of_a_table_by_position() -> None:
    table = mixed_table()[["x", "count", "flag"]]
    fitted = Decomposition.from_frame(table, {"last": ["flag"]}).fit(table)
    assert_same(fitted.transform(table.to_numpy(np.float64)), fitted.transform(table))


def test_declared_kinds_override_the_types_of_a_table() -> None:
    table = pd.DataFrame({"zip": [8001, 8002] * 10, "age": ["31", "45.5"] * 10})
    split = Decomposition.from_frame(table, kinds={"zip": "categorical", "age": "continuous"})
    fitted = split.fit(table)
    assert fitted.levels("zip") == (8001, 8002)
    assert fitted.mean == (38.25,)
    moved = table.astype({"zip": float})
    assert_same(fitted.transform(moved), fitted.transform(table))  # 8001.0 is the category 8001


def test_the_values_of_a_component_come_in_the_users_units() -> None:
    table = mixed_table()
    fitted = Decomposition.from_frame(table).fit(table)
    values, inputs = fitted.component_values("x", 5)
    np.testing.assert_array_equal(values, np.sort(table["x"])[[0, 10, 20, 29, 39]])
    others = table.iloc[:5].assign(x=values)
    np.testing.assert_array_equal(inputs.numbers[:, 0], fitted.transform(others).numbers[:, 0])
    labels, coded = fitted.component_values("colour")
    assert labels.tolist() == ["blue", "green", "red"]
    assert coded.codes[:, 0].tolist() == [0, 1, 2] and not coded.numbers.any()
    pair = Decomposition.from_frame(table, {"pair": ["x", "colour"]}).fit(table)
    with pytest.raises(UserError, match="has 2 columns"):
        pair.component_values("pair")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("columns"),
        lambda d: d.pop("scaling"),
        lambda d: d["scaling"].update(scale=[0.0] * 3),
        lambda d: d["scaling"].update(mean=[float("nan")] * 3),
        lambda d: d["scaling"].update(mean=["1; import os"]),
        lambda d: d["columns"][0].update(kind="code"),
        lambda d: d["columns"][3].update(levels=None),
        lambda d: d["columns"][3].update(levels=[["a"]]),
        lambda d: d["components"][0].update(name=7),
        lambda d: d["components"][0].update(columns=["nowhere"]),
    ],
)
def test_an_altered_description_is_refused(change: object) -> None:
    description = Decomposition.from_frame(mixed_table()).fit(mixed_table()).to_dict()
    change(description)  # type: ignore[operator]
    with pytest.raises(UserError):
        FittedDecomposition.from_dict(description)
