"""Columns of dates, times and durations."""

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib import DistributedIBRegressor
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.errors import UserError

DAYS = pd.date_range("2024-01-01 06:00", "2026-03-31", freq="7h")


def fit(values: Any, components: Any = None, kind: Any = None) -> FittedDecomposition:
    table = pd.DataFrame({"when": values})
    kinds = None if kind is None else {"when": kind}
    return Decomposition.from_frame(table, components, kinds=kinds).fit(table)


def parts(values: Any, **options: Any) -> tuple[str, ...]:
    return fit(values, **options).decomposition.components[0].columns


def test_a_date_is_one_component_of_the_parts_that_it_resolves() -> None:
    everything = ("when: trend", "when: hour of day", "when: weekday", "when: day of year")
    assert fit(DAYS).names == ("when",) and parts(DAYS) == everything
    assert parts(DAYS.normalize().unique()) == (everything[0], *everything[2:])
    assert parts(DAYS[:200]) == everything[:3]  # 58 days
    assert parts(DAYS[:40]) == everything[:2]  # 12 days
    assert parts(pd.date_range("2024-01-01", periods=60, freq="W-MON")) == (
        "when: trend",
        "when: day of year",
    )
    assert parts(pd.date_range("1950", periods=60, freq="YS")) == ("when: trend", "when: weekday")


def test_parts_of_dates_match_their_names() -> None:
    read = fit(DAYS).read(pd.DataFrame({"when": DAYS}))
    np.testing.assert_allclose(read["when: trend"], np.arange(len(DAYS)) * 7 / 24, atol=1e-9)
    np.testing.assert_allclose(read["when: hour of day"], DAYS.hour)
    np.testing.assert_array_equal(read["when: weekday"], DAYS.day_of_week)
    np.testing.assert_array_equal(read["when: day of year"], DAYS.day_of_year)
    assert fit(DAYS).column("when: weekday").labels[0] == "Monday"


def test_parts_can_be_components_of_their_own() -> None:
    names = parts(DAYS)
    assert fit(DAYS, kind="date parts").names == names
    grouped = fit(DAYS, {"week": ["when: weekday"]})
    assert grouped.names == ("week", "when")
    assert "when: weekday" not in grouped.decomposition.components[1].columns
    assert fit(DAYS, {"time": ["when"]}).decomposition.components[0].columns == names


FORMS = (
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%y %H:%M",
    "%d.%m.%Y %H:%M",
)


@pytest.mark.parametrize("form", FORMS)
def test_dates_as_text_are_read_as_dates_are(form: str) -> None:
    expected = fit(DAYS).transform(pd.DataFrame({"when": DAYS}))
    text = DAYS.strftime(form)
    found = fit(text).transform(pd.DataFrame({"when": text}))
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.codes, expected.codes)


@pytest.mark.parametrize(
    "same",
    [
        lambda days: days.tz_localize("America/Lima"),
        lambda days: days.to_pydatetime(),
        lambda days: days.astype("datetime64[s]"),
        lambda days: days.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
        lambda days: days.strftime("%Y-%m-%d %I:%M %p"),
        lambda days: pd.Categorical(days),
    ],
)
def test_local_time_counts_regardless_of_type(same: Any) -> None:
    expected = fit(DAYS).transform(pd.DataFrame({"when": DAYS}))
    values = same(DAYS)
    found = fit(values).transform(pd.DataFrame({"when": values}))
    np.testing.assert_allclose(found.numbers, expected.numbers, atol=1e-6)
    np.testing.assert_array_equal(found.codes, expected.codes)


def test_day_and_month_are_told_apart_by_the_data_or_asked_for() -> None:
    ambiguous = [f"{1 + k % 12}/{1 + k % 11}/2025" for k in range(30)]
    with pytest.raises(UserError) as error:
        fit(ambiguous)
    assert "'1/1/2025'" not in str(error.value) or "2025-01-01" in str(error.value)
    for text in ("day first", "month first", "day_first = true"):
        assert text in str(error.value)
    by_day = fit(ambiguous, kind={"kind": "date", "day_first": True})
    by_month = fit(ambiguous, kind={"kind": "date", "day_first": False})
    row = pd.DataFrame({"when": ["2/1/2025"]})
    assert by_day.read(row)["when: trend"][0] == 1.0  # the second of January
    assert by_month.read(row)["when: trend"][0] == 31.0  # the first of February
    fit([*ambiguous, "31/1/2025"])
    with pytest.raises(UserError, match="some dates with the day before the month"):
        fit([*ambiguous, "31/1/2025", "1/31/2025"])
    fit([text.replace("/", ".") for text in ambiguous])  # dots imply that the day comes first


def test_a_missing_date_is_missing_in_all_its_parts() -> None:
    days = pd.Series(DAYS).where(np.arange(len(DAYS)) % 5 > 0)
    fitted = fit(days)
    x = fitted.transform(pd.DataFrame({"when": days}))
    gone = days.isna().to_numpy()
    for k, name in enumerate(fitted.coded):
        code = fitted.column(name).n_codes - 1
        np.testing.assert_array_equal(x.codes[:, k] == code, gone)
    assert fitted.column("when: weekday").labels[-1] == "missing"
    complete = fit(DAYS)
    with pytest.warns(UserWarning, match="'when' is missing in 1 row.*its median") as told:
        complete.transform(pd.DataFrame({"when": [pd.NaT]}))
    assert len(told) == 1


def test_times_of_day_and_durations_are_numbers() -> None:
    hours = [datetime.time(k % 24, 30) for k in range(30)]
    assert fit(hours).continuous == ("when: hour of day",)
    as_text = fit([f"{k % 24}:30" for k in range(30)])
    assert as_text.continuous == ("when: hour of day",) and as_text.names == ("when",)
    waits = pd.Series(pd.to_timedelta(np.arange(30) * 20, unit="min"))
    fitted = fit(waits)
    assert fitted.names == ("when (hours)",) and fitted.high == (29 / 3,)
    assert fit([datetime.timedelta(days=k) for k in range(30)]).continuous == ("when (days)",)


def test_a_description_with_dates_can_be_saved() -> None:
    fitted = fit(DAYS.strftime("%d/%m/%Y %H:%M"))
    again = FittedDecomposition.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    row = pd.DataFrame({"when": ["02/01/2024 06:00"]})
    assert again.read(row)["when: trend"][0] == 1.0
    broken = fitted.to_dict()
    broken["columns"][0]["reading"]["origin"] = "import os"
    with pytest.raises(UserError, match="not a valid description"):
        FittedDecomposition.from_dict(broken)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2026-01-31"] * 20 + ["soon"], r"row 21 .*dates or times, but also 'soon'"),
        (["2026-01-31"] * 20 + ["2026-02-30"], r"row 21 .*but also '2026-02-30'; correct"),
        ([datetime.date(2026, 1, 31)] * 20 + [1.5], "row 21 .*contains 1.5; use dates"),
    ],
)
def test_invalid_dates_are_named(values: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fit(values, kind=None)


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning")
def test_a_weekly_cycle_is_found_among_the_parts() -> None:
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=400, freq="D")
    y = np.where(days.day_of_week >= 5, 2.0, 0.0) + 0.2 * rng.normal(size=400)
    model = DistributedIBRegressor(
        kinds={"when": "date parts"},
        n_starts=1,
        n_resamples=2,
        n_steps=150,
        n_records=6,
        n_information_inputs=0,
        evidence=False,
        random_state=0,
    ).fit(pd.DataFrame({"when": days}), y)
    bits = np.mean([one.conveyed_bits for one in model.approximations()], axis=0)
    assert model.scheme_.components[int(bits.argmax())] == "when: weekday"
    later = pd.DataFrame({"when": pd.date_range("2025-02-03", periods=7)})
    np.testing.assert_allclose(model.predict(later), [0] * 5 + [2] * 2, atol=0.4)
