"""`dib predict`: predicts the rows of a table with a fitted run."""

from pathlib import Path
from typing import Annotated

import typer

from distributed_ib.cli.show_command import RunFolder
from distributed_ib.errors import UserError


def predict(
    run: RunFolder,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="CSV or Parquet file with the run's columns.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="New CSV file for the predictions.")],
    beta: Annotated[
        float | None,
        typer.Option(
            metavar="B", help="Bottleneck strength. Default: where held-out rows do best."
        ),
    ] = None,
    bits: Annotated[
        float | None,
        typer.Option(metavar="BITS", help="Or: the best approximation of at most this many bits."),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(metavar="N", help="Or: the best that uses at most N components."),
    ] = None,
) -> None:
    """Predict the rows of a table at a bottleneck strength of your choice."""
    from distributed_ib._files import write_atomically
    from distributed_ib.cli._console import say
    from distributed_ib.cli._run_loading import load_fitted
    from distributed_ib.data.table_files import read_table
    from distributed_ib.estimators.prediction_table import prediction_table

    if out.exists():
        raise UserError(f"{out} exists already and nothing is overwritten; choose another --out.")
    estimator = load_fitted(run).estimator
    predicted = prediction_table(
        estimator, read_table(table), beta=beta, bits=bits, n_components=components
    )
    write_atomically(out, lambda path: predicted.to_csv(path, index=False))
    say(f"Written to {out}: {len(predicted):,} rows.")
