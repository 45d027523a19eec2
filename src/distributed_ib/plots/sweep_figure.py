"""The sweep figure: prediction error and allocation of information against beta."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from distributed_ib.plots._bands import draw_median
from distributed_ib.plots._style import INK, QUIET, beta_limits, component_styles, draw_limit
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import NAMES, Measure

MAX_STRIP_ROWS = 40
STRIP_ROW_INCHES = 0.11
MAIN_INCHES = 3.6
# Bars are told apart as the curves are: dashes there are hatches here.
HATCHES = {"-": "", "--": "/////", ":": ".....", "-.": "xxxxx"}


def plot_sweep(
    scheme: ApproximationScheme,
    ax: Axes | None = None,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> Axes:
    """Draw the prediction error and what every component conveys along the sweep (Fig. 2b).

    Left axis, black: the error of the prediction of Y, and dotted the entropy it can't exceed.
    Right axis, colours: what every component conveys. Above: a bar wherever that is more than
    `threshold_bits`; with several repeats it is the darker, the more of them agree. Curves are
    medians over the repeats, bands go from the least to the most; those of a single repeat go from
    the lower to the upper bound of the information.

    Args:
        scheme: The scheme to draw.
        ax: Where to draw the main panel; leave a third of its height free above. A new figure by
            default.
        threshold_bits: What a component must convey to count as in use.
        measure: "information" or "kl"; by default the information where it was measured.

    Returns:
        The axes of the prediction error; its twin holds the components' curves.
    """
    drawn = min(len(scheme.components), MAX_STRIP_ROWS + 1) % (MAX_STRIP_ROWS + 1)
    strip: Axes | None = None
    if ax is None:
        strip, ax = _new_axes(n_strip_rows=drawn)
    elif drawn:
        strip = ax.inset_axes((0, 1.03, 1, STRIP_ROW_INCHES / 4 * drawn))
    data = scheme.to_xarray()
    beta = data["beta"].values
    _draw_error(ax, scheme)
    twin = ax.twinx()
    twin.spines["top"].set_visible(False)
    twin.spines["right"].set_visible(True)
    measure = measure or scheme.measure
    conveyed = scheme.conveyed_bits(measure)
    styles = component_styles(scheme.components)
    for (name, style), values in zip(
        styles.items(), conveyed.transpose("component", "seed", "step").values, strict=True
    ):
        draw_median(twin, beta, values, color=style.color, linestyle=style.linestyle)
        if measure == "information" and scheme.n_seeds == 1:
            bounds = data.sel(component=name).isel(seed=0)
            lower, upper = bounds["information_lower_bits"], bounds["information_upper_bits"]
            twin.fill_between(beta, lower, upper, color=style.color, alpha=0.18, linewidth=0)
    twin.set_ylabel(f"{NAMES[measure]} of each component (bits)")
    # Room above the curves for the label of the dotted line.
    twin.set_ylim(0, 1.25 * max(float(conveyed.max()), threshold_bits))
    # The black curve is what everything else explains: keep it on top.
    ax.set_zorder(twin.get_zorder() + 1)
    ax.patch.set_visible(False)
    if strip is not None:
        _draw_strip(strip, scheme, conveyed > threshold_bits, threshold_bits)
    return ax


def _new_axes(n_strip_rows: int) -> tuple[Axes | None, Axes]:
    """A new figure with the main panel, and a strip above it unless that has no rows."""
    strip_inches = 0.2 + STRIP_ROW_INCHES * n_strip_rows if n_strip_rows else 0.0
    figure = plt.figure(figsize=(6.4, MAIN_INCHES + strip_inches), layout="constrained")
    if not n_strip_rows:
        return None, figure.add_subplot()
    grid = figure.add_gridspec(2, 1, height_ratios=(strip_inches, MAIN_INCHES), hspace=0.02)
    return figure.add_subplot(grid[0]), figure.add_subplot(grid[1])


def _draw_error(ax: Axes, scheme: ApproximationScheme) -> None:
    data = scheme.to_xarray()
    beta = data["beta"].values
    splits = [str(split) for split in data["split"].values]
    for split, color in zip(splits, (INK, QUIET), strict=False):
        error = data["prediction_error_bits"].sel(split=split).values
        draw_median(ax, beta, error, color=color, linewidth=2.0, label=f"error, {split}")
    if len(splits) > 1:
        # At the right, where every component has gone, there is always room.
        ax.legend(loc="center right", edgecolor="none", framealpha=0.85, fontsize="small")
    limit = scheme.baseline_entropy_bits
    label = f"{data.attrs['baseline']}: {limit:.3f} bits"
    draw_limit(ax, limit, label, x=0.5, align="center")
    ax.set_xscale("log")
    ax.set_xlim(*beta_limits(beta))
    # A likelihood is a density, and its error can be negative; a long way down says no more.
    least = float(data["prediction_error_bits"].min())
    ax.set_ylim(min(0.0, max(least, -limit)), 1.12 * limit)
    ax.set_xlabel(r"bottleneck strength $\beta$")
    ax.set_ylabel("prediction error (bits)")


def _draw_strip(
    strip: Axes, scheme: ApproximationScheme, used: xr.DataArray, threshold_bits: float
) -> None:
    """Bars above the plot that show which components are in use."""
    beta = used["beta"].values
    components = scheme.components
    in_use = used.mean("seed").transpose("component", "step").values
    edges = np.concatenate([beta[:1], np.sqrt(beta[1:] * beta[:-1]), beta[-1:]])
    for row, (style, share) in enumerate(
        zip(component_styles(components).values(), in_use, strict=True)
    ):
        starts = np.flatnonzero(np.diff(share, prepend=np.nan) != 0)
        for start, stop in zip(starts, [*starts[1:], len(beta)], strict=True):
            if share[start] > 0:
                strip.barh(
                    row,
                    edges[stop] - edges[start],
                    left=edges[start],
                    height=0.72,
                    color=style.color,
                    alpha=float(share[start]),
                    hatch=HATCHES[style.linestyle],
                    edgecolor="white",
                    linewidth=0,
                )
    strip.set_xscale("log")
    strip.set_xlim(*beta_limits(beta))
    strip.set_ylim(len(components) - 0.4, -0.6)
    strip.set_yticks(range(len(components)), components, fontsize="x-small")
    for label, style in zip(
        strip.get_yticklabels(), component_styles(components).values(), strict=True
    ):
        label.set_color(style.color)
        label.set_fontweight("bold")
    strip.set_title(f"in use: more than {threshold_bits:g} bit", fontsize="small", loc="left")
    strip.tick_params(length=0)
    strip.xaxis.set_visible(False)
    for spine in strip.spines.values():
        spine.set_visible(False)
