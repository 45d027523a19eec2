"""The figure of the subsets in use agrees with the scheme."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from distributed_ib.plots.subset_figure import longest_of_each_size, plot_subsets
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.subsets_in_use import Subset


def bars(ax: Axes) -> list[float]:
    return [patch.get_height() for patch in ax.patches if isinstance(patch, Rectangle)]


def test_bars_are_the_held_out_information_of_each_size(xor_scheme: ApproximationScheme) -> None:
    ax = plot_subsets(xor_scheme)
    heights = bars(ax)
    sizes = [int(label.get_text()) for label in ax.get_xticklabels()]
    assert sizes == sorted({len(s.components) for s in xor_scheme.subsets()} - {0})
    # Both inputs of an exclusive or determine Y; one alone carries no information.
    assert heights[sizes.index(2)] == pytest.approx(1.0, abs=0.05)
    plt.close("all")


def test_dots_are_the_components_of_each_subset(xor_scheme: ApproximationScheme) -> None:
    ax = plot_subsets(xor_scheme)
    dots = ax.child_axes[0]
    rows = [label.get_text() for label in dots.get_yticklabels()]
    shown: dict[int, set[str]] = {}
    for line in dots.get_lines():
        if line.get_marker() != ".":
            place, row = np.ravel(line.get_xydata())
            shown.setdefault(int(place), set()).add(rows[int(row)])
    expected = longest_of_each_size(xor_scheme.subsets())
    assert shown == {place: set(subset.components) for place, subset in enumerate(expected)}
    plt.close("all")


def test_a_scheme_without_any_information_has_no_bars(xor_scheme: ApproximationScheme) -> None:
    assert longest_of_each_size([Subset((), 0.1, 1.0, 0.0, 0.0)]) == []
    assert not bars(plot_subsets(xor_scheme, threshold_bits=100.0))
    plt.close("all")
