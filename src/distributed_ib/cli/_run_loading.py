"""Which study a run folder belongs to, and how to read it."""

from pathlib import Path
from typing import TYPE_CHECKING

from distributed_ib.errors import UserError
from distributed_ib.study.run_folder import CONFIG, read_config

if TYPE_CHECKING:
    from distributed_ib.estimators.table_run import FittedRun
    from distributed_ib.studies.boolean.boolean_run import CircuitRun
    from distributed_ib.studies.glass.glass_run import GlassRun
    from distributed_ib.studies.image.image_run import PictureRun
    from distributed_ib.studies.patterns.patterns_run import PatternsRun


def load_any(folder: Path) -> "CircuitRun | FittedRun | GlassRun | PatternsRun | PictureRun":
    """Read a run folder by the study its configuration names.

    Raises:
        UserError: If it is no run folder, or of a study this version doesn't know.
    """
    study = read_config(folder)["run"]["study"]
    if study == "boolean":
        from distributed_ib.studies.boolean.boolean_run import load_run as load_circuit_run

        return load_circuit_run(folder)
    if study == "image":
        from distributed_ib.studies.image.image_run import load_run as load_picture_run

        return load_picture_run(folder)
    if study == "table":
        return load_fitted(folder)
    if study == "patterns":
        from distributed_ib.studies.patterns.patterns_run import load_run as load_patterns_run

        return load_patterns_run(folder)
    if study == "glass":
        from distributed_ib.studies.glass.glass_run import load_run as load_glass_run

        return load_glass_run(folder)
    raise UserError(
        f"{folder / CONFIG} names the study {study!r}, which this version doesn't know; "
        "install the version that made the run."
    )


def load_fitted(folder: Path) -> "FittedRun":
    """Read the folder of a run that can predict.

    Raises:
        UserError: If it is no folder of `dib fit`.
    """
    study = read_config(folder)["run"]["study"]
    if study != "table":
        raise UserError(f"{folder} is a run of dib {study}; only those of dib fit can predict.")
    from distributed_ib.estimators.table_run import load_run

    return load_run(folder)
