"""The sweep figure: prediction error and allocation of information over beta."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from distributed_ib.plots._bands import draw_median
from distributed_ib.plots._placement import Named, label_lines
from distributed_ib.plots._scales import spread_small_bits
from distributed_ib.plots._strip import draw_strip, strip_inches
from distributed_ib.plots._style import (
    INK,
    QUIET,
    CurveStyle,
    beta_limits,
    legend_below,
    scheme_styles,
)
from distributed_ib.plots._text import literal, short_labels
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import N_ERRORS, NAMES, Measure
from distributed_ib.scheme.splits import ROWS

MAIN_INCHES = 3.8
WIDTH_INCHES = 6.4
# Beyond this, the axis of the components is logarithmic above one bit.
MOST_LINEAR_BITS = 4.0
_PAD_INCHES = 0.06
_STRIP_TITLE_INCHES = 0.25


def plot_sweep(
    scheme: ApproximationScheme,
    ax: Axes | None = None,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
    styles: Mapping[str, CurveStyle] | None = None,
) -> Axes:
    """Draw the prediction error and what every component conveys along the sweep (Fig. 2b).

    Left axis, black: the prediction error of Y and, dotted, the entropy of Y, which is the error
    without any information. Right axis, coloured: what every component conveys; the axis is
    logarithmic above one bit if it extends beyond four. Above: a bar wherever a component conveys
    more than `threshold_bits`; with several repeats, it is darker the more of them agree. Curves
    are medians over the repeats, with bands from minimum to maximum; bands of a single repeat
    extend two standard errors beyond the lower and upper bounds of the information.

    Of more than twelve components, the twelve that matter most (`by_weight`) have a colour, a band
    and a label at the curve; the others are thin and grey.

    Args:
        scheme: The scheme to draw.
        ax: Where to draw the main panel, with room above for a bar for each component; a new figure
            by default.
        threshold_bits: A component is in use if it conveys more than this.
        measure: "information" or "kl"; by default the information if it was measured.
        styles: Styles of the components, to match figures of other schemes; by default
            `scheme_styles`.

    Returns:
        The axes of the prediction error; its twin contains the components' curves.
    """
    if ax is None:
        figure = plt.figure(
            figsize=(WIDTH_INCHES, MAIN_INCHES + strip_inches(scheme) + _STRIP_TITLE_INCHES),
            layout="constrained",
        )
        strip, ax = sweep_axes(figure, scheme)
    else:
        strip = _inset(ax, scheme)
    draw_sweep(strip, ax, scheme, threshold_bits, measure, styles)
    return ax


def draw_sweep(
    strip: Axes,
    ax: Axes,
    scheme: ApproximationScheme,
    threshold_bits: float,
    measure: Measure | None,
    styles: Mapping[str, CurveStyle] | None = None,
) -> tuple[list[Line2D], list[Text]]:
    """Draw the bars and curves of `plot_sweep`, and return what further labels should avoid.

    Args:
        strip: Axes of the bars.
        ax: Axes of the prediction error.
        scheme: The scheme to draw.
        threshold_bits: A component is in use if it conveys more than this.
        measure: "information" or "kl"; None for the information if it was measured.
        styles: Styles of the components; by default `scheme_styles`.

    Returns:
        The curves, and their labels.
    """
    styles = scheme_styles(scheme, measure) if styles is None else styles
    measure = measure or scheme.measure
    errors = _draw_error(ax, scheme)
    twin = ax.twinx()
    twin.spines["right"].set_visible(True)
    curves = _draw_components(twin, scheme, measure, styles, threshold_bits)
    # The black curve is the most important one: keep it on top.
    ax.set_zorder(twin.get_zorder() + 1)
    ax.patch.set_visible(False)
    names = short_labels(scheme.components)
    highest = scheme.conveyed_bits(measure).median("seed").max("step").values
    named = [
        Named(curves[name], names[name], styles[name].text_color)
        for name, top in zip(scheme.components, highest, strict=True)
        if styles[name].highlighted and top > threshold_bits
    ]
    grey = [curve for name, curve in curves.items() if not styles[name].highlighted]
    labels = label_lines(ax, named, [*errors, *grey])
    draw_strip(strip, scheme, styles, threshold_bits, measure)
    return [*errors, *curves.values()], labels


def sweep_axes(figure: Figure | SubFigure, scheme: ApproximationScheme) -> tuple[Axes, Axes]:
    """The axes of the bars and, below, those of the curves, which together fill a figure."""
    above = strip_inches(scheme) + _STRIP_TITLE_INCHES
    height = float(figure.bbox.height / figure.dpi)
    ratios = (above, max(height - above, 0.1 * height))
    grid = figure.add_gridspec(2, 1, height_ratios=ratios, hspace=0.02)
    return figure.add_subplot(grid[0]), figure.add_subplot(grid[1])


def _inset(ax: Axes, scheme: ApproximationScheme) -> Axes:
    """Axes for the bars, above given axes."""
    inches = ax.get_window_extent().height / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
    return ax.inset_axes((0, 1 + _PAD_INCHES / inches, 1, strip_inches(scheme) / inches))


def _draw_components(
    twin: Axes,
    scheme: ApproximationScheme,
    measure: Measure,
    styles: Mapping[str, CurveStyle],
    threshold_bits: float,
) -> dict[str, Line2D]:
    """Draw what each component conveys, highlighted ones on top, and return the curves by name."""
    data = scheme.to_xarray()
    beta = data["beta"].values
    conveyed = scheme.conveyed_bits(measure).transpose("component", "seed", "step")
    # Many overlapping bands are legible only if each is faint.
    opacity = 0.18 * min(1.0, 4 / sum(style.highlighted for style in styles.values()))
    curves = {}
    for name, values in zip(scheme.components, conveyed.values, strict=True):
        style = styles[name]
        if not style.highlighted:
            (curves[name],) = twin.plot(
                beta, np.median(values, axis=0), color=style.color, linewidth=0.7, zorder=1.5
            )
            continue
        curves[name] = draw_median(twin, beta, values, color=style.color, linestyle=style.linestyle)
        if measure == "information" and scheme.n_seeds == 1:
            bounds = data.sel(component=name).isel(seed=0)
            errors = N_ERRORS * bounds["information_error_bits"]
            lower = np.maximum(bounds["information_lower_bits"] - errors, 0.0)
            upper = bounds["information_upper_bits"] + errors
            twin.fill_between(beta, lower, upper, color=style.color, alpha=opacity, linewidth=0)
    twin.set_ylabel(f"{NAMES[measure]} of each component (bits)")
    # Bands may extend much higher, which shows only that the bounds are far apart there.
    top = 1.2 * max(float(conveyed.median("seed").max()), threshold_bits)
    if top > MOST_LINEAR_BITS:
        spread_small_bits(twin, "y", 1.3 * top)
    else:
        twin.set_ylim(0, top)
    return curves


def _draw_error(ax: Axes, scheme: ApproximationScheme) -> list[Line2D]:
    """Draw the errors on training and held-out rows, with a legend below the axes."""
    data = scheme.to_xarray()
    beta = data["beta"].values
    # The first and the last split; the validation rows are between them.
    splits = list(dict.fromkeys(str(data["split"].values[k]) for k in (0, -1)))
    curves = [
        draw_median(
            ax,
            beta,
            data["prediction_error_bits"].sel(split=split).values,
            color=color,
            linewidth=width,
            label=f"error, {ROWS[split]}" if len(splits) > 1 else "error",
        )
        for split, (color, width) in zip(splits, ((INK, 2.0), (QUIET, 1.6)), strict=False)
    ]
    limit = scheme.baseline_entropy_bits
    name = literal(str(data.attrs["baseline"]))
    curves.append(
        ax.axhline(limit, color=INK, linestyle=":", linewidth=1, label=f"{name}: {limit:.3f} bits")
    )
    ax.set_xscale("log")
    ax.set_xlim(*beta_limits(beta))
    ax.set_ylim(*_error_range(data["prediction_error_bits"].isel(split=-1).values, limit))
    ax.set_xlabel(r"bottleneck strength $\beta$")
    ax.set_ylabel("prediction error (bits)")
    if scheme.is_ladder:
        _mark_choices(ax, data)
    legend_below(ax)
    return curves


def _mark_choices(ax: Axes, data: xr.Dataset) -> None:
    """Draw lines at the best and the simplest approximation."""
    for name, style in (("best", "-."), ("simplest", ":")):
        beta = float(data["beta"].values[int(data.attrs[f"{name}_step"])])
        ax.axvline(beta, color=INK, linestyle=style, linewidth=0.8, zorder=0.8, label=name)


def _error_range(error: np.ndarray, limit: float) -> tuple[float, float]:
    """Limits of the axis of errors, from those of the held-out rows, if any.

    The error of a density can be negative, and that of memorised training rows is unbounded below.
    Errors above the entropy, of models worse than none, extend the axis by at most half the height
    below the entropy.
    """
    least, most = (float(f(np.median(error, axis=0))) for f in (np.min, np.max))
    bottom = min(0.0, max(least, -abs(limit)))
    room = limit - bottom if limit > bottom else max(abs(limit), 1.0)
    return bottom - 0.05 * (bottom < 0) * room, limit + max(
        0.08, min(most - limit, 0.5 * room) / room
    ) * room
