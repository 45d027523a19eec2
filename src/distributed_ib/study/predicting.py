"""Predictions of a study's run for rows of a table."""

import numpy as np
import pandas as pd

from distributed_ib.data.table_errors import reject_empty_table
from distributed_ib.errors import UserError
from distributed_ib.scheme.choice import Choice
from distributed_ib.study.run import Run


def study_predictions(run: Run, table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Predict the most likely class and the probability of each class, for each row of `table`.

    Args:
        run: A run whose study has one part.
        table: Rows in the form that the study's `rows` takes.
        choice: Which approximation to predict with; by default the best one.

    Raises:
        UserError: If the study has several parts or predicts no classes, or the table doesn't fit.
    """
    if list(run.parts) != [""]:
        raise UserError(
            f"runs of the study {run.study.name} have several parts, so they can't be used for "
            "predictions."
        )
    if run.scheme.is_empty or not len(run.scheme.snapshots.record):
        raise UserError(f"the run has no model to predict with: its sweep {run.scheme.message}.")
    if table.empty:
        reject_empty_table()
    x = run.study.rows(table)
    probabilities = np.mean(
        [one.predict_proba(x, n_samples=64) for one in run.scheme.all_at(choice)], axis=0
    )
    return pd.DataFrame(
        {
            "prediction": probabilities.argmax(axis=1),
            **{f"probability of {k}": p for k, p in enumerate(probabilities.T)},
        }
    )
