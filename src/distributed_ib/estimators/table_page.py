"""What the page of a fitted table shows: its columns, its target, and predictions of its rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.columns import codes_of, numbers_of
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


def table_page(plan: Plan, scheme: ApproximationScheme, table: Any) -> dict[str, Any]:
    """What the page of a table shows beyond report and scheme; see `page_content`.

    Args:
        plan: The plan of the sweeps.
        scheme: What they found.
        table: X, in the form from which the plan was made.
    """
    fitted = plan.decomposition
    columns = _columns(fitted, table)
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
    """A few approximations of a fitted estimator as tables that can be read, with their records."""
    scheme, found = estimator.scheme_, []
    for snapshot in key_places(scheme, N_READABLE).tolist():
        try:
            table = estimator.readable(beta=float(scheme.snapshots.beta[snapshot]))
        except UserError:  # such as components of several columns
            continue
        found.append({"step": int(scheme.snapshots.record[snapshot]), **table.to_dict()})
    return found


def estimator_in_notebook(estimator: "DistributedIBEstimator") -> str:
    """The page of a fitted estimator in a frame, without what needs the rows of its table."""
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
    """The values of a component that the estimator remembers, each once."""
    try:
        values, _ = fitted.component_values(component)
    except UserError:
        return None
    if fitted.decomposition.components[fitted.names.index(component)].columns[0] in (
        fitted.categorical
    ):
        return levels_summary(values.tolist(), np.arange(len(values)), grouped=False)
    return numbers_summary(values.astype(np.float64), values.astype(np.float64))


def target_for_page(target: Target) -> dict[str, Any]:
    """Y by name and task, with its classes, or the bins of each of its entries.

    `grouped` has what stands for the bins where no single row may be shown.
    """
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
    """How a user's values become the model's: a list of columns for each component.

    A number is standardised by `mean` and `scale`, or goes along straight lines between `knots`
    and their `scores`; `grouped_knots` are those that hold no single row.
    """
    found: dict[str, Any] = {}
    for component in fitted.decomposition.components:
        parts: list[dict[str, Any]] = []
        for column in component.columns:
            if column in fitted.categorical:
                levels = [str(level) for level in fitted.levels(column)]
                parts.append({"column": column, "levels": levels})
                continue
            j = fitted.continuous.index(column)
            part: dict[str, Any] = {
                "column": column,
                "mean": fitted.mean[j],
                "scale": fitted.scale[j],
                "low": fitted.low[j],
                "high": fitted.high[j],
            }
            if fitted.by_rank and fitted.by_rank[j]:
                part["knots"] = np.array(fitted.observed[j])
                part["scores"] = fitted.scaled(column, part["knots"])
                if component.name in grouped:
                    means = np.array(grouped[component.name].values)
                    part["grouped_knots"] = means
                    part["grouped_scores"] = fitted.scaled(column, means)
            parts.append(part)
        found[component.name] = parts
    return found


def _columns(fitted: FittedDecomposition, table: Any) -> dict[str, NDArray[Any]]:
    """Numbers, and codes of levels, of all rows by column."""
    names = (*fitted.continuous, *fitted.categorical)
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for start, chunk in fitted.decomposition.view(table).chunks(names):
        for name in fitted.continuous:
            parts[name].append(numbers_of(name, chunk[name], start + 1))
        for name in fitted.categorical:
            code_of = {level: code for code, level in enumerate(fitted.levels(name))}
            parts[name].append(codes_of(name, chunk[name], code_of, start + 1))
    return {name: np.concatenate(part) for name, part in parts.items()}


def _summaries(
    fitted: FittedDecomposition, component: str, columns: dict[str, NDArray[Any]]
) -> tuple[ValueSummary, ValueSummary] | None:
    """The distribution of a component by single values and in groups; None for several columns."""
    try:
        values, _ = fitted.component_values(component)
    except UserError:
        return None
    found = {one.name: one for one in fitted.decomposition.components}
    column = found[component].columns[0]
    rows = columns[column]
    if column in fitted.categorical:
        levels = fitted.levels(column)
        return (
            levels_summary(levels, rows, grouped=False),
            levels_summary(levels, rows, grouped=True),
        )
    return numbers_summary(rows, np.asarray(values, np.float64)), grouped_numbers(rows)


def _rows_of_values(fitted: FittedDecomposition, summaries: dict[str, ValueSummary]) -> TableInput:
    """Rows in which every component takes all its values, one after the other."""
    n_rows = max(1, *(len(one.values) for one in summaries.values()), 1)
    x = TableInput(
        np.zeros((n_rows, len(fitted.continuous)), np.float32),
        np.zeros((n_rows, len(fitted.categorical)), np.int32),
    )
    for component in fitted.decomposition.components:
        if component.name not in summaries:
            continue
        (column,) = component.columns
        places = summaries[component.name].places
        if column in fitted.categorical:
            x.codes[: len(places), fitted.categorical.index(column)] = places
        else:
            j = fitted.continuous.index(column)
            x.numbers[: len(places), j] = fitted.scaled(column, places)
    return x


def _predictions(
    plan: Plan, scheme: ApproximationScheme, columns: dict[str, NDArray[Any]]
) -> dict[str, Any] | None:
    """Predictions of the rows that score, at the key places."""
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
    """Groups of the values of these rows, by component; none where rows of a table were left out.

    Rows of weight zero are left out of a problem, whose rows then are not those of the table.
    """
    if any(len(rows) != n_rows for rows in columns.values()):
        return {}
    found = {}
    for component in fitted.decomposition.components:
        if len(component.columns) > 1:
            continue
        (column,) = component.columns
        rows = columns[column][which]
        if column in fitted.categorical:
            found[component.name] = levels_summary(fitted.levels(column), rows, grouped=True)
        else:
            found[component.name] = grouped_numbers(rows)
    return found
