"""Default content of the page of a study: values of its components, and its predictions."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.distinct_values import DistinctRows
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
from distributed_ib.report.page.held_out_views import class_predictions
from distributed_ib.report.page.page_content import ComponentViews, page_content
from distributed_ib.report.page.scheme_curves import key_places
from distributed_ib.report.page.value_summaries import (
    ValueSummary,
    grouped_numbers,
    numbers_summary,
)
from distributed_ib.report.words import rows_in_words
from distributed_ib.scheme._noise import mean_over_noise, read_probabilities

if TYPE_CHECKING:
    from distributed_ib.study.run import Run

N_DRAWS = 64  # as many as `study_predictions` averages over
MAX_PREDICTED_ROWS, N_PREDICTED_DRAWS = 1024, 32
_MAX_ROWS = 200_000  # distributions of larger tables are shown for a part of the rows


def page_of_problem(run: "Run") -> dict[str, Any]:
    """The content of the page of a run with one part; see `page_content`.

    If every component is a single number, their values are shown; otherwise only the curves and
    the views of the study.
    """
    scheme, problem = run.scheme, run.problem
    columns = _columns(problem.x)
    single: dict[str, ValueSummary] = {}
    grouped: dict[str, ValueSummary] = {}
    inputs: dict[str, Any] | None = None
    if columns is not None and not scheme.is_empty:
        for name, rows in zip(scheme.components, columns, strict=True):
            single[name] = numbers_summary(rows)
            grouped[name] = single[name] if problem.complete else grouped_numbers(rows)
        inputs = {name: [_input(name, rows)] for name, rows in zip(single, columns, strict=True)}
    target = _target(run)
    content = page_content(
        scheme,
        target=target,
        inputs=inputs if "classes" in target else None,
        single=ComponentViews(single, _rows_of_values(single, problem.x)),
        grouped=ComponentViews(grouped, _rows_of_values(grouped, problem.x)),
        n_draws=N_DRAWS,
        paired=False,
        n_rows=problem.n_rows if problem.source is None else None,
    )
    content["views"] = [dict(view) for view in run.part.study.page_views(run)]
    if "classes" in target:
        content["predictions"] = _predictions(run, columns)
    return content


def _predictions(run: "Run", columns: list[NDArray[np.float64]] | None) -> dict[str, Any] | None:
    """Predictions of the scoring rows at the key places."""
    scheme, split = run.scheme, run.problem.split(run.seed)
    snapshots = key_places(scheme)
    division = split.divided(run.part.study.train.n_resamples)
    which = next(rows for rows in (division.test, division.validation[0], split.train) if len(rows))
    if len(which) > MAX_PREDICTED_ROWS:
        drawn = np.random.default_rng(0).choice(len(which), MAX_PREDICTED_ROWS, replace=False)
        which = which[np.sort(drawn)]
    rows = run.problem.rows(which)
    averaged = [
        mean_over_noise(
            scheme.models(int(k)), rows.x, read_probabilities, n_samples=N_PREDICTED_DRAWS, seed=0
        )
        for k in snapshots
    ]
    groups = {}
    if columns is not None and len(columns[0]) == run.problem.n_rows:
        groups = {
            name: grouped_numbers(values[which])
            for name, values in zip(scheme.components, columns, strict=True)
        }
    found = class_predictions(np.asarray(rows.y, np.int64), np.stack(averaged), groups)
    return found | {"of": rows_in_words(scheme.scoring_split)}


def _columns(x: Any) -> list[NDArray[np.float64]] | None:
    """The numbers of each component, `[n]`; None if a component is not a single number."""
    if isinstance(x, DistinctRows):
        x = x.rows()
    if not hasattr(x, "ndim") or x.ndim not in (2, 3) or (x.ndim == 3 and x.shape[2] != 1):
        return None
    array = np.asarray(x[:: 1 + len(x) // _MAX_ROWS], np.float64)
    array = array if array.ndim == 2 else array[..., 0]
    return list(array.T)


def _rows_of_values(summaries: dict[str, ValueSummary], x: Any) -> Any:
    if not summaries:
        return None
    n_rows = max(len(one.values) for one in summaries.values())
    is_whole = not isinstance(x, DistinctRows) and x.ndim == 2
    rows = np.zeros((n_rows, len(summaries)), np.float32)
    for k, one in enumerate(summaries.values()):
        rows[: len(one.places), k] = one.places
    return rows.astype(np.asarray(x).dtype) if is_whole else rows[..., None]


def _input(name: str, rows: NDArray[np.float64]) -> dict[str, Any]:
    """Description of an input that the model takes unscaled."""
    low, high = float(rows.min()), float(rows.max())
    whole = bool((rows == np.round(rows)).all())
    return {"column": name, "mean": 0.0, "scale": 1.0, "low": low, "high": high, "whole": whole}


def _target(run: "Run") -> dict[str, Any]:
    """Y of a study; its classes by number, if the model predicts classes."""
    if run.scheme.is_empty or not len(run.scheme.snapshots.record):
        return {"name": "Y", "task": "other"}
    predictor = run.scheme.snapshots.static.predictor
    y = np.asarray(run.problem.y)
    if isinstance(predictor, BernoulliPredictor):
        n_classes = 2
    elif isinstance(predictor, CategoricalPredictor):
        n_classes = predictor.n_classes
    else:
        return {"name": "Y", "task": "other"}
    share = np.bincount(y.astype(np.int64), minlength=n_classes) / len(y)
    classes = [str(k) for k in range(n_classes)]
    return {"name": "Y", "task": "classification", "classes": classes, "share": share.tolist()}
