"""Bars that show which components are in use along a sweep."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from distributed_ib.plots._style import MAX_HIGHLIGHTED, CurveStyle, beta_limits, by_weight
from distributed_ib.plots._text import short_labels
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure

MAX_ROWS = 30
ROW_INCHES = 0.115
# Components with dashed curves have hatched bars.
HATCHES = {"-": "", "--": "/////"}
_OTHERS = CurveStyle("0.45", highlighted=False)
_GREY_BAR = "0.62"


def strip_inches(scheme: ApproximationScheme) -> float:
    """Height in inches of the bars of a scheme."""
    n = len(scheme.components)
    return ROW_INCHES * (n if n <= MAX_ROWS else MAX_ROWS + 1)


def draw_strip(
    ax: Axes,
    scheme: ApproximationScheme,
    styles: Mapping[str, CurveStyle],
    threshold_bits: float,
    measure: Measure,
) -> None:
    """Draw a bar wherever a component conveys more than `threshold_bits`.

    Up to a dozen components are in their own order, more in the order of `by_weight`. Components
    beyond the first thirty share a last row, which is darker the more of them are in use.
    """
    used = scheme.conveyed_bits(measure) > threshold_bits
    share = used.mean("seed").transpose("component", "step")
    beta = used["beta"].values
    order = list(scheme.components)
    if len(order) > MAX_HIGHLIGHTED:
        order = by_weight(scheme, measure)
    rows, others = order[:MAX_ROWS], order[MAX_ROWS:]
    edges = np.concatenate([beta[:1], np.sqrt(beta[1:] * beta[:-1]), beta[-1:]])
    names = short_labels(scheme.components)
    labels = [names[name] for name in rows]
    for row, name in enumerate(rows):
        _draw_bars(ax, row, edges, share.sel(component=name).values, styles[name])
    if others:
        in_use = share.sel(component=others).mean("component").values
        _draw_bars(ax, len(rows), edges, in_use, _OTHERS)
        labels.append(f"{len(others)} others")
    ax.set_xscale("log")
    ax.set_xlim(*beta_limits(beta))
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_yticks(range(len(labels)), labels, fontsize="x-small")
    for label, name in zip(ax.get_yticklabels(), rows, strict=False):
        if styles[name].highlighted:
            label.set_color(styles[name].text_color)
            label.set_fontweight("bold")
    ax.set_title(f"in use: more than {threshold_bits:g} bit", fontsize="small", loc="left")
    ax.tick_params(length=0)
    ax.xaxis.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _draw_bars(
    ax: Axes,
    row: int,
    edges: NDArray[np.float64],
    share: NDArray[np.float64],
    style: CurveStyle,
) -> None:
    """The bars of one row, `[step]`, between `edges`, `[step + 1]`."""
    starts = np.flatnonzero(np.diff(share, prepend=np.nan) != 0)
    for start, stop in zip(starts, [*starts[1:], len(share)], strict=True):
        if share[start] > 0:
            ax.barh(
                row,
                edges[stop] - edges[start],
                left=edges[start],
                height=0.72,
                color=style.color if style.highlighted or style is _OTHERS else _GREY_BAR,
                alpha=float(share[start]),
                hatch=HATCHES[style.linestyle],
                edgecolor="white",
                linewidth=0,
            )
