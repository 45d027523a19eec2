"""Drawings of Boolean circuits, with the usual gate shapes."""

from collections import Counter
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path

from distributed_ib.errors import UserError
from distributed_ib.studies.boolean._circuit_layout import (
    BODY_WIDTH,
    LEAD,
    PORT_SPACING,
    Layout,
    Vertex,
    body_height,
    lay_out,
    port_heights,
)
from distributed_ib.studies.boolean.circuit import Circuit

MAX_DRAWN_GATES = 100
"""Largest number of gates that are drawn: a larger drawing is unreadable."""

_INK = "#3b3b3b"
_FILL = {"AND": "#e8f0f8", "OR": "#f8efe2", "XOR": "#f0e8f4", "NOT": "#f2f2f2"}
_NEGATED = {"NAND": "AND", "NOR": "OR", "XNOR": "XOR"}
_BUBBLE = 0.08  # radius
_XOR_GAP = 0.13
_BACK = 0.16  # depth of the curved back of OR and XOR
_INCH_PER_UNIT = 0.42
_INPUT_TEXT = 0.42  # sizes of text, in units of the drawing
_GATE_TEXT = 0.25
_LONGEST_LABEL = 24


def plot_circuit(
    circuit: Circuit, ax: Axes | None = None, colors: Mapping[str, str] | None = None
) -> Axes:
    """Draw a circuit from left to right: inputs, gates, output.

    AND has a round front, OR a curved back and a pointed front, XOR a second back; a bubble
    negates. A dot marks where a wire branches; wires that cross without a dot do not touch.

    Args:
        circuit: The circuit, with at most `MAX_DRAWN_GATES` gates.
        ax: Where to draw; by default a new figure of fitting size. Text is sized for the axes as
            they are at the time of the call.
        colors: Colour of the name and wires of each input, by its name, to match its curve in other
            figures. Inputs that are left out are drawn in dark grey.

    Returns:
        The axes, without frame and with equal scales.

    Raises:
        UserError: If there are too many gates or inputs.
    """
    if len(circuit.gates) > MAX_DRAWN_GATES or circuit.n_inputs > MAX_DRAWN_GATES:
        raise UserError(
            f"circuit {circuit.name!r} has {len(circuit.gates)} gates and {circuit.n_inputs} "
            f"inputs; drawings are limited to {MAX_DRAWN_GATES} of each."
        )
    layout = lay_out(circuit)
    ax, points_per_unit = _fitted_axes(ax, circuit, layout)
    colors = {} if colors is None else colors
    tint = {name: colors.get(name, _INK) for name in circuit.inputs}
    op_of = {gate.name: gate.op for gate in circuit.gates}

    branches = _branches(layout)
    for vertex, height in layout.y.items():
        place = (layout.x[vertex.layer], height)
        if vertex.kind == "gate":
            _draw_gate(ax, place, op_of[vertex.node], len(layout.reads[vertex]), points_per_unit)
        elif vertex.kind != "lane":
            _draw_name(ax, place, vertex, tint.get(vertex.node, _INK), points_per_unit)
        color = tint.get(vertex.node, _INK)
        _draw_exit(ax, place, vertex, op_of.get(vertex.node), color, points_per_unit)
        if vertex in branches:
            ax.add_patch(Circle((_exit_x(place[0]), height), 0.075, color=color, zorder=3))
    for vertex, sources in layout.reads.items():
        ports = _ports(layout, vertex, op_of)
        for source, port in zip(sources, ports, strict=True):
            color = tint.get(source.node, _INK)
            start = (_exit_x(layout.x[source.layer]), layout.y[source])
            end_x = layout.x[vertex.layer] - BODY_WIDTH / 2 - LEAD
            _draw_wire(ax, start, (end_x, port[1]), port, color, points_per_unit)
    return ax


def _fitted_axes(ax: Axes | None, circuit: Circuit, layout: Layout) -> tuple[Axes, float]:
    """Axes that fit the drawing, and their number of points per unit."""
    margin = 0.3
    reach = [
        (height, PORT_SPACING * max(len(layout.reads[v]), 2) / 2 + 0.2)
        for v, height in layout.y.items()
    ]
    low = min(h - r for h, r in reach) - margin
    high = max(h + r for h, r in reach) + margin
    letter = 0.62 * _INPUT_TEXT
    left = layout.x[0] - letter * max(len(_label(n)) for n in circuit.inputs) - margin
    right = layout.x[-1] + letter * (len(_label(circuit.output)) + 1) + margin
    if ax is None:
        size = (_INCH_PER_UNIT * (right - left), _INCH_PER_UNIT * (high - low))
        ax = plt.figure(figsize=size).add_axes((0, 0, 1, 1))
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.set_aspect("equal")
    ax.set_axis_off()
    box = ax.get_window_extent()
    pixels = min(box.width / (right - left), box.height / (high - low))
    return ax, 72 * pixels / ax.figure.dpi


def _branches(layout: Layout) -> set[Vertex]:
    """The vertices with more than one outgoing wire."""
    leaving = Counter(source for sources in layout.reads.values() for source in sources)
    return {source for source, wires in leaving.items() if wires > 1}


def _ports(layout: Layout, vertex: Vertex, op_of: Mapping[str, str]) -> list[tuple[float, float]]:
    """End points of the wires into a vertex, from top to bottom."""
    x, y = layout.x[vertex.layer], layout.y[vertex]
    if vertex.kind != "gate":
        return [(x - BODY_WIDTH / 2, y)] * len(layout.reads[vertex])
    back = x - BODY_WIDTH / 2
    op = _NEGATED.get(op_of[vertex.node], op_of[vertex.node])
    n_ports = len(layout.reads[vertex])
    half = body_height(n_ports) / 2
    ports = []
    for rise in port_heights(n_ports).tolist():
        # The back of OR is a parabola between the corners of the body, and straight beyond.
        depth = _BACK * max(0.0, 1 - (rise / half) ** 2) if op in ("OR", "XOR") else 0.0
        ports.append((back + depth, y + rise))
    return ports


def _draw_gate(
    ax: Axes, place: tuple[float, float], op: str, n_ports: int, points_per_unit: float
) -> None:
    """Draw the shape of a gate and its name."""
    x, y = place
    half = body_height(n_ports) / 2
    kind = _NEGATED.get(op, op)
    has_bubble = op in _NEGATED or op == "NOT"
    left = x - BODY_WIDTH / 2 + (_XOR_GAP if kind == "XOR" else 0.0)
    right = x + BODY_WIDTH / 2 - (2 * _BUBBLE if has_bubble else 0.0)
    if kind == "AND":
        shape = _and_shape(left, right, y, half)
    elif kind == "NOT":
        shape = Path([(left, y - half), (right, y), (left, y + half), (left, y - half)])
    else:
        shape = _or_shape(left, right, y, half)
    style = {"edgecolor": _INK, "linewidth": 0.045 * points_per_unit, "zorder": 4}
    ax.add_patch(PathPatch(shape, facecolor=_FILL[kind], joinstyle="round", **style))
    if kind == "XOR":
        arc = _back_curve(x - BODY_WIDTH / 2, y, half)
        ax.add_patch(PathPatch(arc, facecolor="none", capstyle="round", **style))
    reach = PORT_SPACING * n_ports / 2
    if reach > half:  # a bar for wires beyond the body
        back = x - BODY_WIDTH / 2
        for side in (-1, 1):
            bar = Path([(back, y + side * half), (back, y + side * reach)])
            ax.add_patch(PathPatch(bar, capstyle="round", **style))
    if has_bubble:
        ax.add_patch(Circle((right + _BUBBLE, y), _BUBBLE, facecolor="white", **style))
    shift = {"AND": -0.03, "OR": 0.05, "XOR": 0.05, "NOT": -0.15}[kind]
    size = _GATE_TEXT * {"XNOR": 0.7, "NAND": 0.82, "NOR": 0.85, "NOT": 0.82}.get(op, 1.0)
    ax.text(
        (left + right) / 2 + shift,
        y,
        op,
        ha="center",
        va="center_baseline",
        fontsize=size * points_per_unit,
        color=_INK,
        zorder=6,
    )


def _and_shape(left: float, right: float, y: float, half: float) -> Path:
    """A straight back and a round front."""
    middle = right - min(half, 0.6 * (right - left))
    angles = Path.arc(-90, 90)
    front = np.asarray(angles.vertices) * [right - middle, half] + [middle, y]
    vertices = [(left, y - half), *front.tolist(), (left, y + half), (left, y - half)]
    codes = [Path.MOVETO, Path.LINETO, *np.asarray(angles.codes)[1:].tolist()]
    return Path(vertices, [*codes, Path.LINETO, Path.CLOSEPOLY])


def _or_shape(left: float, right: float, y: float, half: float) -> Path:
    """A curved back and a pointed front."""
    bend = left + 0.55 * (right - left)
    vertices = [
        (left, y + half),
        (left + 2 * _BACK, y),
        (left, y - half),
        (bend, y - half),
        (right, y),
        (bend, y + half),
        (left, y + half),
        (left, y + half),
    ]
    return Path(vertices, [Path.MOVETO, *[Path.CURVE3] * 6, Path.CLOSEPOLY])


def _back_curve(left: float, y: float, half: float) -> Path:
    """The second back of XOR."""
    vertices = [(left, y + half), (left + 2 * _BACK, y), (left, y - half)]
    return Path(vertices, [Path.MOVETO, Path.CURVE3, Path.CURVE3])


def _draw_name(
    ax: Axes, place: tuple[float, float], vertex: Vertex, color: str, points_per_unit: float
) -> None:
    """Draw the name of an input, left of its wire, or of the output, right of it."""
    is_input = vertex.kind == "input"
    ax.text(
        place[0] + (BODY_WIDTH / 2 - 0.1 if is_input else -BODY_WIDTH / 2 + 0.12),
        place[1],
        _label(vertex.node),
        ha="right" if is_input else "left",
        va="center_baseline",
        fontsize=_INPUT_TEXT * points_per_unit,
        fontweight="bold",
        color=color,
        zorder=6,
        parse_math=False,
    )


def _draw_exit(
    ax: Axes,
    place: tuple[float, float],
    vertex: Vertex,
    op: str | None,
    color: str,
    points_per_unit: float,
) -> None:
    """Draw the straight piece of wire through a lane or out of an input or gate."""
    if vertex.kind == "output":
        return
    x, y = place
    start = x - BODY_WIDTH / 2 if vertex.kind == "lane" else x + BODY_WIDTH / 2
    ends = Path([(start, y), (_exit_x(x), y)])
    _add_wire(ax, ends, color, points_per_unit)


def _draw_wire(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    port: tuple[float, float],
    color: str,
    points_per_unit: float,
) -> None:
    """Draw a smooth wire from one layer to the next, and straight into the port."""
    middle = (start[0] + end[0]) / 2
    vertices = [start, (middle, start[1]), (middle, end[1]), end, port]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO]
    _add_wire(ax, Path(vertices, codes), color, points_per_unit)


def _add_wire(ax: Axes, path: Path, color: str, points_per_unit: float) -> None:
    width = 0.05 * points_per_unit
    patch = PathPatch(path, facecolor="none", edgecolor=color, linewidth=width, capstyle="round")
    patch.set_snap(False)  # snapped straight pieces would not meet the curves
    ax.add_patch(patch)


def _exit_x(center: float) -> float:
    """The point at which wires leave a vertex whose centre is at `center`."""
    return center + BODY_WIDTH / 2 + LEAD


def _label(name: str) -> str:
    """A name short enough for the drawing."""
    return name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
