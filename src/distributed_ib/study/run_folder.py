"""A run on disk: one folder from which it can be shown, plotted and used again.

RUN/  config.toml (every setting spelled out)  log  scheme.nc  snapshots/
figures/  summary.json  summary.md
"""

import json
import platform
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tomli_w

from distributed_ib._files import create_folder, write_text
from distributed_ib._version import __version__
from distributed_ib.errors import UserError

CONFIG, LOG, FIGURES = "config.toml", "log", "figures"
SUMMARY_JSON, SUMMARY_TEXT = "summary.json", "summary.md"
CONFIG_LIMIT_BYTES = 1 << 20


def start_run(folder: Path, study: str, config: Mapping[str, Any]) -> None:
    """Make a new run folder with its `config.toml` and the first lines of its log.

    Args:
        folder: Must not exist yet.
        study: Name of the study; `dib show` and `dib plot` go by it.
        config: Tables of settings, every default spelled out; TOML values only.

    Raises:
        UserError: If the folder exists or can't be made.
    """
    create_folder(folder)
    head = {"study": study, "distributed_ib": __version__}
    write_text(folder / CONFIG, tomli_w.dumps({"run": head, **config}))
    packages = ", ".join(f"{name} {version(name)}" for name in ("jax", "equinox", "optax", "numpy"))
    append_log(folder, f"distributed-ib {__version__}, Python {platform.python_version()}")
    append_log(folder, f"{packages}; {platform.system()} {platform.machine()}")


def append_log(folder: Path, line: str) -> None:
    """Add a line with the time to the run's log."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(f"{now}  {line}\n")


def read_config(folder: Path) -> dict[str, Any]:
    """The settings of a run; `["run"]["study"]` names its study.

    Raises:
        UserError: If `folder` is no run folder, or its configuration is damaged.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder} is no run folder: it holds no {CONFIG}.")
    if path.stat().st_size > CONFIG_LIMIT_BYTES:
        raise UserError(f"{path} is too large to be the configuration of a run.")
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
        str(config["run"]["study"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} can't be read: {error}.") from None
    return config


def write_summary(folder: Path, summary: Mapping[str, Any], text: str) -> None:
    """Write `summary.json` for programs and `summary.md` for people."""
    write_text(folder / SUMMARY_JSON, json.dumps(summary, indent=2, allow_nan=False) + "\n")
    write_text(folder / SUMMARY_TEXT, text)
