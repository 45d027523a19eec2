"""Spikes: values that occur far more often than the values next to them."""

import warnings
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

from distributed_ib.data.columns.spikes import spikes_of
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.errors import UserError
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.model.table_encoder import TableEncoder
from distributed_ib.studies.table.table_findings import spikes_in_words

RNG_SEED = 0


def waits(n: int = 2000) -> np.ndarray:
    """Waiting times in minutes, some of which are filled in and not measured: 0, 34 and 35."""
    rng = np.random.default_rng(RNG_SEED)
    times = rng.gamma(4.0, 9.0, n).round()
    filled = rng.random(n)
    return np.select([filled < 0.1, filled < 0.2, filled < 0.3], [0.0, 34.0, 35.0], times)


def test_codes_zeros_and_filled_in_values_are_found_side_by_side_too() -> None:
    assert spikes_of(waits()) == (0.0, 34.0, 35.0)
    rng = np.random.default_rng(1)
    rain = np.where(rng.random(500) < 0.3, 0.0, rng.exponential(size=500))
    assert spikes_of(rain) == (0.0,)
    ages = np.where(rng.random(1000) < 0.1, 99.0, rng.integers(18, 90, 1000))
    assert spikes_of(ages) == (99.0,)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).poisson(1.0, 2000),
        np.random.default_rng(0).poisson(40.0, 2000),
        np.random.default_rng(0).geometric(0.5, 2000),
        np.random.default_rng(0).normal(size=2000).round(1),
        np.random.default_rng(0).exponential(size=2000).round(1),
        np.random.default_rng(0).integers(18, 90, 500),
        np.random.default_rng(0).choice(5, 500, p=[0.05, 0.05, 0.1, 0.3, 0.5]),
        np.zeros(50),
        np.zeros(0),
    ],
)
def test_counts_rounded_numbers_and_few_values_have_none(values: np.ndarray) -> None:
    assert spikes_of(values.astype(float)) == ()


def test_the_sixteen_most_frequent_are_kept() -> None:
    codes = np.repeat(np.arange(20.0), np.arange(30, 50))
    values = np.concatenate([codes, np.arange(0.25, 20, 0.25)])
    found = spikes_of(values)
    assert len(found) == 16
    assert found == tuple(sorted(found)) and found[-1] == 19.0


def table(n: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """Y is whether a number was filled in, which is no smooth function of the number."""
    rng = np.random.default_rng(2)
    times = rng.uniform(0, 90, n).round()
    filled = rng.random(n) < 0.5
    times[filled] = rng.choice([17.0, 34.0, 53.0, 71.0], filled.sum())
    frame = pd.DataFrame({"wait": times, "noise": rng.normal(size=n)})
    return frame, np.where(filled, "filled in", "measured")


SMALL: dict[str, Any] = {
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 400,
    "n_records": 8,
    "evidence": False,
    "random_state": 0,
}


def test_a_model_knows_what_only_such_values_tell() -> None:
    x, y = table()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DistributedIBClassifier(**SMALL).fit(x, y)
    assert model.decomposition_.spikes == ((17.0, 34.0, 53.0, 71.0), ())
    right = np.isin(x["wait"], [17.0, 34.0, 53.0, 71.0])
    assert np.mean((model.predict(x) == "filled in") == right) > 0.98
    note = spikes_in_words(model.decomposition_)
    assert note.endswith("as if they were codes: wait: 17, 34, 53, 71.")


def test_spikes_come_from_training_rows_and_are_stored() -> None:
    x, _ = table()
    x["wait"] *= 1e3
    fitted = Decomposition.from_frame(x).fit(x, np.arange(400))
    assert fitted.spikes[0] == (17e3, 34e3, 53e3, 71e3)
    again = FittedDecomposition.from_dict(fitted.to_dict())
    assert again == fitted
    # Exactly as the model reads the numbers themselves, to the last digit.
    numbers = fitted.transform(x).numbers[:, 0]
    for value, scaled in zip(fitted.spikes[0], fitted.scaled_spikes()[0], strict=True):
        assert np.array_equal(numbers == np.float32(scaled), x["wait"] == value)
    older = fitted.to_dict()
    del older["spikes"]
    assert FittedDecomposition.from_dict(older).spikes == ()
    assert FittedDecomposition.from_dict(older).scaled_spikes() == []


@pytest.mark.parametrize("damage", [[[0.0]], [["a"], []], [[1.0, 0.0], []], [[float("nan")], []]])
def test_a_damaged_list_is_refused(damage: Any) -> None:
    x, _ = table()
    description = Decomposition.from_frame(x).fit(x).to_dict()
    with pytest.raises(UserError, match="fitted components"):
        FittedDecomposition.from_dict({**description, "spikes": damage})


def test_ranks_and_parts_of_dates_have_no_spikes() -> None:
    x, _ = table()
    rng = np.random.default_rng(3)
    levels = [f"level {k:02d}" for k in range(20)]
    codes = np.where(rng.random(len(x)) < 0.5, 7, rng.integers(0, 20, len(x)))
    x["rank"] = pd.Categorical.from_codes(codes, levels, ordered=True)
    days = np.where(rng.random(len(x)) < 0.5, 400, rng.integers(0, 900, len(x)))
    x["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D")
    fitted = Decomposition.from_frame(x).fit(x)
    having = {name for name, found in zip(fitted.continuous, fitted.spikes, strict=True) if found}
    assert having == {"wait"}


def table_encoder(x: pd.DataFrame, **options: Any) -> TableEncoder:
    rng = np.random.default_rng(5)
    plan = DistributedIBRegressor(**options).plan(x, rng.normal(size=len(x)))
    encoder = plan.make_model(jax.random.key(0)).encoder
    assert isinstance(encoder, TableEncoder)
    return encoder


def test_columns_whose_values_repeat_have_sines_and_others_from_1600_rows() -> None:
    rng = np.random.default_rng(4)
    n = 2000
    x = pd.DataFrame(
        {
            "hour": rng.integers(0, 24, n),
            "rounded": rng.integers(0, 250, n),
            "length": rng.normal(size=n),
        }
    )
    for n_rows, smooth in [
        (300, (False, True, True)),
        (800, (False, False, True)),
        (2000, ()),
    ]:
        encoder = table_encoder(x[:n_rows])
        assert (encoder.n_frequencies, encoder.smooth) == (3, smooth)
    assert table_encoder(x[["length"]][:800]).n_frequencies == 0
    given = table_encoder(x[:800], n_frequencies=1)
    assert (given.n_frequencies, given.smooth) == (1, ())
