"""The folder of a run: settings, log and results, and the check that they are undamaged.

RUN/  config.toml ([options], and under [resolved] what follows from them and the data)  log
scheme.nc  snapshots/  results.npz  figures/  summary.json  summary.md  SHA256SUMS

In a study of several parts, each part's scheme, snapshots and results are in a folder named after
the part.
"""

import json
import platform
import re
import shutil
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from distributed_ib._arrays import load_arrays, save_arrays
from distributed_ib._checksums import (
    CHECKSUMS,
    check_files,
    read_checksums,
    record_checksums,
    remove_checksums,
)
from distributed_ib._files import create_folder, write_text
from distributed_ib._run_files import (
    CHECKPOINTS,
    CONFIG,
    EVIDENCE,
    FIGURES,
    LOG,
    PAGE,
    PAGE_CONTENT,
    RESULTS,
    SCHEME,
    SCHEME_FILES,
    SNAPSHOTS,
    SUMMARY_JSON,
    SUMMARY_TEXT,
    SWEEPS,
)
from distributed_ib._version import __version__
from distributed_ib.errors import UserError
from distributed_ib.report.report_files import load_report

CONFIG_LIMIT_BYTES = 1 << 20
_DRAWN_AGAIN = re.compile(rf"{FIGURES}-\d+")  # a folder that `dib plot` made


def start_run(folder: Path, head: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Create a run folder with its `config.toml` and the first lines of its log.

    Args:
        folder: The folder; must not exist yet.
        head: Name of the study, seed, and file if any.
        options: All options of the study, including defaults; TOML values only.

    Raises:
        UserError: If the folder exists or can't be made.
    """
    create_folder(folder)
    run = {**head, "distributed_ib": __version__}
    write_text(folder / CONFIG, tomli_w.dumps({"run": run, "options": dict(options)}))
    packages = ", ".join(f"{name} {version(name)}" for name in ("jax", "equinox", "optax", "numpy"))
    append_log(folder, f"distributed-ib {__version__}, Python {platform.python_version()}")
    append_log(folder, f"{packages}; {platform.system()} {platform.machine()}")


def append_log(folder: Path, line: str) -> None:
    """Append a line to the run's log, with the time."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(f"{now}  {line}\n")


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a run: study, seed and file in `["run"]`, its options in `["options"]`.

    Raises:
        UserError: If `folder` is not a run folder, its configuration is damaged, or it was made by
            an earlier version.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder} is not a run folder: it contains no {CONFIG}.")
    if path.stat().st_size > CONFIG_LIMIT_BYTES:
        raise UserError(f"{path} is too large to be the configuration of a run.")
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
        head = config["run"]
        str(head["study"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} can't be read: {error}.") from None
    if "options" not in config and head.get("distributed_ib", __version__) == __version__:
        raise UserError(f"{path} is damaged: it contains no options.")
    if "options" not in config:
        raise UserError(
            f"{folder} was made by version {head['distributed_ib']} and can't be read by this "
            f"version ({__version__}). Read its {SUMMARY_TEXT} and figures/, or run it again."
        )
    return config


def record_resolved(folder: Path, resolved: Mapping[str, Any]) -> None:
    """Write the settings that follow from options and data to `config.toml`, under `[resolved]`.

    Args:
        folder: The run folder.
        resolved: TOML values by name, or tables of them by part.

    Raises:
        UserError: If the run was started with other values, because its data or the package have
            changed.
    """
    config = read_config(folder)
    if "resolved" not in config:
        write_text(folder / CONFIG, tomli_w.dumps({**config, "resolved": dict(resolved)}))
        return
    if not isinstance(config["resolved"], Mapping):
        raise UserError(f"{folder / CONFIG} is damaged: resolved is not a table.")
    before, now = _flat(config["resolved"]), _flat(tomllib.loads(tomli_w.dumps(resolved)))
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise UserError(
                f"{folder} was started with {name} = {before.get(name)}, but now the value would "
                f"be {now.get(name)}: the data, or the version of distributed-ib, have changed. "
                "Restore them, or start a new run in another folder."
            )


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested tables, by their names joined with dots."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        inner = isinstance(value, Mapping)
        found |= _flat(value, f"{prefix}{name}.") if inner else {prefix + name: value}
    return found


def check_folder(folder: Path) -> None:
    """Check every result file of a run against its checksum.

    Raises:
        UserError: If a file is missing or has changed; names it.

    Warns:
        UserWarning: If the folder has no list of checksums.
    """
    known = read_checksums(folder)
    if known is not None and SUMMARY_JSON not in known:
        raise UserError(f"{folder / CHECKSUMS} is damaged: it does not list {SUMMARY_JSON}.")
    check_files(folder)


def is_finished(folder: Path) -> bool:
    """Whether a run ended without an interruption."""
    try:
        summary = json.loads((folder / SUMMARY_JSON).read_text(encoding="utf-8"))
        return bool(summary["status"] != "interrupted")
    except (OSError, ValueError, LookupError, TypeError):
        return False


def has_begun(folder: Path) -> bool:
    """Whether there is anything to resume from: checkpoints, sweeps or schemes."""
    return any(
        path.name == SCHEME or (path.is_file() and {CHECKPOINTS, SWEEPS} & set(path.parts))
        for path in folder.rglob("[!.]*")
    )


def remove_report(folder: Path) -> None:
    """Remove the report of an interrupted run before it is resumed; no other file."""
    for path in (
        *(folder / FIGURES / f"{name}.png" for name in _figure_names(folder)),
        folder / SUMMARY_JSON,
        folder / SUMMARY_TEXT,
        folder / PAGE,
    ):
        path.unlink(missing_ok=True)
    remove_checksums(folder, [CONFIG, SUMMARY_JSON, SUMMARY_TEXT])


def _figure_names(folder: Path) -> list[str]:
    """The figures that the report lists; none if it can't be read."""
    try:
        names = [figure.name for figure in load_report(folder).figures]
    except UserError:
        return []
    # A report from an untrusted source may name files outside the folder.
    return [name for name in names if Path(name).name == name]


def remove_results(place: Path) -> None:
    """Remove the scheme and further results of an interrupted part before it is resumed."""
    for name in (SCHEME, RESULTS, EVIDENCE, PAGE_CONTENT):
        (place / name).unlink(missing_ok=True)
    shutil.rmtree(place / SNAPSHOTS, ignore_errors=True)
    remove_checksums(place, [*SCHEME_FILES, RESULTS, EVIDENCE, PAGE_CONTENT])


def save_results(folder: Path, results: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays that a study measured after its sweep, with their checksum."""
    save_arrays(folder / RESULTS, {name: np.asarray(array) for name, array in results.items()})
    record_checksums(folder, [RESULTS])


def load_results(folder: Path) -> dict[str, NDArray[Any]]:
    """Load the arrays written by `save_results`; empty if there are none.

    Raises:
        UserError: If the file is damaged.
    """
    if not (folder / RESULTS).is_file():
        return {}
    check_files(folder, [RESULTS])
    return load_arrays(folder / RESULTS)


def result_files(folder: Path) -> list[str]:
    """The result files: all except log, checksums, figures, page and files for resuming."""
    passed = {FIGURES, CHECKPOINTS, SWEEPS}
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        drawn_again = _DRAWN_AGAIN.fullmatch(parts[0])
        if path.is_file() and not hidden and not drawn_again and not passed & set(parts):
            name = "/".join(parts)
            if parts[-1] not in (LOG, CHECKSUMS, PAGE):
                found.append(name)
    return found
