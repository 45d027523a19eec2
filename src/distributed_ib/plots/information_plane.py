"""The information plane: information about Y against information conveyed about X."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from distributed_ib.plots._placement import Named, label_lines
from distributed_ib.plots._scales import known_range, spread_small_bits
from distributed_ib.plots._style import FAINT, INK, QUIET, component_styles, legend_below, of_rows
from distributed_ib.plots._text import literal
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import N_ERRORS, NAMES, Measure

# If more than this many times as much is conveyed as is known, that axis is logarithmic above one
# bit.
MOST_LINEAR_TIMES = 20
RING_DISTANCE = 0.04  # of the axes' width


def plot_information_plane(
    scheme: ApproximationScheme,
    ax: Axes | None = None,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> Axes:
    """Draw predictive information against the total information of all components.

    Every repeat is a line. Grey steps are the best of all repeats: the most that any of them knows
    with at most this many bits. Rings mark the subsets in use along the first repeat, with their
    numbers of components. The members of a ladder, which predict together, are thin lines around
    their mean, with a band of two standard errors over rows; the best and the simplest
    approximation are marked. No model can be above the dashed line, where every conveyed bit is a
    bit of Y, nor above the dotted line, where Y is completely known. If the components convey more
    than twenty times as much as can be known, the horizontal axis is logarithmic above one bit.

    Args:
        scheme: The scheme to draw.
        ax: Where to draw; a new figure by default.
        threshold_bits: A component is in use if it conveys more than this.
        measure: "information" or "kl"; by default the information if it was measured.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    data = scheme.to_xarray()
    split = str(data["split"].values[-1])
    measure = measure or scheme.measure
    total_bits = scheme.conveyed_bits(measure).sum("component").values
    predictive_bits = data["predictive_information_bits"].sel(split=split).values
    limit = scheme.baseline_entropy_bits
    bottom, top = known_range(predictive_bits, limit)
    widest = max(float(total_bits.max()), top)
    curves = _draw_repeats(ax, scheme, total_bits, predictive_bits)
    together = scheme.pooled() if scheme.is_ladder else scheme
    if scheme.is_ladder:
        curves += _draw_average(ax, together, measure)
    elif scheme.n_seeds > 1:
        best = scheme.frontier(split, measure=measure)
        ax.plot(
            best.total_bits,
            best.predictive_bits,
            color=FAINT,
            linewidth=3.5,
            zorder=1,  # a border that the lines touch from below
            drawstyle="steps-post",
            label=f"best of all {scheme.n_seeds} repeats",
        )
    every_bit = np.linspace(0.0, top, 100)  # no straight line on an axis that is partly logarithmic
    name = literal(str(data.attrs["baseline"]))
    above = "" if limit <= top else ", above"
    limits = [
        *ax.plot(
            every_bit, every_bit, "--", color=INK, linewidth=1, label="1 bit of Y per bit of X"
        ),
        ax.axhline(
            limit, color=INK, linestyle=":", linewidth=1, label=f"{name}: {limit:.3f} bits{above}"
        ),
    ]
    if bottom < 0:
        ax.axhline(0, color=QUIET, linewidth=0.8, zorder=0.5)
    if widest > MOST_LINEAR_TIMES * top:
        spread_small_bits(ax, "x", 1.1 * widest)
    else:
        ax.set_xlim(0, 1.05 * widest)
    ax.set_ylim(bottom, top)
    ax.set_xlabel(f"total {NAMES[measure]} of all components (bits)")
    ax.set_ylabel(f"information about Y{of_rows(data)} (bits)")
    legend_below(ax)
    pooled = together.to_xarray()["predictive_information_bits"].sel(split=split).values
    rings = _draw_rings(ax, together, pooled[0], threshold_bits, measure)
    label_lines(ax, rings, [*curves, *limits], fontsize="small")
    return ax


def _draw_repeats(
    ax: Axes,
    scheme: ApproximationScheme,
    total_bits: NDArray[np.float64],
    predictive_bits: NDArray[np.float64],
) -> list[Line2D]:
    """Draw a line for each repeat, in the colour of its direction."""
    colors = dict(zip(("rising", "falling"), component_styles("ab").values(), strict=True))
    mixed = len(set(scheme.directions)) > 1
    curves = []
    for seed, (total, predictive) in enumerate(zip(total_bits, predictive_bits, strict=True)):
        direction = scheme.directions[seed]
        first = mixed and direction not in scheme.directions[:seed]
        curves += ax.plot(
            total,
            predictive,
            color=colors[direction].color,
            linewidth=1.4 if len(total_bits) == 1 else 0.9,
            alpha=0.35 if scheme.is_ladder else 1.0,
            label=f"beta {direction}" if first else None,
        )
    return curves


def _draw_average(ax: Axes, pooled: ApproximationScheme, measure: Measure) -> list[Line2D]:
    """Draw the mean of the models with its standard errors, and mark `best` and `simplest`."""
    data = pooled.to_xarray()
    total = pooled.conveyed_bits(measure).sum("component").values[0]
    known, errors = data["known_bits"].values, N_ERRORS * data["known_error_bits"].values
    color = component_styles("a")["a"].color
    order = np.argsort(total)
    ax.fill_between(
        total[order],
        (known - errors)[order],
        (known + errors)[order],
        color=color,
        alpha=0.15,
        linewidth=0,
        label="two standard errors",
    )
    curves = ax.plot(total, known, color=color, linewidth=1.8, label="mean of the models")
    for name, marker in (("best", "D"), ("simplest", "s")):
        step = int(data.attrs[f"{name}_step"])
        ax.plot(total[step], known[step], marker, color=INK, ms=5, zorder=4, label=name, ls="none")
    return curves


def _draw_rings(
    ax: Axes,
    scheme: ApproximationScheme,
    known: NDArray[np.float64],
    threshold_bits: float,
    measure: Measure,
) -> list[Named]:
    """Draw rings at the subsets of the first repeat, labelled by their numbers of components."""
    beta, previous = scheme.to_xarray()["beta"].values, -np.inf
    rings = []
    for subset in reversed(scheme.subsets(threshold_bits, measure=measure)):
        stretch = (beta >= subset.beta_low) & (beta <= subset.beta_high)
        height = float(np.median(known[stretch]))
        across = ax.transAxes.inverted().transform(
            ax.transData.transform((subset.total_bits, height))
        )[0]
        # Labels need room; smaller subsets, which matter more, come first.
        if subset.components and across > previous + RING_DISTANCE:
            (ring,) = ax.plot(subset.total_bits, height, "o", mfc="white", mec=INK)
            rings.append(Named(ring, str(len(subset.components)), INK))
            previous = across
    return rings
