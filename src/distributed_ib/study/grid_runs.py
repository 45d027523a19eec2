"""The runs of a grid, each in its own folder, and the table of all of them."""

import contextlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distributed_ib._files import create_folder, write_atomically
from distributed_ib._locks import lock_folder
from distributed_ib._run_files import CONFIG
from distributed_ib.errors import UserError
from distributed_ib.study.finished_files import all_files_in, write_whole_folder
from distributed_ib.study.grid import Grid, GridRun, read_grid
from distributed_ib.study.grid_table import GridRow, rows_of_run, save_table
from distributed_ib.study.loading import place_of
from distributed_ib.study.many_parts import (
    OnFinished,
    cancellation_callback,
    module_of,
    place_for,
    show_warnings,
)
from distributed_ib.study.options import to_toml
from distributed_ib.study.run_folder import is_finished, read_config
from distributed_ib.study.running import run_study, terminated_as_interrupted
from distributed_ib.study.study import Study
from distributed_ib.study.workers import Workers, results_of

GRID = "grid.toml"


@dataclass(frozen=True)
class GridResult:
    """The result of a grid.

    Attributes:
        rows: The table, with a row for each run or for each of its parts.
        n_failed: Number of runs with an error or whose training diverged.
    """

    rows: tuple[GridRow, ...]
    n_failed: int


@dataclass(frozen=True)
class _Shared:
    """What workers need: studies and seeds by name, and where their folders are."""

    runs: Mapping[str, tuple[Study, int]]
    folder: Path | None
    command: str
    file: Path | None


@dataclass(frozen=True)
class _Done:
    """What a worker reports about a run."""

    error: str = ""
    warning_texts: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def run_grid(
    path: Path,
    folder: Path,
    *,
    workers: Workers | None = None,
    command: str = "",
    on_finished: OnFinished | None = None,
) -> GridResult:
    """Run all combinations of a grid that are not finished, and write the table of all.

    Args:
        path: The TOML file; see `read_grid`.
        folder: A new folder, or that of a grid to be continued.
        workers: Where runs are executed; by default one after the other in this process.
        command: The command that started the grid, for the logs of the runs.
        on_finished: Called with the number of finished runs and of all runs.

    Raises:
        UserError: If the file or the folder can't be used, a run there was made with other
            options, or workers were lost too often. An error of one run is listed in the table.
    """
    workers = workers or Workers()
    grid = read_grid(path)
    _begin(folder, path)
    with lock_folder(folder), terminated_as_interrupted():
        for run in grid.runs:
            _check_same(folder / run.name, run)
        write_atomically(folder / GRID, lambda new: new.write_bytes(path.read_bytes()))
        errors = {run.name: run.error for run in grid.runs if run.study is None}
        try:
            _run_missing(grid, folder, workers, command, on_finished, errors)
        finally:
            rows = _rows(grid, folder, errors)
            save_table(folder, grid, rows)
    failed = {row.run for row in rows if row.error or row.status == "diverged"}
    return GridResult(tuple(rows), len(failed))


def _begin(folder: Path, path: Path) -> None:
    if not path.is_file():
        raise UserError(f"there is no file {path}.")
    if folder.exists() and not (folder / GRID).is_file():
        raise UserError(
            f"{folder} already exists and is not the folder of a grid (it contains no {GRID}); "
            "choose another folder with --out."
        )
    if not folder.exists():
        create_folder(folder)


def _check_same(folder: Path, run: GridRun) -> None:
    """Check that an existing run of this name has the requested options."""
    if run.study is None or not (folder / CONFIG).exists():
        return
    config = read_config(folder)
    stored = {**config["options"], "study": config["run"]["study"], "seed": config["run"]["seed"]}
    wanted = {**to_toml(run.study), "study": run.study.name, "seed": run.seed}
    for name in sorted(stored.keys() | wanted.keys()):
        if stored.get(name) != wanted.get(name):
            raise UserError(
                f"{folder} was made with a different {name}; choose another folder with --out."
            )


def _run_missing(
    grid: Grid,
    folder: Path,
    workers: Workers,
    command: str,
    on_finished: OnFinished | None,
    errors: dict[str, str],
) -> None:
    """Run what is not finished; adds to `errors` by name of run."""
    missing = {
        run.name: (run.study, run.seed)
        for run in grid.runs
        if run.study is not None and not is_finished(folder / run.name)
    }
    if not workers.share_this_disk:
        _read_inputs(missing, errors)
    names = [name for name in missing if name not in errors]
    n_all = len(grid.runs)
    n_before = n_all - len(names)
    tell: Callable[[int], None] = lambda n: on_finished(n, n_all) if on_finished else None  # noqa: E731
    tell(n_before)
    if not names:
        return
    shared = _Shared(
        {name: missing[name] for name in names},
        folder.resolve() if workers.share_this_disk else None,
        command,
        None if grid.file is None else grid.file.resolve(),
    )
    by_value = module_of(next(iter(missing.values()))[0])
    with contextlib.closing(results_of(workers, _work, shared, names, by_value)) as results:
        for n, (name, done) in enumerate(results, 1):
            if done.error:
                errors[name] = done.error
            elif done.files:
                write_whole_folder(folder / name, done.files)
            show_warnings(done.warning_texts)
            tell(n_before + n)


def _read_inputs(missing: Mapping[str, tuple[Study, int]], errors: dict[str, str]) -> None:
    """Read inputs for workers on other machines; runs with the same inputs share them."""
    first: Study | None = None
    for name, (study, _) in missing.items():
        try:
            study.read_inputs(first)
        except UserError as error:
            errors[name] = str(error)
        else:
            first = first or study


def _work(shared: _Shared, name: str) -> _Done:
    """Start or resume a run."""
    study, seed = shared.runs[name]
    with (
        place_for(shared.folder, name) as place,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        folder = place if shared.folder is not None else place / "run"
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()  # left by a run that was killed as it began
        try:
            run = run_study(
                study,
                folder,
                seed=seed,
                resume=folder.exists(),
                progress=cancellation_callback(shared.folder),
                command=shared.command,
                file=shared.file,
            )
        except UserError as error:
            return _Done(str(error))
        except Exception as error:
            if shared.file is None:
                raise
            return _Done(f"{place_of(error, shared.file)}.")
        if run.status == "interrupted":
            raise KeyboardInterrupt
        files = {} if shared.folder is not None else all_files_in(folder)
    warning_texts = (str(one.message) for one in caught if issubclass(one.category, UserWarning))
    return _Done("", tuple(f"{name}: {text}" for text in warning_texts), files)


def _rows(grid: Grid, folder: Path, errors: Mapping[str, str]) -> list[GridRow]:
    rows: list[GridRow] = []
    for run in grid.runs:
        if run.name in errors:
            rows.append(GridRow(run.name, run.values, error=errors[run.name]))
        elif is_finished(folder / run.name):
            rows += rows_of_run(folder / run.name, run)
        else:
            rows.append(GridRow(run.name, run.values, status="not finished"))
    return rows
