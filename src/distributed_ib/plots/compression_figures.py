"""Figures of the merging of a component's values along a sweep: matrices, strips and trees."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray
from scipy.cluster.hierarchy import dendrogram

from distributed_ib.errors import UserError
from distributed_ib.plots._style import INK, beta_limits
from distributed_ib.plots._text import short_label, shown_places
from distributed_ib.plots.distinguishability_matrix import (
    MAX_NUMBERS,
    NAME_LENGTH,
    add_scale,
    draw_overlap,
    is_number,
    number_places,
    value_labels,
)
from distributed_ib.scheme.compression_path import SAME, CompressionPath
from distributed_ib.scheme.measure import NAMES

SHARES = (1.0, 2 / 3, 1 / 3, 0.1)
"""Default bits of the matrices, as shares of the maximum that the component conveys."""

LEVEL_INCHES = 0.1  # of a level of a tree, with its label
_LINE = "#cc6677"


def plot_compression_along_beta(
    path: CompressionPath,
    values: NDArray[Any],
    axes: Sequence[Axes] | None = None,
    *,
    bits: Sequence[float] | None = None,
) -> list[Axes]:
    """Draw the distinguishability matrix of a component at a few bottleneck strengths.

    Args:
        path: From `compression_path`.
        values: The component's values, sorted numbers or levels, `[value]`.
        axes: One for each matrix; a new figure by default.
        bits: What the component conveys in each matrix; the nearest model is used, from the one
            that conveys most onwards. By default `SHARES` of the maximum: all of it, two thirds, a
            third and a tenth.

    Returns:
        The axes.

    Raises:
        UserError: If the number of axes differs from that of matrices, or the number of values from
            that of the path.
    """
    _check_values(path, values)
    wanted = [share * float(path.bits.max()) for share in SHARES] if bits is None else list(bits)
    figure = None
    if axes is None:
        width = 2.3 * len(wanted) + 1.0
        figure, row = plt.subplots(1, len(wanted), figsize=(width, 2.6), layout="constrained")
        axes = np.atleast_1d(row).tolist()
    if len(axes) != len(wanted):
        raise UserError(f"{len(wanted)} matrices need as many axes, got {len(axes)}.")
    for ax, target in zip(axes, wanted, strict=True):
        place = path.at_bits(target)
        image = draw_overlap(ax, values, path.overlap[place], name=path.component)
        title = f"β = {path.beta[place]:.2g}, {path.bits[place]:.2f} bits"
        ax.set_title(title, fontsize="small")
        ax.set_xlabel("")  # a matrix has the same values along both sides
        if ax is not axes[0]:
            ax.set_ylabel("")
            ax.tick_params(labelleft=False)
    if figure is not None:
        add_scale(figure, image, axes)
    return list(axes)


def plot_merging(
    path: CompressionPath,
    values: NDArray[Any],
    ax: Axes | None = None,
    *,
    threshold: float = SAME,
    with_scale: bool = True,
) -> Axes:
    """Draw at which beta, and bits, the values of a component become indistinguishable.

    Numbers are drawn as a strip chart: dark where neighbouring values are distinguished, light
    where they are not, with a line where they merge. All strips have the same height, whatever the
    difference of the two values; ten to twenty-five values are best to read. Levels are drawn as a
    merge tree, from left to right: two branches join where a level of one has become the same as a
    level of the other. The top axis shows the bits that the component conveys.

    Args:
        path: From `compression_path`.
        values: The component's values, sorted numbers or levels, `[value]`.
        ax: Where to draw; a new figure by default.
        threshold: Bhattacharyya coefficient above which two values count as merged.
        with_scale: Whether to draw a colour bar next to a strip chart.

    Returns:
        The axes.

    Raises:
        UserError: If there are fewer than two values, or not as many as in the path.
    """
    _check_values(path, values)
    if len(values) < 2:
        raise UserError(
            f"component {path.component!r} has only one value, so there is nothing to merge."
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(4.6, 3.4), layout="constrained")
    ax.set_xscale("log")
    ax.set_xlim(*beta_limits(path.beta))
    if is_number(values):
        strips = _draw_strips(ax, path, values, threshold)
        figure = ax.get_figure()
        if with_scale and figure is not None:
            add_scale(figure, strips, [ax])
    else:
        _draw_tree(ax, path, value_labels(values), threshold)
    ax.set_ylabel(short_label(path.component, NAME_LENGTH), fontsize="small")
    ax.set_xlabel(r"bottleneck strength $\beta$")
    _draw_bits(ax, path)
    return ax


def _check_values(path: CompressionPath, values: NDArray[Any]) -> None:
    if len(values) != path.overlap.shape[1]:
        raise UserError(
            f"the path contains {path.overlap.shape[1]} values of {path.component!r}, but "
            f"{len(values)} were given."
        )


def _draw_strips(
    ax: Axes, path: CompressionPath, values: NDArray[Any], threshold: float
) -> ScalarMappable:
    """Draw the overlap of neighbours over beta, with evenly spaced values upwards."""
    log_beta, (low, high) = np.log(path.beta), beta_limits(path.beta)
    middle = np.exp(0.5 * (log_beta[1:] + log_beta[:-1]))
    edges = np.concatenate([[low], middle, [high]])
    places = np.arange(len(values))
    mesh = ax.pcolormesh(
        edges, places, path.neighbours.T, vmin=0, vmax=1, cmap="viridis", rasterized=True
    )
    pairs = places[:-1]
    merged = path.merge_beta(threshold)[pairs, pairs + 1]
    inside = np.minimum(merged, path.beta[-1])
    ax.plot(inside.repeat(2), places.repeat(2)[1:-1], color=_LINE, linewidth=1.6)
    ax.set_ylim(0, places[-1])
    shown = number_places(values, MAX_NUMBERS)
    ax.set_yticks(shown, value_labels(values, shown), fontsize="x-small")
    return mesh


def _draw_tree(ax: Axes, path: CompressionPath, labels: list[str], threshold: float) -> None:
    """Draw a dendrogram whose branches run from left to right."""
    tree = path.merge_tree(threshold)
    beyond = 2 * path.beta[-1]
    drawn = tree.copy()
    drawn[~np.isfinite(drawn[:, 2]), 2] = beyond  # to the right of the axes' end
    found = dendrogram(drawn, no_plot=True)
    for across, along in zip(found["icoord"], found["dcoord"], strict=True):
        # Leaves start at the beginning of the sweep.
        ax.plot(np.maximum(along, path.beta[0]), across, color=INK, linewidth=1.2)
    figure = ax.get_figure(root=True)
    assert figure is not None  # an Axes that draws has one
    room = ax.get_window_extent().height / figure.dpi / LEVEL_INCHES
    shown = shown_places(len(labels), max(2, int(room)))
    names = [labels[found["leaves"][place]] for place in shown]
    ax.set_yticks(5 + 10 * shown, names, fontsize="x-small")
    ax.set_ylim(0, 10 * len(labels))


def _draw_bits(ax: Axes, path: CompressionPath) -> None:
    """Draw a top axis of the bits that the component conveys."""
    top = ax.secondary_xaxis("top")
    low, high = np.log10(path.beta[[0, -1]])
    places = 10 ** np.linspace(low, high, 6)[1:-1]
    top.xaxis.set_major_locator(FixedLocator(places.tolist()))
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xticklabels([f"{bits:.2g}" for bits in path.bits_at(places)], fontsize="small")
    name = short_label(path.component, NAME_LENGTH)
    top.set_xlabel(f"{NAMES[path.measure]} of {name} (bits)", fontsize="small")
