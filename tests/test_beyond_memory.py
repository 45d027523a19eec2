"""`dib fit` on tables that do not fit in memory: statistics, measured rows, results and limits."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

from big_tables import frame, streamed, write
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.distinct_values import RepeatedNumbers
from distributed_ib.data.files.parquet_table import ParquetTable
from distributed_ib.data.pool_batches import PoolBatches
from distributed_ib.data.streamed_statistics import (
    fit_streamed,
    gather_statistics,
    measured_rows_of,
)
from distributed_ib.errors import UserError
from distributed_ib.estimators._plan import Plan
from distributed_ib.estimators._streamed import StreamedProblem
from distributed_ib.estimators.prediction_files import predicted_in_stretches, write_predictions
from distributed_ib.scheme.fitting import SweepStore
from distributed_ib.studies.table import TableStudy, streamed_rows
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import SweepProgress
from test_describe import dib

pytestmark = pytest.mark.usefixtures(
    "quick_compilation", "figures_are_not_drawn", "few_readable_tables"
)

N_ROWS = 8000
MEMORY_GIB = 2e-4  # 215 kB, half of it for the pool: 8,000 rows x 5 columns take 640 kB
SETTINGS: dict[str, Any] = {
    "target": "y",
    "n_starts": 1,
    "n_resamples": 2,
    "n_steps": 300,
    "evidence_wanted": False,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "big", frame(N_ROWS), row_group_size=200)


def odd_table() -> pd.DataFrame:
    """Columns of every kind, with gaps; some have no values in their first rows."""
    rng = np.random.default_rng(1)
    n = 600
    table = frame(n)
    table["late"] = np.where(np.arange(n) < 250, np.nan, rng.normal(1e6, 3, n))
    table["word"] = table["word"].where(np.arange(n) > 200)
    table["when"] = (
        pd.date_range("2024-01-01", periods=n, freq="7h")
        .to_series()
        .sample(n, random_state=0)
        .to_numpy()
    )
    table["wait"] = pd.to_timedelta(rng.integers(0, 500, n), unit="min")
    table["city"] = [f"city {k}" for k in rng.integers(0, 70, n)]
    table["flag"] = rng.random(n) < 0.1
    table["one"] = 1.0
    table["y"] = table["y"].where(rng.random(n) < 0.9)
    return table


def test_one_pass_finds_what_a_fit_of_the_training_rows_finds(tmp_path: Path) -> None:
    table = odd_table()
    write(tmp_path, table, row_group_size=70)
    source = streamed(tmp_path, most_measured=100, block_rows=100)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        statistics = gather_statistics(source, {}, kept=["number"])
        found = fit_streamed(source, statistics, {"pair": ["number", "x"]})
        rows = np.setdiff1d(np.flatnonzero(table["y"].notna()), source.measured)
        n_told = len(told)
        expected = Decomposition.from_frame(table.drop(columns="y"), {"pair": ["number", "x"]}).fit(
            table, rows
        )
    assert [str(one.message) for one in told[:n_told]] == [
        str(one.message) for one in told[n_told:]
    ]
    assert found.decomposition == expected.decomposition
    for name in ("mean", "scale", "low", "high"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9)
    for name in ("by_rank", "median", "most_frequent", "observed"):
        assert getattr(found, name) == getattr(expected, name)
    assert statistics.n_without_y == table["y"].isna().sum()
    assert statistics.n_training.sum() == len(rows)
    assert statistics.class_counts == table["y"][rows].value_counts().to_dict()
    measured = table.iloc[source.measured].dropna(subset="y").reset_index(drop=True)
    pd.testing.assert_frame_equal(
        statistics.measured, measured[list(statistics.measured)], check_dtype=False
    )
    assert statistics.measured["flag"].dtype == bool


def test_what_is_read_fits_into_the_memory_and_the_rest_is_measured(folder: Path) -> None:
    study = TableStudy(table=folder, memory_gib=MEMORY_GIB, **SETTINGS)
    problem = study.problem(0)
    assert isinstance(problem, StreamedProblem) and problem.pool is not None
    assert problem.n_rows == N_ROWS // 2  # at most 100,000, and at most half of all
    assert problem.pool.n_rows == N_ROWS - N_ROWS // 2
    n_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(problem.pool.arrays))
    measured = sum(leaf.nbytes for leaf in jax.tree.leaves((problem.x, problem.y)))
    assert 0.9 < (n_bytes - measured) / (MEMORY_GIB * 2**30 / 2) < 1.02 or (
        problem.pool.n_places == problem.pool.n_rows
    )
    source = problem.resampled_batches([np.arange(5)], 64, 0)
    assert isinstance(source, PoolBatches)
    assert not isinstance(problem.in_memory().batches(np.arange(9), 4, 0), PoolBatches)
    fits = TableStudy(table=folder, **SETTINGS).problem(0)
    assert not isinstance(fits, StreamedProblem) and fits.n_rows == N_ROWS


def small_plan(folder: Path, memory_gib: float) -> Plan:
    """A plan of a sweep of a small model over the table, without additional measurements."""
    study = TableStudy(table=folder, memory_gib=memory_gib, exclude=("number",), **SETTINGS)
    estimator = study.estimator(0).set_params(
        n_records=6,
        n_steps=120,
        n_pretraining_steps=60,
        n_samples=8,
        n_information_inputs=0,
        batch_size=64,
        embedding_dim=1,
        predictor_hidden=(8,),
        encoder_hidden=(8,),
    )
    rows, source = study._columns, study._streamed
    return estimator.plan(rows.x, rows.y, streamed=None if source is None else source.source)


@pytest.mark.nightly
def test_a_table_on_disk_is_explained_as_the_same_one_in_memory(folder: Path) -> None:
    """Known bits agree within four standard errors, although the pool is replaced repeatedly."""
    found = {}
    for name, memory_gib in (("disk", 2e-5), ("memory", 4.0)):
        plan = small_plan(folder, memory_gib)
        scheme = plan.fit()
        data = scheme.to_xarray()
        step = int(np.abs(data["beta"].values - scheme.best_beta).argmin())
        found[name] = {
            "known": float(data["known_bits"][step]),
            "error": float(data["known_error_bits"][step]),
            "kl": data["kl_bits"].mean("seed").values[step],
        }
        if isinstance(plan.problem, StreamedProblem):
            assert plan.problem.pool is not None
            batches = plan.problem.resampled_batches([np.arange(9)] * 2, 64, 0)
            assert isinstance(batches, PoolBatches)
            assert batches.schedule(2).n_before(180) > 2.5 * plan.problem.pool.n_blocks
    disk, memory = found["disk"], found["memory"]
    error = np.hypot(disk["error"], memory["error"])
    assert disk["error"] > 0 and memory["known"] > 0.3
    assert abs(disk["known"] - memory["known"]) < 4 * error
    assert np.argsort(disk["kl"]).tolist() == np.argsort(memory["kl"]).tolist()


def test_a_resumed_sweep_has_the_same_bits(folder: Path, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(now: SweepProgress) -> None:
        if now.step >= 100:
            raise Stopped

    store = SweepStore(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SweepStore, "checkpoints", lambda _, name: Checkpoints(tmp_path / name, 0.0))
        with pytest.raises(Stopped):
            small_plan(folder, 2e-5).fit(store=store, progress=stop)
        resumed = small_plan(folder, 2e-5).fit(store=SweepStore(tmp_path, resume=True))
    whole = small_plan(folder, 2e-5).fit()
    for name in ("kl_bits", "known_bits", "prediction_error_bits"):
        one, other = (scheme.to_xarray()[name].values for scheme in (whole, resumed))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("option", ["weight", "group", "time"])
def test_roles_that_need_a_table_in_memory_are_refused(folder: Path, option: str) -> None:
    study = TableStudy(table=folder, memory_gib=MEMORY_GIB, **{**SETTINGS, option: "number"})
    with pytest.raises(
        UserError, match=f"--{option} is only for tables that fit into memory. .*8,000"
    ):
        study.problem(0)


def test_incompatible_options_are_refused(folder: Path) -> None:
    several = {**SETTINGS, "target": ("y", "word"), "each_target": True}
    with pytest.raises(UserError, match="--each-target needs a table that fits into --memory"):
        TableStudy(table=folder, memory_gib=MEMORY_GIB, **several).check()
    for memory_gib in (0.0, float("nan")):
        with pytest.raises(UserError, match="--memory must be a positive number"):
            TableStudy(table=folder, memory_gib=memory_gib, **SETTINGS).problem(0)
    with pytest.raises(UserError, match="no column 'z', named by --target"):
        TableStudy(table=folder, memory_gib=MEMORY_GIB, **{**SETTINGS, "target": "z"}).problem(0)
    with pytest.raises(UserError, match="kinds names the column 'z'"):
        TableStudy(
            table=folder, memory_gib=MEMORY_GIB, kinds={"z": "categorical"}, **SETTINGS
        ).problem(0)


def test_a_fault_in_a_late_file_is_reported_before_training(tmp_path: Path) -> None:
    table = frame(2000).assign(y=np.linspace(0, 1, 2000))
    bad = table.assign(x=table["x"].where(table.index != 1900, np.inf))
    study = TableStudy(
        table=write(tmp_path / "x", bad, row_group_size=50), memory_gib=1e-5, target="y"
    )
    with pytest.raises(
        UserError, match=r"column 'x', row 1901 .* infinite .*part-2.parquet begins"
    ):
        study.problem(0)
    bad = table.assign(y=table["y"].where(table.index != 1900, np.inf))
    study = TableStudy(
        table=write(tmp_path / "y", bad, row_group_size=50), memory_gib=1e-5, target="y"
    )
    with pytest.raises(
        UserError, match=r"column 'y', row 1901 .* infinite .*part-2.parquet begins"
    ):
        study.problem(0)
    number = TableStudy(
        table=write(tmp_path / "z", table, row_group_size=50),
        memory_gib=1e-5,
        target="y",
        task="classification",
    )
    with pytest.raises(UserError, match=r"'y' contains numbers such as .* which can't be classes"):
        number.problem(0)


def test_a_class_absent_from_measured_rows_is_kept(tmp_path: Path) -> None:
    table = frame(3000)
    measured = measured_rows_of(3000)
    row = int(np.setdiff1d(np.arange(3000), measured)[7])
    table.loc[row, "y"] = "rare"
    study = TableStudy(
        table=write(tmp_path, table, row_group_size=100), memory_gib=2e-5, **SETTINGS
    )
    plan = study._plan(0)
    assert plan.target.classes == ("no", "rare", "yes")
    assert plan.target.share[1] == pytest.approx(1 / 1500)
    assert plan.n_train_rows == 1500 + 1200


@pytest.mark.parametrize(
    ("target", "options"),
    [("x", {}), ("x", {"loss": "infonce"}), (("x", "noise"), {}), ("x", {"validation": True})],
)
def test_every_kind_of_target_is_streamed(
    folder: Path, tmp_path: Path, target: Any, options: dict[str, Any]
) -> None:
    """Y is encoded in the batches as it is in the measured rows."""
    if options.get("validation"):
        frame(300, seed=5).to_csv(tmp_path / "new.csv", index=False)
        options = {"validation": tmp_path / "new.csv"}
    study = TableStudy(
        table=folder, memory_gib=MEMORY_GIB, **{**SETTINGS, "target": target}, **options
    )
    problem = study.problem(0)
    split = problem.split(0)
    if "validation" in options:
        assert problem.n_rows == N_ROWS // 2 + 300 == len(split.train) + 300
    source = split.problem.resampled_batches(split.divided(2).train, 64, 0)
    assert isinstance(source, PoolBatches)
    x, y = source.prepare(0, 64, 2)
    rows = problem.rows(split.train)
    for drawn, own in zip(jax.tree.leaves((x, y)), jax.tree.leaves((rows.x, rows.y)), strict=True):
        assert drawn.dtype == own.dtype and drawn.shape[3:] == own.shape[1:]
        assert drawn.mean() == pytest.approx(float(own.mean()), abs=0.1 * float(own.std()) + 0.01)


def test_numbers_of_few_values_are_listed_once(tmp_path: Path) -> None:
    """All values are known, including those of rows that are neither measured nor in the pool."""
    rng = np.random.default_rng(0)
    table = frame(2000).drop(columns="number")
    table["hour"] = rng.integers(0, 24, 2000)
    table["gaps"] = np.where(rng.random(2000) < 0.1, np.nan, table["hour"])
    table["age"] = rng.integers(0, 90, 2000).astype(np.float32) + np.float32(0.1)
    study = TableStudy(
        table=write(tmp_path, table, row_group_size=100), memory_gib=1e-5, **SETTINGS
    )
    problem = study.problem(0)
    names = problem.names
    split = problem.split(0)
    source = problem.resampled_batches(split.divided(2).train, study.train.batch_size, 0)
    x, _ = source.draw(source.pick(source.prepare(0, 1, 2), jax.numpy.int32(0)), jax.random.key(0))
    assert isinstance(x, RepeatedNumbers)
    assert [names[k] for k in x.listed] == ["hour"]  # a batch of 64 rows does not list 90 ages
    assert study.train.batch_size == 64
    (values,) = [part for part in x.values if part is not None]
    assert len(values) == 24
    hours = x.table.numbers[..., 2]  # after x and noise
    np.testing.assert_array_equal(values[:, 0][np.asarray(x.codes)[..., 0]], hours)


def test_large_tables_are_measured_on_a_subset_of_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_rows, "MANY_ROWS", N_ROWS - 1)
    problem = TableStudy(table=folder, **SETTINGS).problem(0)
    assert isinstance(problem, StreamedProblem) and problem.pool is not None
    assert problem.pool.n_places == problem.pool.n_rows  # all of them are in memory
    grouped = TableStudy(table=folder, group="number", **SETTINGS).problem(0)
    assert not isinstance(grouped, StreamedProblem)


def test_the_commands_take_folders(tmp_path: Path) -> None:
    """`fit` reads a folder and reports its rows; `predict` and `describe` read it too."""
    folder = write(tmp_path / "big", frame(2000), row_group_size=100)
    run = tmp_path / "run"
    options = ["--exclude", "number", "--steps", "20", "--resamples", "0", "--starts", "1"]
    started = dib(
        "fit", folder, "--target", "y", "--memory", "1e-5", "--no-evidence", *options, "--out", run
    )
    assert started.exit_code == 0, started.output
    text = (run / "summary.md").read_text()
    assert "The table has 2,000 rows. Batches come from 1,000 of them, through a pool of" in text
    # 20 steps and 10 steps of pre-training, with 64 rows each, for one model.
    assert (
        "in memory, which are replaced by others during training: at most 1,920 draws for" in text
    )
    assert "1,000 others, a random sample" in text
    told = dib("predict", run, folder, "--out", tmp_path / "p.parquet")
    assert told.exit_code == 0 and "2,000 rows" in told.output
    predicted = pd.read_parquet(tmp_path / "p.parquet")
    assert (predicted["prediction"] == frame(2000)["y"]).mean() > 0.7
    shown = dib("describe", folder, "--target", "y")
    assert "2,000 rows" in shown.output and "row numbers" not in shown.output


def test_predictions_are_made_and_written_in_chunks(folder: Path, tmp_path: Path) -> None:
    table = ParquetTable(folder, chunk_rows=1000)

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        warnings.warn(f"{len(rows)} rows of {list(rows)}.", UserWarning, stacklevel=2)
        if (rows["number"] == 12_000).any():
            raise UserError("row 1 is wrong.")
        return pd.DataFrame({"prediction": rows["number"] * 2})

    files = [tmp_path / "p.csv", tmp_path / "p.parquet"]
    for path in files:
        few = pd.DataFrame({"prediction": np.arange(3)})
        assert write_predictions(path, iter([few, few + 3])) == 6
    for found in (pd.read_csv(files[0]), pd.read_parquet(files[1])):
        assert found["prediction"].tolist() == [0, 1, 2, 3, 4, 5]
    parts = predicted_in_stretches(table, ["number", "nowhere"], predict)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(UserError, match=r"row 1 is wrong \(rows are counted from row 5734 of"):
            list(parts)
    assert [str(one.message) for one in caught] == ["1000 rows of ['number'] (in rows 1 to 1000)."]


@pytest.mark.nightly
def test_ten_million_rows(tmp_path: Path) -> None:
    """Preparation takes less than 30 s; steps are about as fast as on a small table."""
    script = Path(__file__).parents[1] / "benchmarks" / "beyond_memory.py"
    results = tmp_path / "results.jsonl"
    options = ["--rows", "10000000", "--memory", "0.2", "--steps", "1000"]
    places = ["--folder", str(tmp_path), "--out", str(results)]
    subprocess.run([sys.executable, str(script), *options, *places], check=True)
    found = json.loads(results.read_text())
    assert found["rows_in_pool"] < 2_000_000 and found["row_groups_read_anew"] >= 3
    assert found["describe_s"] + found["statistics_s"] + found["pool_s"] < 30
    assert found["ratio"] < 1.5
    assert found["peak_gib"] < 2.5
