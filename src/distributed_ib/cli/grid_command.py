"""`dib grid`: runs a study with every combination of values of options."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli._execution import command_line, print_line
from distributed_ib.cli._resource_options import DaskAddress, Jobs, Threads, workers_of


def grid(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.toml",
            help='TOML file with study = "boolean" (or "FILE.py" in the same folder), a table '
            "[options] with the options that all runs share, and a table [grid] with a list of "
            "values for each option that varies.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the runs, new or of a grid to continue. Default: runs/FILE-001, ...",
        ),
    ] = None,
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
) -> None:
    """Run a study with every combination of values, and compare them in one table.

    Each combination is a run in its own folder, named by its values. Repeat the command with --out
    to continue after an interruption, or to run combinations that were added to the file; finished
    runs are skipped. table.csv, table.md and index.html compare all runs. If a combination fails,
    its error is listed there, the others are still run, and the exit status is 1. A study in a file
    is Python code that is executed: run only files that you trust.
    """
    workers = workers_of(jobs, dask, threads)
    from distributed_ib._files import next_free_folder
    from distributed_ib._units_bar import UnitsBar
    from distributed_ib.study.grid_runs import run_grid
    from distributed_ib.study.grid_table import INDEX, TABLE_CSV, TABLE_TEXT

    folder = out or next_free_folder(Path("runs"), file.stem)
    try:
        with UnitsBar(file.stem, "runs") as bar:
            result = run_grid(
                file, folder, workers=workers, command=command_line(), on_finished=bar
            )
    except KeyboardInterrupt:
        again = shlex.join(["dib", "grid", str(file), "--out", str(folder)])
        print_line(f"Stopped. Finished runs are kept. To continue: {again}")
        raise typer.Exit(130) from None
    n_runs = len({row.run for row in result.rows})
    printed = set()
    for row in result.rows:
        if row.error and (row.run, row.error) not in printed:
            printed.add((row.run, row.error))
            print_line(f"{row.run}: {row.error}")
    print_line(
        f"{n_runs - result.n_failed} of {n_runs} runs are finished. "
        f"Written to {folder}/: {TABLE_CSV}, {TABLE_TEXT}, {INDEX} and all runs."
    )
    if result.n_failed:
        raise typer.Exit(1)
