"""Missing values, which are a value of their own in every component."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distributed_ib import DistributedIBClassifier, load_estimator
from distributed_ib.data._copies import exchangeable_components
from distributed_ib.data.component_values import values_of_table
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.errors import UserError
from distributed_ib.evidence._features import features_of_component
from distributed_ib.evidence.redundancy import strongly_correlated
from distributed_ib.evidence.references import reference_scores
from distributed_ib.plots.distinguishability_matrix import value_labels
from distributed_ib.readable._agglomerate import merge_path
from distributed_ib.readable._moved_values import runs
from distributed_ib.readable._pruning import _fewer_runs
from distributed_ib.readable.atoms import Atoms
from distributed_ib.report.page.value_summaries import grouped_numbers, numbers_summary


def with_gaps(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "x": rng.normal(10, 2, n).round(2),
            "whole": rng.normal(size=n).round(3),
            "colour": rng.choice(["red", "blue"], n),
        }
    )
    table.loc[[3, 5, 20], "x"] = np.nan
    table.loc[[5, 7], "colour"] = None
    return table


def fit(table: pd.DataFrame, **options: Any) -> FittedDecomposition:
    return Decomposition.from_frame(table, **options).fit(table)


def test_a_missing_number_is_zero_with_a_code_and_a_missing_category_a_level() -> None:
    table = with_gaps()
    fitted = fit(table)
    known = table["x"].dropna()
    assert fitted.mean[0] == pytest.approx(known.mean())
    assert fitted.scale[0] == pytest.approx(known.std(ddof=0))
    assert fitted.coded == ("x", "colour") and fitted.continuous == ("x", "whole")
    assert fitted.encoder_options() == {"n_numbers": [1, 1, 0], "n_levels": [[2], [], [3]]}
    assert fitted.levels("colour") == ("blue", "red", None)
    x = fitted.transform(table)
    gone = table["x"].isna().to_numpy()
    np.testing.assert_array_equal(x.codes[:, 0], gone)
    assert (x.numbers[gone, 0] == 0).all() and (x.numbers[~gone, 0] != 0).all()
    np.testing.assert_array_equal(x.codes[:, 1] == 2, table["colour"].isna())
    np.testing.assert_allclose(
        fitted.unscaled("x", x.numbers[~gone, 0]), known.to_numpy(), atol=1e-4
    )


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_all_marks_of_a_missing_value_mean_the_same(missing: Any) -> None:
    table = with_gaps()
    objects = table.astype(object)
    objects.loc[[3, 5, 20], "x"] = missing
    objects.loc[[5, 7], "colour"] = missing
    expected, found = fit(table).transform(table), fit(objects).transform(objects)
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_array_equal(found.codes, expected.codes)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "float32"])
def test_numbers_of_any_type_can_be_missing(dtype: str) -> None:
    column = pd.Series([0, 1] * 20).astype(dtype)
    column[4] = None
    fitted = fit(with_gaps().assign(x=column))
    assert fitted.column("x").has_missing and fitted.mean[0] == pytest.approx(20 / 39)


def test_a_description_with_missing_values_can_be_saved() -> None:
    table = with_gaps()
    fitted = fit(table)
    text = json.dumps(fitted.to_dict())
    assert FittedDecomposition.from_dict(json.loads(text)) == fitted
    assert '"levels": ["blue", "red", null]' in text


def test_a_description_of_an_older_version_still_loads() -> None:
    table = with_gaps().dropna()
    fitted = fit(table)
    old = fitted.to_dict()
    for name in ("median", "most_frequent", "left_out"):
        del old[name]
    loaded = FittedDecomposition.from_dict(old)
    np.testing.assert_array_equal(loaded.transform(table).numbers, fitted.transform(table).numbers)
    with pytest.warns(UserWarning, match="'x' is missing in 1 row"):
        loaded.transform(table.head(1).assign(x=np.nan))


def test_values_never_missing_in_training_are_filled_in_with_a_warning() -> None:
    table = with_gaps().dropna().reset_index(drop=True)
    fitted = fit(table)
    new = table.head(3).astype({"colour": object})
    new.loc[[0, 2], "x"] = np.nan
    new.loc[1, "colour"] = None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        x = fitted.transform(new)
    texts = [str(one.message) for one in told]
    median = float(np.sort(table["x"])[(len(table) - 1) // 2])
    frequent = table["colour"].mode()[0]
    assert texts == [
        "column 'x' is missing in 2 rows, but was never missing in training; it is read as its "
        f"median, {median:g}.",
        "column 'colour' is missing in 1 row, but was never missing in training; it is read as "
        f"the most frequent value, {frequent!r}.",
    ]
    expected = fitted.transform(
        new.assign(x=[median, new.x[1], median], colour=[new.colour[0], frequent, new.colour[2]])
    )
    np.testing.assert_array_equal(x.numbers, expected.numbers)
    np.testing.assert_array_equal(x.codes, expected.codes)


def test_a_column_without_any_value_is_left_out_and_infinity_is_an_error() -> None:
    table = with_gaps().assign(empty=None, nothing=np.nan)
    with pytest.warns(UserWarning, match="'(empty|nothing)' is left out: it has no values"):
        split = Decomposition.from_frame(table)
    assert split.names == ("x", "whole", "colour")
    with pytest.raises(UserError, match=r"column 'x', row 2 .*infinite"):
        fit(with_gaps().assign(x=[1.0, np.inf, np.nan, 2.0] * 10))


def test_values_of_a_component_end_with_missing() -> None:
    fitted = fit(with_gaps())
    values, inputs = fitted.component_values("x", 5)
    assert np.isnan(values[-1]) and not np.isnan(values[:-1]).any()
    assert inputs.codes[:, 0].tolist() == [0] * 5 + [1] and inputs.numbers[-1, 0] == 0
    assert value_labels(values)[-1] == "missing"
    labels, inputs = fitted.component_values("colour")
    assert labels.tolist() == ["blue", "red", "missing"] and inputs.codes[:, 1].tolist() == [
        0,
        1,
        2,
    ]


def test_names_of_missing_and_rare_levels_are_never_those_of_others() -> None:
    table = with_gaps().assign(colour=(["missing", "(rare)", "", None] * 10))
    assert fit(table).column("colour").labels == ("(empty)", "(rare)", "missing", "(missing)")


def test_columns_that_are_missing_together_are_exchangeable_only_if_they_are_copies() -> None:
    table = with_gaps()
    table["copy"] = 3.0 * table["x"] + 1
    table["other"] = table["whole"].where(table["x"].notna())
    fitted = fit(table)
    found = exchangeable_components(
        fitted.names, fitted.transform(table), **fitted.encoder_options()
    )
    assert found == [("x", "copy")]


def test_rows_without_a_target_are_left_out_with_a_warning() -> None:
    table = with_gaps()
    y = pd.Series(["yes", "no"] * 20, dtype=object)
    y[[0, 7]] = None
    model = DistributedIBClassifier(random_state=0)
    with pytest.warns(UserWarning, match="target is missing in 2 of 40 rows, which are left out"):
        plan = model.plan(table, y)
    assert plan.problem.n_rows == 38 and plan.kept is not None
    assert sorted(set(range(40)) - set(plan.kept.tolist())) == [0, 7]
    rows = plan.decomposition.read(table)["whole"][plan.kept]
    np.testing.assert_allclose(
        plan.decomposition.unscaled("whole", plan.problem.x.numbers[:, 1]), rows, atol=1e-5
    )
    with pytest.raises(UserError, match="missing in every row"):
        model.plan(table, [None] * 40)


def test_given_rows_without_a_target_are_left_out_too() -> None:
    table = with_gaps()
    y = pd.Series(["yes", "no"] * 20, dtype=object)
    given = y.head(30).copy()
    given[[0, 29]] = None
    with pytest.warns(UserWarning, match="target is missing in 2 of 30 rows"):
        plan = DistributedIBClassifier(random_state=0).plan(
            table, y, validation_data=(table.head(30), given)
        )
    assert plan.problem.n_rows == 68 and plan.kept is not None
    assert plan.kept.tolist() == [*range(40), *range(41, 69)]


def test_symbols_of_numbers_name_what_is_missing() -> None:
    values = np.append(np.arange(8.0), [np.nan, np.nan])
    atoms = Atoms.of_numbers("x", values)
    assert atoms.n_atoms == 9 and atoms.n_on_line == 8
    assert atoms.codes(values)[-2:].tolist() == [8, 8]
    texts = [atoms.text(part) for part in ({8}, {0, 1, 8}, set(range(8)), set(range(9)))]
    assert texts == ["missing", "0-1 or missing", "not missing", "any"]


def test_a_missing_value_merges_with_values_that_predict_the_same() -> None:
    p = np.array([0.1, 0.1, 0.5, 0.5, 0.9, 0.9, 0.1])  # the last is missing, like the first
    path = merge_path(
        np.stack([p, 1 - p], -1)[:, None], np.full(7, 1 / 7), is_number=True, n_on_line=6
    )
    assert path.labels[2].tolist() == [0, 0, 1, 1, 2, 2, 0]


def test_the_page_counts_missing_rows_apart() -> None:
    rows = np.append(np.arange(100.0), [np.nan] * 20)
    found = numbers_summary(rows)
    assert found.values[-1] is None and found.counts[-1] == 20 and found.bars[-1] == 20
    assert (found.group_of_row[-20:] == len(found.values) - 1).all()
    assert grouped_numbers(rows).values[-1] is None
    few = grouped_numbers(rows[:105])
    assert None not in few.values and few.n_hidden == 5 and (few.group_of_row[-5:] == -1).all()


def test_evidence_and_reference_models_take_gaps() -> None:
    table = pd.concat([with_gaps(200), with_gaps(200)], ignore_index=True)
    table["x"] = table["x"].mask(np.arange(400) % 3 == 0)
    fitted = fit(table)
    x, gone = fitted.transform(table), table["x"].isna().to_numpy()
    parts = values_of_table(x, **fitted.encoder_options(), codes_of_missing=fitted.codes_of_missing)
    np.testing.assert_array_equal(np.isnan(parts[0].numbers[:, 0]), gone)
    assert parts[0].codes.shape == (400, 0) and parts[2].codes.shape == (400, 1)
    features = features_of_component(parts[0])
    assert np.isfinite(features).all()
    told = np.abs(np.corrcoef(features.T, gone)[-1, :-1])
    assert told.max() == pytest.approx(1.0)
    rows = np.arange(400)
    for one in reference_scores(parts, gone.astype(int), rows[:300], rows[300:]):
        assert one.scores["accuracy"].value == 1.0, one.name
    twice = [parts[0], parts[0]._replace(numbers=3 * parts[0].numbers)]
    assert strongly_correlated(twice, ["a", "b"]) == [("a", "b", 1.0)]


TINY: dict[str, Any] = {
    "n_starts": 1,
    "n_resamples": 2,
    "n_steps": 150,
    "n_records": 8,
    "evidence": False,
    "n_information_inputs": 0,
    "random_state": 0,
}


@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning")
def test_informative_missingness_is_conveyed_and_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 300
    asked = rng.normal(20, 5, n).round(1)
    refused = rng.random(n) < 0.4
    # Missing at random: a tenth of `x`, on which the rest of the outcome depends.
    x = rng.normal(size=n)
    table = pd.DataFrame({"income": np.where(refused, np.nan, asked), "x": x})
    table.loc[rng.random(n) < 0.1, "x"] = np.nan
    y = np.where(refused, "refused", np.where(x > 0, "high", "low"))
    table["size"] = rng.choice(["S", "L"], n)
    kinds = {"size": {"kind": "ordered", "levels": ["S", "L"]}}
    model = DistributedIBClassifier(kinds=kinds, **TINY).fit(table, y)
    shown = model.readable()
    (income,) = [one for one in shown.components if one.name == "income"]
    assert {symbol.text for symbol in income.symbols} == {"missing", "not missing"}
    bits = {one.name: one.conveyed_bits for one in shown.components}
    assert bits["income"] > 0.5
    right = model.predict(table) == y
    assert right[refused].mean() > 0.97
    known = table["x"].notna().to_numpy() & ~refused
    assert right[known].mean() > 0.9  # gaps in other rows do not affect these rows
    model.save(tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert loaded.kinds == kinds
    np.testing.assert_array_equal(loaded.predict_proba(table), model.predict_proba(table))
    assert loaded.readable().to_dict() == shown.to_dict()
    assert "compression" in model.figures()


def test_joining_of_symbols_terminates() -> None:
    # Regression: the atom of missing values moved back and forth between two symbols forever.
    def size(labels: np.ndarray) -> tuple[int, bool]:
        on_line, missing = labels[:4], labels[4]
        return len(runs(on_line)), bool((on_line != missing).all())

    for labels in ([0, 0, 1, 1, 0], [0, 1, 0, 2, 3], [0, 1, 1, 0, 1], [0, 0, 0, 0, 0]):
        for smaller in _fewer_runs(np.array(labels), 4):
            assert size(smaller) < size(np.array(labels))
    joined = [found.tolist() for found in _fewer_runs(np.array([0, 0, 1, 1, 2]), 4)]
    assert [0, 0, 1, 1, 0] in joined and [0, 0, 1, 1, 1] in joined
