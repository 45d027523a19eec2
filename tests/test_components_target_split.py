"""Targets, splits into training and validation rows, and duplicate components."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_ib.data._copies import exchangeable_components
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.splitters import HoldOutLast, folds, split_rows
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError

FIXED = settings(max_examples=50, derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (["no", "yes"] * 10, "classification", ("no", "yes")),
        ([True, False] * 10, "classification", (False, True)),
        ([3, 1, 2, 1] * 5, "classification", (1, 2, 3)),
        (list(range(40)), "regression", ()),
        ([0.0, 1.0] * 10, "regression", ()),
        (pd.Categorical(["b", "a"] * 10, ["c", "b", "a"]), "classification", ("b", "a")),
    ],
)
def test_the_task_follows_the_type_of_y(y: object, task: str, classes: tuple[object]) -> None:
    target = Target.fit(pd.Series(y))
    assert (target.task, target.classes) == (task, classes)


def test_shares_of_classes_are_those_of_the_training_rows() -> None:
    y = np.array(["a"] * 30 + ["b"] * 10 + ["c"] * 60)
    assert Target.fit(y).share == pytest.approx((0.3, 0.1, 0.6))
    assert Target.fit(y, weight=np.where(y == "b", 3.0, 1.0)).share == pytest.approx(
        (30 / 120, 30 / 120, 60 / 120)
    )
    # A class that is absent from the training rows counts as half a row, not as impossible.
    assert Target.fit(y, rows=np.arange(20, 40)).share == pytest.approx(
        (10 / 20.5, 10 / 20.5, 0.5 / 20.5)
    )


def test_bins_of_numbers_follow_their_order_and_know_no_units() -> None:
    y = np.random.default_rng(0).normal(5.0, 3.0, 100)
    target, larger = Target.fit(y), Target.fit(y * 1e3)
    np.testing.assert_array_equal(target.transform(y), larger.transform(y * 1e3))
    assert target.marginal == "the training rows of Y in 14 bins"
    assert target.transform(y).dtype == np.int32
    pair = Target.fit(np.column_stack([y, y**2]))
    assert pair.is_vector and pair.marginal.endswith("in 14 x 14 bins")
    assert pair.transform(np.column_stack([y, y**2])).shape == (100, 2)
    # A count with few values has an entropy without binning.
    assert Target.fit(np.arange(100) % 3, "regression").marginal == "H(Y)"


def test_targets_come_back_in_the_users_units() -> None:
    y = np.random.default_rng(0).normal(1e6, 3.0, (50, 2))
    target = Target.fit(y, rows=np.arange(25))
    scaled = target.transform(y, binned=False)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[:25].mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(target.inverse(scaled), y, rtol=1e-12)
    np.testing.assert_array_equal(target.numbers(y), y)
    labels = np.array(["no", "yes", "maybe"] * 10)
    named = Target.fit(labels, name="answer")
    np.testing.assert_array_equal(named.inverse(named.transform(labels)), labels)
    for each, values in ((target, y), (named, labels)):
        again = Target.from_dict(json.loads(json.dumps(each.to_dict())))
        assert again.to_dict() == each.to_dict()
        np.testing.assert_array_equal(again.transform(values), each.transform(values))
    with pytest.raises(UserError):
        Target.from_dict({**named.to_dict(), "task": "regression"})


@FIXED
@given(st.integers(2, 200), st.floats(0.05, 0.95), st.integers(0, 2**32))
def test_a_split_holds_every_row_once(n: int, fraction: float, seed: int) -> None:
    train, held = split_rows(n, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(n))
    assert len(train) and len(held) and abs(len(held) - fraction * n) <= 1
    again = split_rows(n, fraction, seed)
    np.testing.assert_array_equal(again[1], held)


@FIXED
@given(st.lists(st.integers(0, 6), min_size=2, max_size=100), st.integers(0, 99))
def test_groups_never_straddle_a_split(groups: list[int], seed: int) -> None:
    if len(set(groups)) == 1:
        with pytest.raises(UserError, match="at least two groups"):
            split_rows(len(groups), 0.3, seed, groups=groups)
        return
    train, held = split_rows(len(groups), 0.3, seed, groups=groups)
    labels = np.array(groups)
    assert not set(labels[train]) & set(labels[held])
    assert len(train) + len(held) == len(groups) and len(train) and len(held)


@FIXED
@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=200), st.floats(0.1, 0.6))
def test_classes_are_split_alike(labels: list[str], fraction: float) -> None:
    train, held = split_rows(len(labels), fraction, stratify=labels)
    assert len(train) + len(held) == len(labels) and len(train) and len(held)
    y = np.array(labels)
    for label in set(labels):
        count = np.sum(y == label)
        if len(labels) > 10:
            assert abs(np.sum(y[held] == label) - fraction * count) < 2
        if len(set(labels)) < len(labels):
            assert np.sum(y[train] == label) >= 1


def test_faulty_splits() -> None:
    with pytest.raises(UserError, match="between 0 and 1, got 1"):
        split_rows(10, 1.0)
    with pytest.raises(UserError, match="9 labels for 10 rows"):
        split_rows(10, 0.2, groups=range(9))
    with pytest.raises(UserError, match="no label for row 2"):
        split_rows(3, 0.5, groups=["a", None, "b"])
    with pytest.raises(UserError, match="not by both"):
        split_rows(2, 0.5, groups=[0, 1], stratify=[0, 1])


@FIXED
@given(
    st.integers(2, 120),
    st.integers(2, 6),
    st.integers(0, 99),
    st.sampled_from(["none", "groups", "stratify"]),
)
def test_every_row_is_inside_one_fold_and_outside_the_others(
    n: int, n_folds: int, seed: int, kind: str
) -> None:
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(500, n, replace=False))
    labels = random.integers(0, 5, n)
    options: dict[str, Any] = {} if kind == "none" else {kind: labels}
    n_kinds = len(set(labels)) if kind == "groups" else n
    if n_kinds < 2:
        with pytest.raises(UserError, match="can't be divided"):
            folds(rows, n_folds, seed, **options)
        return
    found = folds(rows, n_folds, seed, **options)
    assert len(found) == min(n_folds, n_kinds)
    np.testing.assert_array_equal(np.sort(np.concatenate([i for _, i in found])), rows)
    for outside, inside in found:
        np.testing.assert_array_equal(np.sort(np.concatenate([outside, inside])), rows)
        if kind == "groups":
            assert not set(labels[np.isin(rows, inside)]) & set(labels[np.isin(rows, outside)])
    if kind == "none":
        sizes = [len(inside) for _, inside in found]
        assert max(sizes) - min(sizes) <= 1
    if kind == "stratify" and np.bincount(labels).max() >= len(found):
        for label in set(labels):
            counts = [np.sum(labels[np.isin(rows, inside)] == label) for _, inside in found]
            assert max(counts) - min(counts) <= 1


def test_folds_in_time_are_contiguous_periods() -> None:
    times = np.random.default_rng(0).permutation(50)
    splitter = HoldOutLast(times, 0.2)
    train, held = splitter.split(50, seed=0)
    parts = [times[inside] for _, inside in splitter.folds(train, 4, seed=0)]
    assert [len(part) for part in parts] == [10, 10, 10, 10]
    assert all(one.max() < two.min() for one, two in pairwise([*parts, times[held]]))


def copies_in(table: pd.DataFrame, groups: Any = None) -> list[tuple[str, ...]]:
    fitted = Decomposition.from_frame(table, groups).fit(table)
    return exchangeable_components(
        fitted.names, fitted.transform(table), **fitted.encoder_options()
    )


def test_copies_in_other_units_or_names_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, 500))
    colour = rng.integers(0, 3, 500)
    table = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "near": x + 0.01 * rng.normal(size=500),
            "minus_x": 7.0 - 1e3 * x,
            "colour": np.array(["red", "green", "blue"])[colour],
            "bold": colour == 1,
            "rgb": np.array(["g", "b", "r"])[colour],
            "code": colour * 10,
            "cube": x**3,
        }
    )
    assert copies_in(table) == [("x", "minus_x"), ("colour", "rgb", "code")]
    turned = pd.DataFrame({"a": x, "b": y, "c": x + y, "d": x - y, "e": x + z, "f": y})
    assert copies_in(turned, {"p": ["a", "b"], "q": ["c", "d"], "r": ["e", "f"]}) == [("p", "q")]
