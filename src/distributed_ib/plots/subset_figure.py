"""Figure of the subsets in use: which components an approximation of each size keeps."""

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from distributed_ib.plots._scales import known_range
from distributed_ib.plots._style import INK, QUIET, CurveStyle, draw_limit, of_rows, scheme_styles
from distributed_ib.plots._text import literal, short_labels
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.scheme.subsets_in_use import Subset

MAX_SIZES = 24
MAX_ROWS = 40
ROW_INCHES, LETTER_INCHES = 0.16, 0.058
# Components with dashed curves have square markers.
MARKERS = {"-": "o", "--": "s"}


def plot_subsets(
    scheme: ApproximationScheme,
    ax: Axes | None = None,
    *,
    threshold_bits: float = 0.1,
    seed: int = 0,
    measure: Measure | None = None,
    styles: Mapping[str, CurveStyle] | None = None,
) -> Axes:
    """Draw what is known about Y with each number of components, and which components these are.

    Above: information about Y (on held-out rows, if any) for every size of subset that the sweep
    reached; of several subsets of one size, the one in use over the longest range of log beta.
    Below: its components as dots. At most the 24 smallest sizes and the 40 components kept longest
    are shown. A sweep skips sizes that are not best at any beta. Components have the same styles as
    in the sweep figure: of more than a dozen, those that matter most are in colour.

    Args:
        scheme: The scheme to draw.
        ax: Where to draw the upper panel, with room below for a row for each component; a new
            figure by default.
        threshold_bits: A component is in use if it conveys more than this.
        seed: Number of the repeat.
        measure: "information" or "kl"; by default the information if it was measured.
        styles: Styles of the components, to match figures of other schemes; by default
            `scheme_styles`.

    Returns:
        The axes of the upper panel.
    """
    styles = scheme_styles(scheme, measure) if styles is None else styles
    subsets = scheme.subsets(threshold_bits, seed=seed, measure=measure)
    by_size = longest_of_each_size(subsets)[:MAX_SIZES]
    every_row = _rows(by_size)
    rows = every_row[:MAX_ROWS]
    if ax is None:
        ax = _new_axes(len(by_size), rows)
    data = scheme.to_xarray().isel(seed=seed, split=-1)
    beta = data["beta"].values
    known = data["predictive_information_bits"].values
    places = np.arange(len(by_size))
    heights = [
        float(np.median(known[(beta >= s.beta_low) & (beta <= s.beta_high)])) for s in by_size
    ]
    ax.bar(places, heights, color=QUIET, width=0.6)
    _draw_limit(ax, scheme, heights)
    ax.set_xlim(-0.6, max(len(by_size), 1) - 0.4)
    ax.set_xticks(places, [str(len(s.components)) for s in by_size])
    ax.set_xlabel("number of components in use", labelpad=2)
    ax.set_ylabel(f"information about Y\n(bits{of_rows(scheme.to_xarray())})")
    if not rows:
        nothing = f"no component conveys more than {threshold_bits:g} bit"
        ax.text(0.5, 0.5, nothing, transform=ax.transAxes, ha="center", fontsize="small")
    else:
        # The dots are below the ticks and the axis label of the bars.
        height = ax.get_position().height * _figure_inches(ax)[1]
        below = ROW_INCHES * len(rows) / height
        dots = ax.inset_axes((0, -0.45 / height - below, 1, below))
        _draw_dots(dots, by_size, rows, styles)
        if left_out := len(every_row) - len(rows):
            dots.set_xlabel(f"and {left_out} components more", fontsize="x-small")
    return ax


def longest_of_each_size(subsets: list[Subset]) -> list[Subset]:
    """The subset with the longest range in log beta for each size, smallest first.

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


def _draw_limit(ax: Axes, scheme: ApproximationScheme, heights: list[float]) -> None:
    """Draw the limit with its name, or only the name if little is known."""
    limit = scheme.baseline_entropy_bits
    label = f"{literal(str(scheme.to_xarray().attrs['baseline']))}: {limit:.3f} bits"
    bottom, top = known_range([0.0, *heights], limit)
    ax.set_ylim(bottom, 1.06 * top)
    if limit <= top:
        draw_limit(ax, limit, label, x=0.01, align="left")
    else:
        ax.set_title(f"{label}, far above", fontsize="small", loc="left")
    if bottom < 0:
        ax.axhline(0, color=INK, linewidth=0.8)


def _length(subset: Subset) -> float:
    return math.log(subset.beta_high / subset.beta_low)


def _rows(by_size: list[Subset]) -> list[str]:
    """Components in the order in which they are added as subsets grow."""
    return list(dict.fromkeys(name for subset in by_size for name in subset.components))


def _new_axes(n_sizes: int, rows: list[str]) -> Axes:
    longest = max((len(label) for label in short_labels(rows).values()), default=0)
    left = max(0.95, 0.2 + LETTER_INCHES * longest)
    main, below = 2.2, 0.7 + ROW_INCHES * len(rows)
    height, width = main + below + 0.35, left + max(3.4, 0.1 + 0.3 * n_sizes)
    figure = plt.figure(figsize=(width, height))
    return figure.add_axes((left / width, below / height, 0.97 - left / width, main / height))


def _figure_inches(ax: Axes) -> tuple[float, float]:
    figure = ax.get_figure(root=True)
    assert figure is not None  # an Axes that draws has one
    width, height = figure.get_size_inches()
    return float(width), float(height)


def _draw_dots(
    dots: Axes, by_size: list[Subset], rows: list[str], styles: Mapping[str, CurveStyle]
) -> None:
    for place, subset in enumerate(by_size):
        used = [row for row, name in enumerate(rows) if name in subset.components]
        missing = [row for row in range(len(rows)) if row not in used]
        dots.plot([place] * len(missing), missing, ".", color="0.85", markersize=3)
        for row in used:
            style = styles[rows[row]]
            color = style.color if style.highlighted else QUIET
            dots.plot(place, row, MARKERS[style.linestyle], color=color, markersize=5)
    dots.set_xlim(-0.6, len(by_size) - 0.4)
    dots.set_ylim(len(rows) - 0.4, -0.6)
    names = short_labels(rows)
    dots.set_yticks(range(len(rows)), [names[name] for name in rows], fontsize="x-small", color=INK)
    dots.set_xticks([])
    dots.tick_params(length=0)
    for spine in dots.spines.values():
        spine.set_visible(False)
