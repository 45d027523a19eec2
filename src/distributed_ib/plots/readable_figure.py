"""A readable approximation as a grid: symbols on the left, predictions on the right."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from distributed_ib.errors import UserError
from distributed_ib.plots._style import FAINT, INK, PALETTE, QUIET
from distributed_ib.plots._text import number_labels, short_label
from distributed_ib.readable._formats import cell_text
from distributed_ib.readable.readable_approximation import ReadableApproximation

MAX_ROWS = 32
"""Most rows that are legible in a figure."""
ROW_INCHES = 0.26
_PREDICTION_WIDTH, _GAP = 2.4, 0.25  # in columns of components
_CELL_LENGTH, _LABEL_LENGTH = 22, 20


def plot_readable(readable: ReadableApproximation, ax: Axes | None = None) -> Axes:
    """Draw a readable approximation as a grid.

    Each row of the grid is a row of the table. On the left are the symbols of each component,
    shaded (empty if it does not matter). On the right are the probabilities of the classes as parts
    of a bar, or a line from the 5 % to the 95 % quantile of Y with a dot at the mean. The share of
    the rows of data is at the right edge.

    Args:
        readable: An approximation with one Y and at most 32 rows.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.

    Raises:
        UserError: If there are more than 32 rows, or several entries of Y.
    """
    n_rows, n_components = len(readable.rows), len(readable.components)
    if n_rows > MAX_ROWS:
        raise UserError(
            f"the table has {n_rows} rows, but a figure shows at most {MAX_ROWS}; choose an "
            "approximation with fewer bits, or print the table."
        )
    if len(readable.outputs) > 1:
        raise UserError(
            f"a figure can show only one target, but the table has {len(readable.outputs)}; print "
            "the table instead."
        )
    if ax is None:
        size = (1.5 * n_components + 4.2, ROW_INCHES * n_rows + 1.0)
        _, ax = plt.subplots(figsize=size, layout="constrained")
    for k, component in enumerate(readable.components):
        ax.text(
            k + 0.5,
            -0.65,
            short_label(component.name, _LABEL_LENGTH),
            ha="center",
            va="center",
            fontsize="small",
            fontweight="bold",
            color=INK,
        )
        for place, row in enumerate(readable.rows):
            chosen = row.symbols[k]
            if len(chosen) == len(component.symbols):
                continue
            shade = float(np.mean(chosen)) / max(len(component.symbols) - 1, 1)
            ax.barh(
                place,
                1.0,
                left=k,
                height=1.0,
                color=_light(PALETTE[4], 0.15 + 0.6 * shade),
                edgecolor="white",
                linewidth=1.0,
            )
            text = short_label(cell_text(component, row, k), _CELL_LENGTH)
            ax.text(k + 0.5, place, text, ha="center", va="center", fontsize="x-small", color=INK)
    left = n_components + _GAP
    if readable.classes:
        _class_bars(ax, readable, left)
    else:
        _number_lines(ax, readable, left)
    for place, row in enumerate(readable.rows):
        share = f"{100 * row.share:.0f} %" if row.share >= 0.005 else "<1 %"
        ax.text(
            left + _PREDICTION_WIDTH + 0.1,
            place,
            share,
            va="center",
            fontsize="x-small",
            color=QUIET,
        )
    ax.set_xlim(0, left + _PREDICTION_WIDTH + 0.6)
    ax.set_ylim(n_rows - 0.5, -1.2)
    ax.set_yticks([])
    for side in ("left", "right", "top", "bottom"):
        ax.spines[side].set_visible(False)
    return ax


def _class_bars(ax: Axes, readable: ReadableApproximation, left: float) -> None:
    """Draw probabilities as parts of a bar, with a legend below."""
    colors = [PALETTE[k % len(PALETTE)] for k in range(len(readable.classes))]
    for place, row in enumerate(readable.rows):
        start = left
        for color, p in zip(colors, row.predictions[0].probabilities, strict=True):
            ax.barh(place, p * _PREDICTION_WIDTH, left=start, height=0.7, color=_light(color, 0.8))
            start += p * _PREDICTION_WIDTH
    _heading(ax, left, f"{readable.target}, probabilities")
    shown = list(zip(readable.classes, colors, strict=True))[: len(PALETTE)]
    handles = [Rectangle((0, 0), 1, 1, color=_light(color, 0.8)) for _, color in shown]
    names = [short_label(name, _LABEL_LENGTH) for name, _ in shown]
    ax.legend(
        handles,
        names,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02),
        fontsize="x-small",
        ncols=min(len(names), 5),
        frameon=False,
    )
    ax.set_xticks([])


def _number_lines(ax: Axes, readable: ReadableApproximation, left: float) -> None:
    """Draw intervals of Y with their means, over an axis in the unit of Y."""
    found = [row.predictions[0] for row in readable.rows]
    low, high = min(one.low for one in found), max(one.high for one in found)
    scale = _PREDICTION_WIDTH / (high - low if high > low else 1.0)

    def x(values: Sequence[float]) -> list[float]:
        return [left + (value - low) * scale for value in values]

    for place, one in enumerate(found):
        ax.plot(x([one.low, one.high]), [place, place], color=PALETTE[0], linewidth=1.5)
        ax.plot(x([float(one.value)]), [place], "o", color=PALETTE[0], markersize=4)
    ticks = np.linspace(low, high, 3)
    ax.set_xticks(x(ticks.tolist()), number_labels(ticks), fontsize="x-small")
    ax.tick_params(axis="x", color=FAINT, labelcolor=QUIET)
    _heading(ax, left, f"{readable.target}, mean and 90 % of rows")


def _heading(ax: Axes, left: float, text: str) -> None:
    ax.text(
        left + _PREDICTION_WIDTH / 2,
        -0.65,
        short_label(text, 40),
        ha="center",
        va="center",
        fontsize="small",
        fontweight="bold",
        color=INK,
    )


def _light(color: str, strength: float) -> tuple[float, float, float]:
    """A colour mixed with white."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return red, green, blue
