"""Content of the page of a run beyond its report and its scheme."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.report.page.page_channels import channels_of
from distributed_ib.report.page.page_model import missing_model_reason, page_model
from distributed_ib.report.page.scheme_curves import N_KEY_PLACES, key_places
from distributed_ib.report.page.value_summaries import ValueSummary
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

VERSION = 1
"""Version of the stored format; other versions are not read."""


@dataclass(frozen=True)
class ComponentViews:
    """The values of all components for a page, single or grouped.

    Attributes:
        summaries: Distribution of each component with a single column, by its name.
        x: Rows in which every component takes its values, as inputs of the encoder.
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
    """The content of a page for a scheme, beyond its curves.

    Args:
        scheme: The scheme.
        target: Description of Y: `name`, `task`, and how its distribution is drawn.
        inputs: How values given by a user are converted to the model's numbers and codes, by
            component; None if the page does not predict.
        single: Values that may be those of single rows.
        grouped: Groups of at least ten rows.
        n_draws: See `page_model`.
        paired: See `page_model`.
        n_rows: Number of rows of the data, if known.
        n_places: Number of places for which matrices and models are kept.

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
        "why_no_model": missing_model_reason(scheme, inputs) if model is None else "",
    }


def _channels(
    scheme: ApproximationScheme, snapshots: NDArray[np.int64], views: ComponentViews
) -> dict[str, Any]:
    if not len(snapshots) or not views.summaries:
        return {}
    return channels_of(scheme, snapshots, views.x, views.summaries)
