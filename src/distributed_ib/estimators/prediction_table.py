"""Predictions as a table that can be written to a file."""

from typing import Any

import numpy as np
import pandas as pd

from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.scheme.choice import Choice


def prediction_table(
    estimator: DistributedIBEstimator,
    table: pd.DataFrame,
    choice: Choice | None = None,
) -> pd.DataFrame:
    """Predictions for the rows of `table`, in the same order.

    The column is `prediction`, followed for classes by `probability of CLASS` for each class; for a
    vector, there is a column `prediction of ENTRY` for each entry.

    Args:
        estimator: A fitted estimator.
        table: Rows with the same columns as in training; other columns are ignored.
        choice: Which approximation to predict with; by default the best one.

    Raises:
        UserError: If columns are missing or contain values that can't be used.
    """
    names = [str(name) for name in getattr(estimator, "feature_names_in_", table.columns)]
    needed = estimator.decomposition_.decomposition.sources
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise UserError(
            f"the table has no column {missing[0]!r}, which the run was fitted on; it needs the "
            f"columns {', '.join(needed)}."
        )
    table = table.reindex(columns=names)  # adds columns that were left out of the fit, if any
    chosen: dict[str, Any] = vars(choice or Choice())
    if isinstance(estimator, DistributedIBClassifier):
        probabilities = estimator.predict_proba(table, **chosen)
        labels = estimator.classes_
        return pd.DataFrame(
            {
                "prediction": labels[probabilities.argmax(axis=1)],
                **{
                    f"probability of {label}": p
                    for label, p in zip(labels, probabilities.T, strict=True)
                },
            }
        )
    predicted = np.asarray(estimator.predict(table, **chosen))
    target = estimator.target_
    if target.is_vector:
        columns = [f"prediction of {name}" for name in target.entry_names]
        return pd.DataFrame(predicted, columns=columns)
    return pd.DataFrame({"prediction": predicted})


def of_target(predicted: pd.DataFrame, target: str) -> pd.DataFrame:
    """Predictions with column names that include the target, to join those of several targets.

    >>> list(of_target(pd.DataFrame({"prediction": [1], "probability of no": [0.2]}), "ill"))
    ['prediction of ill', 'probability of ill = no']
    """
    return predicted.rename(
        columns=lambda name: (
            f"prediction of {target}"
            if name == "prediction"
            else name.replace("probability of ", f"probability of {target} = ", 1)
        )
    )
