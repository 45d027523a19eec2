"""The subsets in use: which components an approximation of each size keeps."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from distributed_ib.plots._style import INK, QUIET, component_styles, draw_limit
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.scheme.subsets_in_use import Subset

MAX_SIZES = 24
MAX_ROWS = 40
ROW_INCHES = 0.16
# Dots are told apart as the curves are: dashes there are other shapes here.
MARKERS = {"-": "o", "--": "s", ":": "^", "-.": "D"}


def plot_subsets(
    scheme: ApproximationScheme,
    ax: Axes | None = None,
    *,
    threshold_bits: float = 0.1,
    seed: int = 0,
    measure: Measure | None = None,
) -> Axes:
    """Draw what is known about Y with each number of components, and which components these are.

    Above: information about Y (held-out rows where there are any) for every size of subset that
    the sweep passed through; of several subsets of one size, that in use over the longest stretch
    of log beta. Below: its components as dots. At most 24 sizes, the smallest, and the 40
    components that stay longest are shown. A sweep skips sizes that pay for no beta.

    Args:
        scheme: The scheme to draw.
        ax: Where to draw the upper panel; leave room for a row a component below. A new figure by
            default.
        threshold_bits: What a component must convey to count as in use.
        seed: Which repeat.
        measure: "information" or "kl"; by default the information where it was measured.

    Returns:
        The axes of the upper panel.
    """
    subsets = scheme.subsets(threshold_bits, seed=seed, measure=measure)
    by_size = longest_of_each_size(subsets)[:MAX_SIZES]
    rows = _rows(by_size)
    if ax is None:
        ax = _new_axes(len(by_size), len(rows))
    data = scheme.to_xarray().isel(seed=seed, split=-1)
    beta = data["beta"].values
    known = data["predictive_information_bits"].values
    places = np.arange(len(by_size))
    heights = [
        float(np.median(known[(beta >= s.beta_low) & (beta <= s.beta_high)])) for s in by_size
    ]
    ax.bar(places, heights, color=QUIET, width=0.6)
    limit = scheme.baseline_entropy_bits
    name = scheme.to_xarray().attrs["baseline"]
    draw_limit(ax, limit, f"{name}: {limit:.3f} bits", x=0.01, align="left")
    ax.set_ylim(min([0.0, *heights]), 1.15 * max([limit, *heights]))
    ax.set_xlim(-0.6, len(by_size) - 0.4)
    ax.set_xticks(places, [str(len(s.components)) for s in by_size])
    ax.set_xlabel("number of components in use", labelpad=2)
    ax.set_ylabel(f"information about Y,\n{data['split'].item()} (bits)")
    if rows:
        # Below the ticks and the label of the bars, which take a third of an inch.
        height = ax.get_position().height * _figure_inches(ax)[1]
        below = ROW_INCHES * len(rows) / height
        _draw_dots(ax.inset_axes((0, -0.45 / height - below, 1, below)), by_size, rows, scheme)
    return ax


def longest_of_each_size(subsets: list[Subset]) -> list[Subset]:
    """Of the stretches with equally many components the longest in log beta, smallest size first.

    Example:
        >>> found = [Subset(("a", "b"), 0.1, 0.2, 1, 1), Subset(("a",), 0.2, 0.3, 1, 1),
        ...          Subset(("b",), 0.3, 0.9, 1, 1)]
        >>> [s.components for s in longest_of_each_size(found)]
        [('b',), ('a', 'b')]
    """
    longest: dict[int, Subset] = {}
    for subset in subsets:
        size = len(subset.components)
        if size not in longest or _length(subset) > _length(longest[size]):
            longest[size] = subset
    return [longest[size] for size in sorted(longest) if size]


def _length(subset: Subset) -> float:
    return math.log(subset.beta_high / subset.beta_low)


def _rows(by_size: list[Subset]) -> list[str]:
    """Components in the order in which ever larger subsets take them up."""
    rows: list[str] = []
    for subset in by_size:
        rows.extend(name for name in subset.components if name not in rows)
    return rows[:MAX_ROWS]


def _new_axes(n_sizes: int, n_rows: int) -> Axes:
    main, below = 2.2, 0.5 + ROW_INCHES * n_rows
    height = main + below + 0.35
    figure = plt.figure(figsize=(max(4.8, 1.6 + 0.3 * n_sizes), height))
    left = 1.5 / figure.get_figwidth()
    return figure.add_axes((left, below / height, 0.97 - left, main / height))


def _figure_inches(ax: Axes) -> tuple[float, float]:
    figure = ax.get_figure(root=True)
    assert figure is not None  # an Axes that draws has one
    width, height = figure.get_size_inches()
    return float(width), float(height)


def _draw_dots(
    dots: Axes, by_size: list[Subset], rows: list[str], scheme: ApproximationScheme
) -> None:
    styles = component_styles(scheme.components)
    for place, subset in enumerate(by_size):
        used = [row for row, name in enumerate(rows) if name in subset.components]
        missing = [row for row in range(len(rows)) if row not in used]
        dots.plot([place] * len(missing), missing, ".", color="0.85", markersize=3)
        for row in used:
            style = styles[rows[row]]
            dots.plot(place, row, MARKERS[style.linestyle], color=style.color, markersize=5)
    dots.set_xlim(-0.6, len(by_size) - 0.4)
    dots.set_ylim(len(rows) - 0.4, -0.6)
    dots.set_yticks(range(len(rows)), rows, fontsize="x-small", color=INK)
    dots.xaxis.set_visible(False)
    dots.tick_params(length=0)
    for spine in dots.spines.values():
        spine.set_visible(False)
