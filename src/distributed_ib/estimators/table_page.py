"""Content of the page of a fitted table: its columns, its target, and predictions for its rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns.column import Column
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError
from distributed_ib.estimators._plan import Plan
from distributed_ib.estimators.predicted import predicted_mean, predicted_quantiles
from distributed_ib.report.page.held_out_views import class_predictions, number_predictions
from distributed_ib.report.page.page_content import ComponentViews, page_content
from distributed_ib.report.page.page_writer import PagePart, in_frame, page_html
from distributed_ib.report.page.scheme_curves import key_places
from distributed_ib.report.page.value_summaries import (
    ValueSummary,
    grouped_numbers,
    levels_summary,
    numbers_summary,
)
from distributed_ib.report.words import rows_in_words
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

if TYPE_CHECKING:
    from distributed_ib.estimators._base import DistributedIBEstimator

MAX_PREDICTED_ROWS = 4096
N_NOTEBOOK_PLACES, N_READABLE = 8, 8
_LEVELS = (0.05, 0.95)


def table_page(plan: Plan, scheme: ApproximationScheme, *tables: Any) -> dict[str, Any]:
    """Content of the page of a table beyond report and scheme; see `page_content`.

    Args:
        plan: The plan of the sweeps.
        scheme: The result of the sweeps.
        tables: X, in the form from which the plan was made, followed by the held-out rows if these
            are a separate table. Each is read separately, since the type of a column may differ.
    """
    fitted = plan.decomposition
    parts = [fitted.read(table) for table in tables]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if plan.kept is not None:
        columns = {name: rows[plan.kept] for name, rows in columns.items()}
    single, grouped = {}, {}
    for name in fitted.names:
        part = _summaries(fitted, name, columns)
        if part is not None:
            single[name], grouped[name] = part
    content = page_content(
        scheme,
        target=target_for_page(plan.target),
        inputs=inputs_for_page(fitted, grouped),
        single=ComponentViews(single, _rows_of_values(fitted, single)),
        grouped=ComponentViews(grouped, _rows_of_values(fitted, grouped)),
        n_draws=plan.train.n_draws,
        paired=True,
        n_rows=plan.problem.n_rows,
    )
    content["predictions"] = _predictions(plan, scheme, columns)
    return content


def readable_tables(estimator: "DistributedIBEstimator") -> list[dict[str, Any]]:
    """Readable tables of a few approximations of a fitted estimator, with their records."""
    scheme, found = estimator.scheme_, []
    for snapshot in key_places(scheme, N_READABLE).tolist():
        try:
            table = estimator.readable(beta=float(scheme.snapshots.beta[snapshot]))
        except UserError:  # this approximation has no readable table
            continue
        found.append({"step": int(scheme.snapshots.record[snapshot]), **table.to_dict()})
    return found


def estimator_in_notebook(estimator: "DistributedIBEstimator") -> str:
    """The page of a fitted estimator in a frame, without the parts that need rows of its table."""
    fitted = estimator.decomposition_
    single = {
        name: replace(one, are_counted=False)
        for name, one in ((name, _known_values(fitted, name)) for name in fitted.names)
        if one is not None
    }
    views = ComponentViews(single, _rows_of_values(fitted, single))
    content = page_content(
        estimator.scheme_,
        target=target_for_page(estimator.target_),
        inputs=inputs_for_page(fitted, {}),
        single=views,
        grouped=ComponentViews({}, None),
        n_draws=estimator.n_samples,
        paired=True,
        n_places=N_NOTEBOOK_PLACES,
    )
    report = estimator.report(f"What tells about {estimator.target_.name}")
    return in_frame(page_html(report, [PagePart("", estimator.scheme_, content)]))


def _known_values(fitted: FittedDecomposition, component: str) -> ValueSummary | None:
    """The distinct values of a component that the estimator has stored."""
    try:
        values, _ = fitted.component_values(component)
    except UserError:
        return None
    column = _only_column(fitted, component)
    if column.is_number and not column.is_ordered:
        return numbers_summary(values.astype(np.float64), values[~np.isnan(values)])
    return levels_summary(column.labels, np.arange(len(values)), grouped=False)


def target_for_page(target: Target) -> dict[str, Any]:
    """Name and task of Y, with its classes or the bins of each of its entries."""
    if target.task == "classification":
        return {
            "name": target.name,
            "task": target.task,
            "classes": [str(label) for label in target.classes],
            "share": list(target.share),
        }
    return {
        "name": target.name,
        "task": target.task,
        "is_vector": target.is_vector,
        "entries": [
            {"name": name, "centers": bins.centers, "points": bins.points, "share": bins.share}
            for name, bins in zip(target.entry_names, target.bins, strict=True)
        ],
    }


def inputs_for_page(
    fitted: FittedDecomposition, grouped: dict[str, ValueSummary]
) -> dict[str, Any]:
    """How values become model input: a list of columns for each component.

    A number is standardised by `mean` and `scale`, or interpolated linearly between `knots` and
    their `scores`; `grouped_knots` contain no value of a single row. If it `has_missing`, a code
    says whether it is missing; if it `is_rank`, the user chooses one of its `levels`.
    """
    found: dict[str, Any] = {}
    for component in fitted.decomposition.components:
        parts: list[dict[str, Any]] = []
        for name in component.columns:
            column = fitted.column(name)
            if not column.is_number:
                parts.append({"column": name, "levels": list(column.labels)})
                continue
            j = fitted.continuous.index(name)
            part: dict[str, Any] = {
                "column": name,
                "mean": fitted.mean[j],
                "scale": fitted.scale[j],
                "low": fitted.low[j],
                "high": fitted.high[j],
                "has_missing": column.has_missing,
            }
            if column.is_ordered:
                part["levels"], part["is_rank"] = list(column.labels), True
            if fitted.by_rank and fitted.by_rank[j]:
                part["knots"] = np.array(fitted.observed[j])
                part["scores"] = fitted.scaled(name, part["knots"])
                if component.name in grouped and not column.is_ordered:
                    means = grouped[component.name].places
                    means = means[~np.isnan(means)]
                    part["grouped_knots"] = means
                    part["grouped_scores"] = fitted.scaled(name, means)
            parts.append(part)
        found[component.name] = parts
    return found


def _only_column(fitted: FittedDecomposition, component: str) -> Column:
    """The column of a component of one column."""
    (name,) = fitted.decomposition.components[fitted.names.index(component)].columns
    return fitted.column(name)


def _summaries(
    fitted: FittedDecomposition, component: str, columns: dict[str, NDArray[Any]]
) -> tuple[ValueSummary, ValueSummary] | None:
    """The distribution of a component by single values and in groups; None for several columns."""
    try:
        values, _ = fitted.component_values(component)
    except UserError:
        return None
    column = _only_column(fitted, component)
    rows = columns[column.name]
    if column.is_number and not column.is_ordered:
        known = np.asarray(values, np.float64)
        return numbers_summary(rows, known[~np.isnan(known)]), grouped_numbers(rows)
    return (
        levels_summary(column.labels, _codes(column, rows), grouped=False),
        levels_summary(column.labels, _codes(column, rows), grouped=True),
    )


def _codes(column: Column, rows: NDArray[Any]) -> NDArray[np.int64]:
    """Codes of levels; for ordered levels too, where the last code means missing."""
    if not column.is_ordered:
        return np.asarray(rows, np.int64)
    return np.where(np.isnan(rows), len(column.known_levels), np.nan_to_num(rows)).astype(np.int64)


def _rows_of_values(fitted: FittedDecomposition, summaries: dict[str, ValueSummary]) -> TableInput:
    """Rows in which every component takes each of its values in turn."""
    n_rows = max(1, *(len(one.values) for one in summaries.values()), 1)
    x = TableInput(
        np.zeros((n_rows, len(fitted.continuous)), np.float32),
        np.zeros((n_rows, len(fitted.coded)), np.int32),
    )
    for component in fitted.decomposition.components:
        if component.name not in summaries:
            continue
        column = _only_column(fitted, component.name)
        places = summaries[component.name].places
        if not column.is_number:
            x.codes[: len(places), fitted.coded.index(column.name)] = places
            continue
        if column.is_ordered:
            places = np.where(places < len(column.known_levels), places, np.nan)
        missing = np.isnan(places)
        j = fitted.continuous.index(column.name)
        x.numbers[: len(places), j] = np.where(missing, 0, fitted.scaled(column.name, places))
        if column.has_missing:
            x.codes[: len(places), fitted.coded.index(column.name)] = missing
    return x


def _predictions(
    plan: Plan, scheme: ApproximationScheme, columns: dict[str, NDArray[Any]]
) -> dict[str, Any] | None:
    """Predictions for the scoring rows, at the key places."""
    snapshots = key_places(scheme)
    if not len(snapshots) or plan.target.is_vector:
        return None
    which = plan.scoring_rows
    if len(which) > MAX_PREDICTED_ROWS:
        drawn = np.random.default_rng(0).choice(len(which), MAX_PREDICTED_ROWS, replace=False)
        which = which[np.sort(drawn)]
    x, truth = plan.problem.rows(which).x, plan.problem.truth[which]
    candidates = plan.candidates()
    extra = () if candidates is None else (candidates,)
    averaged = [plan.predicted(scheme.models(int(k)), x) for k in snapshots]
    groups = _groups_of_rows(plan.decomposition, columns, which, plan.problem.n_rows)
    if plan.target.task == "classification":
        found = class_predictions(truth, np.stack(averaged), groups)
    else:
        found = _numbers_predicted(plan.target, truth, averaged, extra, groups)
    return found | {"of": rows_in_words(scheme.scoring_split)}


def _numbers_predicted(
    target: Target,
    truth: NDArray[np.float64],
    averaged: Sequence[NDArray[np.float64]],
    extra: tuple[Any, ...],
    groups: dict[str, ValueSummary],
) -> dict[str, Any]:
    means = np.stack([predicted_mean(target, one, *extra) for one in averaged])
    ends = np.stack([predicted_quantiles(target, one, _LEVELS, *extra) for one in averaged])
    return number_predictions(truth, means, ends[..., 0], ends[..., 1], groups)


def _groups_of_rows(
    fitted: FittedDecomposition,
    columns: dict[str, NDArray[Any]],
    which: NDArray[np.int64],
    n_rows: int,
) -> dict[str, ValueSummary]:
    """Groups of the values of these rows, by component; empty if rows of the table were left out.

    Rows of weight zero are left out of a problem, whose rows then differ from those of the table.
    """
    if any(len(rows) != n_rows for rows in columns.values()):
        return {}
    found = {}
    for component in fitted.decomposition.components:
        if len(component.columns) > 1:
            continue
        column = _only_column(fitted, component.name)
        rows = columns[column.name][which]
        if column.is_number and not column.is_ordered:
            found[component.name] = grouped_numbers(rows)
        else:
            codes = _codes(column, rows)
            found[component.name] = levels_summary(column.labels, codes, grouped=True)
    return found
