"""The figure of a glass: error, accuracy, and information of each shell (paper Fig. 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from distributed_ib.plots._bands import draw_median
from distributed_ib.plots._style import INK, QUIET, beta_limits, figure_style
from distributed_ib.scheme._smoothing import running_mean
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import NAMES, Measure
from distributed_ib.studies.glass.glass_findings import WINDOW, falling_order
from distributed_ib.studies.glass.structure_functions import (
    N_SHELLS,
    SHELL_RADII,
    RadialDistribution,
)

ACCURACY_COLOR = "#0077bb"
# From pale to dark, for all kinds of colour vision; without its palest part, which is invisible on
# white.
COLORMAP = mpl.colors.LinearSegmentedColormap.from_list(
    "shells", mpl.colormaps["YlGnBu"](np.linspace(0.15, 1.0, 256))
)
_LEFT = (100, 50, 20, 10, 5, 2, 1)
_LARGEST_RADIUS = 3.0
_PANEL_INCHES = (3.7, 3.0)


@dataclass(frozen=True)
class Panels:
    """Data for the panels of one glass.

    Attributes:
        scheme: The sweep.
        distribution: g(r).
        svm_accuracy: Held-out accuracy of the SVM.
        accuracy: Held-out accuracy from one draw of the noise, `[seed, snapshot]`.
        averaged_accuracy: The same for predictions averaged over the noise.
        n_starts: Number of starts of which `scheme` is the envelope; 1 for a single sweep.
    """

    scheme: ApproximationScheme
    distribution: RadialDistribution
    svm_accuracy: float
    accuracy: NDArray[np.float64]
    averaged_accuracy: NDArray[np.float64]
    n_starts: int = 1


def shell_colors(left: NDArray[Any]) -> NDArray[np.float64]:
    """A colour for each shell, by the number of shells left when it falls, `[shell, 4]`.

    The scale is logarithmic: the last ten shells, which matter most, take half of the colours.
    """
    return np.asarray(COLORMAP(_height(left, len(left))))


def _height(left: NDArray[Any], n_shells: int) -> NDArray[np.float64]:
    """0 for the first shell to fall, 1 for the last."""
    return np.asarray(1 - np.log(left) / np.log(n_shells))


def plot_error_and_accuracy(
    panels: Panels, ax: Axes, *, threshold_bits: float = 0.1, measure: Measure | None = None
) -> Axes:
    """Draw training and held-out error (left axis) and held-out accuracy (right axis).

    The accuracy is drawn twice: from one draw of the noise, and averaged over draws (dashed).
    Curves are medians over the repeats.

    Args:
        panels: What to draw.
        ax: Where to draw.
        threshold_bits: The range in which a single shell conveys more is shaded.
        measure: "information" or "kl"; by default the information, if it was measured.

    Returns:
        The axes of the accuracy.
    """
    scheme = panels.scheme
    data = scheme.to_xarray()
    beta = data["beta"].values
    for split, color, word in (
        ("train", INK, "training"),
        (scheme.scoring_split, QUIET, "held out"),
    ):
        error = data["prediction_error_bits"].sel(split=split).transpose("seed", "step").values
        draw_median(ax, beta, running_mean(error, WINDOW), color=color, label=f"error, {word}")
    limit = scheme.baseline_entropy_bits
    worst = float(np.median(running_mean(error, WINDOW), axis=0).max())
    ax.set_ylim(0, 1.08 * max(limit, min(worst, 2.5 * limit)))
    ax.set_ylabel("prediction error (bits)")
    twin = ax.twinx()
    twin.spines["right"].set_visible(True)
    twin.spines["right"].set_color(ACCURACY_COLOR)
    lines: tuple[tuple[NDArray[np.float64], dict[str, Any]], ...] = (
        (panels.accuracy, {"label": "accuracy"}),
        (panels.averaged_accuracy, {"label": "averaged", "linestyle": "--", "linewidth": 1.0}),
    )
    for values, line in lines:
        draw_median(
            twin,
            scheme.snapshots.beta,
            running_mean(values, WINDOW),
            color=ACCURACY_COLOR,
            **line,
        )
    twin.axhline(panels.svm_accuracy, color=ACCURACY_COLOR, linestyle=":", label="SVM")
    twin.set_ylim(0.45, 1.0)
    twin.set_ylabel("held-out accuracy", color=ACCURACY_COLOR)
    twin.tick_params(axis="y", colors=ACCURACY_COLOR)
    _shade_one_shell(ax, beta, scheme.conveyed_bits(measure).values[0], threshold_bits)
    _beta_axis(ax, beta)
    handles = [*ax.get_legend_handles_labels()[0], *twin.get_legend_handles_labels()[0]]
    labels = [*ax.get_legend_handles_labels()[1], *twin.get_legend_handles_labels()[1]]
    twin.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        fontsize="x-small",
        borderaxespad=0.2,
        columnspacing=1.0,
        handlelength=1.4,
        title=f"envelope of {panels.n_starts} starts" if panels.n_starts > 1 else None,
        title_fontsize="x-small",
        alignment="left",
    )
    return twin


def _shade_one_shell(
    ax: Axes, beta: NDArray[np.float64], bits: NDArray[np.float64], threshold_bits: float
) -> None:
    single = np.flatnonzero((bits > threshold_bits).sum(axis=1) == 1)
    if len(single):
        ax.axvspan(
            beta[single[0]],
            beta[single[-1]],
            color="0.88",
            zorder=0,
            linewidth=0,
            label="one shell",
        )


def plot_shell_information(
    scheme: ApproximationScheme,
    kind: str,
    distribution: RadialDistribution,
    ax: Axes,
    *,
    top: float,
    threshold_bits: float = 0.1,
    seed: int = 0,
    measure: Measure | None = None,
) -> Axes:
    """Draw what each shell of one type conveys, with g(r) of that type as an inset.

    Args:
        scheme: The sweep.
        kind: 'A' or 'B'.
        distribution: g(r).
        ax: Where to draw.
        top: Upper end of the axis, in bits.
        threshold_bits: Curves are coloured by the order in which they finally fall below it.
        seed: Which repeat.
        measure: "information" or "kl"; by default the information, if it was measured.

    Returns:
        The axes of the inset.
    """
    beta = scheme.to_xarray()["beta"].values
    bits = scheme.conveyed_bits(measure).values[seed]
    left = falling_order(bits, threshold_bits)
    colors = shell_colors(left)
    first = 0 if kind == "A" else N_SHELLS
    members = np.arange(first, first + N_SHELLS)
    order = members[np.argsort(-left[members])]  # the last to fall on top
    curves = LineCollection(
        [np.column_stack([beta, bits[:, shell]]) for shell in order],
        colors=colors[order],
        linewidths=np.where(left[order] > 10, 1.0, 1.8),
    )
    ax.add_collection(curves)
    ax.set_ylim(0, top)
    ax.set_ylabel(f"{NAMES[measure or scheme.measure]} of each shell (bits)")
    _beta_axis(ax, beta)
    g = distribution.g_aa if kind == "A" else distribution.g_ab
    inset = ax.inset_axes((0.56, 0.64, 0.43, 0.28))
    _draw_distribution(inset, distribution.radii, g, colors[members], kind)
    return inset


def _draw_distribution(
    ax: Axes,
    radii: NDArray[np.float64],
    g: NDArray[np.float64],
    colors: NDArray[np.float64],
    kind: str,
) -> None:
    """g(r), with the range of each shell in the colour of its curve."""
    half = (SHELL_RADII[1] - SHELL_RADII[0]) / 2
    edges = np.append(SHELL_RADII - half, SHELL_RADII[-1] + half)
    ax.pcolormesh(edges, [0, 1], colors[None], transform=ax.get_xaxis_transform())
    near = radii <= _LARGEST_RADIUS
    ax.plot(radii[near], g[near], color="white", linewidth=2.2)
    ax.plot(radii[near], g[near], color=INK, linewidth=1.0)
    ax.axhline(1, color=INK, linewidth=0.5, linestyle=":")
    ax.set_xlim(SHELL_RADII[0] - half, _LARGEST_RADIUS)
    ax.set_ylim(0, None)
    ax.tick_params(labelsize="x-small", length=2, pad=1)
    ax.set_xlabel(r"$r\,/\,\sigma_{AB}$", fontsize="x-small", labelpad=0)
    ax.set_title(rf"$g_{{A{kind}}}(r)$", fontsize="small", pad=2)


def _beta_axis(ax: Axes, beta: NDArray[np.float64]) -> None:
    ax.set_xscale("log")
    ax.set_xlim(*beta_limits(beta))
    ax.set_xlabel(r"bottleneck strength $\beta$")


def glass_figure(
    glasses: Mapping[str, Panels],
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> Figure:
    """Three panels for each quench protocol: error and accuracy, type A shells, type B shells.

    Args:
        glasses: Data to draw, by protocol.
        threshold_bits: A shell is in use if it conveys more.
        measure: "information" or "kl"; by default the information, if it was measured.
    """
    with figure_style():
        rows = len(glasses)
        width, height = _PANEL_INCHES
        figure, axes = plt.subplots(
            rows,
            3,
            figsize=(3 * width, rows * height + 0.5),
            layout="constrained",
            squeeze=False,
        )
        for row, (name, panels) in zip(axes, glasses.items(), strict=True):
            scheme, distribution = panels.scheme, panels.distribution
            # Room for the inset above the curves.
            top = 1.45 * float(scheme.conveyed_bits(measure).values[0].max())
            plot_error_and_accuracy(panels, row[0], threshold_bits=threshold_bits, measure=measure)
            for ax, kind, word in ((row[1], "A", "small"), (row[2], "B", "large")):
                plot_shell_information(
                    scheme,
                    kind,
                    distribution,
                    ax,
                    threshold_bits=threshold_bits,
                    top=top,
                    measure=measure,
                )
                ax.set_title(f"type {kind} ({word}) around A", fontsize="small", loc="right")
            row[0].annotate(
                f"{name} quench",
                xy=(0, 1),
                xytext=(0, 40),
                xycoords="axes fraction",
                textcoords="offset points",
                fontsize="medium",
                fontweight="bold",
            )
        for letter, ax in zip("abcdefghi", axes.flat, strict=False):
            ax.annotate(
                letter,
                xy=(0, 1),
                xytext=(-30, 7),
                xycoords="axes fraction",
                textcoords="offset points",
                fontsize="large",
                fontweight="bold",
            )
        _draw_scale(figure, axes, threshold_bits)
        # The layout changes the ticks, and these change the space that their labels need.
        figure.draw_without_rendering()
    return figure


def _draw_scale(figure: Figure, axes: Any, threshold_bits: float) -> None:
    """Add a colour bar."""
    n_shells = 2 * N_SHELLS
    mappable = mpl.cm.ScalarMappable(Normalize(0, 1), COLORMAP)
    bar = figure.colorbar(
        mappable, ax=axes[:, 1:].ravel().tolist(), location="bottom", aspect=60, pad=0.02
    )
    places = _height(np.array(_LEFT), n_shells)
    bar.ax.xaxis.set_major_locator(FixedLocator(places.tolist()))
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.ax.set_xticklabels([str(count) for count in _LEFT])
    bar.set_label(f"shells left when the shell falls below {threshold_bits:g} bit")
