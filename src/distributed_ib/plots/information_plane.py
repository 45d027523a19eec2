"""The information plane: what is known about Y against what is conveyed about X."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from distributed_ib.plots._style import INK, QUIET, component_styles, draw_limit
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import NAMES, Measure


def plot_information_plane(
    scheme: ApproximationScheme,
    ax: Axes | None = None,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> Axes:
    """Draw predictive information against the total information of all components.

    Every repeat is a line, and grey steps are the best of all repeats: the most that any of them
    knows for as many bits or fewer. Rings mark the subsets in use along the first repeat, with the
    number of components each has. No model can be above the dashed line, where every bit conveyed
    is a bit of Y, nor above the dotted one, where Y is known.

    Args:
        scheme: The scheme to draw.
        ax: Where to draw; a new figure by default.
        threshold_bits: What a component must convey to count as in use.
        measure: "information" or "kl"; by default the information where it was measured.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 4.0), layout="constrained")
    data = scheme.to_xarray()
    split = str(data["split"].values[-1])
    measure = measure or scheme.measure
    total_bits = scheme.conveyed_bits(measure).sum("component").values
    predictive_bits = data["predictive_information_bits"].sel(split=split).values
    limit = scheme.baseline_entropy_bits
    top = float(max(limit, predictive_bits.max())) * 1.08
    ax.plot([0, top], [0, top], color=INK, linestyle="--", linewidth=1)
    ax.annotate(
        "1 bit of Y\nper bit of X",
        (0.8 * top, 0.8 * top),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize="small",
    )
    label = f"{data.attrs['baseline']}: {limit:.3f} bits"
    draw_limit(ax, limit, label, x=0.99, align="right")
    colors = dict(zip(("rising", "falling"), component_styles("ab").values(), strict=True))
    mixed = len(set(scheme.directions)) > 1
    for seed, (total, predictive) in enumerate(zip(total_bits, predictive_bits, strict=True)):
        direction = scheme.directions[seed]
        first = mixed and direction not in scheme.directions[:seed]
        ax.plot(
            total,
            predictive,
            color=colors[direction].color,
            alpha=0.9 if len(total_bits) == 1 else 0.5,
            label=f"beta {direction}" if first else None,
        )
    if scheme.n_seeds > 1:
        best = scheme.frontier(split, measure=measure)
        ax.plot(
            best.total_bits,
            best.predictive_bits,
            color=QUIET,
            linewidth=3.0,
            zorder=1,  # a border that the lines touch from below
            drawstyle="steps-post",
            label=f"best of all {scheme.n_seeds} repeats",
        )
        ax.legend(loc="lower right", frameon=False, fontsize="small")
    beta, previous = data["beta"].values, -np.inf
    for subset in reversed(scheme.subsets(threshold_bits, measure=measure)):
        stretch = (beta >= subset.beta_low) & (beta <= subset.beta_high)
        known = float(np.median(predictive_bits[0, stretch]))
        # Labels need room; the smaller subsets, which a reader remembers, come first.
        if subset.components and subset.total_bits > previous + 0.04 * total_bits.max():
            ax.plot(subset.total_bits, known, "o", mfc="white", mec=INK)
            ax.annotate(
                str(len(subset.components)),
                (subset.total_bits, known),
                xytext=(4, -11),
                textcoords="offset points",
                fontsize="small",
            )
            previous = subset.total_bits
    ax.set_xlim(left=0)
    ax.set_ylim(0, top)
    ax.set_xlabel(f"total {NAMES[measure]} of all components (bits)")
    ax.set_ylabel(f"information about Y, {split} (bits)")
    return ax
