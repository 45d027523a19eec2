"""Figures of how the columns of a fitted table are compressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.plots.compression_figures import (
    SHARES,
    plot_compression_along_beta,
    plot_merging,
)
from distributed_ib.plots.distinguishability_matrix import plot_distinguishability
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.compression_path import compression_path
from distributed_ib.scheme.measure import NAMES, Measure

MAX_PANELS = 12
MAX_ROWS = 6  # of small multiples
# A strip chart shows every value of a column of few; of others it shows every third of the 64 that
# are known, with 21 strips between them.
MAX_STRIP_VALUES, N_STRIP_VALUES = 32, 22
_COLUMNS = 3


@dataclass(frozen=True)
class _Column:
    """A component of one column, its values, and rows in which it takes them."""

    name: str
    values: NDArray[Any]
    inputs: TableInput


def compression_figures(
    estimator: DistributedIBEstimator,
    beta: float,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> dict[str, Figure]:
    """Which values of the components can be told apart: at one beta, at several, along all.

    Components of several columns have no line on which their values could be laid out, and are
    left out.

    Args:
        estimator: A fitted one.
        beta: Bottleneck strength of the matrices; the components in use there are drawn, those
            that convey most first.
        threshold_bits: What a component must convey to count as in use.
        measure: "information" or "kl"; by default the information where it was measured.

    Returns:
        Figures by name, none if no component can be drawn.
    """
    approximation = estimator.scheme_.at(beta=beta, measure=measure)
    order = np.argsort(-approximation.conveyed_bits, kind="stable")
    used = approximation.in_use(threshold_bits)
    columns: list[_Column] = []
    for name in (approximation.components[i] for i in order):
        if name in used and len(columns) < MAX_PANELS:
            try:
                column = _Column(name, *estimator.decomposition_.component_values(name))
            except UserError:
                continue  # several columns
            if len(column.values) > 1:
                columns.append(column)
    if not columns:
        return {}
    merging, axes = _grid(len(columns), _COLUMNS, (4.3, 3.3))
    for ax, column in zip(axes, columns, strict=True):
        strips = column
        if len(column.values) > MAX_STRIP_VALUES:
            strips = _Column(
                column.name,
                *estimator.decomposition_.component_values(column.name, N_STRIP_VALUES),
            )
        path = compression_path(estimator.scheme_, column.name, strips.inputs, measure=measure)
        plot_merging(path, strips.values, ax)
    rows = columns[:MAX_ROWS]
    along, axes = _grid(len(rows) * len(SHARES), len(SHARES), (2.3, 2.4))
    for row, column in enumerate(rows):
        part = axes[row * len(SHARES) : (row + 1) * len(SHARES)]
        path = compression_path(estimator.scheme_, column.name, column.inputs, measure=measure)
        plot_compression_along_beta(path, column.values, part)
    image = axes[0].images[0]
    along.colorbar(image, ax=axes, label="overlap: 1 = the same, 0 = apart", shrink=0.5)
    return {
        "compression": _matrices(approximation, columns),
        "compression_along_beta": along,
        "merging": merging,
    }


def _matrices(approximation: Approximation, columns: Sequence[_Column]) -> Figure:
    """Distinguishability matrices at one beta."""
    figure, axes = _grid(len(columns), _COLUMNS, (3.6, 3.0))
    for ax, column in zip(axes, columns, strict=False):
        bits = approximation.conveyed_bits[approximation.components.index(column.name)]
        plot_distinguishability(
            column.values,
            approximation.distinguishability(column.name, column.inputs),
            ax,
            name=column.name,
            title=f"{NAMES[approximation.measure]} {bits:.2f} bits",
        )
    figure.suptitle(f"values that can still be told apart at beta = {approximation.beta:.3g}")
    return figure


def _grid(n_panels: int, n_columns: int, inches: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure with room for the panels; what is left over of the last row stays empty."""
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(inches[0] * n_columns, inches[1] * n_rows + 0.3),
        squeeze=False,
        layout="constrained",
    )
    panels = axes.ravel().tolist()
    for ax in panels[n_panels:]:
        ax.set_visible(False)
    return figure, panels[:n_panels]
