"""A page's content without single rows, which are replaced by groups of at least ten."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.report.page.value_summaries import LEAST_ROWS

_POINTS = 8
_RANGES_OF_ROWS = (
    "A component has several columns, whose ranges are those of single rows, and this page shows "
    "none. Predict in Python, or with dib predict."
)


def content_without_rows(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a page, changed so that it shows no single row.

    Values of components become means of groups, levels and classes with fewer than ten rows lose
    their names, bins of Y are merged until each has ten rows, and single predictions are omitted.
    """
    grouped = content["values"]["grouped"]
    n_rows = content.get("n_rows") or 0
    target, rare = _target(content["target"], n_rows)
    inputs = content["inputs"]
    model = _model(content["model"], inputs, grouped["components"], content["target"])
    return {
        **content,
        "values": grouped,
        "target": target,
        "inputs": None if inputs is None else _inputs(inputs, grouped["components"]),
        "model": model,
        "why_no_model": content.get("why_no_model", "") or ("" if model else _RANGES_OF_ROWS),
        "predictions": _predictions(content.get("predictions"), rare),
        "readable": None,  # its symbols end at values of rows
    }


def _model(
    model: Any, inputs: Any, components: Mapping[str, Any], target: Mapping[str, Any]
) -> Any:
    """The model, or None if some of its values would reveal single rows."""
    if model is None or inputs is None:
        return None
    for name, columns in inputs.items():
        numbers = any("levels" not in column for column in columns)
        if name not in components and numbers:
            return None  # a component of several columns: their ranges would reveal single rows
    del target
    return model


def _inputs(inputs: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, columns in inputs.items():
        own = components.get(name)
        parts = []
        for column in columns:
            column = dict(column)
            if "levels" in column:
                shown = set(own["values"]) if own else set()
                # Hidden levels keep their places, since the model refers to levels by number.
                column["levels"] = [level if level in shown else None for level in column["levels"]]
            else:
                values = own["values"] if own else [column["mean"]]
                values = [value for value in values if value is not None] or [column["mean"]]
                column["low"], column["high"] = min(values), max(values)
                if "knots" in column:
                    column["knots"] = column.get("grouped_knots", np.array(values))
                    column["scores"] = column.get("grouped_scores", np.zeros(len(values)))
            column.pop("grouped_knots", None)
            column.pop("grouped_scores", None)
            parts.append(column)
        found[name] = parts
    return found


def _target(target: Mapping[str, Any], n_rows: int) -> tuple[dict[str, Any], list[int]]:
    """The description of Y, and the classes with fewer than ten rows."""
    if "classes" in target:
        share = np.asarray(target["share"])
        rare = np.flatnonzero(share * n_rows < LEAST_ROWS).tolist()
        classes = [
            "a class of fewer than ten rows" if k in rare else name
            for k, name in enumerate(target["classes"])
        ]
        return {**target, "classes": classes}, rare
    entries = [_joined_bins(entry, n_rows) for entry in target.get("entries", ())]
    return ({**target, "entries": entries} if entries else dict(target)), []


def _joined_bins(entry: Mapping[str, Any], n_rows: int) -> dict[str, Any]:
    """Bins merged so that centres are means of at least ten rows, with points between them."""
    centers, share = np.asarray(entry["centers"]), np.asarray(entry["share"])
    order = np.argsort(centers, kind="stable")
    group = np.zeros(len(order), np.int64)
    held, number = 0.0, 0
    for place in order.tolist():
        group[place] = number
        held += share[place] * n_rows
        if held >= LEAST_ROWS * 1.25:  # `share` is of the training rows, which are fewer
            held, number = 0.0, number + 1
    if held and number:
        group[group == number] = number - 1
    weight = np.bincount(group, share)
    means = np.bincount(group, share * centers) / weight
    middles = (means[1:] + means[:-1]) / 2
    edges = np.concatenate([means[:1], middles, means[-1:]])
    steps = (np.arange(_POINTS) + 0.5) / _POINTS
    points: NDArray[np.float64] = edges[:-1, None] + np.diff(edges)[:, None] * steps
    return {**entry, "centers": means[group], "points": points[group]}


def _predictions(predictions: Mapping[str, Any] | None, rare: list[int]) -> Any:
    if predictions is None:
        return None
    found = {**predictions, "rows": None}
    confusion = found.get("confusion")
    if confusion is not None:
        # -1 stands for fewer than ten.
        few = (confusion > 0) & (confusion < LEAST_ROWS)
        found["confusion"] = np.where(few, -1, confusion).astype(np.int32)
    if predictions["n_rows"] < LEAST_ROWS or rare:
        found["confusion"] = None
    return None if predictions["n_rows"] < LEAST_ROWS else found
