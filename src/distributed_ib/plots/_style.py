"""How curves of components look: colours that stay apart for colour-blind readers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

# Paul Tol's "muted" scheme, made to be told apart with any kind of colour vision.
_MUTED = (
    "#332288",
    "#cc6677",
    "#117733",
    "#ddaa33",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
)
_DASHES = ("-", "--", ":", "-.")
# Beyond this no set of distinct colours helps, and a gradient says at least the order.
_MAX_DISTINCT = len(_MUTED) * len(_DASHES)

INK = "black"
QUIET = "0.55"


@dataclass(frozen=True)
class CurveStyle:
    """Colour and dashes of one component's curve, the same in every figure."""

    color: str
    linestyle: str


def component_styles(components: Sequence[str]) -> dict[str, CurveStyle]:
    """A style for every component: nine colours, then the same colours dashed, and so on.

    Example:
        >>> styles = component_styles([f"X{i}" for i in range(10)])
        >>> styles["X0"].color == styles["X9"].color
        True
        >>> styles["X0"].linestyle, styles["X9"].linestyle
        ('-', '--')
    """
    n = len(components)
    if n > _MAX_DISTINCT:
        gradient = mpl.colormaps["viridis"]
        return {
            name: CurveStyle(mpl.colors.to_hex(gradient(i / (n - 1))), "-")
            for i, name in enumerate(components)
        }
    return {
        name: CurveStyle(_MUTED[i % len(_MUTED)], _DASHES[i // len(_MUTED)])
        for i, name in enumerate(components)
    }


def beta_limits(beta: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of an axis of beta: the least and the largest, set apart where there is only one.

    Example:
        >>> beta_limits(np.array([0.1, 0.5])), beta_limits(np.array([0.1]))
        ((0.1, 0.5), (0.05, 0.2))
    """
    low, high = float(beta.min()), float(beta.max())
    return (low, high) if low < high else (low / 2, high * 2)


def draw_limit(ax: Axes, height: float, label: str, *, x: float, align: str) -> None:
    """Draw what can't be exceeded: a dotted line, with `label` above it at the axes' fraction x."""
    ax.axhline(height, color=INK, linestyle=":", linewidth=1)
    ax.annotate(
        label,
        xy=(x, height),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        ha=align,
        va="bottom",
        fontsize="small",
    )


@contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib settings of all our figures, for the time of a `with` block."""
    with mpl.rc_context(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.linewidth": 0.8,
            "lines.linewidth": 1.4,
            "figure.dpi": 120,
            "savefig.dpi": 200,
        }
    ):
        yield
