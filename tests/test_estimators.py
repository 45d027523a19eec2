"""The estimators on small tables: predictions, rejected input, warnings and files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_info

from distributed_ib import (
    Decomposition,
    DistributedIBClassifier,
    DistributedIBRegressor,
    SweepWarning,
    UserError,
    load_estimator,
)
from distributed_ib._checksums import CHECKSUMS
from distributed_ib.estimators.sweep_advice import advice
from distributed_ib.estimators.table_settings import resolve
from distributed_ib.report.scheme_sections import components_table
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.compression_path import compression_path
from distributed_ib.training.progress import SweepProgress

pytestmark = [
    pytest.mark.usefixtures("quick_compilation", "few_readable_tables"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
]

SMALL: dict[str, Any] = {
    "evidence": False,
    "beta_end": 10.0,
    "n_starts": 2,
    "n_resamples": 2,
    "n_steps": 300,
    "n_pretraining_steps": 300,
    "batch_size": 64,
    "learning_rate": 1e-2,
    "encoder_hidden": (16,),
    "embedding_dim": 2,
    "predictor_hidden": (16,),
    "n_frequencies": 0,
    "n_records": 12,
    "n_samples": 16,
    "n_information_inputs": 0,  # takes seconds to compile for each table size
    "random_state": 0,
}


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "weight": rng.normal(70, 10, n),
            "age": rng.integers(20, 80, n),
            "colour": rng.choice(["red", "green", "blue"], n),
        }
    )


def labels(x: pd.DataFrame) -> np.ndarray:
    return np.where((x.weight > 70) ^ (x.colour == "red"), "yes", "no")


@pytest.fixture(scope="module")
def classifier() -> DistributedIBClassifier:
    x = table()
    return DistributedIBClassifier(**{**SMALL, "n_information_inputs": 128}).fit(x, labels(x))


def numbers(x: pd.DataFrame) -> np.ndarray:
    return np.asarray(1000 + 5 * (x.weight - 70) + 20 * (x.colour == "red"))


@pytest.fixture(scope="module")
def regressor() -> DistributedIBRegressor:
    x = table()
    return DistributedIBRegressor(**{**SMALL, "n_steps": 600}).fit(x, numbers(x))


@pytest.fixture(scope="module")
def comparer() -> DistributedIBRegressor:
    """A regressor fitted to a vector Y with InfoNCE."""
    x = table()
    y = np.stack([numbers(x), -numbers(x)], axis=1)
    return DistributedIBRegressor(loss="infonce", **SMALL).fit(x, y)


def test_an_interaction_of_a_number_and_a_category_is_learnt(
    classifier: DistributedIBClassifier,
) -> None:
    x = table()
    assert classifier.classes_.tolist() == ["no", "yes"]
    assert classifier.score(x, labels(x)) > 0.93
    assert classifier.scheme_.components == ("weight", "age", "colour")
    assert classifier.feature_names_in_.tolist() == ["weight", "age", "colour"]


def test_the_scheme_states_its_baseline_and_what_rows_are_for(
    classifier: DistributedIBClassifier,
) -> None:
    dataset = classifier.scheme_.to_xarray()
    assert dataset.attrs["baseline"] == "H(Y)"
    share = np.mean(labels(table()) == "yes")
    entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert classifier.scheme_.baseline_entropy_bits == pytest.approx(entropy, abs=0.01)
    assert dataset["split"].values.tolist() == ["train", "validation", "test"]
    assert classifier.scheme_.choosing_split == "validation"
    assert classifier.scheme_.scoring_split == "test"
    assert dataset["accuracy"].dims == ("step",)


def test_the_information_is_measured_on_training_rows(
    classifier: DistributedIBClassifier, regressor: DistributedIBRegressor
) -> None:
    data = classifier.scheme_.to_xarray()
    assert data["information_exact"].values.tolist() == [False, False, True]
    assert data.attrs["information_inputs"] == 128
    lower, middle, upper = (data[f"information_{n}bits"] for n in ("lower_", "", "upper_"))
    assert np.all(lower >= 0) and np.all(lower <= middle) and np.all(middle <= upper)
    assert np.all(upper <= data["kl_bits"])
    # Three colours convey at most log2(3) bits.
    assert float(middle.sel(component="colour").max()) <= np.log2(3) + 1e-9
    assert components_table(classifier.scheme_).title.startswith("Information")
    assert regressor.scheme_.measure == "kl"
    assert components_table(regressor.scheme_).title.startswith("KL")
    with pytest.raises(UserError, match="n_information_inputs"):
        DistributedIBClassifier(n_information_inputs=1).fit(table(), labels(table()))


def test_colours_that_mean_the_same_merge_first(classifier: DistributedIBClassifier) -> None:
    levels, inputs = classifier.decomposition_.component_values("colour")
    path = compression_path(classifier.scheme_, "colour", inputs)
    merged = path.merge_beta()
    blue, green, red = (levels.tolist().index(name) for name in ("blue", "green", "red"))
    # Only red reverses the answer; with 160 rows, blue and green differ only by chance.
    assert merged[blue, green] < 0.5 * min(merged[blue, red], merged[green, red])
    assert sorted(path.merge_tree()[0, :2]) == sorted([blue, green])


def test_an_approximation_is_chosen_by_beta_bits_or_components(
    classifier: DistributedIBClassifier,
) -> None:
    x = table()
    default = classifier.predict_proba(x)
    np.testing.assert_array_equal(default, classifier.predict_proba(x, beta=classifier.best_beta_))
    nothing = classifier.predict_proba(x, n_components=0)
    assert np.ptp(nothing[:, 1]) < 0.2 < np.ptp(default[:, 1])
    assert classifier.predict_proba(x, bits=1.0).shape == (200, 2)
    with pytest.raises(UserError, match="exactly one"):
        classifier.predict(x, beta=0.1, bits=1.0)
    with pytest.raises(UserError, match="no approximation"):
        classifier.predict(x, bits=-1.0)


def test_a_table_without_rows_is_refused(classifier: DistributedIBClassifier) -> None:
    for predict in (classifier.predict, classifier.predict_proba):
        with pytest.raises(UserError, match="no rows"):
            predict(table().head(0))


def test_a_prediction_depends_on_its_row_alone(classifier: DistributedIBClassifier) -> None:
    x = table()
    whole = classifier.predict_proba(x)
    order = np.random.default_rng(0).permutation(len(x))[:70]
    np.testing.assert_allclose(classifier.predict_proba(x.iloc[order]), whole[order], atol=1e-6)


def test_the_approximation_itself_predicts_the_same_on_average(
    classifier: DistributedIBClassifier,
) -> None:
    x = table()
    inputs = classifier.decomposition_.transform(x)
    approximation = classifier.scheme_.at(beta=classifier.best_beta_)
    noisy = approximation.predict_proba(inputs, n_samples=200)
    assert np.abs(noisy - classifier.predict_proba(x)).mean() < 0.05


def test_the_same_seed_gives_the_same_model() -> None:
    x = table()
    first, second, other = (
        DistributedIBClassifier(**{**SMALL, "random_state": seed}).fit(x, labels(x))
        for seed in (5, np.random.RandomState(5), 6)
    )
    np.testing.assert_array_equal(first.predict_proba(x), second.predict_proba(x))
    assert not np.array_equal(first.predict_proba(x), other.predict_proba(x))


def test_saved_and_loaded_it_predicts_the_same(
    classifier: DistributedIBClassifier,
    regressor: DistributedIBRegressor,
    comparer: DistributedIBRegressor,
    tmp_path: Path,
) -> None:
    for k, model in enumerate((classifier, regressor, comparer)):
        folder = tmp_path / str(k)
        model.save(folder)
        for again in (load_estimator(folder), type(model).load(folder)):
            np.testing.assert_array_equal(again.predict(table()), model.predict(table()))
            assert again.get_params() == model.get_params()
            assert again.settings_ == model.settings_
            assert again.feature_names_in_.tolist() == model.feature_names_in_.tolist()
            assert again.scheme_.to_xarray().identical(model.scheme_.to_xarray())
        with pytest.raises(UserError, match="already exists"):
            model.save(folder)
        suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
        assert suffixes <= {"", ".json", ".nc", ".safetensors"}  # "": SHA256SUMS
    with pytest.raises(UserError, match="not a DistributedIBRegressor"):
        DistributedIBRegressor.load(tmp_path / "0")


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "os.system"},
        {"decomposition": {}},
        {"target": None},
        {"parameters": {"surprise": 1}},
        {"settings": {"n_steps": -1}},
        {"best_beta": "much"},
        {"n_features_in": None},
    ],
)
def test_a_foreign_or_damaged_folder_is_refused(
    classifier: DistributedIBClassifier, tmp_path: Path, damage: dict[str, Any]
) -> None:
    classifier.save(tmp_path)
    path = tmp_path / "estimator.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    with pytest.raises(UserError):
        load_estimator(tmp_path)


def test_a_folder_older_than_the_records_setting_is_read(
    classifier: DistributedIBClassifier, tmp_path: Path
) -> None:
    classifier.save(tmp_path)
    path = tmp_path / "estimator.json"
    description = json.loads(path.read_text())
    assert description["settings"].pop("n_records") == description["parameters"]["n_records"]
    path.write_text(json.dumps(description))
    (tmp_path / CHECKSUMS).unlink()
    with pytest.warns(UserWarning, match="checksums"):
        found = load_estimator(tmp_path)
    assert found.settings_ == classifier.settings_


def test_a_folder_without_a_whole_model_is_refused(
    comparer: DistributedIBRegressor, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"estimator\.json"):
        load_estimator(tmp_path)
    comparer.save(tmp_path)
    (tmp_path / "candidates.safetensors").unlink()
    with pytest.raises(UserError, match="candidates"):
        load_estimator(tmp_path)


@pytest.mark.nightly
def test_a_decomposition_by_a_function_predicts_but_is_not_saved(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    split = Decomposition.from_function(lambda p: {"radius": np.hypot(p[:, 0], p[:, 1])}, x)
    model = DistributedIBClassifier(split, **SMALL).fit(x, np.hypot(x[:, 0], x[:, 1]) > 1)
    assert model.score(x, np.hypot(x[:, 0], x[:, 1]) > 1) > 0.9
    with pytest.raises(UserError, match="can't be saved"):
        model.save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_numbers_are_predicted_in_their_own_units(regressor: DistributedIBRegressor) -> None:
    x = table()
    y = numbers(x)
    assert regressor.score(x, y) > 0.9
    draws = regressor.sample(x, 50, random_state=0)
    assert draws.shape == (50, 200)
    assert np.abs(draws.mean(axis=0) - y).mean() < 0.5 * y.std()
    dataset = regressor.scheme_.to_xarray()
    assert dataset.rmse.dims == ("step",)
    assert 0 < dataset.rmse.min() < 0.5 * y.std()
    assert dataset.attrs["baseline"] == "the training rows of Y in 20 bins"
    assert float(dataset.r2.max()) > 0.8
    # The approximation by itself predicts bins of Y.
    inputs = regressor.decomposition_.transform(x)
    (bins,) = regressor.target_.bins
    found = [
        regressor.scheme_.at(beta=regressor.best_beta_, seed=seed).predict_proba(inputs)
        for seed in range(regressor.scheme_.n_seeds)
    ]
    mean = bins.mean(np.mean(found, axis=0, dtype=np.float64))
    assert np.abs(mean - regressor.predict(x)).mean() < 0.1 * y.std()


def test_quantiles_are_sorted_and_cover_as_stated(
    regressor: DistributedIBRegressor, comparer: DistributedIBRegressor
) -> None:
    x = table()
    y = numbers(x)
    low, middle, high = regressor.predict_quantiles(x).T
    assert np.all(low <= middle) and np.all(middle <= high)
    assert 0.8 < np.mean((low <= y) & (y <= high)) <= 1.0
    assert set(middle) <= set(y)
    # If nothing is known, they are the quantiles of the training rows.
    train = y[regressor.plan(x, y).split.train]
    levels = (0.1, 0.5, 0.9)
    closed = regressor.predict_quantiles(x, levels, n_components=0)
    assert np.ptp(closed, axis=0).max() < 0.2 * y.std()
    np.testing.assert_allclose(closed[0], np.quantile(train, levels), atol=0.2 * y.std())
    of_both = comparer.predict_quantiles(x, levels)
    assert of_both.shape == (200, 2, 3) and np.all(np.diff(of_both, axis=2) >= 0)
    with pytest.raises(UserError, match="between 0 and 1"):
        regressor.predict_quantiles(x, [0.5, 1.5])


def test_vectors_are_looked_up_by_infonce(comparer: DistributedIBRegressor) -> None:
    x = table()
    y = np.stack([numbers(x), -numbers(x)], axis=1)
    assert comparer.predict(x).shape == (200, 2)
    assert comparer.score(x, y) > 0.7
    draws = comparer.sample(x, 3)
    assert draws.shape == (3, 200, 2)
    np.testing.assert_allclose(draws[..., 0], -draws[..., 1], rtol=1e-4)  # whole rows of Y
    with pytest.raises(UserError, match="no classes"):
        comparer.scheme_.at(beta=0.01).predict_proba(comparer.decomposition_.transform(x))
    information = comparer.scheme_.to_xarray().predictive_information_bits
    assert comparer.scheme_.baseline_entropy_bits == pytest.approx(6.0)  # log2 of a batch of 64
    assert float(information.max()) <= 6.0 + 1e-5
    # 40 test rows certify at most log2(40) bits, the 80 validation rows at most those of a batch.
    at_most = np.log2(40) + 1e-5
    assert float(information.sel(split="test").max()) <= at_most
    assert float(comparer.scheme_.to_xarray().averaged_known_bits.max()) <= at_most


@pytest.mark.nightly
def test_the_standard_bottleneck_is_one_component() -> None:
    x = table()
    model = DistributedIBClassifier("all", **SMALL).fit(x, labels(x))
    assert model.scheme_.components == ("all",)
    assert model.score(x, labels(x)) > 0.9


@pytest.mark.nightly
def test_rows_of_weight_zero_change_nothing_of_what_is_learnt() -> None:
    x = table()
    y, weight = labels(x), np.ones(200)
    weight[:60] = 0
    y[:60] = "bad"
    model = DistributedIBClassifier(**SMALL).fit(x, y, sample_weight=weight)
    assert model.predict_proba(x)[:, model.classes_.tolist().index("bad")].max() < 0.2
    assert np.mean(model.predict(x)[60:] == y[60:]) > 0.85


def test_weights_move_the_baseline_and_the_prediction() -> None:
    x = table()
    y = np.random.default_rng(1).choice(["heads", "tails"], 200)
    weight = np.where(y == "heads", 9.0, 1.0)
    model = DistributedIBClassifier(**SMALL).fit(x, y, sample_weight=weight)
    share = weight[y == "heads"].sum() / weight.sum()
    entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert model.scheme_.baseline_entropy_bits == pytest.approx(entropy, abs=0.02)
    assert model.predict_proba(x, n_components=0)[:, 0].mean() == pytest.approx(share, abs=0.08)


def test_groups_and_given_validation_data_are_kept_apart() -> None:
    x = table()
    model = DistributedIBClassifier(**SMALL)
    model.fit(x, labels(x), groups=np.arange(200) // 10)
    assert model.n_train_rows_ == 160
    model.fit(x[:150], labels(x)[:150], validation_data=(x[150:], labels(x)[150:]))
    assert model.n_train_rows_ == 150
    with pytest.raises(UserError, match="pair"):
        model.fit(x, labels(x), validation_data=x)


def test_copies_are_reported_as_interchangeable() -> None:
    x = table().assign(grams=lambda t: 1000 * t.weight)
    with pytest.warns(UserWarning, match="'weight' and 'grams' are interchangeable"):
        DistributedIBClassifier(**SMALL).plan(x, labels(x))


def test_bad_input_is_refused_before_any_training(classifier: DistributedIBClassifier) -> None:
    x, y = table(), labels(table())
    fresh = DistributedIBClassifier(**SMALL)
    endless = x.assign(weight=x.weight.where(x.index != 4, np.inf))
    with pytest.raises(UserError, match=r"'weight', row 5 .*infinite"):
        fresh.fit(endless, y)
    with pytest.raises(UserError, match="one class"):
        fresh.fit(x, np.full(200, "yes"))
    with pytest.raises(UserError, match="give at least 20"):
        fresh.fit(x[:19], y[:19])
    with pytest.raises(UserError, match="labels for"):
        fresh.fit(x, y, groups=[1, 2])
    with pytest.warns(UserWarning, match="a category not seen in training.*, in 200 rows"):
        classifier.predict(x.assign(colour="mauve"))
    with pytest.raises(UserError, match="feature names"):
        classifier.predict(x[["weight", "age"]])
    with pytest.raises(UserError, match="loss="):
        DistributedIBRegressor(loss="absolute", **SMALL).fit(x, x.weight)  # type: ignore[arg-type]


@pytest.mark.nightly
def test_it_works_with_other_tools_of_scikit_learn() -> None:
    x = table()
    model = DistributedIBClassifier(**{**SMALL, "n_steps": 20, "n_pretraining_steps": 20})
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), model),
        {"distributedibclassifier__learning_rate": [1e-3, 1e-2]},
        cv=2,
    ).fit(x, labels(x))
    assert search.predict(x).shape == (200,)


def test_advice_names_what_was_wrong_with_a_sweep(xor_scheme: ApproximationScheme) -> None:
    dataset = xor_scheme.to_xarray()
    closed, ended_open = dataset.copy(deep=True), dataset.copy(deep=True)
    closed["kl_bits"][:, 0] = 1e5
    ended_open["kl_bits"][:, -1, 0] = 3.0
    assert any("too strong at the start" in sentence for sentence in advice(closed))
    assert any("end of the sweep: a" in sentence for sentence in advice(ended_open))
    falling = dataset.copy(deep=True)
    n = falling.sizes["pretraining_record"]
    falling["pretraining_error_bits"][:] = np.linspace(1.0, 0.0, n)[None, :, None]
    assert any("not converged" in sentence for sentence in advice(falling))
    falling["pretraining_error_bits"][:] = 0.1
    falling["kl_bits"][:, -1] = 0.0
    assert advice(falling) == []


def test_advice_names_what_was_wrong_with_a_ladder(classifier: DistributedIBClassifier) -> None:
    dataset = classifier.scheme_.to_xarray()
    dataset["kl_bits"][:, -1] = 0.0
    dataset.attrs["best_step"] = dataset.attrs["simplest_step"] = 1
    assert advice(dataset) == []
    dataset.attrs["best_step"] = 0
    assert not any("smallest beta" in one for one in advice(dataset))
    dataset.attrs["simplest_step"] = 0
    (sentence,) = advice(dataset)
    assert "best at the smallest beta" in sentence and "beta_start" in sentence
    dataset["kl_bits"][:, -1, 0] = 3.0
    at_ten = advice(dataset)[-1]
    assert "end of the sweep: weight still" in at_ten and "beta=10" in at_ten
    assert "beta_end=3" not in at_ten  # 3 is less than 10


@pytest.mark.filterwarnings("default::distributed_ib.estimators.sweep_advice.SweepWarning")
def test_a_sweep_that_ends_open_warns() -> None:
    x = table()
    model = DistributedIBClassifier(**{**SMALL, "beta_start": 1e-4, "beta_end": 1e-3})
    with pytest.warns(SweepWarning, match="too weak at the end"):
        model.fit(x, labels(x))


def test_defaults_grow_with_the_data_and_give_way_to_the_user() -> None:
    small = resolve({}, n_rows=300)
    large = resolve({}, n_rows=10**7)
    assert small.n_steps < large.n_steps == 2000
    assert small.batch_size < large.batch_size
    assert small.predictor_hidden < large.predictor_hidden
    assert resolve({}, n_rows=300, n_components=40).predictor_hidden == (40,)
    assert resolve({}, n_rows=300, n_components=400).predictor_hidden == large.predictor_hidden
    assert small.weight_decay > large.weight_decay > 0
    assert small.n_resamples > large.n_resamples > 1
    assert small.n_records == 192 > resolve({}, n_rows=9000).n_records > large.n_records
    assert resolve({"n_records": 5}, n_rows=300).n_records == 5
    assert '"n_records": 5' in json.dumps(resolve({"n_records": np.int64(5)}, n_rows=9).to_dict())
    assert small.beta_end > 1.0  # beyond 1, a bit costs more than it gains
    assert resolve({"n_steps": 7, "beta_start": 0.5}, n_rows=300).n_steps == 7
    for given in ({"n_steps": 0}, {"beta_start": 2.0}, {"encoder_hidden": ()}, {"batch_size": 0}):
        with pytest.raises(UserError):
            resolve(given, n_rows=300)


def test_a_fit_holds_linear_algebra_to_one_thread() -> None:
    """With more, products of small matrices take forty times longer next to another process."""
    before = [pool["num_threads"] for pool in threadpool_info()]
    seen: list[int] = []

    def look(now: SweepProgress) -> None:
        seen.extend(pool["num_threads"] for pool in threadpool_info())

    x = np.random.default_rng(0).normal(size=(40, 2))
    DistributedIBRegressor(n_steps=20, n_resamples=0, evidence=False).fit(x, x[:, 0], progress=look)
    assert set(seen) == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_the_number_of_jobs_changes_no_bit() -> None:
    x = np.random.default_rng(0).normal(size=(80, 2))
    options: dict[str, Any] = {"n_steps": 20, "n_starts": 2, "n_resamples": 2, "random_state": 0}
    one, two = (
        DistributedIBRegressor(n_jobs=n_jobs, evidence=False, **options).fit(x, x[:, 0]).predict(x)
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one, two)
