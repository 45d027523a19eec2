"""The compression scheme of a component: which of its values have become the same."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

MAX_LABELS = 24
LABEL_LENGTH = 16


def plot_distinguishability(
    values: NDArray[Any],
    overlap: NDArray[np.floating],
    ax: Axes | None = None,
    *,
    name: str = "value",
    title: str | None = None,
) -> Axes:
    """Draw the distinguishability matrix of one component.

    Light squares are pairs of values that the predictor can't tell apart any more; dark ones are
    kept apart. Blocks of light along the diagonal are ranges that have been merged.

    Args:
        values: The component's values, numbers in order or levels, `[n]`.
        overlap: Bhattacharyya coefficients, `[n, n]`, from `Approximation.distinguishability`.
        ax: Where to draw; a new figure by default.
        name: What the component is called.
        title: A line above.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(3.8, 3.2), layout="constrained")
    image = draw_overlap(ax, values, overlap, name=name)
    if title:
        ax.set_title(title, fontsize="small")
    figure = ax.get_figure()
    if figure is not None:
        figure.colorbar(image, ax=ax, label="overlap: 1 = the same, 0 = apart")
    return ax


def draw_overlap(
    ax: Axes, values: NDArray[Any], overlap: NDArray[np.floating], *, name: str
) -> AxesImage:
    """Draw a matrix of coefficients on axes, without a colour bar."""
    numbers = np.asarray(values).dtype.kind in "fiu"
    if numbers:
        low, high = float(values[0]), float(values[-1])
        edge = 0.5 * (high - low) / max(len(values) - 1, 1) or 0.5
        extent = (low - edge, high + edge, low - edge, high + edge)
        image = ax.imshow(
            overlap, origin="lower", extent=extent, vmin=0, vmax=1, cmap="viridis", aspect="auto"
        )
        ax.set_ylabel(name)
    else:
        image = ax.imshow(overlap, origin="lower", vmin=0, vmax=1, cmap="viridis", aspect="auto")
        shown = range(0, len(values), -(-len(values) // MAX_LABELS))
        labels = [short_label(str(values[i])) for i in shown]
        ax.set_xticks(list(shown), labels, rotation=90, fontsize="x-small")
        ax.set_yticks(list(shown), labels, fontsize="x-small")
    ax.set_xlabel(name)
    return image


def short_label(label: str) -> str:
    """The label, cut where it is too long for an axis."""
    return label if len(label) <= LABEL_LENGTH else label[: LABEL_LENGTH - 1] + "…"
