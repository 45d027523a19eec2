"""Evidence: calibrated p-values, intervals, and findings in words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kstest
from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error

from distributed_ib import DistributedIBClassifier
from distributed_ib.data.component_values import ComponentValues
from distributed_ib.errors import UserError
from distributed_ib.evidence import subset_knowledge
from distributed_ib.evidence.calibration import calibration_of_classes, coverage_of_numbers
from distributed_ib.evidence.dependence import Rows, component_p_values, joint_p_value
from distributed_ib.evidence.evidence import Evidence, EvidenceAt, evidence_text
from distributed_ib.evidence.exact_shares import exact_shares
from distributed_ib.evidence.false_discovery import q_values
from distributed_ib.evidence.held_out import held_out_p_value, joined_p_value
from distributed_ib.evidence.interval import Interval
from distributed_ib.evidence.redundancy import strongly_correlated
from distributed_ib.evidence.references import reference_scores
from distributed_ib.evidence.scores import score_intervals
from distributed_ib.evidence.stability import (
    AtEqualBits,
    LastComponent,
    bits_at_total,
    bits_intervals,
    bits_where_chosen,
    last_components,
)
from distributed_ib.information.subset_information import subset_information_bits
from distributed_ib.report.evidence_sections import last_component_finding, verdict_finding
from test_cli import dib

FIXED = settings(max_examples=40, derandomize=True, deadline=None)


def columns(x: np.ndarray) -> list[ComponentValues]:
    none = np.zeros((len(x), 0), np.int64)
    return [ComponentValues(np.asarray(column, float)[:, None], none) for column in x.T]


def levels(codes: np.ndarray) -> ComponentValues:
    return ComponentValues(np.zeros((len(codes), 0)), codes[:, None].astype(np.int64))


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_p_values_are_uniform_without_information(kind: str) -> None:
    joint, single = [], []
    for table in range(120):
        rng = np.random.default_rng([table, 1])
        y: Any = rng.normal(size=60) if kind == "numbers" else rng.integers(0, 3, 60)
        rows = Rows([*columns(rng.normal(size=(60, 2))), levels(rng.integers(0, 4, 60))], y)
        joint.append(joint_p_value(rows, n_draws=99, seed=table))
        single += component_p_values(rows, n_draws=99, seed=table).tolist()
    spread = np.random.default_rng(0).random(len(joint)) / 100  # p-values are multiples of 0.01
    assert kstest(np.array(joint) - spread, "uniform").pvalue > 0.01
    assert np.mean(np.array(single) <= 0.05) < 0.07


@pytest.mark.parametrize("signal", ["linear", "quadratic", "product", "exclusive or", "level"])
def test_informative_components_are_found_and_others_are_not(signal: str) -> None:
    rng = np.random.default_rng(7)
    x, noise = rng.normal(size=(300, 6)), rng.normal(size=300)
    parts, telling = columns(x), {0}
    y: Any
    if signal == "linear":
        y = x[:, 0] + 1.5 * noise
    elif signal == "quadratic":
        y = x[:, 0] ** 2 + noise
    elif signal == "product":
        y, telling = x[:, 0] * x[:, 1] + 0.7 * noise, {0, 1}
    elif signal == "exclusive or":
        bits = rng.integers(0, 2, (300, 2))
        parts[:2] = [levels(bits[:, 0]), levels(bits[:, 1])]
        y, telling = (bits[:, 0] ^ bits[:, 1]) ^ (rng.random(300) < 0.1), {0, 1}
    else:
        codes = rng.integers(0, 12, 300)
        parts[0] = levels(codes)
        y = (codes % 3 == 0) + noise
    rows = Rows(parts, y)
    assert joint_p_value(rows) <= 0.01
    assert set(np.flatnonzero(q_values(component_p_values(rows)) <= 0.05)) == telling


def test_p_values_are_invariant_to_monotonic_maps() -> None:
    x = np.random.default_rng(3).normal(size=(100, 2))
    y = x[:, 0] + np.random.default_rng(4).normal(size=100)
    plain = component_p_values(Rows(columns(x), y))
    mapped = component_p_values(Rows(columns(np.exp(3 * x) - 5), y**3))
    np.testing.assert_array_equal(plain, mapped)


def test_rows_of_a_group_are_not_taken_as_independent() -> None:
    """40 groups of ten equal rows count as 40 measurements, not 400."""
    naive, grouped = [], []
    for table in range(40):
        rng = np.random.default_rng([table, 9])
        group = np.repeat(np.arange(40), 10)
        x, y = rng.normal(size=(40, 1))[group], rng.normal(size=40)[group]
        naive.append(joint_p_value(Rows(columns(x), y), n_draws=99))
        grouped.append(joint_p_value(Rows(columns(x), y, None, group), n_draws=99))
    assert np.mean(np.array(naive) <= 0.05) > 0.3
    assert np.mean(np.array(grouped) <= 0.05) <= 0.125


def test_rows_may_have_weights() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=200)
    told = np.arange(200) < 60
    y[told] = x[told, 0]
    alike, others = np.ones(200), np.where(told, 1e-6, 1.0)
    p_values = [joint_p_value(Rows(columns(x), y, weight)) for weight in (alike, others)]
    assert p_values[0] <= 0.01 and p_values[1] > 0.05


def test_a_constant_component_and_a_constant_y_tell_nothing() -> None:
    x, y = np.ones((50, 1)), np.random.default_rng(0).normal(size=50)
    assert joint_p_value(Rows(columns(x), y)) == 1
    assert component_p_values(Rows(columns(x), y)).tolist() == [1]
    assert joint_p_value(Rows(columns(y[:, None]), np.zeros(50, int))) == 1


def test_held_out_predictions_are_compared_with_permuted_ones() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 100)
    noise = np.array(
        [held_out_p_value(rng.normal(size=(40, 40)), n_draws=99, seed=k) for k in range(150)]
    )
    assert kstest(noise - rng.random(150) / 100, "uniform").pvalue > 0.01
    # A prediction that is the same for all rows is no evidence, however good it is.
    constant = np.tile(np.log([0.1, 0.9])[y], (100, 1))
    assert held_out_p_value(constant) == 1
    guess = np.log(np.where(y[:, None] == np.arange(2), 0.6, 0.4))
    assert held_out_p_value(guess[:, y]) == 0.001
    assert held_out_p_value(guess[:, y], np.arange(100) // 2) <= 0.01


@FIXED
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30))
def test_q_values_are_those_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    np.testing.assert_allclose(q_values(p_values), false_discovery_control(p_values), rtol=1e-9)


def test_joined_p_values_are_uniform() -> None:
    pairs = np.random.default_rng(0).random((500, 2))
    joined = [joined_p_value([float(a), float(b)]) for a, b in pairs]
    assert kstest(joined, "uniform").pvalue > 0.01


def test_shapley_values_add_up_and_shares_are_exact() -> None:
    truth = np.random.default_rng(1).integers(0, 2, 32)
    information = subset_information_bits(truth)
    shares = exact_shares(information)
    assert shares.shapley.sum() == pytest.approx(information[-1], abs=1e-12)
    # For AND by hand: the contribution of an input at each position of each order.
    both = exact_shares(subset_information_bits([0, 0, 0, 1]))
    alone, all_of_it = 0.8112781 - 0.5, 0.8112781
    np.testing.assert_allclose(both.alone, alone, atol=1e-6)
    np.testing.assert_allclose(both.unique, all_of_it - alone, atol=1e-6)
    np.testing.assert_allclose(both.shapley, all_of_it / 2, atol=1e-6)
    with pytest.raises(UserError, match="power of two"):
        exact_shares([0.0, 0.1, 0.2])


def test_scores_are_those_of_scikit_learn_and_intervals_hold_them() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=(80, 2))
    guess, weight = y + rng.normal(size=(80, 2)), rng.random(80)
    found = score_intervals(y, guess, is_class=False, weight=weight)
    assert found["r2"].value == pytest.approx(r2_score(y, guess, sample_weight=weight))
    rmse = root_mean_squared_error(y, guess, sample_weight=weight)
    assert found["rmse"].value == pytest.approx(rmse)
    assert all(one.low < one.value < one.high for one in found.values())
    codes, guessed = rng.integers(0, 3, 80), rng.integers(0, 3, 80)
    accuracy = score_intervals(codes, guessed, is_class=True)["accuracy"]
    assert accuracy.value == pytest.approx(accuracy_score(codes, guessed))
    # Eight groups of ten equal rows are eight measurements: the interval is wider.
    groups, tens = np.repeat(np.arange(8), 10), np.repeat(rng.integers(0, 2, 8), 10)
    ends = [
        score_intervals(tens, np.zeros(80, int), is_class=True, groups=part)["accuracy"]
        for part in (None, groups)
    ]
    assert ends[1].high - ends[1].low > 2 * (ends[0].high - ends[0].low)


def test_an_interval_for_accuracy_has_its_nominal_coverage() -> None:
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(200):
        right = (rng.random(150) < 0.8).astype(int)
        accuracy = score_intervals(np.ones(150, int), right, is_class=True)["accuracy"]
        inside += accuracy.low <= 0.8 <= accuracy.high
    assert 165 <= inside <= 192  # about 90 % of 200, within four standard errors


def test_calibration_counts_what_came_true() -> None:
    rng = np.random.default_rng(6)
    chance = rng.uniform(0.5, 1, 1000)
    y = (rng.random(1000) > chance).astype(int)
    rows = calibration_of_classes(np.stack([chance, 1 - chance], axis=1), y)
    assert [row.n_rows for row in rows] == [200] * 5
    assert all(row.observed.low <= row.stated <= row.observed.high for row in rows)
    values = rng.normal(size=2000)
    low, high = np.full((2000, 1), -0.6745), np.full((2000, 1), 0.6745)
    (half,) = coverage_of_numbers(low, high, values, np.array([0.5]))
    assert half.observed.low < 0.5 < half.observed.high
    assert half.observed.high - half.observed.low < 0.05


@FIXED
@given(st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_at_equal_bits_components_add_up_to_them(seed: int, part: float) -> None:
    rng = np.random.default_rng(seed)
    falling = np.sort(rng.random((6, 3, 4)), axis=0)[::-1]
    total = part * falling[0].sum(axis=1).min() + (1 - part) * falling[-1].sum(axis=1).max()
    lowest, highest = falling[-1].sum(axis=1).max(), falling[0].sum(axis=1).min()
    total = min(max(total, lowest), highest) if lowest <= highest else highest
    found = bits_at_total(falling, total)
    reachable = falling[-1].sum(axis=1) <= total
    np.testing.assert_allclose(found.sum(axis=1)[reachable], total, rtol=1e-9)


def evidence(**changes: Any) -> Evidence:
    at = EvidenceAt(
        0.1, Interval(0.5, 0.4, 0.6), Interval(0.55, 0.45, 0.65),
        (Interval(1.0, 0.8, 1.2), Interval(0.01, 0.0, 0.05)), (1.0, 0.1),
        {"r2": Interval(0.5, 0.4, 0.6)},
    )  # fmt: skip
    found = Evidence(
        ("a", "b"), 0.001, (0.001, 0.4), (0.002, 0.4), at, replace(at, beta=0.2), n_resamples=10
    )
    return replace(found, **changes)


def test_intervals_of_bits_include_uncertainty_of_the_chosen_step() -> None:
    bits = np.random.default_rng(0).normal(size=(3, 10, 2)) * 0.1 + np.array([5.0, 2.0])
    bits[2, :, 1] = 0.0
    # If every bootstrap chooses the same step, they are Student's t intervals.
    sure = bits_where_chosen(bits, 1, np.array([0.0, 1.0, 0.0]))
    three = bits_where_chosen(bits[:, :3], 1, np.array([0.0, 1.0, 0.0]))
    expected = [*bits_intervals(bits[1]), *bits_intervals(bits[1, :3])]
    for one, student in zip([*sure, *three], expected, strict=True):
        assert one.value == student.value
        half = student.high - student.value
        assert one.low == pytest.approx(student.low, abs=0.02 * half)
        assert one.high == pytest.approx(student.high, abs=0.02 * half)
    # A step that one bootstrap in eight chooses affects the 90 % interval; one in fifty does not.
    for share, high in ((0.125, 2.0), (0.02, 0.0)):
        unsure = bits_where_chosen(bits, 2, np.array([share, 0.0, 1 - share]))
        assert unsure[1].value == unsure[1].low == 0.0
        assert unsure[1].high == pytest.approx(high, abs=0.2)
    two_resamples = bits_where_chosen(bits[:, :2], 1, np.array([0.0, 1.0, 0.0]))
    assert not two_resamples[0].is_known


def test_evidence_is_stored_as_json() -> None:
    halves = (Interval(0.5, 0.4, 0.6), Interval(0.5, 0.2, 0.8))
    found = evidence(
        last=(LastComponent("a", 10, 10),),
        correlated=(("a", "b", 0.95),),
        at_equal_bits=(AtEqualBits(1.0, halves),),
    )
    assert Evidence.from_dict(json.loads(evidence_text(found))) == found
    damages: list[dict[str, Any]] = [{}, {"evidence": {}}, {"evidence": 3, "components": []}]
    for damage in damages:
        with pytest.raises(UserError, match="not a valid description of evidence"):
            Evidence.from_dict(damage)


def test_without_evidence_no_component_is_supported() -> None:
    assert evidence().supported == ("a",)
    nothing = evidence(p_value=0.06)
    assert nothing.verdict == "no evidence" and nothing.supported == ()
    assert not any(one["supported"] for one in nothing.to_dict()["components"])
    assert "no evidence" in verdict_finding(nothing).text


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a": 10}, "a is the last component in use as the bottleneck tightens."),
        ({"a": 9, "b": 1}, "a is the last component in use as the bottleneck tightens."),
        ({"a": 6, "b": 4}, "a is the last component in use in 6 of 10 resamples"),
    ],
)
def test_the_last_component_must_be_last_in_nine_of_ten_resamples(
    counts: dict[str, int], words: str
) -> None:
    last = tuple(LastComponent(name, n, 10) for name, n in counts.items())
    finding = last_component_finding(evidence(last=last))
    assert finding is not None and finding.text.startswith(words)
    assert last_component_finding(evidence(last=(LastComponent("b", 10, 10),))) is None


def test_the_last_component_is_counted_over_resamples() -> None:
    bits = np.zeros((3, 4, 2))
    bits[0], bits[1, :3, 0], bits[1, 3, 1] = 1.0, 0.5, 0.5
    assert last_components(bits, ["a", "b"], 0.1) == [
        LastComponent("a", 3, 4),
        LastComponent("b", 1, 4),
    ]


def test_references_are_scored_on_rows_that_they_never_saw() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    rows = np.arange(400)
    for y, least in ((x[:, 0] + 0.3 * rng.normal(size=400), 0.85), (rng.normal(size=400), -1.0)):
        found = reference_scores(columns(x), y, rows[:300], rows[300:])
        assert [one.name for one in found] == ["gradient boosting", "ridge"]
        assert found[1].scores["r2"].value > least
    assert found[1].scores["r2"].value < 0.05
    labels = (x[:, 0] > 0).astype(int)
    logistic = reference_scores(columns(x), labels, rows[:300], rows[300:])[1]
    assert logistic.name == "logistic regression" and logistic.scores["accuracy"].value > 0.9
    assert reference_scores(columns(x), np.zeros(400, int), rows[:300], rows[300:]) == []


def test_columns_of_nearly_the_same_order_are_named() -> None:
    x = np.random.default_rng(0).normal(size=(200, 2))
    parts = columns(np.stack([x[:, 0], np.exp(x[:, 0]), -(x[:, 0] ** 3), x[:, 1]], axis=1))
    pairs = strongly_correlated(parts, ["a", "exp", "cube", "other"])
    assert [(a, b, round(r)) for a, b, r in pairs] == [
        ("a", "exp", 1),
        ("a", "cube", -1),
        ("exp", "cube", -1),
    ]


@pytest.mark.nightly
@pytest.mark.usefixtures("quick_compilation", "few_readable_tables")
@pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning")
@pytest.mark.parametrize("n_steps", [240, None])
def test_joint_and_interchangeable_information_is_found(
    n_steps: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y depends on the exclusive or of two bits, and on a level that two columns determine."""
    if n_steps is not None:  # enough to see which components inform, not how much
        monkeypatch.setattr(subset_knowledge, "N_PRETRAINING_STEPS", n_steps)
        monkeypatch.setattr(subset_knowledge, "N_RISING_STEPS", n_steps // 2)
    rng = np.random.default_rng(1)
    bits, noise = rng.integers(0, 2, (400, 2)), rng.normal(size=400)
    z = rng.normal(size=400)
    x = pd.DataFrame({"a": bits[:, 0], "b": bits[:, 1], "z": z, "copy": np.exp(z), "noise": noise})
    y = np.where(z > 0.5, "high", np.where(bits[:, 0] ^ bits[:, 1], "odd", "even"))
    kinds: dict[str, Any] = {"a": "categorical", "b": "categorical"}
    model = DistributedIBClassifier(
        kinds=kinds,
        n_starts=1,
        n_resamples=2,
        n_steps=200,
        n_records=16,
        n_information_inputs=0,
        random_state=0,
    )
    model.fit(x, y)
    found = model.evidence_
    assert found is not None and found.verdict == "evidence"
    assert set(found.supported) == {"a", "b", "z", "copy"}
    assert all(
        sum(bits.value for bits in one.bits) == pytest.approx(one.total_bits, rel=0.2)
        for one in found.at_equal_bits
    )
    told = {one.name: one for one in found.knowledge}
    assert told["a"].only_with == ("b",) and told["b"].only_with == ("a",)
    assert told["z"].interchangeable_with == ("copy",)
    assert told["a"].unique.low > 0.2 and told["a"].alone.high < 0.1
    assert told["z"].alone.low > 0.3 and (n_steps is not None or told["z"].unique.high < 0.1)
    said = " ".join(finding.text for finding in model.report().findings())
    assert "a and b are informative about Y only together" in said
    assert "z and copy are interchangeable" in said
    model.save(tmp_path / "saved")
    loaded = DistributedIBClassifier.load(tmp_path / "saved").evidence_
    assert loaded is not None and evidence_text(loaded) == evidence_text(found)
    # The scores are those of `predict` on the test rows, which no model saw.
    plan = model.plan(x, y)
    test = plan.split.divided(2).test
    accuracy = np.mean(model.predict(x.iloc[test]) == y[test])
    assert found.best.scores["accuracy"].value == pytest.approx(accuracy)


@pytest.mark.nightly
def test_a_quick_look_says_that_it_has_no_error_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "y"])
    table.to_csv(tmp_path / "table.csv", index=False)
    fit = ["fit", str(tmp_path / "table.csv"), "--target", "y", "--quick"]
    assert dib(*fit, "--starts", "2") == 2
    assert "--quick makes one sweep" in capsys.readouterr().err
    assert dib(*fit, "--steps", "60", "--out", str(tmp_path / "run")) == 0
    assert "no error bars" in capsys.readouterr().out
    assert not (tmp_path / "run" / "evidence.json").exists()


def with_a_rare_class() -> pd.DataFrame:
    x, rare = np.random.default_rng(0).normal(size=80), np.arange(80) < 3
    return pd.DataFrame({"a": x, "y": np.where(rare, "rare", np.where(x > 0, "up", "down"))})


def test_classes_of_too_few_rows_are_found() -> None:
    table = with_a_rare_class()
    plan = DistributedIBClassifier(random_state=0).plan(table[["a"]], table["y"])
    assert plan.rare_classes() == ["rare"]


@pytest.mark.nightly
def test_classes_of_too_few_rows_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_a_rare_class().to_csv(tmp_path / "table.csv", index=False)
    fit = ["fit", str(tmp_path / "table.csv"), "--target", "y", "--steps", "40", "--starts", "2"]
    assert dib(*fit, "--no-evidence", "--out", str(tmp_path / "run")) == 0
    assert "missing in some resamples: rare" in capsys.readouterr().out
