"""The command `dib`: parses the command line, and prints user errors as one line."""

import os
import sys
import warnings
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from distributed_ib._version import __version__
from distributed_ib.cli.boolean_command import boolean
from distributed_ib.cli.describe_command import describe
from distributed_ib.cli.fit_command import fit
from distributed_ib.cli.glass_command import glass
from distributed_ib.cli.grid_command import grid
from distributed_ib.cli.image_command import image
from distributed_ib.cli.patterns_command import patterns
from distributed_ib.cli.plot_command import plot
from distributed_ib.cli.predict_command import predict
from distributed_ib.cli.read_command import read
from distributed_ib.cli.report_command import report
from distributed_ib.cli.run_command import PASS_ON, resume
from distributed_ib.cli.run_command import run as run_study
from distributed_ib.cli.show_command import show
from distributed_ib.errors import UserError

app = typer.Typer(
    name="dib",
    help="The Distributed Information Bottleneck: how much information does each component of X "
    "convey about Y, at every level of approximation?",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(boolean)
app.command()(patterns)
app.command()(image)
app.command()(describe)
app.command()(fit)
app.add_typer(glass)
app.command("run", context_settings=PASS_ON)(run_study)
app.command()(resume)
app.command()(grid)
app.command()(predict)
app.command()(show)
app.command()(read)
app.command()(plot)
app.command()(report)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"distributed-ib {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options that stand before the command."""


def _print_warning(message: Warning | str, *_: object) -> None:
    """Print a warning as one line, without its place in the code."""
    Console(stderr=True, soft_wrap=True).print(f"[yellow]warning:[/] {escape(str(message))}")


def _print_error(text: str) -> None:
    Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {escape(text)}")


def _one_line(error: typer.TyperException) -> str:
    """The message of a command-line error, without the box that Typer draws."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return f"{' '.join(message.split()).rstrip('.')}; see dib --help and dib COMMAND --help."


def run() -> None:
    """Entry point; a user error is one line on standard error, with exit status 2."""
    warnings.showwarning = _print_warning  # type: ignore[assignment]
    try:
        sys.exit(app(standalone_mode=False))
    except UserError as error:
        _print_error(str(error))
        _end(2)
    except typer.TyperException as error:
        _print_error(_one_line(error))
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        _print_error("interrupted.")
        _end(130)
    except BrokenPipeError:
        # The reader of the output has closed the pipe, as in `dib show | head`.
        sys.exit(1)


def _end(status: int) -> None:
    """Exit; in a group, without waiting for the other processes, which may never end."""
    if "--distributed" in sys.argv:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
