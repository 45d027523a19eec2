"""The circuit on the page of a run: inputs are highlighted while they are in use."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, Patch
from matplotlib.path import Path

from distributed_ib.report.page.own_views import Shape, drawing_view
from distributed_ib.studies.boolean.circuit import Circuit
from distributed_ib.studies.boolean.circuit_drawing import plot_circuit

_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
_POINTS = {Path.MOVETO: 1, Path.LINETO: 1, Path.CURVE3: 2, Path.CURVE4: 3}


def circuit_view(circuit: Circuit) -> dict[str, Any]:
    """The drawing of `plot_circuit` as a view of a page.

    Raises:
        UserError: If there are too many gates or inputs to draw.
    """
    # Every input has a unique colour, by which its parts are found in the drawing.
    colors = {name: f"#0000{k + 1:02x}" for k, name in enumerate(circuit.inputs)}
    ax = plot_circuit(circuit, colors=colors)
    try:
        owner = {color: name for name, color in colors.items()}
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        points = _points_per_unit(ax)
        patches = sorted(ax.patches, key=lambda patch: patch.get_zorder())
        shapes = [_shape(patch, owner, points) for patch in patches]
        shapes += [_name(text, owner, points) for text in ax.texts]
    finally:
        figure = ax.get_figure(root=True)
        if figure is not None:
            plt.close(figure)
    return drawing_view(
        "circuit",
        "The circuit",
        "The circuit that made the data, which the analysis did not see. Names and wires of the "
        "inputs in use at this place are lit.",
        (left, -high, right - left, high - low),
        shapes,
    )


def _points_per_unit(ax: Axes) -> float:
    box, (left, right) = ax.get_window_extent(), ax.get_xlim()
    figure = ax.get_figure(root=True)
    assert figure is not None
    return float(72 * box.width / (right - left) / figure.dpi)


def _shape(patch: Patch, owner: dict[str, str], points_per_unit: float) -> Shape:
    edge, has_face = to_hex(patch.get_edgecolor()), patch.get_fill()
    is_line = not has_face or np.asarray(patch.get_facecolor())[3] == 0
    face = to_hex(patch.get_facecolor())
    role = "wire" if is_line else "gate"
    if isinstance(patch, Circle) and face == edge:
        role = "blob"
    path = patch.get_path().transformed(patch.get_patch_transform())
    width = 0.0 if role == "blob" else float(patch.get_linewidth()) / points_per_unit
    return Shape(role, owner.get(edge), svg_path(path), round(width, 4))


def _name(text: Any, owner: dict[str, str], points_per_unit: float) -> Shape:
    x, y = text.get_position()
    size = float(text.get_fontsize()) / points_per_unit
    anchor = {"left": "start", "right": "end", "center": "middle"}[text.get_ha()]
    component = owner.get(to_hex(text.get_color()))
    return Shape(
        "name",
        component,
        text=text.get_text(),
        x=round(float(x), 3),
        y=round(float(-y + 0.35 * size), 3),
        size=round(size, 3),
        anchor=anchor,
    )


def svg_path(path: Path) -> str:
    """A Matplotlib path in SVG notation, with y pointing down.

    >>> svg_path(Path([(0, 0), (1, 2)]))
    'M0 0L1 -2'
    """
    parts = []
    for vertices, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        pairs = np.asarray(vertices, float).reshape(-1, 2)[: _POINTS[code]]
        numbers = " ".join(f"{x:.3f} {-y:.3f}" for x, y in pairs.tolist())
        parts.append(_LETTERS[code] + _trimmed(numbers))
    return "".join(parts)


def _trimmed(numbers: str) -> str:
    """Numbers without trailing zeros and without minus zero."""
    found = [number.rstrip("0").rstrip(".") for number in numbers.split()]
    return " ".join("0" if number in ("-0", "") else number for number in found)
