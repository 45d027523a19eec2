"""`dib report`: creates the page of a run again."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli.show_command import RunFolder
from distributed_ib.errors import UserError


def report(
    run: RunFolder,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="New HTML file. Default: report.html in the run."),
    ] = None,
    no_rows: Annotated[
        bool,
        typer.Option(
            "--no-rows",
            help="Show no single rows: every number comes from at least ten rows. For pages that "
            "you share with others.",
        ),
    ] = False,
) -> None:
    """Make the report of a run again: one HTML page that needs no network."""
    from distributed_ib._files import write_text
    from distributed_ib._run_files import PAGE
    from distributed_ib.cli._execution import print_line
    from distributed_ib.study.page_of_run import page_of_folder

    if out is not None and out.exists():
        raise UserError(f"{out} already exists and will not be overwritten; choose another --out.")
    path = out or run / PAGE
    write_text(path, page_of_folder(run, with_rows=not no_rows))
    print_line(f"Written to {path}.")
    if show:
        webbrowser.open(path.resolve().as_uri())
