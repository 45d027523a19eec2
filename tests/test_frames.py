"""Tables of polars and pyarrow, and the estimators in scikit-learn's pipelines and searches."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from distributed_ib.data.decomposition import Decomposition
from distributed_ib.errors import UserError
from distributed_ib.estimators import DistributedIBClassifier, DistributedIBRegressor

pytestmark = [
    pytest.mark.usefixtures("quick_compilation"),
    pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning"),
    pytest.mark.filterwarnings("ignore:.*interchangeable.*:UserWarning"),
]
TINY: dict[str, Any] = {
    "n_starts": 1,
    "n_resamples": 0,
    "n_steps": 60,
    "batch_size": 32,
    "learning_rate": 0.02,
    "n_records": 4,
    "n_samples": 4,
    "n_information_inputs": 0,
    "evidence": False,
    "random_state": 0,
}
N = 90


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=N),
            "n": rng.integers(0, 9, N),
            "flag": rng.random(N) < 0.5,
            "place": rng.choice(["north", "south"], N),
            "grade": pd.Categorical(
                rng.choice(["low", "high"], N), ["low", "mid", "high"], ordered=True
            ),
        }
    )


Y = np.where(frame()["x"] > 0, "yes", "no")


def as_polars(table: pd.DataFrame) -> pl.DataFrame:
    found = pl.from_pandas(table)
    return found.with_columns(pl.col("grade").cast(pl.Enum(["low", "mid", "high"])))


FORMS = {"polars": as_polars, "lazy": lambda f: as_polars(f).lazy(), "arrow": pa.table}


@pytest.fixture(scope="module")
def model() -> DistributedIBClassifier:
    return DistributedIBClassifier(**TINY).fit(frame(), Y)


@pytest.mark.parametrize("form", list(FORMS))
def test_tables_of_other_libraries_are_the_same_to_a_model(
    form: str, model: DistributedIBClassifier
) -> None:
    table: Any = FORMS[form](frame())
    fitted = Decomposition.from_frame(table).fit(table)
    expected = Decomposition.from_frame(frame()).fit(frame())
    grade = fitted.decomposition.columns[-1]
    assert fitted == expected and grade.is_ordered
    assert grade.levels == ("low", "mid", "high")
    for one, other in zip(fitted.transform(table), expected.transform(frame()), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(frame()))
    np.testing.assert_array_equal(model.predict(table), model.predict(frame()))


def test_categories_without_an_order_are_in_that_of_their_names() -> None:
    for values in (["b", "a"] * 20, ["a", "b"] * 20):
        for table in (
            pl.DataFrame({"c": pl.Series(values, dtype=pl.Categorical)}),
            pa.table({"c": pa.array(values).dictionary_encode()}),
        ):
            assert Decomposition.from_frame(table).fit(table).levels("c") == ("a", "b")


@pytest.mark.parametrize("column", [pl.Series, lambda v: pa.chunked_array([pa.array(v)])])
def test_labels_weights_and_groups_of_other_libraries(column: Any) -> None:
    rng = np.random.default_rng(1)
    w, g = rng.random(N), [f"lab {k}" for k in rng.integers(0, 9, N)]
    estimator = DistributedIBClassifier(**TINY)
    ours, usual = (
        estimator.plan(table, make(Y.tolist()), make(w.tolist()), make(g))
        for table, make in ((as_polars(frame()), column), (frame(), np.array))
    )
    assert ours.decomposition == usual.decomposition and ours.target.classes == ("no", "yes")
    np.testing.assert_array_equal(ours.problem.weight, usual.problem.weight)
    np.testing.assert_array_equal(ours.split.held_out, usual.split.held_out)
    np.testing.assert_array_equal(ours.problem.y, usual.problem.y)
    table = as_polars(frame())
    given = DistributedIBClassifier(**TINY).plan(
        table, column(Y.tolist()), validation_data=(table[:20], column(Y[:20].tolist()))
    )
    assert len(given.split.held_out) == 20


def test_times_and_vectors_of_polars() -> None:
    table = pl.from_pandas(frame()[["x", "n"]])
    when = pl.Series(pd.date_range("2020-01-01", periods=N)[::-1])
    plan = DistributedIBRegressor(**TINY).plan(
        table, table.select(u="x", v=pl.col("n") * 1.5), times=when
    )
    assert plan.split.held_out.tolist() == list(range(N // 5))
    assert plan.target.is_vector and plan.target.entries == ("u", "v")
    assert plan.target.name == "u, v"


@pytest.mark.parametrize("form", ["polars", "arrow"])
def test_nulls_are_missing_values_and_odd_columns_are_named(form: str) -> None:
    holes = pl.DataFrame({"x": [1.0] * 15 + [2.0] * 15 + [None] * 9, "y": [1.0, 2.0, 3.0] * 13})
    lists = pl.DataFrame({"x": [[1], [2, 3]] * 20})
    as_form: Any = (lambda t: t) if form == "polars" else pl.DataFrame.to_arrow
    read = Decomposition.from_frame(as_form(holes)).fit(as_form(holes)).transform(as_form(holes))
    assert read.codes[:, 0].tolist() == [0] * 30 + [1] * 9 and np.isfinite(read.numbers).all()
    with pytest.raises(UserError, match="column 'x', row 1"):
        Decomposition.from_frame(as_form(lists)).fit(as_form(lists))
    with pytest.raises(UserError, match="expected a table from pandas, polars or pyarrow, got int"):
        Decomposition.from_frame(3)


def test_embeddings_are_features_by_name(model: DistributedIBClassifier) -> None:
    features = model.transform(frame())
    names = model.get_feature_names_out().tolist()
    assert features.shape == (N, 10) and names[:2] == ["x_0", "x_1"] and names[-1] == "grade_1"
    encoded = model.approximations()[0].encode(model.decomposition_.transform(frame()))
    np.testing.assert_allclose(features.reshape(N, 5, 2), encoded.mean, rtol=1e-6)
    # Rows with equal values have equal embeddings; different values have different ones.
    flags = features[:, names.index("flag_0")]
    assert len(np.unique(flags.round(5))) == 2


def test_output_in_tables(model: DistributedIBClassifier) -> None:
    copy = pickle.loads(pickle.dumps(model))
    for library, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame)):
        copy.set_output(transform=library)
        found = copy.transform(frame())
        assert isinstance(found, kind) and list(found.columns)[2] == "n_0"
        np.testing.assert_array_equal(found.to_numpy(), model.transform(frame()))


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_a_pipeline_after_a_column_transformer(output: str) -> None:
    columns = ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["x", "n"]),
            ("hot", OneHotEncoder(sparse_output=False), ["place"]),
        ]
    ).set_output(transform=output)
    pipeline = make_pipeline(columns, DistributedIBClassifier(**TINY))
    table = frame()
    pipeline.fit(table, Y)
    fitted = pipeline[-1]
    expected = ["x0", "x1", "x2", "x3"]
    if output != "default":
        expected = ["scaled__x", "scaled__n", "hot__place_north", "hot__place_south"]
    assert list(fitted.decomposition_.names) == expected
    if output == "default":  # a model fitted to arrays goes by position, as in scikit-learn
        array = columns.transform(table)
        with pytest.warns(UserWarning, match="fitted without feature names"):
            by_position = fitted.predict_proba(pd.DataFrame(array, columns=list("pqrs")))
        np.testing.assert_array_equal(by_position, fitted.predict_proba(array))
    assert pipeline.predict(table).shape == (N,) and pipeline.score(table, Y) > 0.6


@pytest.mark.nightly
def test_a_grid_search_and_cross_validated_predictions() -> None:
    table = frame()[["x", "n"]]
    search = GridSearchCV(DistributedIBClassifier(**TINY), {"n_steps": [1, 60]}, cv=2)
    search.fit(table, Y)
    assert search.best_params_ == {"n_steps": 60}
    regressor = DistributedIBRegressor(**{**TINY, "n_steps": 120})
    predicted = cross_val_predict(regressor, table, table["x"] * 2, cv=2)
    assert predicted.shape == (N,) and np.corrcoef(predicted, table["x"])[0, 1] > 0.5
