"""Custom views of a study for its page, as plain data that the page's script draws.

There are three kinds: pictures of the approximations, a drawing whose parts belong to components,
and curves along which components occupy spans.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distributed_ib.scheme.approximation_scheme import ApproximationScheme

_QUALITY = 88  # of colour images


class Frame(NamedTuple):
    """The picture of one approximation.

    Attributes:
        beta: Its bottleneck strength.
        pixels: Numbers between 0 and 1, `[height, width]`, or RGB `[height, width, 3]`, 0 .. 255.
        caption: Text below the picture.
    """

    beta: float
    pixels: NDArray[Any]
    caption: str


class Shape(NamedTuple):
    """A part of a drawing.

    Attributes:
        role: "wire", "gate" or "blob" for lines, outlined and filled shapes; "name" for text.
        component: The component to which it belongs; None if it belongs to none.
        d: Its path in SVG notation; empty for text.
        width: Line width.
        text: Its text; None for a path.
        x: Horizontal position of the text.
        y: Vertical position of the text.
        size: Size of the text.
        anchor: Alignment of the text: "start", "middle" or "end".
    """

    role: str
    component: str | None = None
    d: str = ""
    width: float = 0.0
    text: str | None = None
    x: float = 0.0
    y: float = 0.0
    size: float = 1.0
    anchor: str = "middle"


class Span(NamedTuple):
    """The range of a component along a curve, which is given by its number."""

    component: str
    curve: int
    start: float
    stop: float


def pictures_view(
    name: str,
    title: str,
    meaning: str,
    scheme: ApproximationScheme,
    frames: Sequence[Frame],
    *,
    truth: NDArray[Any] | None = None,
    truth_label: str = "",
) -> dict[str, Any]:
    """A view of the picture at the slider's place, next to the picture that it approximates.

    Args:
        name: Name for programs.
        title: Title of the view.
        meaning: How to read it, in a sentence or two.
        scheme: The scheme of the approximations.
        frames: Pictures of the approximations.
        truth: The picture that they approximate, in the format of `Frame.pixels`.
        truth_label: Text below that picture.
    """
    record, beta = scheme.snapshots.record, scheme.snapshots.beta
    return {
        "kind": "pictures",
        "name": name,
        "title": title,
        "meaning": meaning,
        "frames": [
            {
                "step": int(record[np.abs(np.log(beta / frame.beta)).argmin()]),
                "image": picture_address(frame.pixels),
                "caption": frame.caption,
            }
            for frame in frames
        ],
        "truth": None if truth is None else picture_address(truth),
        "truth_label": truth_label,
    }


def drawing_view(
    name: str,
    title: str,
    meaning: str,
    box: tuple[float, float, float, float],
    shapes: Sequence[Shape],
) -> dict[str, Any]:
    """A view of a drawing in which the components in use are highlighted.

    Args:
        name: Name for programs.
        title: Title of the view.
        meaning: How to read it.
        box: Left, top, width and height, in units of the shapes; y points down.
        shapes: Parts of the drawing, from back to front.
    """
    kept = [
        {key: value for key, value in shape._asdict().items() if value not in (None, "")}
        for shape in shapes
    ]
    return {
        "kind": "drawing",
        "name": name,
        "title": title,
        "meaning": meaning,
        "box": list(box),
        "shapes": kept,
    }


def spans_view(
    name: str,
    title: str,
    meaning: str,
    *,
    curves: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    spans: Sequence[Span],
    reach: tuple[float, float],
    x_label: str,
) -> dict[str, Any]:
    """A view of curves along which the spans of components are highlighted by what they convey.

    Args:
        name: Name for programs.
        title: Title of the view.
        meaning: How to read it.
        curves: x and y of each curve, by its label.
        spans: Spans of the components.
        reach: Range of x in which the curves are shown.
        x_label: Label of the common x axis, with its unit.
    """
    return {
        "kind": "spans",
        "name": name,
        "title": title,
        "meaning": meaning,
        "curves": [
            {"label": label, "x": x.astype(np.float32), "y": y.astype(np.float32)}
            for label, (x, y) in curves.items()
        ],
        "spans": [
            {"component": s.component, "curve": s.curve, "from": s.start, "to": s.stop}
            for s in spans
        ],
        "range": list(reach),
        "x_label": x_label,
    }


def picture_address(pixels: NDArray[Any]) -> str:
    """Pixels as the data URL of an image.

    >>> picture_address(np.zeros((2, 2)))[:22]
    'data:image/png;base64,'
    """
    stream = io.BytesIO()
    if pixels.ndim == 2:
        grey = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
        Image.fromarray(grey).save(stream, "PNG", optimize=True)
        kind = "png"
    else:
        Image.fromarray(pixels.astype(np.uint8)).save(stream, "WEBP", quality=_QUALITY, method=6)
        kind = "webp"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
