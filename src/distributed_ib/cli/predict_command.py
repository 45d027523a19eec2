"""`dib predict`: predicts the rows of a table with a fitted run."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distributed_ib.cli.show_command import RunFolder
from distributed_ib.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from distributed_ib.estimators._base import DistributedIBEstimator
    from distributed_ib.estimators.prediction_files import Predict
    from distributed_ib.scheme.choice import Choice


class Unseen(StrEnum):
    """What becomes of a category that was not seen in training."""

    rare = "rare"
    error = "error"


def predict(
    run: RunFolder,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="Table with the columns of the run, in any format of dib fit; - for CSV from "
            "standard input.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="New file for the predictions: CSV, or FILE.parquet."),
    ],
    beta: Annotated[
        float | None,
        typer.Option(
            metavar="B",
            help="Bottleneck strength; the nearest stored model is used. Default: the best "
            "approximation.",
        ),
    ] = None,
    bits: Annotated[
        float | None,
        typer.Option(
            metavar="BITS", help="Or: the best approximation with at most this many bits."
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(metavar="N", help="Or: the best one with at most N components in use."),
    ] = None,
    unseen: Annotated[
        Unseen,
        typer.Option(
            help="How to read a category that did not occur in training. rare: as a rare category, "
            "or as the most frequent one if no category was rare; error: stop with an error."
        ),
    ] = Unseen.rare,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.py[:CLASS]",
            help="Python file that defines the study, if the run is of a study in a file.",
        ),
    ] = None,
) -> None:
    """Predict the rows of a table at a bottleneck strength of your choice."""
    from distributed_ib._files import write_atomically
    from distributed_ib.cli._execution import print_line
    from distributed_ib.estimators.prediction_files import write_predictions
    from distributed_ib.scheme.choice import Choice

    if out.exists():
        raise UserError(f"{out} already exists and will not be overwritten; choose another --out.")
    choice = Choice(beta, bits, components)
    parts = _predictions(run, table, choice, study, unseen.value)
    counted: list[int] = []
    write_atomically(out, lambda path: counted.append(write_predictions(path, parts)))
    print_line(f"Written to {out}: {counted[0]:,} rows.")


def _predictions(
    run: Path, path: Path, choice: "Choice", file: Path | None, unseen: str
) -> "Iterable[pd.DataFrame]":
    """Predictions of all rows in order; for Parquet tables, in parts that are made when needed."""
    from distributed_ib.data.files.table_files import read_table
    from distributed_ib.estimators.estimator_files import ESTIMATOR, load_estimator
    from distributed_ib.estimators.prediction_table import of_target, prediction_table
    from distributed_ib.study.loading import find_study, study_at
    from distributed_ib.study.predicting import study_predictions
    from distributed_ib.study.reading_runs import load_run
    from distributed_ib.study.run_folder import read_config
    from distributed_ib.study.stored_report import stored_report

    config = read_config(run)
    head = config["run"]
    stored_report(run)  # checks that the run is finished and undamaged
    if (run / ESTIMATOR).exists():
        fitted = load_estimator(run).set_params(unseen=unseen)
        return _in_stretches(path, [fitted], lambda table: prediction_table(fitted, table, choice))
    if config["options"].get("each_target") is True:
        import pandas as pd

        folders = [run / name for name in _targets(config) if (run / name / ESTIMATOR).exists()]
        if not folders:
            raise UserError(f"{run} contains no model to predict with.")
        models = [load_estimator(folder).set_params(unseen=unseen) for folder in folders]

        def predict(table: pd.DataFrame) -> pd.DataFrame:
            parts = [
                of_target(prediction_table(one, table, choice), one.target_.name) for one in models
            ]
            return pd.concat(parts, axis=1)

        return _in_stretches(path, models, predict)
    if file is None and "file" in head:
        raise UserError(
            f"{run} is a run of a study in a file; give the file with --study {head['file']}."
        )
    cls = find_study(head["study"]) if file is None else study_at(file, head["study"])[0]
    return [study_predictions(load_run(run, cls), read_table(path), choice)]


def _in_stretches(
    path: Path, models: "Sequence[DistributedIBEstimator]", predict: "Predict"
) -> "Iterable[pd.DataFrame]":
    """Predictions of a table: in parts for Parquet files, all at once for others."""
    from distributed_ib.data.files.parquet_parts import is_parquet
    from distributed_ib.data.files.parquet_table import ParquetTable
    from distributed_ib.data.files.table_files import read_table
    from distributed_ib.estimators.prediction_files import predicted_in_stretches

    if is_parquet(path):
        table = ParquetTable(path)
        if len(table):
            names = [name for one in models for name in one.decomposition_.decomposition.sources]
            return predicted_in_stretches(table, names, predict)
    text = [name for one in models for name in one.decomposition_.text_sources]
    return [predict(read_table(path, text=text))]


def _targets(config: dict[str, Any]) -> list[str]:
    """The folders of a run of several targets, in the order of the targets."""
    from distributed_ib.studies.table.each_target import part_names

    targets = config["options"].get("target")
    return list(part_names([str(name) for name in targets])) if isinstance(targets, list) else []
