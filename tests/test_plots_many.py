"""Figures of many components, long names and weak tables, without overlaps or hidden parts."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import cbook
from matplotlib import colors as mcolors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from distributed_ib.plots import plot_information_plane, plot_merging, plot_sweep
from distributed_ib.plots._placement import mark_betas
from distributed_ib.plots._strip import MAX_ROWS
from distributed_ib.plots._style import (
    FAINT,
    MAX_HIGHLIGHTED,
    PALETTE,
    by_weight,
    component_styles,
    figure_style,
    scheme_styles,
)
from distributed_ib.plots._text import short_labels
from distributed_ib.plots.saving import save_figures
from distributed_ib.plots.standard_figures import standard_figures
from distributed_ib.plots.subset_figure import plot_subsets
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.compression_path import CompressionPath
from schemes import N_STEPS, falling_scheme

HOSTILE = [
    r"$\frac{$",
    "cost in $ per $100",
    "a column whose name says everything about it and more, left",
    "a column whose name says everything about it and more, right",
    "x_1^2 {b}",
    "line\nbreak\ttab",
]


@pytest.fixture(autouse=True)
def our_style() -> object:
    with figure_style():
        yield
    plt.close("all")


def columns(n: int) -> list[str]:
    return [f"column number {k:03d}" for k in range(n)]


def drawn(ax: Axes) -> Figure:
    """The figure, drawn so that everything has its final position."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    return figure


def curves(ax: Axes) -> list[Line2D]:
    """The curves of the components in a sweep figure."""
    twin = next(a for a in drawn(ax).axes if a is not ax and a.get_ylabel())
    return [line for line in twin.get_lines() if len(np.asarray(line.get_xdata())) == N_STEPS]


def shown(texts: Sequence[Text]) -> list[Text]:
    return [text for text in texts if text.get_visible() and text.get_text()]


def extents(texts: Sequence[Text]) -> list[Bbox]:
    return [text.get_window_extent() for text in shown(texts)]


def assert_apart(boxes: Sequence[Bbox], inside: Bbox | None = None) -> None:
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes if inside is not None else ():
        assert inside is not None
        assert inside.x0 <= box.x0 and box.x1 <= inside.x1
        assert inside.y0 <= box.y0 and box.y1 <= inside.y1


@pytest.mark.parametrize("n", [3, 12, 30, 100])
def test_at_most_a_dozen_curves_have_a_colour_and_each_of_them_its_name(n: int) -> None:
    scheme = falling_scheme(columns(n))
    ax = plot_sweep(scheme)
    every = curves(ax)
    bold = [line for line in every if line.get_color() != FAINT]
    assert len(every) == n and len(bold) == min(n, MAX_HIGHLIGHTED)
    labels = {text.get_text() for text in shown(ax.texts)}
    expected = scheme.components if n <= MAX_HIGHLIGHTED else by_weight(scheme)[:MAX_HIGHLIGHTED]
    assert labels == set(expected)
    thinnest = min(line.get_linewidth() for line in bold)
    assert all(line in bold or line.get_linewidth() < thinnest for line in every)


@pytest.mark.parametrize("names", [columns(12), columns(100), HOSTILE], ids=["12", "100", "long"])
@pytest.mark.parametrize("most_bits", [1.0, 30.0])
def test_names_at_curves_touch_neither_each_other_nor_the_frame(
    names: list[str], most_bits: float
) -> None:
    ax = plot_sweep(falling_scheme(names, most_bits=most_bits))
    figure = drawn(ax)
    labels = shown(ax.texts)
    assert len(labels) == min(len(names), MAX_HIGHLIGHTED)
    assert_apart(extents(labels), ax.get_window_extent())
    # After a change of size the names are placed anew.
    figure.set_size_inches(9.0, 5.0)
    figure.canvas.draw()
    assert_apart(extents(labels), ax.get_window_extent())


def test_a_name_stands_at_its_own_curve() -> None:
    names = columns(8)
    ax = plot_sweep(falling_scheme(names))
    lines = dict(zip(names, curves(ax), strict=True))
    leaders = [child for child in ax.get_children() if isinstance(child, Line2D)]
    ends = {
        line.get_color(): line.get_transform().transform(np.column_stack(line.get_data()))[-1:]
        for line in leaders
        if line.get_linewidth() == 0.5 and len(line.get_xdata())  # type: ignore[arg-type]
    }
    assert len(shown(ax.texts)) == len(names)
    for text in shown(ax.texts):
        line = lines[text.get_text()]
        points = line.get_transform().transform(np.column_stack(line.get_data()))
        box = text.get_window_extent()
        # The name is next to its curve, or a thin line connects them.
        nearest = ends.get(text.get_color(), np.clip(points, box.p0, box.p1))
        assert np.min(np.hypot(*(points - nearest).T)) < 10 * drawn(ax).dpi / 72


@pytest.mark.parametrize("plot", [plot_sweep, plot_information_plane])
@pytest.mark.parametrize("n_seeds", [1, 3])
def test_legends_lie_outside_the_axes(plot: object, n_seeds: int) -> None:
    ax: Axes = plot(falling_scheme(columns(30), n_seeds=n_seeds))  # type: ignore[operator]
    figure = drawn(ax)
    legend = ax.get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    assert not box.overlaps(ax.get_window_extent())
    assert not box.overlaps(ax.xaxis.label.get_window_extent())
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y0 >= figure.bbox.y0


@pytest.mark.parametrize("n", [10, 30, 100])
def test_bars_have_names_that_can_be_read(n: int) -> None:
    ax = plot_sweep(falling_scheme(columns(n)))
    strip = next(a for a in drawn(ax).axes if a.get_title(loc="left").startswith("in use"))
    labels = [label.get_text() for label in strip.get_yticklabels()]
    assert len(labels) == min(n, MAX_ROWS + 1)
    if n > MAX_ROWS:
        assert labels[-1] == f"{n - MAX_ROWS} others"
    assert_apart([label.get_window_extent() for label in strip.get_yticklabels()])


def test_the_names_of_bars_have_the_colours_of_their_curves() -> None:
    scheme = falling_scheme(columns(30))
    styles = scheme_styles(scheme)
    ax = plot_sweep(scheme)
    for name, line in zip(scheme.components, curves(ax), strict=True):
        assert line.get_color() == styles[name].color
    dots = plot_subsets(scheme).child_axes[0]
    rows = [label.get_text() for label in dots.get_yticklabels()]
    for line in dots.get_lines():
        if line.get_marker() != ".":
            style = styles[rows[int(np.ravel(line.get_ydata())[0])]]
            if style.highlighted:
                assert line.get_color() == style.color


def test_half_a_bit_kept_to_the_end_counts_more_than_ten_given_up_at_once() -> None:
    scheme = falling_scheme(["early", "late", "never"])
    data = scheme.to_xarray()
    beta = data["beta"].values
    data["kl_bits"].values[0] = np.column_stack(
        [np.where(beta < 2e-3, 10.0, 0.0), np.full(len(beta), 0.5), np.zeros(len(beta))]
    )
    weighed = ApproximationScheme(data, scheme.snapshots)
    assert by_weight(weighed) == ["late", "early", "never"]


@pytest.mark.parametrize("plot", [plot_sweep, plot_information_plane, plot_subsets])
def test_names_are_not_rendered_as_formulas(plot: object) -> None:
    figure = drawn(plot(falling_scheme(HOSTILE)))  # type: ignore[operator]
    names = set(short_labels(HOSTILE).values())
    assert len(names) == len(HOSTILE)
    texts = [text.get_text() for text in figure.findobj(Text)]
    for text in texts:  # the only formulas are those of the package
        assert not cbook.is_math_text(text) or r"\beta" in text or "mathdefault" in text
    if plot is not plot_information_plane:
        assert names <= set(texts)
    assert all("\n" not in name for name in names)


def test_names_of_values_are_text_too() -> None:
    overlap = np.stack([np.eye(3), np.ones((3, 3))])
    path = CompressionPath(r"$\frac{$", np.array([0.1, 1.0]), np.array([1.0, 0.0]), overlap, "kl")
    ax = plot_merging(path, np.array(["$1", "$2", r"$\sum_{$"], dtype=object))
    labels = {label.get_text() for label in drawn(ax).axes[0].get_yticklabels()}
    assert labels == {r"\$1", r"\$2", r"\$\sum_{\$"}


def test_axes_that_a_user_gives_get_everything_too() -> None:
    _, (left, right) = plt.subplots(2, 1, figsize=(6, 9))
    ax = plot_sweep(falling_scheme(columns(30)), right)
    assert ax is right and not left.has_data()
    drawn(ax)
    assert len(shown(ax.texts)) == MAX_HIGHLIGHTED
    (strip,) = [child for child in ax.child_axes if child.get_title(loc="left")]
    assert strip.get_window_extent().y0 >= ax.get_window_extent().y1
    assert_apart([label.get_window_extent() for label in strip.get_yticklabels()])


def test_rings_and_numerals_have_labels_that_stay_apart() -> None:
    ax = plot_information_plane(falling_scheme(columns(30), most_bits=2.0))
    drawn(ax)
    assert len(shown(ax.texts)) > 3
    assert_apart(extents(ax.texts), ax.get_window_extent())
    sweep = plot_sweep(falling_scheme(columns(3)))
    before = len(sweep.texts)
    mark_betas(sweep, [0.1, 0.11, 0.12, 0.13], ["i", "ii", "iii", "iv"], curves(sweep))
    drawn(sweep)
    numerals = sweep.texts[before:]
    assert [text.get_text() for text in shown(numerals)] == ["i", "ii", "iii", "iv"]
    assert_apart(extents(numerals), sweep.get_window_extent())


@pytest.mark.parametrize("known", [-20.0, 0.2, 0.01, 0.0])
def test_a_weak_table_has_figures_that_show_it(known: float) -> None:
    scheme = falling_scheme(columns(8), known=known)
    plane, bars = plot_information_plane(scheme), plot_subsets(scheme)
    for ax in (plane, bars):
        drawn(ax)
        bottom, top = ax.get_ylim()
        assert bottom <= 0 < top
        assert (bottom < 0) == (known < 0)
        # Known bits of at least 0.1 fill the axes; negative ones take a limited part.
        assert -0.5 * top <= bottom
        assert max(known, 0.1) < top < 1.5 * max(known, 0.1)
    low, high = plot_sweep(scheme).get_ylim()
    assert low <= 0 and 1 < high <= 1.5


def test_many_bits_are_shown_beside_few() -> None:
    def of_one_bit(most_bits: float) -> float:
        ax = plot_sweep(falling_scheme(columns(5), most_bits=most_bits))
        twin = next(a for a in drawn(ax).axes if a is not ax and a.get_ylabel())
        ticks = twin.get_yticks()
        assert 3 <= len(ticks) <= 10 and 0 in ticks
        (_, place), (_, zero), (_, top) = twin.transScale.transform(
            [[1, 1.0], [1, 0.0], [1, twin.get_ylim()[1]]]
        )
        return float((place - zero) / (top - zero))

    # The first bit, the most important one, keeps a fair part of the axis.
    assert of_one_bit(100.0) > 0.2


def test_colours_are_apart_with_any_kind_of_colour_vision() -> None:
    # Machado, Oliveira and Fernandes (2009): without red, green or blue cones.
    vision = np.array(
        [
            np.eye(3),
            [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
            [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
            [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
        ]
    )
    to_xyz = np.array([[0.412, 0.358, 0.181], [0.213, 0.715, 0.072], [0.019, 0.119, 0.951]])
    rgb = np.array([mcolors.to_rgb(color) for color in PALETTE])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    for seen in vision:
        xyz = np.clip(linear @ seen.T, 0, 1) @ to_xyz.T / [0.9505, 1.0, 1.089]
        root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
        x, y, z = root.T
        lab = np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
        assert min(np.linalg.norm(a - b) for a, b in combinations(lab, 2)) > 12


def test_styles_stay_apart() -> None:
    styles = component_styles([f"c{i}" for i in range(36)])
    apart = {style for style in styles.values() if style.highlighted}
    assert len(apart) == MAX_HIGHLIGHTED
    # Names are dark enough to read: a contrast of at least 3.
    for style in apart:
        rgb = np.array(style.text_color)
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (0.05 + linear @ [0.2126, 0.7152, 0.0722]) > 3


def test_characters_missing_from_fonts_are_warned_about_once(tmp_path: Path) -> None:
    figures = {}
    for name in ("one", "two"):
        figures[name], ax = plt.subplots()
        ax.set_title("温度 \U0001f321", fontfamily="DejaVu Sans")
    with pytest.warns(UserWarning, match="温") as warned:
        save_figures(figures, tmp_path)
    assert len(warned) == 1
    assert (tmp_path / "two.png").stat().st_size > 0


def test_a_tree_of_many_levels_has_labels_that_stay_apart() -> None:
    n = 60
    overlap = np.stack([np.eye(n), np.ones((n, n))])
    path = CompressionPath("city", np.array([0.1, 1.0]), np.array([1.0, 0.0]), overlap, "kl")
    ax = plot_merging(path, np.array([f"city number {k}" for k in range(n)], dtype=object))
    drawn(ax)
    assert len(ax.get_yticklabels()) > 10
    assert_apart([label.get_window_extent() for label in ax.get_yticklabels()])


def test_both_directions_have_the_same_colours() -> None:
    inputs = tuple(f"x{k}" for k in range(14))
    scheme = falling_scheme(inputs, n_seeds=2)
    data = scheme.to_xarray().assign_coords(direction=("seed", ["rising", "falling"]))
    data["kl_bits"].values[1] = data["kl_bits"].values[0][:, ::-1]  # another dozen is largest
    both = ApproximationScheme(data, scheme.snapshots)
    figures = standard_figures(both)
    seen = {}
    for name in ("sweep", "sweep_falling"):
        figures[name].canvas.draw()
        strip = next(ax for ax in figures[name].axes if ax.get_title(loc="left"))
        seen[name] = {
            label.get_text(): label.get_color()
            for label in strip.get_yticklabels()
            if label.get_fontweight() == "bold"
        }
    assert seen["sweep"] == seen["sweep_falling"] and len(seen["sweep"]) == MAX_HIGHLIGHTED


def test_numerals_of_upright_strokes_are_drawn_whole() -> None:
    # Rectilinear shapes would be snapped to whole pixels, and thin strokes would vanish.
    figure, ax = plt.subplots(figsize=(4.0, 1.2), dpi=120)
    ax.set_xlim(0, 1)
    places = np.linspace(0.1, 0.9, 9)
    mark_betas(ax, places.tolist(), ["iii"] * len(places), fontsize="x-small")
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].min(axis=2)  # type: ignore[attr-defined]
    for text in shown(ax.texts):
        box = text.get_window_extent()
        rows = slice(pixels.shape[0] - int(box.y1), pixels.shape[0] - int(box.y0))
        dark = pixels[rows, int(box.x0) : int(np.ceil(box.x1))].min(axis=0) < 180
        assert np.sum(np.diff(dark.astype(int), prepend=0) == 1) == 3
