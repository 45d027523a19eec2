"""Every table is either accepted or rejected with one sentence; no other error occurs."""

import contextlib
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from distributed_ib import DistributedIBClassifier, DistributedIBRegressor
from distributed_ib.cli.main import app
from distributed_ib.data.columns.declared_kinds import declared_kinds
from distributed_ib.data.columns.kinds_file import kinds_toml
from distributed_ib.data.columns.survey import survey
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.files._views import frame_view
from distributed_ib.errors import UserError
from hostile_tables import HostileTable, hostile_table

REMEDIES = (
    *("; ", "give", "rename", "Choose", "choose", "train", "drop", "there is nothing", "Give"),
    *("requires", "at least", "Maybe you are"),
)


def check_sentence(text: str) -> None:
    assert "\n" not in text and len(text) < 1500, text
    assert any(remedy in text for remedy in REMEDIES), text


@contextlib.contextmanager
def only_user_errors(found: list[str]) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            yield
        except UserError as error:
            check_sentence(str(error))
            found.append(str(error))
    for warning in told:
        assert issubclass(warning.category, UserWarning), warning
        assert "\n" not in str(warning.message)


def described(table: HostileTable) -> bool:
    """Describe a table, write its kinds as TOML and read it with them; True if a column remains."""
    try:
        view = frame_view(table.x)
    except UserError as error:  # duplicate names
        check_sentence(str(error))
        return False
    surveyed = survey(view, {})
    for one in surveyed:
        if one.problem:
            check_sentence(one.problem)
            assert repr(one.name) in one.problem
    kinds = tomllib.loads(kinds_toml(surveyed, "a\ntable"))["kinds"]
    assert list(kinds) == list(table.x.columns)
    again = survey(view, declared_kinds(kinds))
    assert [one.problem for one in again] == [""] * len(again)
    for one, other in zip(surveyed, again, strict=True):
        assert other.columns == one.columns
    return bool(any(one.columns for one in surveyed))


def planned(table: HostileTable, **options: Any) -> tuple[list[str], Any, Any]:
    """Run the checks before training; returns their errors, the estimator and its plan."""
    refused: list[str] = []
    is_number = pd.api.types.is_float_dtype(table.y.dtype)
    cls = DistributedIBRegressor if is_number else DistributedIBClassifier
    model, plan = cls(random_state=0, **options), None
    with only_user_errors(refused):
        plan = model.plan(table.x, table.y)
        x = plan.problem.x
        assert np.isfinite(x.numbers).all()
        for k, name in enumerate(plan.decomposition.coded):
            assert 0 <= int(x.codes[:, k].max()) < plan.decomposition.column(name).n_codes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan.decomposition.read(table.x)
    return refused, model, plan


def survives(seed: int) -> bool:
    """Whether the checks accept a table for training."""
    table = hostile_table(seed)
    before = table.x.copy()
    described(table)
    refused, _, _ = planned(table)
    assert table.x.shape == before.shape and list(table.x.dtypes) == list(before.dtypes)
    return not refused


def test_three_hundred_hostile_tables_are_taken_or_refused_with_a_sentence() -> None:
    taken = [survives(seed) for seed in range(300)]
    assert 60 < sum(taken) < 290  # the generator makes both kinds


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(20))
def test_twenty_thousand_hostile_tables_are_taken_or_refused(part: int) -> None:
    for seed in range(1000 * (part + 1), 1000 * (part + 2)):
        survives(seed)


@pytest.mark.nightly
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("part", range(10))
def test_hostile_tables_that_are_taken_can_be_learnt_from(part: int) -> None:
    options: dict[str, Any] = {
        "n_starts": 1,
        "n_resamples": 2,
        "n_steps": 20,
        "n_records": 3,
        "n_samples": 2,
        "n_information_inputs": 0,
        "evidence": False,
    }
    done = 0
    for seed in range(100_000 * (part + 1), 100_000 * (part + 2)):
        table = hostile_table(seed)
        refused, model, plan = planned(table, **options)
        if refused:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.adopt(plan, plan.fit())
            assert len(model.predict(table.x)) == len(table.x)
        done += 1
        if done == 30:
            return


def test_describe_of_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    for seed in range(40):
        table = hostile_table(seed)
        path = tmp_path / "table.csv"
        with contextlib.suppress(ValueError, ArithmeticError):
            table.x.to_csv(path, index=False)
        result = CliRunner().invoke(app, ["describe", str(path), "--toml"])
        if result.exception is not None:
            assert isinstance(result.exception, UserError), (seed, result.exception)
            check_sentence(str(result.exception))
        else:
            assert "kinds" in tomllib.loads(result.stdout)
        assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("labels", [[1, "one", 2.5, True], [3, 1, 3, 2], [True, False, True, True]])
def test_classes_that_are_objects_are_stratified(labels: list[Any]) -> None:
    y = pd.Series(labels * 15, dtype=object)
    plan = DistributedIBClassifier(random_state=0).plan(pd.DataFrame({"a": np.arange(60.0)}), y)
    assert len(plan.split.divided(5).train) == 5


def test_a_hostile_table_of_no_columns_or_rows_is_refused() -> None:
    with pytest.raises(UserError, match="no columns"):
        Decomposition.from_frame(pd.DataFrame(index=range(30)))
    with pytest.raises(UserError, match=r"no column is left|only . rows|too few rows"):
        DistributedIBRegressor().fit(pd.DataFrame({"a": []}, dtype=float), [])
