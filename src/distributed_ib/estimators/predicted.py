"""Predictions in the units of Y from averaged probabilities, and their scores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, r2_score, root_mean_squared_error

from distributed_ib.data.target import Target
from distributed_ib.data.target_bins import quantiles_of_values

FloatArray = NDArray[np.float64]


def predicted_mean(
    target: Target, probabilities: FloatArray, candidates: NDArray[Any] | None = None
) -> FloatArray:
    """Mean of Y in the units of Y, `[n]`, or `[n, d]` for a vector.

    Args:
        target: Y.
        probabilities: Probabilities of the bins, `[n, bin]` or `[n, entry, bin]`, or of the
            candidates, `[n, candidate]`.
        candidates: For "infonce": the standardised Ys that have these probabilities,
            `[candidate, d]`.
    """
    if candidates is not None:
        means = target.inverse(probabilities @ np.asarray(candidates, np.float64))
        return means if target.is_vector else means[:, 0]
    if not target.is_vector:
        return target.bins[0].mean(probabilities)
    columns = [bins.mean(probabilities[:, k, : bins.n_bins]) for k, bins in enumerate(target.bins)]
    return np.stack(columns, axis=1)


def predicted_quantiles(
    target: Target,
    probabilities: FloatArray,
    levels: Any,
    candidates: NDArray[Any] | None = None,
) -> FloatArray:
    """Quantiles of every entry of Y in the units of Y, `[n, level]`, or `[n, d, level]`.

    Args:
        target: Y.
        probabilities: As in `predicted_mean`.
        levels: Numbers between 0 and 1, `[level]`.
        candidates: As in `predicted_mean`.
    """
    found = []
    for k, bins in enumerate(target.bins):
        if candidates is not None:
            values = target.inverse(np.asarray(candidates, np.float64))[:, k]
            found.append(quantiles_of_values(values[:, None], probabilities, levels))
        else:
            mine = probabilities[:, k, : bins.n_bins] if target.is_vector else probabilities
            found.append(quantiles_of_values(bins.points, mine, levels))
    return np.stack(found, axis=1) if target.is_vector else found[0]


def scores_of(
    target: Target,
    probabilities: FloatArray,
    y: NDArray[Any],
    weight: NDArray[Any] | None = None,
    candidates: NDArray[Any] | None = None,
) -> dict[str, float]:
    """`accuracy` for classes, `rmse` and `r2` for numbers, as defined by scikit-learn.

    Args:
        target: Y.
        probabilities: As in `predicted_mean`; for classes `[n, class]`.
        y: The true Y: codes of classes, or numbers in the units of Y.
        weight: Weight of each row, `[n]`.
        candidates: As in `predicted_mean`.
    """
    if target.task == "classification":
        predicted = probabilities.argmax(axis=1)
        return {"accuracy": float(accuracy_score(y, predicted, sample_weight=weight))}
    predicted = predicted_mean(target, probabilities, candidates)
    rmse = root_mean_squared_error(y, predicted, sample_weight=weight)
    # A single row has no variance to explain.
    r2 = r2_score(y, predicted, sample_weight=weight) if len(y) > 1 else float("nan")
    return {"rmse": float(rmse), "r2": float(r2)}
