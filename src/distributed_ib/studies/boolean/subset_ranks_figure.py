"""Figure of all subsets of a circuit's inputs by information (paper Fig. 2c)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from distributed_ib.plots._style import QUIET, draw_limit
from distributed_ib.studies.boolean.ranked_subsets import RankedSubset

RING = "#cc6677"


def plot_subset_information(
    information_bits: NDArray[np.float64],
    found: Sequence[RankedSubset] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw the information about Y of every subset of inputs, by size (Fig. 2c).

    Args:
        information_bits: I(X_S; Y) of all subsets, `[2**n]`, from `subset_information_bits`.
        found: The subsets that a sweep used; they are circled.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 4.0), layout="constrained")
    sizes = np.bitwise_count(np.arange(len(information_bits), dtype=np.uint32))
    ax.plot(sizes, information_bits, ".", color=QUIET, markersize=3, rasterized=True)
    ax.plot([], [], ".", color=QUIET, label="every subset of inputs")
    ax.plot(
        [len(r.subset.components) for r in found],
        [r.information_bits for r in found],
        "o",
        mfc="none",
        mec=RING,
        mew=1.6,
        markersize=9,
        label="in use along the sweep",
    )
    limit = float(information_bits.max())
    draw_limit(ax, limit, f"H(Y) = {limit:.3f} bits", x=0.01, align="left")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("number of inputs in the subset")
    ax.set_ylabel(r"information $I(X_S; Y)$ (bits)")
    ax.set_ylim(-0.03 * limit, 1.12 * limit)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small")
    return ax
