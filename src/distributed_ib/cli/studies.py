"""Which study a run folder belongs to, and how to read it."""

from pathlib import Path

from distributed_ib.errors import UserError
from distributed_ib.runs import CONFIG, read_config
from distributed_ib.studies.boolean.run import STUDY, CircuitRun, load_run


def load_boolean(folder: Path) -> CircuitRun:
    """Read a run folder by the study its configuration names.

    Raises:
        UserError: If it is no run folder, or of a study this version doesn't know.
    """
    study = read_config(folder)["run"]["study"]
    if study != STUDY:
        raise UserError(
            f"{folder / CONFIG} names the study {study!r}, which this version doesn't know; "
            "install the version that made the run."
        )
    return load_run(folder)
