"""Placement of labels next to lines, so that they neither cover curves nor overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.patheffects as patheffects
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CELL_POINTS = 1.5  # resolution of the grid on which lines are marked
PAD_POINTS = 1.5  # kept free around a label
N_ANCHORS = 80  # candidate places of the label along a line
GAPS_POINTS = (2.5, 9.0, 18.0, 30.0, 45.0)  # between a label and its line
LEADER_POINTS = 6.0  # beyond this gap, a thin line connects the label to its line
ANCHOR_CELLS = 2  # around the labelled point, within which other lines are penalised
USUAL_LINEWIDTH = 1.4
_SIDES = np.array(
    [(1, 1), (1, -1), (-1, -1), (-1, 1), (0, 1), (0, -1), (1, 0), (-1, 0)], np.float64
)


@dataclass(frozen=True)
class Named:
    """A line (or a point) with its label.

    Attributes:
        line: The line; its label may be placed anywhere along it.
        text: Text of the label.
        color: Colour of the label.
        at_top: Whether the label should be near the top, as for the line of a given beta.
    """

    line: Line2D
    text: str
    color: Any
    at_top: bool = False


def label_lines(
    ax: Axes,
    named: Sequence[Named],
    obstacles: Sequence[Line2D] = (),
    *,
    texts: Sequence[Text] = (),
    fontsize: str = "x-small",
) -> list[Text]:
    """Place a label next to each line, where it covers least and overlaps no other label.

    Positions are computed whenever the figure is drawn, for the current size, layout and scale of
    the axes. A label without room near its line is placed further away and connected to it by a
    thin line; if that is impossible, too, it is omitted.

    Args:
        ax: The axes that contain the labels; the upper of twin axes.
        named: Lines and their labels, the most important first. The lines may belong to other axes
            of the same figure.
        obstacles: Further lines that labels should not cover.
        texts: Labels that are already placed.
        fontsize: Size of the labels.

    Returns:
        The labels, in the order of `named`.
    """
    halo = [patheffects.withStroke(linewidth=2.0, foreground="white", alpha=0.85)]
    labels, leaders = [], []
    for one in named:
        text = ax.text(
            0.5,
            0.5,
            one.text,
            color=one.color,
            fontsize=fontsize,
            transform=ax.transAxes,
            ha="center",
            va="center_baseline",
            path_effects=halo,
            zorder=5,
        )
        text.set_snap(False)  # snapped to whole pixels, the strokes of a thin "i" vanish
        leader = Line2D([], [], color=one.color, linewidth=0.5, transform=ax.transAxes, zorder=4)
        ax.add_artist(leader)
        for artist in (text, leader):
            artist.set_in_layout(False)
        labels.append(text)
        leaders.append(leader)
    if labels:
        ax.add_artist(_Placer(ax, named, labels, leaders, obstacles, texts))
    return labels


def mark_betas(
    ax: Axes,
    betas: Sequence[float],
    names: Sequence[str],
    obstacles: Sequence[Line2D] = (),
    *,
    texts: Sequence[Text] = (),
    fontsize: str = "small",
) -> None:
    """Draw a thin vertical line at each bottleneck strength, with its name near the top.

    Args:
        ax: The axes of a sweep.
        betas: Bottleneck strengths.
        names: Names of the approximations there, such as Roman numerals.
        obstacles: Lines that the names should not cover.
        texts: Labels that are already placed.
        fontsize: Size of the names.
    """
    lines = [ax.axvline(beta, color="0.55", linewidth=0.8, zorder=0.5) for beta in betas]
    named = [
        Named(line, name, "black", at_top=True) for line, name in zip(lines, names, strict=True)
    ]
    label_lines(ax, named, obstacles, texts=texts, fontsize=fontsize)


class _Placer(Artist):
    """An invisible artist that places the labels just before the axes are drawn."""

    def __init__(
        self,
        ax: Axes,
        named: Sequence[Named],
        labels: Sequence[Text],
        leaders: Sequence[Line2D],
        obstacles: Sequence[Line2D],
        texts: Sequence[Text],
    ) -> None:
        super().__init__()
        self._named, self._labels, self._leaders = list(named), list(labels), list(leaders)
        self._obstacles, self._texts = list(obstacles), list(texts)
        self._home = ax
        self.set_zorder(-100)  # drawn first
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Place the labels for this renderer."""
        frame = self._home.get_window_extent(renderer)
        if frame.width < 1 or frame.height < 1:
            return
        point = renderer.points_to_pixels(1.0)
        canvas = _Canvas(np.array(frame.get_points()), point)
        own = [canvas.ink(one.line) for one in self._named]
        crowd = np.sum([*own, *map(canvas.ink, self._obstacles)], axis=0)
        taken = [_box(text, renderer) for text in self._texts]
        for text in self._labels:
            text.set_visible(True)  # a hidden text has no size
        for one, ink, text, leader in zip(
            self._named, own, self._labels, self._leaders, strict=True
        ):
            others = _Sums(np.maximum(crowd - ink, 0.0))
            size = _box(text, renderer)[1] - _box(text, renderer)[0]
            anchors = canvas.anchors(one.line)
            gaps = (np.array(GAPS_POINTS) + _radius(one.line)) * point
            found = _best_place(
                anchors, size, gaps, canvas, others, _Sums(ink), taken, at_top=one.at_top
            )
            text.set_visible(found is not None)
            leader.set_data([], [])
            if found is None:
                continue
            middle, anchor, gap = found
            taken.append(np.array([middle - size / 2, middle + size / 2]))
            inverse = self._home.transAxes.inverted()
            text.set_position(tuple(inverse.transform(middle)))
            if gap - gaps[0] > LEADER_POINTS * point:
                nearest = np.clip(anchor, middle - size / 2, middle + size / 2)
                leader.set_data(*inverse.transform([nearest, anchor]).T)


class _Canvas:
    """The axes as a grid of cells that lines fill with ink."""

    def __init__(self, corners: FloatArray, point: float) -> None:
        self.corners, self.point, self.cell = corners, point, CELL_POINTS * point
        cell = self.cell
        shape = np.maximum(np.ceil((corners[1] - corners[0]) / cell), 1).astype(int)
        self.shape = (int(shape[0]), int(shape[1]))

    def points(self, line: Line2D) -> FloatArray:
        """The finite vertices of a line in pixels, `[n, 2]`."""
        data = np.column_stack([np.asarray(v, np.float64) for v in line.get_data(orig=False)])
        with np.errstate(all="ignore"):
            pixels = np.asarray(line.get_transform().transform(data), np.float64)
        return pixels[np.isfinite(pixels).all(axis=1)]

    def ink(self, line: Line2D) -> FloatArray:
        """The ink of a line in each cell, `[cell, cell]`, in proportion to its width."""
        ink = np.zeros(self.shape)
        points = self.points(line)
        if len(points) == 0 or not line.get_visible():
            return ink
        if not _is_points(line):
            points = _dense(points, self.cell)
        elif radius := round(_radius(line) * self.point / self.cell):
            around = np.arange(-radius, radius + 1) * self.cell
            square = np.stack(np.meshgrid(around, around), axis=-1).reshape(-1, 2)
            points = (points[:, None] + square).reshape(-1, 2)
        cells = np.floor((points - self.corners[0]) / self.cell).astype(int)
        inside = ((cells >= 0) & (cells < self.shape)).all(axis=1)
        ink[tuple(cells[inside].T)] = line.get_linewidth() / USUAL_LINEWIDTH
        return ink

    def anchors(self, line: Line2D) -> FloatArray:
        """Points along a line inside the axes, `[n, 2]`, evenly spaced along it."""
        points = self.points(line)
        if not _is_points(line):
            points = _dense(points, self.cell)
        low, high = self.corners
        points = points[((points >= low) & (points <= high)).all(axis=1)]
        if len(points) > N_ANCHORS:
            points = points[np.linspace(0, len(points) - 1, N_ANCHORS).astype(int)]
        return points


class _Sums:
    """Sums over rectangles of a grid, computed from its integral image."""

    def __init__(self, grid: FloatArray) -> None:
        self._table = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1))
        self._table[1:, 1:] = grid.cumsum(axis=0).cumsum(axis=1)

    def __call__(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> FloatArray:
        """Sums over the cells `low <= cell < high`, `[n]` of `[n, 2]`."""
        size = np.array(self._table.shape) - 1
        (x0, y0), (x1, y1) = np.clip(low, 0, size).T, np.clip(high, 0, size).T
        table = self._table
        return np.asarray(table[x1, y1] - table[x0, y1] - table[x1, y0] + table[x0, y0])


def _best_place(
    anchors: FloatArray,
    size: FloatArray,
    gaps: FloatArray,
    canvas: _Canvas,
    others: _Sums,
    own: _Sums,
    taken: Sequence[FloatArray],
    *,
    at_top: bool,
) -> tuple[FloatArray, FloatArray, float] | None:
    """Centre of the best place for a label, the point that it labels, and the gap between them."""
    if len(anchors) == 0:
        return None
    # [anchor, gap, side, 2], flattened
    offset = (size / 2 + gaps[:, None, None]) * _SIDES
    middle = (anchors[:, None, None] + offset).reshape(-1, 2)
    place = np.arange(len(middle))
    anchor = anchors[place // (len(gaps) * len(_SIDES))]
    gap = gaps[place // len(_SIDES) % len(gaps)]
    pad = PAD_POINTS * canvas.point
    low, high = middle - size / 2 - pad, middle + size / 2 + pad
    free = ((low >= canvas.corners[0]) & (high <= canvas.corners[1])).all(axis=1)
    for box in taken:
        free &= ((high < box[0]) | (low > box[1])).any(axis=1)
    if not free.any():
        return None
    first = np.floor((low - canvas.corners[0]) / canvas.cell).astype(int)
    last = np.ceil((high - canvas.corners[0]) / canvas.cell).astype(int)
    around = np.floor((anchors - canvas.corners[0]) / canvas.cell).astype(int)
    crowd = others(around - ANCHOR_CELLS, around + ANCHOR_CELLS + 1)
    height = canvas.corners[1, 1] - canvas.corners[0, 1]
    # At the bottom of the axes all lines converge, so that labels there are ambiguous.
    foot = 1.0 if at_top else 0.1
    lowness = np.clip(1 - (middle[:, 1] - canvas.corners[0, 1]) / (foot * height), 0, 1)
    cost = (
        others(first, last)
        + 0.7 * own(first, last)
        + (gap - gaps[0]) / canvas.point
        # Labels are ambiguous where lines run close together.
        + 3.0 * crowd[place // (len(gaps) * len(_SIDES))]
        + (200.0 if at_top else 20.0) * lowness
    )
    best = int(np.argmin(np.where(free, cost, np.inf)))
    return middle[best], anchor[best], float(gap[best])


def _is_points(line: Line2D) -> bool:
    """Whether the line consists of markers only."""
    return line.get_linestyle() in ("None", "none", "", " ")


def _radius(line: Line2D) -> float:
    """Radius of the markers in points; 0 for a line."""
    return float(line.get_markersize()) / 2 if _is_points(line) else 0.0


def _dense(points: FloatArray, step: float) -> FloatArray:
    """The same line with vertices at most `step` apart (up to 20,000 of them)."""
    lengths = np.max(np.abs(np.diff(points, axis=0)), axis=1) if len(points) > 1 else np.zeros(0)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    n_points = int(min(along[-1] / step, 20_000)) + 2
    at = np.linspace(0.0, along[-1], n_points)
    return np.column_stack([np.interp(at, along, points[:, k]) for k in range(2)])


def _box(text: Text, renderer: Any) -> FloatArray:
    """Corners of a text in pixels, `[2, 2]`."""
    return np.array(text.get_window_extent(renderer).get_points())
