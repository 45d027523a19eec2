"""What the page of a run keeps beyond the report and the scheme, and its file in the run folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.report.page.page_channels import channels_of
from distributed_ib.report.page.page_model import page_model, why_no_model
from distributed_ib.report.page.scheme_curves import N_KEY_PLACES, key_places
from distributed_ib.report.page.value_summaries import ValueSummary
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

VERSION = 1
"""Of the stored form; another one is not read."""


@dataclass(frozen=True)
class ComponentViews:
    """The values of all components for a page, in one of two ways.

    Attributes:
        summaries: Distribution of each component of a single column, by its name.
        x: Rows in which every component takes its values, as the encoder takes them.
    """

    summaries: Mapping[str, ValueSummary]
    x: Any


def page_content(
    scheme: ApproximationScheme,
    *,
    target: Mapping[str, Any],
    inputs: Mapping[str, Any] | None,
    single: ComponentViews,
    grouped: ComponentViews,
    n_draws: int,
    paired: bool,
    n_rows: int | None = None,
    n_places: int = N_KEY_PLACES,
) -> dict[str, Any]:
    """What a page shows of a scheme beyond its curves.

    Args:
        scheme: The scheme.
        target: Y: `name`, `task`, and how its distribution is drawn.
        inputs: How the values that a user gives become the model's numbers and codes, by component;
            None where a page does not predict.
        single: Values that may be those of single rows.
        grouped: Groups of at least ten rows.
        n_draws: See `page_model`.
        paired: See `page_model`.
        n_rows: Rows of the data, if they are known.
        n_places: For how many places matrices and models are kept.

    Returns:
        Nested data for `save_packed`.
    """
    snapshots = key_places(scheme, n_places)
    records = scheme.snapshots.record
    model = None
    if inputs is not None:
        model = page_model(scheme, snapshots, n_draws=n_draws, paired=paired)
    if model is not None:
        model["steps"] = np.asarray(records[model.pop("snapshots")], np.int32)
    return {
        "version": VERSION,
        "n_rows": n_rows,
        "target": dict(target),
        "steps": np.asarray(records[snapshots], np.int32),
        "values": {
            kind: {
                "components": {name: one.to_dict() for name, one in views.summaries.items()},
                "channels": _channels(scheme, snapshots, views),
            }
            for kind, views in (("single", single), ("grouped", grouped))
        },
        "inputs": inputs,
        "model": model,
        "why_no_model": why_no_model(scheme, inputs) if model is None else "",
    }


def _channels(
    scheme: ApproximationScheme, snapshots: NDArray[np.int64], views: ComponentViews
) -> dict[str, Any]:
    if not len(snapshots) or not views.summaries:
        return {}
    return channels_of(scheme, snapshots, views.x, views.summaries)
