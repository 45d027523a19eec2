"""Accuracy of the estimators with default settings on data with known ground truth."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor

pytestmark = pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning")


@pytest.mark.nightly
def test_levels_that_y_does_not_tell_apart_are_merged() -> None:
    rng = np.random.default_rng(0)
    place = rng.choice([f"place {k:02d}" for k in range(12)], 2000)
    kind = np.array([int(name[-2:]) % 3 for name in place])
    model = DistributedIBClassifier(
        n_starts=2, n_resamples=2, n_steps=500, n_records=12, n_information_inputs=0, random_state=0
    ).fit(pd.DataFrame({"place": place}), kind)
    levels, rows = model.decomposition_.component_values("place")
    overlap = model.scheme_.at(beta=0.1).distinguishability("place", rows)
    of_level = np.array([int(str(level)[-2:]) % 3 for level in levels])
    same = of_level[:, None] == of_level[None, :]
    assert overlap[same].min() > 0.8
    assert overlap[~same].max() < 0.3


@pytest.mark.nightly
def test_xor_needs_one_bit_of_each_of_its_columns() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (5000, 12))
    model = DistributedIBClassifier(random_state=0).fit(x, x[:, 3] ^ x[:, 7])
    dataset = model.scheme_.to_xarray()
    plateau = dataset.kl_bits[0, (dataset.beta > 0.35) & (dataset.beta < 0.48)].mean("step").values
    assert plateau[[3, 7]] == pytest.approx(1.0, abs=0.1)
    late = dataset.kl_bits[0, dataset.beta > 0.01].values
    assert np.delete(late, [3, 7], axis=1).max() < 0.05
    assert model.score(x, x[:, 3] ^ x[:, 7]) == 1.0


def interactions(n: int = 4000) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 8))
    y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * x[:, 3] * (x[:, 4] > 0)
    return x, y + 0.3 * rng.normal(size=n)


@pytest.mark.nightly
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_classes_are_predicted_as_well_as_by_boosted_trees(load: Any) -> None:
    x, y = load(return_X_y=True)
    train, held, y_train, y_held = train_test_split(x, y, random_state=0, stratify=y, test_size=0.2)
    trees = HistGradientBoostingClassifier(random_state=0).fit(train, y_train)
    model = DistributedIBClassifier(random_state=0)
    model.fit(train, y_train, validation_data=(held, y_held))
    expected = log_loss(y_held, trees.predict_proba(held))
    assert log_loss(y_held, model.predict_proba(held)) < 1.1 * expected


@pytest.mark.nightly
@pytest.mark.parametrize("load", [lambda: load_diabetes(return_X_y=True), interactions])
def test_numbers_are_predicted_as_well_as_by_boosted_trees(load: Any) -> None:
    x, y = load()
    train, held, y_train, y_held = train_test_split(x, y, random_state=0, test_size=0.2)
    trees = HistGradientBoostingRegressor(random_state=0).fit(train, y_train)
    model = DistributedIBRegressor(random_state=0)
    model.fit(train, y_train, validation_data=(held, y_held))
    expected = root_mean_squared_error(y_held, trees.predict(held))
    assert root_mean_squared_error(y_held, model.predict(held)) < 1.1 * expected
