"""Predictions of held-out rows at some places of a scheme: single rows, and groups of ten."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.report.page.value_summaries import LEAST_ROWS, ValueSummary

FloatArray = NDArray[np.float64]

MAX_SHOWN_ROWS = 1000
MAX_CLASSES = 12
N_GROUPS = 20
_BINS = np.linspace(0, 1, 11)


def number_predictions(
    truth: FloatArray,
    predicted: FloatArray,
    low: FloatArray,
    high: FloatArray,
    groups: Mapping[str, ValueSummary],
) -> dict[str, Any]:
    """Predictions of a number.

    Args:
        truth: Y of the rows, `[n]`.
        predicted: Predicted mean of Y at every place, `[place, n]`.
        low: 5 % quantiles of the predicted distributions, `[place, n]`.
        high: 95 % quantiles, `[place, n]`.
        groups: Groups of values of the components of these rows.

    Returns:
        `rows` for a page with single rows, and `groups`, `interval` and `errors` of at least ten
        rows each.
    """
    shown = _sample(len(truth))
    squared = (predicted - truth) ** 2
    inside = (low <= truth) & (truth <= high)
    return {
        "kind": "number",
        "n_rows": len(truth),
        "rows": {
            "index": shown.astype(np.int32),
            "truth": truth[shown].astype(np.float32),
            "predicted": predicted[:, shown].astype(np.float32),
            "low": low[:, shown].astype(np.float32),
            "high": high[:, shown].astype(np.float32),
        },
        "groups": [_calibration(row, truth) for row in predicted],
        "interval": inside.mean(axis=1).astype(np.float64),
        "error": np.sqrt(squared.mean(axis=1)),
        "errors": _errors(groups, squared, np.sqrt),
    }


def class_predictions(
    truth: NDArray[np.integer[Any]], probabilities: FloatArray, groups: Mapping[str, ValueSummary]
) -> dict[str, Any]:
    """Predictions of classes.

    Args:
        truth: Codes of the true classes, `[n]`.
        probabilities: Predicted probabilities, `[place, n, class]`.
        groups: See `number_predictions`.

    Returns:
        Like `number_predictions`, with `confusion` `[place, true, predicted]` and `reliability`.
    """
    n_places, n_rows, n_classes = probabilities.shape
    found = probabilities.argmax(axis=2)
    wrong = (found != truth).astype(np.float64)
    confusion = np.zeros((n_places, n_classes, n_classes), np.int32)
    for place in range(n_places):
        np.add.at(confusion[place], (truth, found[place]), 1)
    shown = _sample(min(n_rows, MAX_SHOWN_ROWS * MAX_CLASSES // max(n_classes, 1)))
    return {
        "kind": "class",
        "n_rows": n_rows,
        "rows": {
            "index": shown.astype(np.int32),
            "truth": truth[shown].astype(np.int32),
            "probabilities": probabilities[:, shown].astype(np.float32),
        },
        "confusion": confusion if n_classes <= MAX_CLASSES else None,
        "reliability": [_reliability(p, truth) for p in probabilities],
        "error": wrong.mean(axis=1),
        "errors": _errors(groups, wrong, lambda mean: mean),
    }


def _sample(n_rows: int) -> NDArray[np.int64]:
    if n_rows <= MAX_SHOWN_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, MAX_SHOWN_ROWS, replace=False))


def _calibration(predicted: FloatArray, truth: FloatArray) -> dict[str, Any]:
    """Mean prediction and mean Y of groups of rows with similar predictions."""
    n_groups = int(np.clip(len(truth) // LEAST_ROWS, 1, N_GROUPS))
    parts = np.array_split(np.argsort(predicted, kind="stable"), n_groups)
    if len(truth) < LEAST_ROWS:
        parts = []
    return {
        "predicted": np.array([predicted[part].mean() for part in parts], np.float32),
        "observed": np.array([truth[part].mean() for part in parts], np.float32),
        "error": np.array(
            [truth[part].std(ddof=1) / np.sqrt(len(part)) for part in parts], np.float32
        ),
        "count": np.array([len(part) for part in parts], np.int32),
    }


def _reliability(probabilities: FloatArray, truth: NDArray[Any]) -> dict[str, Any]:
    """Observed frequency of classes by their predicted probability, over all classes."""
    happened = np.arange(probabilities.shape[1])[None] == truth[:, None]
    place = np.clip(np.digitize(probabilities, _BINS) - 1, 0, len(_BINS) - 2).ravel()
    count = np.bincount(place, minlength=len(_BINS) - 1)
    kept = count >= LEAST_ROWS
    total = np.maximum(count, 1)
    predicted = np.bincount(place, probabilities.ravel(), minlength=len(count)) / total
    observed = np.bincount(place, happened.ravel(), minlength=len(count)) / total
    return {
        "predicted": predicted[kept].astype(np.float32),
        "observed": observed[kept].astype(np.float32),
        "count": count[kept].astype(np.int32),
    }


def _errors(
    groups: Mapping[str, ValueSummary],
    losses: FloatArray,
    finish: Callable[[FloatArray], FloatArray],
) -> dict[str, Any]:
    """Errors of the rows with each value of a component, `[place, group]`, and their counts."""
    found = {}
    for name, summary in groups.items():
        known = summary.group_of_row >= 0
        of_row = summary.group_of_row[known]
        n = len(summary.values)
        count = np.bincount(of_row, minlength=n)
        sums = np.stack([np.bincount(of_row, row[known], minlength=n) for row in losses])
        mean = np.where(count >= LEAST_ROWS, sums / np.maximum(count, 1), np.nan)
        found[name] = {
            "values": summary.values,
            "error": finish(mean).astype(np.float32),
            "count": np.where(count >= LEAST_ROWS, count, 0).astype(np.int32),
        }
    return found
