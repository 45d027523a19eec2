"""A run on a user's table: fitted by one command, and read again later."""

import shutil
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from distributed_ib._locks import hold_folder
from distributed_ib.data.table_files import read_table
from distributed_ib.data.target import Target
from distributed_ib.errors import DivergenceError, UserError
from distributed_ib.estimators import table_report as report
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.estimator_files import CANDIDATES, ESTIMATOR, load_estimator
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.estimators.sweep_advice import SweepWarning
from distributed_ib.report.words import summary
from distributed_ib.scheme.measure import Measure
from distributed_ib.study.run_folder import append_log, read_config, start_run, write_summary
from distributed_ib.training.checkpoints import Checkpoints
from distributed_ib.training.progress import ProgressCallback

STUDY = "table"
CHECKPOINTS = "checkpoints"
GROUPS_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True)
class TableOptions:
    """What the user said about a table.

    Attributes:
        target: Column to explain.
        exclude: Columns to leave out.
        task: "auto", "classification" or "regression".
        loss: "gaussian" or "infonce", for regression.
        components: Groups of columns by name, or "all"; default each column by itself.
        seed: Seed of everything random.
        n_seeds: Independent repeats.
        n_steps: Training steps while beta rises; default by the size of the data.
        learning_rate: Adam's step size; default that of the estimators.
    """

    target: str
    exclude: tuple[str, ...] = ()
    task: str = "auto"
    loss: str = "gaussian"
    components: Mapping[str, Sequence[str]] | str | None = None
    seed: int = 0
    n_seeds: int = 1
    n_steps: int | None = None
    learning_rate: float | None = None

    def to_toml(self) -> dict[str, Any]:
        """The options as TOML values; what is left to the defaults is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class FittedRun:
    """A fitted estimator in its run folder.

    Attributes:
        estimator: The estimator.
        title: What the run is about.
    """

    estimator: DistributedIBEstimator
    title: str = field(default="table")

    def figures(
        self,
        threshold_bits: float = 0.1,
        beta: float | None = None,
        measure: Measure | None = None,
    ) -> dict[str, Figure]:
        """All figures, by name."""
        return report.figures(self.estimator, threshold_bits, beta=beta, measure=measure)


def read_groups(path: Path) -> dict[str, list[str]]:
    """Components from a TOML file with lines such as `position = ["x", "y"]`.

    They may stand under a heading `[components]`, as in the `config.toml` of a run.

    Raises:
        UserError: If it can't be read, or says anything else.
    """
    try:
        if path.stat().st_size > GROUPS_LIMIT_BYTES:
            raise UserError(f"{path} is too large to be a list of components.")
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read as TOML: {error}.") from None
    if list(groups) == ["components"] and isinstance(groups["components"], dict):
        groups = groups["components"]
    for name, columns in groups.items():
        if not (isinstance(columns, list) and columns and all(isinstance(c, str) for c in columns)):
            raise UserError(
                f'{path}: component {name!r} should be a list of columns, such as ["x", "y"].'
            )
    return groups


def fit_table(
    table: Path,
    options: TableOptions,
    folder: Path,
    *,
    resume: bool = False,
    progress: ProgressCallback | None = None,
    command: str = "",
) -> FittedRun | None:
    """Fit a table and leave all but the figures in a run folder.

    Args:
        table: CSV or Parquet file.
        options: What to explain, and how.
        folder: New folder for the run; with `resume` the folder of a run that was stopped.
        resume: Go on from the newest checkpoint.
        progress: Called as the sweep goes on.
        command: What to write into the log as the origin of the run.

    Returns:
        The run, or None if Ctrl-C ended the sweep: its checkpoint waits in the folder.

    Raises:
        UserError: If the table, an option or the folder can't be used, another process is at work
            in the folder, or training diverges before any model is kept.
    """
    x, y = _columns(read_table(table), table, options)
    estimator = _estimator(options, y)
    if not resume:
        start_run(folder, STUDY, {"table": {"path": str(table), **options.to_toml()}})
    with hold_folder(folder):
        if resume:
            _check_resumable(folder, options)
        append_log(folder, f"command: {command}" if command else "started from Python")
        checkpoints = Checkpoints(folder / CHECKPOINTS)
        sweep_options = {"progress": progress, "checkpoints": checkpoints, "resume": resume}
        try:
            with warnings.catch_warnings():
                # The command ends with an error that says the same.
                warnings.filterwarnings("ignore", "the sweep diverged", SweepWarning)
                estimator.fit(x, y, sweep_options=sweep_options)
        except DivergenceError as error:
            append_log(folder, str(error))
            checkpoints.remove()  # with the same options a resumed sweep would diverge again
            raise
        except UserError:
            if not resume and not checkpoints.exist():
                # The table was refused before anything was trained: leave no empty run behind.
                shutil.rmtree(folder)
            raise
        append_log(folder, f"sweep {estimator.scheme_.message}")
        if estimator.scheme_.status == "interrupted":
            return None
        _remove_half_saved(folder)
        estimator.save(folder)
        checkpoints.remove()
        run = FittedRun(estimator, f"{options.target} in {table.name}")
        write_summary(folder, summary(estimator.scheme_), report.summary_text(estimator, run.title))
        return run


def load_run(folder: Path) -> FittedRun:
    """Read a run folder again.

    Raises:
        UserError: If something is missing or damaged.
    """
    described = read_config(folder).get("table", {})
    if not (folder / "scheme.nc").exists():
        if (folder / CHECKPOINTS).is_dir():
            raise UserError(
                f"{folder} holds a run that is not finished; go on with dib fit --resume."
            )
        raise UserError(
            f"{folder} holds no fitted model: its sweep never came to one, as its log says."
        )
    title = f"{described.get('target', 'table')} in {Path(str(described.get('path', ''))).name}"
    return FittedRun(load_estimator(folder), title)


def _columns(
    table: pd.DataFrame, path: Path, options: TableOptions
) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """The components' columns and the target's."""
    known = ", ".join(str(name) for name in table.columns)
    for role, name in [("target", options.target), *(("exclude", n) for n in options.exclude)]:
        if name not in table.columns:
            raise UserError(
                f"{path} has no column {name!r}, named by --{role}; its columns are {known}."
            )
    if options.target in options.exclude:
        raise UserError(f"--exclude names the target {options.target!r}; leave it in.")
    x = table.drop(columns=[options.target, *options.exclude])
    if x.shape[1] == 0:
        raise UserError(f"{path} has no columns left to explain {options.target!r} with.")
    return x, table[options.target]


def _estimator(options: TableOptions, y: "pd.Series[Any]") -> DistributedIBEstimator:
    task = options.task
    if task == "auto":
        task = Target.fit(y, name=options.target).task
    common: dict[str, Any] = {
        "components": options.components,
        "n_seeds": options.n_seeds,
        "n_steps": options.n_steps,
        "learning_rate": options.learning_rate,
        "random_state": options.seed,
    }
    if task == "classification":
        return DistributedIBClassifier(**common)
    if task == "regression":
        return DistributedIBRegressor(loss=options.loss, **common)  # type: ignore[arg-type]
    raise UserError(f"the task {task!r} is unknown; choose auto, classification or regression.")


def _remove_half_saved(folder: Path) -> None:
    """Clear what a save that was killed left behind; `scheme.nc` comes last, and is not there."""
    if not (folder / "scheme.nc").exists():
        shutil.rmtree(folder / "snapshots", ignore_errors=True)
        for name in (ESTIMATOR, CANDIDATES):
            (folder / name).unlink(missing_ok=True)


def _check_resumable(folder: Path, options: TableOptions) -> None:
    told = read_config(folder).get("table", {})
    if (folder / "scheme.nc").exists():
        raise UserError(f"{folder} holds a finished run; there is nothing to resume.")
    wanted = {name: list(v) if isinstance(v, tuple) else v for name, v in options.to_toml().items()}
    different = [name for name in {*wanted, *told} - {"path"} if wanted.get(name) != told.get(name)]
    if different:
        raise UserError(
            f"{folder} was started with another {sorted(different)[0]}; resume with the options in "
            "its config.toml, or choose another folder with --out."
        )
