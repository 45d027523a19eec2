"""Figures of the optimal frontier, and of the distance of a sweep from it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from distributed_ib.optimum.envelope import Envelope
from distributed_ib.optimum.exact_optimum import OptimalFrontier
from distributed_ib.plots._style import INK, QUIET, legend_below

LEARNED, REFINED = "#332288", "#cc6677"


def draw_frontier(ax: Axes, frontier: OptimalFrontier) -> None:
    """Draw the exact optimum into an information plane with axes in transmitted bits.

    Dots are the optima found; the line between two of them is achieved by mixing them.
    """
    total = np.append(frontier.total_bits, 0.0)
    predictive = np.append(frontier.predictive_bits, 0.0)
    order = np.argsort(total)
    ax.plot(
        total[order],
        predictive[order],
        "o-",
        color=QUIET,
        markersize=4,
        linewidth=3,
        alpha=0.6,
        zorder=1,
        label="exact optimum",
    )


def plot_frontier(
    frontier: OptimalFrontier,
    total_bits: ArrayLike,
    predictive_bits: ArrayLike,
    ax: Axes | None = None,
    *,
    refined: Envelope | None = None,
) -> Axes:
    """Draw the optimum and the sweep in an information plane of transmitted bits.

    Args:
        frontier: The exact optimum.
        total_bits: What the learned channels transmit together, `[seed, snapshot]`.
        predictive_bits: Information about Y, `[seed, snapshot]`.
        ax: Where to draw; a new figure by default.
        refined: Refined candidates, drawn as crosses.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    draw_frontier(ax, frontier)
    pairs = zip(np.atleast_2d(total_bits), np.atleast_2d(predictive_bits), strict=True)
    for number, (total, predictive) in enumerate(pairs):
        label = "sweep" if number == 0 else None
        ax.plot(total, predictive, color=LEARNED, linewidth=1.2, label=label)
    if refined is not None:
        ax.plot(
            refined.total_bits,
            refined.predictive_bits,
            "x",
            color=REFINED,
            markersize=6,
            clip_on=False,
            label=r"refined at fixed $\beta$",
        )
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("information about X, all components (bits)")
    ax.set_ylabel("information about Y (bits)")
    legend_below(ax)
    return ax


def plot_gap(
    swept: tuple[ArrayLike, ArrayLike],
    ax: Axes | None = None,
    *,
    refined: tuple[ArrayLike, ArrayLike] | None = None,
) -> Axes:
    """Draw the gap between the objective and the exact optimum over beta.

    Args:
        swept: Beta and gaps in bits of the snapshots of a sweep.
        ax: Where to draw; a new figure by default.
        refined: Beta and gaps of a refinement.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    curves = [(swept, LEARNED, ".", "sweep")]
    if refined is not None:
        curves.append((refined, REFINED, "x", r"refined at fixed $\beta$"))
    for (beta, gap), color, marker, label in curves:
        ax.plot(beta, gap, marker, color=color, markersize=4, label=label)
    ax.set_xscale("log")
    ax.axhline(0, color=INK, linestyle=":", linewidth=1)
    ax.set_xlabel(r"bottleneck strength $\beta$")
    ax.set_ylabel("objective above the exact optimum (bits)")
    legend_below(ax)
    return ax
