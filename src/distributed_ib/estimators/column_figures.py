"""Figures of how the columns of a fitted table are compressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError
from distributed_ib.plots.compression_figures import (
    LEVEL_INCHES,
    SHARES,
    plot_compression_along_beta,
    plot_merging,
)
from distributed_ib.plots.distinguishability_matrix import (
    add_scale,
    draw_overlap,
    is_number,
    value_labels,
)
from distributed_ib.scheme.approximation import Approximation
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.compression_path import compression_path
from distributed_ib.scheme.measure import NAMES, Measure

MAX_PANELS = 12
MAX_ROWS = 6  # rows of small multiples
# A strip chart shows every value of a column with few values; of other columns it shows every third
# of the 64 known values, with 21 strips between them.
MAX_STRIP_VALUES, N_STRIP_VALUES = 32, 22
MAX_LEAVES = 80
MAX_LEVELS = 200
_COLUMNS = 3


@dataclass(frozen=True)
class _Column:
    """A component of one column, its values, and rows in which these values occur."""

    name: str
    values: NDArray[Any]
    inputs: TableInput

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers rather than levels."""
        return is_number(self.values)

    @property
    def n_leaves(self) -> int:
        """Number of labelled leaves of its merge tree."""
        return min(len(self.values), MAX_LEAVES)

    @property
    def label_inches(self) -> float:
        """Space for the vertical labels of levels under a matrix."""
        longest = max(map(len, value_labels(self.values)))
        return 0.0 if self.is_number else 0.06 * longest


def compression_figures(
    scheme: ApproximationScheme,
    decomposition: FittedDecomposition,
    beta: float,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> dict[str, Figure]:
    """Figures of which values of the components can be told apart, at one beta and along the sweep.

    Left out are components of several columns, whose values have no order along an axis, and
    components of more than 200 levels, whose figures could not be read and would take too much
    memory.

    Args:
        scheme: The scheme of a table.
        decomposition: Its components.
        beta: Bottleneck strength of the matrices; the components in use at this beta are drawn,
            those that convey most first.
        threshold_bits: A component is in use if it conveys more than this.
        measure: "information" or "kl"; by default the information where it was measured.

    Returns:
        Figures by name; empty if no component can be drawn.
    """
    approximation = scheme.at(beta=beta, measure=measure)
    order = np.argsort(-approximation.conveyed_bits, kind="stable")
    used = approximation.in_use(threshold_bits)
    columns: list[_Column] = []
    for name in (approximation.components[i] for i in order):
        if name in used and len(columns) < MAX_PANELS:
            try:
                column = _Column(name, *decomposition.component_values(name))
            except UserError:
                continue  # several columns
            if 1 < len(column.values) <= MAX_LEVELS:
                columns.append(column)
    if not columns:
        return {}
    return {
        "compression": _matrices(approximation, columns, scheme.n_seeds),
        "compression_along_beta": _along_beta(scheme, columns[:MAX_ROWS], measure),
        "merging": _merging(scheme, decomposition, columns, measure),
    }


def _matrices(approximation: Approximation, columns: Sequence[_Column], n_models: int) -> Figure:
    """Distinguishability matrices at one beta."""
    inches = [2.9 + column.label_inches for column in columns]
    figure, axes = _grid(inches, _COLUMNS, 3.2)
    for ax, column in zip(axes, columns, strict=True):
        bits = approximation.conveyed_bits[approximation.components.index(column.name)]
        overlap = approximation.distinguishability(column.name, column.inputs)
        image = draw_overlap(ax, column.values, overlap, name=column.name)
        ax.set_title(f"{NAMES[approximation.measure]} {bits:.2f} bits", fontsize="small")
    which = f" (first of {n_models} models)" if n_models > 1 else ""
    parted = "\n" if len(columns) == 1 else " "  # the title is wider than a single matrix
    figure.suptitle(
        rf"values that can still be told apart{parted}at $\beta$ = {approximation.beta:.3g}{which}"
    )
    add_scale(figure, image, axes)
    return figure


def _along_beta(
    scheme: ApproximationScheme, columns: Sequence[_Column], measure: Measure | None
) -> Figure:
    """A row of matrices for each column, with decreasing shares of its information."""
    n = len(SHARES)
    inches = [2.1 + column.label_inches for column in columns for _ in SHARES]
    figure, axes = _grid(inches, n, 2.3)
    for row, column in enumerate(columns):
        path = compression_path(scheme, column.name, column.inputs, measure=measure)
        plot_compression_along_beta(path, column.values, axes[row * n : (row + 1) * n])
    add_scale(figure, axes[0].images[0], axes)
    return figure


def _merging(
    scheme: ApproximationScheme,
    decomposition: FittedDecomposition,
    columns: Sequence[_Column],
    measure: Measure | None,
) -> Figure:
    """A strip chart or a merge tree for each column."""
    inches = [3.3 if c.is_number else max(3.3, 0.9 + c.n_leaves * LEVEL_INCHES) for c in columns]
    figure, axes = _grid(inches, _COLUMNS, 4.1)
    figure.draw_without_rendering()  # sets the heights that trees need
    for ax, column in zip(axes, columns, strict=True):
        strips = column
        if len(column.values) > MAX_STRIP_VALUES:
            values = decomposition.component_values(column.name, N_STRIP_VALUES)
            strips = _Column(column.name, *values)
        path = compression_path(scheme, column.name, strips.inputs, measure=measure)
        plot_merging(path, strips.values, ax, with_scale=False)
    charts = [ax.collections[0] for ax in axes if ax.collections]
    if charts:
        add_scale(figure, charts[0], axes)
    return figure


def _grid(inches: Sequence[float], n_columns: int, width: float) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each height; the remaining places of the last row stay empty."""
    n_panels = len(inches)
    n_columns = 2 if n_panels == 4 and n_columns == _COLUMNS else min(n_columns, n_panels)
    rows = [max(inches[k : k + n_columns]) for k in range(0, n_panels, n_columns)]
    figure, axes = plt.subplots(
        len(rows),
        n_columns,
        figsize=(width * n_columns + 0.7, sum(rows) + 0.3),
        squeeze=False,
        layout="constrained",
        height_ratios=rows,
    )
    panels = axes.ravel().tolist()
    for ax in panels[n_panels:]:
        ax.set_visible(False)
    return figure, panels[:n_panels]
