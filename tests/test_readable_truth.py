"""Readable tables of known relationships: circuits, synthetic tables; and of real tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from distributed_ib import (
    ApproximationScheme,
    DistributedIBClassifier,
    DistributedIBRegressor,
    UserError,
    load_run,
    run_study,
)
from distributed_ib.information.subset_information import subset_information_bits
from distributed_ib.readable.boolean_logic import inputs_of, minimal_terms
from distributed_ib.readable.logic_table import logic_table
from distributed_ib.readable.readable_approximation import ReadableApproximation
from distributed_ib.scheme.choice import Choice
from distributed_ib.studies.boolean import BooleanStudy, Circuit, paper_circuit
from toy import xor_data

# The most informative subsets of the paper's circuit that its sweep passes through, by size.
SUBSETS = [(2,), (2, 9), (2, 5, 9), (2, 5, 7, 8, 9), (0, 1, 2, 5, 7, 8, 9), tuple(range(10))]


def of_subset(circuit: Circuit, inputs: tuple[int, ...]) -> ReadableApproximation:
    x, y = (np.asarray(part, np.int64) for part in circuit.truth_table())
    used = list(inputs)
    return logic_table(
        x.reshape(len(y), -1)[:, used],
        y,
        [circuit.inputs[k] for k in used],
        [1.0] * len(used),
        target="Y",
        beta=0.1,
        total_bits=float(len(used)),
        known_bits=0.2,
    )


def has_exactly_its_inputs(table: ReadableApproximation, names: set[str]) -> bool:
    words = " ".join(table.formula).replace("(", " ").replace(")", " ").replace("~", " ").split()
    return {word for word in words if word.startswith("X")} == names


@pytest.mark.parametrize("inputs", SUBSETS)
def test_what_is_left_of_the_papers_circuit_is_exact(inputs: tuple[int, ...]) -> None:
    circuit = paper_circuit()
    table = of_subset(circuit, inputs)
    exact = subset_information_bits(circuit.truth_table()[1])[sum(1 << k for k in inputs)]
    assert table.table_known_bits == pytest.approx(exact, abs=1e-12)
    assert has_exactly_its_inputs(table, {f"X{k}" for k in inputs})
    assert sum(row.share for row in table.rows) == pytest.approx(1.0)
    # The rows of the table, read from the top, give the exact frequencies of the circuit.
    x, y = (np.asarray(part, np.int64) for part in circuit.truth_table())
    known = x.reshape(len(y), -1)[:, list(inputs)]
    left = np.ones(len(y), bool)
    for row in table.rows:
        fits = left.copy()
        for k, symbols in enumerate(row.symbols):
            fits &= np.isin(known[:, k], symbols)
        left &= ~fits
        assert y[fits].mean() == pytest.approx(row.predictions[0].probabilities[1])
        assert fits.sum() == row.count
    assert not left.any()


def test_a_circuit_that_is_wholly_known_is_one_formula() -> None:
    table = of_subset(paper_circuit(), tuple(range(10)))
    assert len(table.formula) == 1
    assert table.formula[0].startswith("Y = ")
    y = np.asarray(paper_circuit().truth_table()[1])
    terms = minimal_terms(10, np.flatnonzero(y).tolist())
    assert inputs_of(terms, paper_circuit().inputs) == paper_circuit().inputs


def test_a_user_defined_model_has_a_readable_table(xor_scheme: ApproximationScheme) -> None:
    x, y = (part.repeat(64, axis=0) for part in xor_data())
    table = xor_scheme.at(beta=0.02).readable(x, y, target="xor")
    assert {component.name for component in table.components} == {"a", "b"}
    assert len(table.rows) == 4
    assert table.table_known_bits == pytest.approx(1.0, abs=0.1)
    rows = {row.texts: row.predictions[0].value for row in table.rows}
    names = [component.name for component in table.components]
    assert all(int(value) == (int(a) ^ int(b)) for (a, b), value in rows.items()), names
    with pytest.raises(UserError, match="at least 20 rows"):
        xor_scheme.at(beta=0.02).readable(*xor_data())


@pytest.mark.nightly
def test_each_plateau_of_the_papers_circuit_is_read_exactly(tmp_path: Path) -> None:
    study = BooleanStudy()
    run_study(study, tmp_path / "run")
    run = load_run(tmp_path / "run")
    information = subset_information_bits(study.analysed.truth_table()[1])
    subsets = [subset for subset in run.scheme.subsets() if subset.components]
    assert len(subsets) >= 6
    for subset in subsets:
        beta = float(np.sqrt(subset.beta_low * subset.beta_high))
        table = run.study.readable(run, Choice(beta=beta))
        names = {component.name for component in table.components}
        mask = sum(1 << study.analysed.inputs.index(name) for name in names)
        assert names == set(subset.components)
        assert has_exactly_its_inputs(table, names)
        assert table.table_known_bits == pytest.approx(information[mask], abs=1e-12)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::distributed_ib.SweepWarning")
@pytest.mark.parametrize("seed", range(2))
def test_three_groups_of_twelve_levels_and_a_cut_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, months = 1500, np.array([f"m{k}" for k in range(12)])
    group = rng.permutation(np.repeat([0, 1, 2], 4))
    month, x = rng.integers(0, 12, n), rng.uniform(0, 1, n)
    y = np.array([0.0, 2.0, 5.0])[group[month]] + 3.0 * (x > 0.3) + rng.normal(0, 0.7, n)
    table = pd.DataFrame({"month": months[month], "x": x, "noise": rng.normal(size=n)})
    found = DistributedIBRegressor(random_state=seed).fit(table, y).readable(bits=3)
    parts = {component.name: component for component in found.components}
    assert set(parts) == {"month", "x"}
    wanted = {frozenset(months[group == g].tolist()) for g in range(3)}
    assert {frozenset(symbol.values) for symbol in parts["month"].symbols} == wanted
    (symbol, _) = parts["x"].symbols
    assert symbol.intervals[0][1] == pytest.approx(0.3, abs=0.02)
    assert len(found.rows) == 6
    assert found.kept_share > 1


REAL: list[tuple[str, Any, dict[str, Any], Any]] = [
    ("wine", load_wine, {}, DistributedIBClassifier),
    ("cancer", load_breast_cancer, {}, DistributedIBClassifier),
    ("diabetes", load_diabetes, {"scaled": False}, DistributedIBRegressor),
]


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "load", "options", "estimator"), REAL)
def test_short_tables_keep_what_few_bits_know_of_real_tables(
    name: str, load: Any, options: dict[str, Any], estimator: Any
) -> None:
    x, y = load(return_X_y=True, as_frame=True, **options)
    # Averaged over three divisions of the rows, as a single one has an error of about 1/6.
    models = [estimator(random_state=seed, evidence=False).fit(x, y) for seed in range(3)]
    for bits in (1, 2, 3):
        tables = [model.readable(bits=bits) for model in models]
        assert all(table.total_bits <= bits for table in tables)
        assert all(2 <= len(table.rows) <= 32 for table in tables)
        kept = np.mean([table.kept_share for table in tables])
        error = np.sqrt(np.sum([table.kept_error**2 for table in tables])) / len(tables)
        assert kept > 0.95 - 2 * error, (name, bits, kept, error)
