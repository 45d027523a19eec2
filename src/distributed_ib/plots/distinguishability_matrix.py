"""The compression scheme of a component as a matrix of which values are distinguished."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from distributed_ib.data.columns.column import level_text
from distributed_ib.plots._text import number_labels, short_label, short_labels, shown_places

MAX_LABELS, MAX_NUMBERS = 18, 12
ACROSS_CHARACTERS = 30  # of the numbers below a matrix, together
LEVEL_LENGTH, NAME_LENGTH = 16, 28


def plot_distinguishability(
    values: NDArray[Any],
    overlap: NDArray[np.floating],
    ax: Axes | None = None,
    *,
    name: str = "value",
    title: str | None = None,
) -> Axes:
    """Draw the distinguishability matrix of one component.

    Light squares are pairs of values that the channel does not distinguish, dark squares pairs that
    it does. Light blocks along the diagonal are ranges of values that have been merged.

    Args:
        values: The component's values, sorted numbers or levels, `[n]`.
        overlap: Bhattacharyya coefficients, `[n, n]`, from `Approximation.distinguishability`.
        ax: Where to draw; a new figure by default.
        name: Name of the component.
        title: Title; none by default.

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
        add_scale(figure, image, [ax])
    return ax


def draw_overlap(
    ax: Axes, values: NDArray[Any], overlap: NDArray[np.floating], *, name: str
) -> AxesImage:
    """Draw a matrix of coefficients on axes, without a colour bar.

    Values, including numbers, are evenly spaced and labelled.
    """
    # Other interpolations would show colours between two values, where nothing is defined.
    image = ax.imshow(
        overlap,
        origin="lower",
        vmin=0,
        vmax=1,
        cmap="viridis",
        aspect="auto",
        interpolation="nearest",
    )
    if is_number(values):
        longest = max(map(len, value_labels(values)), default=1)
        most = max(2, ACROSS_CHARACTERS // (longest + 2))
        across = number_places(values, most, with_last=True)
        along = number_places(values, MAX_NUMBERS, with_last=True)
        rotation = 0.0
    else:
        across = along = shown_places(len(values), MAX_LABELS)
        rotation = 90.0
    ax.set_xticks(across, value_labels(values, across), rotation=rotation, fontsize="x-small")
    ax.set_yticks(along, value_labels(values, along), fontsize="x-small")
    ax.set_xlabel(short_label(name, NAME_LENGTH), fontsize="small")
    ax.set_ylabel(short_label(name, NAME_LENGTH), fontsize="small")
    return image


def is_number(values: NDArray[Any]) -> bool:
    """Whether the values of a component are numbers rather than levels."""
    return np.asarray(values).dtype.kind in "fiu"


def number_places(values: NDArray[Any], most: int, *, with_last: bool = False) -> NDArray[np.int64]:
    """Places of the numbers that get a label, as in `shown_places`, and that of missing values.

    >>> number_places(np.array([1.0, 2.0, 3.0, np.nan]), 2).tolist()
    [0, 3]
    """
    missing = np.isnan(np.asarray(values, np.float64))
    known = shown_places(int((~missing).sum()), most, with_last=with_last)
    if not missing.any():
        return known
    # Labels of numbers that would overlap the label of missing values are omitted.
    apart = max(1, len(values) // max(most, 1) // 2)
    return np.append(known[known < len(values) - 1 - apart], len(values) - 1)


def value_labels(values: NDArray[Any], shown: NDArray[np.int64] | None = None) -> list[str]:
    """Labels of a component's values, by default of all of them."""
    chosen = np.asarray(values)[slice(None) if shown is None else shown]
    if is_number(values):
        missing = np.isnan(chosen.astype(np.float64))
        known = iter(number_labels(chosen[~missing]) if not missing.all() else [])
        return ["missing" if gone else next(known) for gone in missing]
    names = [level_text(value) for value in chosen]
    labels = short_labels(names, LEVEL_LENGTH)
    return [labels[name] for name in names]


def add_scale(figure: Figure | SubFigure, image: ScalarMappable, axes: Sequence[Axes]) -> None:
    """Add a colour bar next to matrices."""
    rows = len({round(ax.get_position().y0, 3) for ax in axes})
    bar = figure.colorbar(image, ax=list(axes), shrink=1.0 if rows == 1 else max(1.6 / rows, 0.35))
    bar.set_label("overlap: 1 = same, 0 = apart", fontsize="small")
    bar.ax.tick_params(labelsize="small")
