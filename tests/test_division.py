"""Division of rows into training, choosing and reporting: no row has two roles for one model."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distributed_ib import DistributedIBClassifier
from distributed_ib.data.problem import Division, Problem
from distributed_ib.data.splitters import HoldOutLast
from distributed_ib.errors import UserError

FIXED = settings(max_examples=60, derandomize=True, deadline=None)


def divided(n: int, n_resamples: int, seed: int, **options: Any) -> Division:
    x, y = np.zeros((n, 1)), np.arange(n) % 2
    return Problem.from_arrays(x, y, ["a"], **options).split(seed).divided(n_resamples)


def check_roles(division: Division, n: int) -> None:
    """Check that every development row validates once in each division and otherwise trains."""
    development = np.setdiff1d(np.arange(n), division.test)
    inside, times = np.unique(np.concatenate(division.validation), return_counts=True)
    np.testing.assert_array_equal(inside, development)
    assert len(set(times)) == 1
    for train, validation in zip(division.train, division.validation, strict=True):
        np.testing.assert_array_equal(np.sort(np.append(train, validation)), development)
        assert len(train) and len(validation)


@FIXED
@given(st.integers(5, 200), st.integers(2, 11), st.integers(0, 2**31), st.floats(0.05, 0.5))
def test_every_row_chooses_or_reports(n: int, n_resamples: int, seed: int, share: float) -> None:
    division = divided(n, n_resamples, seed, held_out=share)
    check_roles(division, n)
    n_development = n - len(division.test)
    n_times = -(-n_resamples // 5)  # for more than five folds the rows are divided again
    sizes = [n_resamples // n_times + (k < n_resamples % n_times) for k in range(n_times)]
    assert len(division.train) == sum(min(size, n_development) for size in sizes)
    assert sum(map(len, division.validation)) == n_times * n_development
    again = divided(n, n_resamples, seed, held_out=share)
    for one, other in zip(division.validation, again.validation, strict=True):
        np.testing.assert_array_equal(one, other)


@FIXED
@given(st.lists(st.integers(0, 8), min_size=6, max_size=80), st.integers(0, 99))
def test_groups_stay_whole_in_every_role(labels: list[int], seed: int) -> None:
    groups = np.array([*labels, 9, 10, 11])
    division = divided(len(groups), 3, seed, held_out=0.2, groups=groups)
    check_roles(division, len(groups))
    for train, validation in zip(division.train, division.validation, strict=True):
        roles = [set(groups[rows].tolist()) for rows in (train, validation, division.test)]
        assert not roles[0] & roles[1] and not roles[2] & (roles[0] | roles[1])


@pytest.mark.parametrize("n", [10, 101])
def test_without_resamples_one_half_of_the_held_out_rows_chooses(n: int) -> None:
    division = divided(n, 0, seed=3, held_out=0.4)
    ((train,), (validation,), test) = division
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation, test])), np.arange(n))
    assert abs(len(validation) - len(test)) <= 1
    single = divided(5, 0, seed=0, held_out=0.2)
    assert len(single.validation[0]) == 1 and len(single.test) == 0
    nothing = divided(5, 0, seed=0)
    assert len(nothing.train[0]) == 5 and len(nothing.validation[0]) == len(nothing.test) == 0


def test_rows_held_out_by_hand_report_and_rows_of_later_times_too() -> None:
    mask = np.arange(30) >= 24
    division = divided(30, 4, seed=0, held_out=mask)
    np.testing.assert_array_equal(division.test, np.arange(24, 30))
    check_roles(division, 30)
    in_time = divided(30, 4, seed=0, held_out=HoldOutLast(np.arange(30), 0.2))
    np.testing.assert_array_equal(in_time.test, np.arange(24, 30))
    assert [rows.tolist() for rows in in_time.validation] == [
        list(range(first, first + 6)) for first in range(0, 24, 6)
    ]
    check_roles(in_time, 30)


def test_a_single_group_to_train_on_can_not_be_divided() -> None:
    with pytest.raises(UserError, match="can't be divided"):
        divided(6, 2, seed=0, held_out=0.5, groups=[0, 0, 0, 1, 1, 1])


def test_an_estimator_divides_classes_evenly_and_keeps_groups_whole() -> None:
    random = np.random.default_rng(0)
    x = pd.DataFrame({"a": random.normal(size=100)})
    y = np.array(["rare"] * 20 + ["usual"] * 80)
    plan = DistributedIBClassifier(n_resamples=4, random_state=0).plan(x, y)
    division = plan.split.divided(4)
    check_roles(division, 100)
    for rows in (division.test, *division.validation):
        assert (y[rows] == "rare").sum() == 4 and len(rows) == 20
    groups = random.integers(0, 12, 100)
    plan = DistributedIBClassifier(n_resamples=4, random_state=0).plan(x, y, groups=groups)
    division = plan.split.divided(4)
    check_roles(division, 100)
    for rows in (division.test, *division.validation):
        assert not set(groups[rows]) & set(np.delete(groups, rows))


@FIXED
@given(st.lists(st.integers(0, 8), min_size=6, max_size=80), st.integers(2, 5))
def test_rows_of_the_same_time_stay_in_one_role(labels: list[int], n_resamples: int) -> None:
    # For example many stations on the same day: one would reveal information about the others.
    times = np.array([*labels, 9, 10, 11])
    division = divided(len(times), n_resamples, seed=0, held_out=HoldOutLast(times, 0.2))
    check_roles(division, len(times))
    for train, validation in zip(division.train, division.validation, strict=True):
        assert not set(times[train]) & set(times[validation])
        inside = times[validation]
        assert not ((times[train] > inside.min()) & (times[train] < inside.max())).any()


def test_errors_take_rows_of_the_same_time_together() -> None:
    times = np.random.default_rng(0).permutation(np.arange(300) // 7)
    x, y = np.zeros((300, 1)), np.arange(300) % 2
    groups = Problem.from_arrays(x, y, ["a"], held_out=HoldOutLast(times, 0.2)).row_groups
    assert groups is not None
    assert len({*zip(times.tolist(), groups.tolist(), strict=True)}) == len(np.unique(times))
    alone = Problem.from_arrays(x, y, ["a"], held_out=HoldOutLast(np.arange(300), 0.2)).row_groups
    assert alone is not None and (np.bincount(alone) == 6).all()
