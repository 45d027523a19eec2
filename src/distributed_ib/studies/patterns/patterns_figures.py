"""Figures of both methods side by side, with pictures (paper Fig. 5)."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from distributed_ib.plots._placement import mark_betas
from distributed_ib.plots._style import INK, QUIET, beta_limits, component_styles
from distributed_ib.plots._text import literal
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.patterns.pattern_library import Pattern
from distributed_ib.studies.patterns.pattern_pictures import pattern_picture
from distributed_ib.studies.patterns.pattern_study import ENTROPY_BITS, Method
from distributed_ib.studies.patterns.patterns_findings import (
    N_SHOWN,
    PatternSweep,
    ShownApproximation,
)

ROW_INCHES = 2.5
WIDTH_INCHES = 10.0
_NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii")
# One set of colours for the channels of both methods.
_STYLES = component_styles([name for method in Method for name in method.components])
TITLES = {
    Method.distributed: "Distributed Information Bottleneck",
    Method.standard: "standard Information Bottleneck",
}


def pattern_figures(sweeps: Sequence[PatternSweep]) -> dict[str, Figure]:
    """All figures of a run, by name: `comparison`, `errors`, and one for each pattern."""
    figures = {}
    if len(groups := _by_pattern(sweeps)) > 1:
        figures["comparison"] = plot_comparison(sweeps)
        figures["errors"] = plot_errors(sweeps)
    for pattern, group in groups.items():
        figures[pattern.name] = plot_comparison(list(group.values()))
    return figures


def plot_comparison(sweeps: Sequence[PatternSweep]) -> Figure:
    """Draw every pattern with the sweeps of both methods, one row per pattern.

    Args:
        sweeps: The sweeps; one method may be missing for a pattern.
    """
    rows = _by_pattern(sweeps)
    figure = plt.figure(figsize=(WIDTH_INCHES, ROW_INCHES * len(rows) + 0.35), layout="constrained")
    head, body = _parts(figure, 2, 1, height_ratios=(0.35, ROW_INCHES * len(rows)))
    head.legend(handles=_legend(), loc="center", ncols=5, frameon=False, fontsize="small")
    stacked = _parts(body, len(rows), 1)
    for number, (band, (pattern, group)) in enumerate(zip(stacked, rows.items(), strict=True)):
        _draw_row(band, pattern, group, titled=number == 0)
    return figure


def _parts(whole: Figure | SubFigure, n_rows: int, n_columns: int, **ratios: Any) -> list[Any]:
    """Subfigures as a list, even if there is only one."""
    return list(np.ravel(np.asarray(whole.subfigures(n_rows, n_columns, **ratios), object)))


def _by_pattern(sweeps: Sequence[PatternSweep]) -> dict[Pattern, dict[Method, PatternSweep]]:
    groups: dict[Pattern, dict[Method, PatternSweep]] = {}
    for one in sweeps:
        groups.setdefault(one.pattern, {})[one.method] = one
    return groups


def _legend() -> list[Line2D]:
    handles = [Line2D([], [], color=INK, linewidth=2.0, label="prediction error")]
    handles += [
        Line2D([], [], color=style.color, label=f"KL, {name}") for name, style in _STYLES.items()
    ]
    return [
        *handles,
        Line2D([], [], color=QUIET, linestyle=":", label="dotted: transmitted information"),
    ]


def _draw_row(
    band: SubFigure,
    pattern: Pattern,
    group: dict[Method, PatternSweep],
    *,
    titled: bool,
) -> None:
    picture, *panels = _parts(band, 1, 3, width_ratios=(0.75, 2, 2))
    ax = picture.subplots()
    draw_picture(ax, pattern_picture(pattern, 256))
    ax.set_title(literal(pattern.name), fontsize="medium")
    top = max(_highest(one.scheme) for one in group.values())
    for panel, method in zip(panels, Method, strict=True):
        if one := group.get(method):
            _draw_panel(panel, one, top_bits=top)
            if titled:
                panel.suptitle(TITLES[method], fontsize="medium")


def _draw_panel(panel: SubFigure, swept: PatternSweep, *, top_bits: float) -> None:
    """A strip of approximations, and the curves of the sweep under it."""
    grid = panel.add_gridspec(2, N_SHOWN, height_ratios=(1, 1.3))
    for column, (numeral, one) in enumerate(zip(_NUMERALS, swept.shown, strict=False)):
        ax = panel.add_subplot(grid[0, column])
        draw_picture(ax, one.picture)
        ax.set_title(rf"{numeral}: $\beta$={one.beta:.2g}", fontsize="x-small", pad=2)
    plot_pattern_sweep(swept, panel.add_subplot(grid[1, :]), shown=swept.shown, top_bits=top_bits)


def plot_pattern_sweep(
    swept: PatternSweep,
    ax: Axes | None = None,
    *,
    shown: Sequence[ShownApproximation] = (),
    top_bits: float | None = None,
) -> Axes:
    """Draw the sweep over one pattern.

    Left axis, black: the prediction error. Right axis, in colour: the KL of each channel and,
    dotted, the information that it actually transmits (the midpoint of its bounds).

    Args:
        swept: The sweep.
        ax: Where to draw; a new figure by default.
        shown: Approximations to mark with Roman numerals.
        top_bits: Upper end of the right axis; by default chosen for the scheme.

    Returns:
        The axes of the prediction error.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 2.6), layout="constrained")
    scheme = swept.scheme
    data = scheme.to_xarray().isel(seed=0, split=0)
    beta = data["beta"].values
    curves = ax.plot(beta, data["prediction_error_bits"].values, color=INK, linewidth=2.0)
    ax.set_xscale("log")
    ax.set_xlim(*beta_limits(beta))
    ax.set_ylim(0, 1.12 * ENTROPY_BITS)
    ax.set_xlabel(r"bottleneck strength $\beta$", fontsize="small", labelpad=1)
    ax.set_ylabel("error (bits)", fontsize="small")
    twin: Any = ax.twinx()
    twin.spines["right"].set_visible(True)
    kl_bits = data["kl_bits"].values
    measured = scheme.measure == "information"  # not in an interrupted sweep
    information_bits = scheme.conveyed_bits("information").values[0] if measured else None
    for index, name in enumerate(scheme.components):
        color = _STYLES[name].color
        curves += twin.plot(beta, kl_bits[:, index], color=color)
        if information_bits is not None:
            curves += twin.plot(beta, information_bits[:, index], color=color, linestyle=":")
    twin.set_ylim(0, _highest(scheme) if top_bits is None else top_bits)
    twin.set_ylabel("channel (bits)", fontsize="small")
    for axes in (ax, twin):
        axes.tick_params(labelsize="small")
    betas = [one.beta for one in shown]
    mark_betas(ax, betas, _NUMERALS[: len(betas)], curves, fontsize="x-small")
    ax.set_zorder(twin.get_zorder() + 1)
    ax.patch.set_visible(False)
    return ax


def plot_errors(sweeps: Sequence[PatternSweep]) -> Figure:
    """Draw the prediction errors of all patterns together, one panel per method."""
    figure, axes = plt.subplots(1, 2, figsize=(10.2, 3.2), sharey=True, layout="constrained")
    styles = component_styles([pattern.name for pattern in _by_pattern(sweeps)])
    for ax, method in zip(axes, Method, strict=True):
        for one in sweeps:
            if one.method is method:
                data = one.scheme.to_xarray().isel(seed=0, split=0)
                error_bits = data["prediction_error_bits"].values
                name, beta = one.pattern.name, data["beta"].values
                ax.plot(beta, error_bits, color=styles[name].color, label=literal(name))
                ax.set_xlim(*beta_limits(beta))
        ax.set_xscale("log")
        ax.set_title(TITLES[method], fontsize="medium")
        ax.set_xlabel(r"bottleneck strength $\beta$")
    axes[0].set_ylabel("prediction error (bits)")
    axes[0].set_ylim(0, 1.12 * ENTROPY_BITS)
    # One legend for both panels, outside, where it covers no curve.
    shown = {
        label: line
        for ax in axes
        for line, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        shown.values(), shown.keys(), loc="outside right center", fontsize="small", frameon=False
    )
    return figure


def draw_picture(ax: Axes, picture: Any) -> None:
    """Draw p(Y=1): white where it is 0, black where it is 1."""
    ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(True)


def _highest(scheme: ApproximationScheme) -> float:
    """Upper end of the right axis, from the KLs after the pattern has been learned."""
    data = scheme.to_xarray().isel(seed=0, split=0)
    best = int(data["predictive_information_bits"].values.argmax())
    return max(2.0, 1.1 * float(data["kl_bits"].values[best:].max()))
