"""`dib run` and `dib resume`: run a study from a file or an installed package."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributed_ib.cli._execution import execute
from distributed_ib.cli._resource_options import (
    RESOURCE_OPTIONS,
    Coordinator,
    DaskAddress,
    DeviceCount,
    Distributed,
    Jobs,
    ProcessCount,
    ProcessIndex,
    Threads,
    resources_from_options,
)
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from distributed_ib.study.options import Option
    from distributed_ib.study.study import Study

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def run(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            help="FILE.py (or FILE.py:CLASS), or the name of an installed study. To list the "
            "options of a study: dib run STUDY --help",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run your own study from a Python file, or an installed study by its name.

    docs/your-own-study.md shows how to write one. The file is executed: run only files that you
    trust.
    """
    from distributed_ib.study.loading import named_study

    if target is None or target in ("--help", "-h"):
        print(context.get_help())
        raise typer.Exit
    cls, file = named_study(target)
    inner = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    inner.command()(_function_of(cls, file))
    status = inner(args=context.args, prog_name=f"dib run {target}", standalone_mode=False)
    if status:  # the run was interrupted; without standalone mode, the status is returned
        raise typer.Exit(status)


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE.py[:CLASS]]",
            help="Python file that defines the study, if it is not an installed one.",
        ),
    ] = None,
    jobs: Jobs = 1,
    dask: DaskAddress = None,
    threads: Threads = None,
    devices: DeviceCount = None,
    distributed: Distributed = False,
    coordinator: Coordinator = None,
    processes: ProcessCount = None,
    process: ProcessIndex = None,
) -> None:
    """Continue a run that was stopped or killed.

    The results are bit-identical to those of an uninterrupted run.
    """
    from distributed_ib.study.loading import find_study, study_at
    from distributed_ib.study.run_folder import read_config

    resources = resources_from_options(
        jobs, dask, threads, devices, distributed, coordinator, processes, process
    )
    config = read_config(run)
    head = config["run"]
    if file is None and "file" in head:
        raise UserError(
            f"{run} is a run of a study in a file; give the file: dib resume {run} {head['file']}"
        )
    if file is None:
        cls = find_study(head["study"])
    else:
        cls, file = study_at(file, head["study"])
    study = cls.reopened(run, config["options"])
    execute(study, run, seed=int(head["seed"]), resume=True, file=file, resources=resources)


def _function_of(cls: "type[Study]", file: Path | None) -> Callable[..., None]:
    """A command with the options of a study."""
    from distributed_ib.study.options import changed, options_of, parsed

    options, presets = options_of(cls), cls.presets()

    def command(
        preset: str | None,
        seed: int,
        out: Path | None,
        resume: bool,
        **given: Any,
    ) -> None:
        resources = resources_from_options(**{name: given.pop(name) for name in RESOURCE_OPTIONS})
        changes = {
            option.path: value if option.is_switch else parsed(option, value)
            for option in options
            if (value := given[_parameter(option)]) is not None
        }
        if preset is not None:
            if preset not in presets:
                raise UserError(
                    f"there is no preset {preset!r}; presets of this study: "
                    f"{', '.join(presets) or 'none'}."
                )
            study = changed(presets[preset], changes)
        else:
            study = _with_changes(cls, changes)
        execute(study, out, seed=seed, resume=resume, file=file, resources=resources)

    parameters = [
        inspect.Parameter(
            _parameter(option),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(option),
        )
        for option in options
    ]
    command.__signature__ = inspect.Signature([*parameters, *_common(presets)])  # type: ignore[attr-defined]
    command.__annotations__ = {}
    command.__doc__ = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
    return command


def _with_changes(cls: "type[Study]", changes: dict[tuple[str, ...], Any]) -> "Study":
    """The study with the given options, including required ones, and defaults for the others."""
    from dataclasses import fields

    from distributed_ib.study.options import from_toml, to_toml

    table: dict[str, Any] = {}
    for field in fields(cls):  # type: ignore[arg-type]
        nested = any(path[0] == field.name and len(path) > 1 for path in changes)
        if nested and field.default is not MISSING:
            table[field.name] = to_toml(field.default)
        elif nested:
            table[field.name] = {}
    for path, value in changes.items():
        inner = table
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
    return from_toml(cls, table)


def _common(presets: Any) -> list[inspect.Parameter]:
    kinds: dict[str, tuple[Any, Any]] = {
        "preset": (
            Annotated[
                str | None,
                typer.Option(
                    metavar="|".join(presets) or "NAME",
                    help="Named set of options.",
                    hidden=not presets,
                ),
            ],
            None,
        ),
        "seed": (Annotated[int, typer.Option(metavar="S", help="Random seed.")], 0),
        "out": (
            Annotated[
                Path | None,
                typer.Option(
                    metavar="DIR", help="New folder for the run. Default: runs/STUDY-001, ..."
                ),
            ],
            None,
        ),
        "resume": (
            Annotated[bool, typer.Option("--resume", help="Continue the stopped run in --out.")],
            False,
        ),
        **RESOURCE_OPTIONS,
    }
    return [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in kinds.items()
    ]


def _parameter(option: "Option") -> str:
    return "option_" + option.flag.replace("-", "_")


def _annotation(option: "Option") -> Any:
    text = " ".join(filter(None, (option.help, _default_text(option.default))))
    if option.is_switch:
        flags = f"--{option.flag}/--no-{option.flag}"
        return Annotated[bool | None, typer.Option(flags, help=text, show_default=False)]
    return Annotated[
        str | None,
        typer.Option(f"--{option.flag}", metavar=option.metavar, help=text, show_default=False),
    ]


def _default_text(default: Any) -> str:
    """The default value as shown in the help text."""
    if default is MISSING:
        return "Required."
    if default in (None, "", ()):  # the help text of the option explains it
        return ""
    return f"Default: {','.join(map(str, default)) if isinstance(default, tuple) else default}."
