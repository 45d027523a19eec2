"""Readable tables of fitted models: their content, the information they keep, and storage."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib import (
    DistributedIBClassifier,
    DistributedIBRegressor,
    UserError,
    load_estimator,
)
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators.readable_tables import READABLE
from distributed_ib.readable.readable_approximation import ReadableApproximation

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]
BRIEF: dict[str, Any] = {
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 150,
    "n_records": 8,
    "evidence": False,
    "random_state": 0,
}


def data(n: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """A class that depends on a number and on a category with two groups of levels; and noise."""
    rng = np.random.default_rng(1)
    x = pd.DataFrame(
        {
            "size": np.round(rng.uniform(0, 10, n), 3),
            "colour": rng.choice(["red", "green", "blue", "black"], n),
            "noise": rng.normal(size=n),
        }
    )
    warm = x["colour"].isin(["red", "blue"])
    y = np.where((x["size"] > 4) & warm, "yes", np.where(x["size"] > 4, "maybe", "no"))
    return x, y


@pytest.fixture(scope="module")
def fitted() -> DistributedIBClassifier:
    return DistributedIBClassifier(**BRIEF).fit(*data())


@pytest.fixture(scope="module")
def table(fitted: DistributedIBClassifier) -> ReadableApproximation:
    return fitted.readable()


def row_of(table: ReadableApproximation, values: dict[str, Any]) -> int:
    """Index of the first row that fits `values`, by the listed values and intervals."""
    for number, row in enumerate(table.rows):
        fits = True
        for component, symbols in zip(table.components, row.symbols, strict=True):
            value, chosen = values[component.name], [component.symbols[k] for k in symbols]
            listed = [v for symbol in chosen for v in symbol.values]
            between = [
                (low is None or value >= low) and (high is None or value < high)
                for symbol in chosen
                for low, high in symbol.intervals
            ]
            fits &= value in listed or any(between)
        if fits:
            return number
    raise AssertionError("no row fits")


def test_reported_bits_equal_those_computed_from_the_table(
    fitted: DistributedIBClassifier, table: ReadableApproximation
) -> None:
    x, y = data()
    rows = fitted._reading_rows
    assert rows is not None
    test, train = rows.division.test, rows.split.train
    share = {label: np.mean(y[train] == label) for label in table.classes}
    gains = []
    for k in test:
        row = table.rows[row_of(table, x.iloc[k].to_dict())]
        p = row.predictions[0].probabilities[table.classes.index(y[k])]
        gains.append(np.log2(p / share[y[k]]))
    assert table.n_reported == len(test)
    assert table.table_known_bits == pytest.approx(np.mean(gains), abs=1e-5)
    step = int(fitted.scheme_.to_xarray().attrs["simplest_step"])
    assert table.known_bits == pytest.approx(fitted.scheme_.to_xarray()["known_bits"].values[step])


def test_the_meaning_of_categories_and_the_cut_are_found(table: ReadableApproximation) -> None:
    found = {component.name: component for component in table.components}
    assert set(found) == {"size", "colour"}
    assert {symbol.values for symbol in found["colour"].symbols} == {
        ("blue", "red"),
        ("black", "green"),
    }
    assert found["size"].symbols[0].intervals[0][1] == pytest.approx(4, abs=0.2)
    assert {row.predictions[0].value for row in table.rows} == {"no", "yes", "maybe"}
    assert len(table.rows) <= 5
    assert table.kept_share > 0.95 - 2 * table.kept_error


def test_the_same_fit_gives_the_same_table(
    fitted: DistributedIBClassifier, table: ReadableApproximation
) -> None:
    assert fitted.readable() == table
    assert len(fitted.readable(max_rows=2).rows) <= 2


def test_a_model_that_was_saved_keeps_its_tables_and_no_rows(
    fitted: DistributedIBClassifier, table: ReadableApproximation, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert loaded.readable() == table
    assert loaded.readable(beta=table.beta) == table
    text = (tmp_path / "model" / READABLE).read_text()
    sizes = {f"{value}" for value in data()[0]["size"]}
    numbers = {
        str(end)
        for one in json.loads(text)["tables"]
        for component in one["components"]
        if component["name"] == "size"
        for symbol in component["symbols"]
        for interval in symbol["intervals"]
        for end in interval
    }
    assert len(numbers & sizes) <= 2  # a cut may coincide with a value
    with pytest.raises(UserError, match="fit again"):
        loaded.readable(max_rows=3)


def test_a_pickled_model_leaves_its_rows_behind(fitted: DistributedIBClassifier) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    assert copy._reading_rows is None
    assert fitted._reading_rows is not None
    with pytest.raises(UserError, match="without the rows"):
        copy.readable(max_rows=5)


def test_a_damaged_file_of_tables_is_told(fitted: DistributedIBEstimator, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    path = tmp_path / "model" / READABLE
    path.write_text(path.read_text().replace("colour", "color!"))
    with pytest.raises(UserError, match=r"readable\.json is damaged"):
        load_estimator(tmp_path / "model")


def test_choices_are_checked(fitted: DistributedIBClassifier) -> None:
    with pytest.raises(UserError, match="exactly one"):
        fitted.readable(bits=1, beta=0.1)
    with pytest.raises(UserError, match="max_rows must be at most 64"):
        fitted.readable(max_rows=100)
    with pytest.raises(UserError, match="at most"):
        fitted.readable(bits=-1.0)


def test_numbers_are_predicted_in_their_own_units() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 24, 400)
    y = np.where((x >= 7) & (x <= 19), 300.0, 100.0) + 20 * rng.normal(size=400)
    options = {**BRIEF, "n_steps": 600}
    model = DistributedIBRegressor(**options).fit(pd.DataFrame({"hour": x}), y)
    table = model.readable()
    assert {symbol.text for symbol in table.components[0].symbols} == {"0-6, 20-23", "7-19"}
    night, day = (row.predictions[0] for row in table.rows)
    assert night.value == pytest.approx(100, abs=15)
    assert day.value == pytest.approx(300, abs=15)
    assert 40 < night.low < 90
    assert 110 < night.high < 160
    assert table.to_frame().columns.tolist() == [
        "hour", "mean", "median", "5 %", "95 %", "rows", "share of rows",
    ]  # fmt: skip


def test_a_vector_has_a_prediction_for_each_of_its_entries() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 1, (240, 1))
    y = np.stack([np.where(x[:, 0] > 0.5, 1.0, -1.0), x[:, 0]], axis=1)
    y += 0.2 * rng.normal(size=y.shape)
    table = DistributedIBRegressor(**BRIEF).fit(x, y).readable()
    assert table.outputs == ("y[0]", "y[1]")
    assert all(len(row.predictions) == 2 for row in table.rows)
    assert table.kept_share > 0.95 - 2 * table.kept_error


@pytest.mark.nightly
def test_components_of_several_columns_have_symbols_in_terms_of_their_columns() -> None:
    rng = np.random.default_rng(4)
    x = pd.DataFrame(
        {"a": rng.uniform(0, 1, 400), "b": rng.uniform(0, 1, 400), "c": rng.normal(size=400)}
    )
    y = np.where((x["a"] > 0.5) & (x["b"] > 0.5), "in", "out")
    options = {**BRIEF, "n_steps": 400}
    model = DistributedIBClassifier(components={"place": ["a", "b"], "c": ["c"]}, **options)
    table = model.fit(x, y).readable()
    assert table.components[0].name == "place"
    texts = " ".join(symbol.text for symbol in table.components[0].symbols)
    assert "a " in texts
    assert "b " in texts
    assert table.kept_share > 0.95 - 2 * table.kept_error


def test_a_table_of_pure_noise_reports_no_known_bits() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    table = DistributedIBClassifier(**BRIEF).fit(x, y).readable(beta=2.0)
    assert len(table.rows) == 1
    assert not table.components
    assert abs(table.table_known_bits) < 0.05
    # No share is given of known bits that may be zero.
    assert np.isnan(table.kept_share) and "% of that" not in table.to_text()


def test_a_model_that_compares_rows_has_no_table() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(80, 2))
    model = DistributedIBRegressor(loss="infonce", **BRIEF).fit(x, x[:, 0])
    with pytest.raises(UserError, match="loss="):
        model.readable()


def test_weights_count_as_repeated_rows_do() -> None:
    x, y = data(240)
    weight = np.where(y == "yes", 3.0, 1.0)
    table = DistributedIBClassifier(**BRIEF).fit(x, y, sample_weight=weight).readable()
    assert sum(row.share for row in table.rows) == pytest.approx(1.0)
    yes = next(row for row in table.rows if row.predictions[0].value == "yes")
    rows = 240 - 48
    assert yes.share > 1.5 * yes.count / rows
