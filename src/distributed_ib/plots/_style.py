"""Styles of the curves of components, in colours that are distinguishable when colour-blind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.scheme.splits import ROWS

# Ten of the twelve colours of Paul Tol's qualitative scheme, those that differ most for any kind of
# colour vision; sand is darkened a little, to be visible on white.
PALETTE = (
    "#332288",
    "#cc6677",
    "#117733",
    "#ddaa33",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
    "#661100",
)
_DASHES = ("-", "--")
MAX_HIGHLIGHTED = 12
"""Most components that are drawn in colour; more could not be distinguished."""

# For column names in scripts that are missing in Matplotlib's default font.
_FURTHER_FONTS = (
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans",
    "Yu Gothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Noto Sans Symbols2",
    "Segoe UI Symbol",
    "Arial Unicode MS",
)

INK = "black"
QUIET = "0.55"
FAINT = "0.78"
SATURATION_BITS = 1.0
_LETTERS_PER_INCH, _HANDLE_LETTERS = 18, 7  # of a legend's text; a line and the space around it
LEGEND_LINES = 3.6  # of text, from the axes down to a legend: room for ticks and a label


@dataclass(frozen=True)
class CurveStyle:
    """The style of one component, the same in every figure.

    Attributes:
        color: Its colour; grey if it is not highlighted.
        linestyle: Dashes of its curve.
        highlighted: Whether it is drawn in colour and named.
    """

    color: str
    linestyle: str = "-"
    highlighted: bool = True

    @property
    def text_color(self) -> tuple[float, float, float]:
        """The colour of its name, darkened if it would be hard to read on white."""
        rgb = np.array(mpl.colors.to_rgb(self.color))
        brightness = float(rgb @ [0.299, 0.587, 0.114])
        red, green, blue = rgb * min(1.0, 0.45 / max(brightness, 0.01))
        return float(red), float(green), float(blue)


def component_styles(
    components: Sequence[str], highlighted: Sequence[str] | None = None
) -> dict[str, CurveStyle]:
    """A style for every component: ten colours, then the first two dashed, and grey for the rest.

    Args:
        components: Names of the components.
        highlighted: Components in colour, in this order, at most a dozen; by default the first
            dozen.

    Example:
        >>> styles = component_styles([f"X{i}" for i in range(13)])
        >>> styles["X0"].color == styles["X10"].color
        True
        >>> styles["X0"].linestyle, styles["X10"].linestyle, styles["X12"].highlighted
        ('-', '--', False)
    """
    chosen = list(components if highlighted is None else highlighted)[:MAX_HIGHLIGHTED]
    colored = {
        name: CurveStyle(PALETTE[i % len(PALETTE)], _DASHES[i // len(PALETTE)])
        for i, name in enumerate(chosen)
    }
    grey = CurveStyle(FAINT, highlighted=False)
    return {name: colored.get(name, grey) for name in components}


def scheme_styles(
    scheme: ApproximationScheme, measure: Measure | None = None
) -> dict[str, CurveStyle]:
    """The styles of a scheme's components, in which the dozen that matter most have a colour.

    Up to a dozen are coloured in their own order, more in the order of `by_weight`.

    Args:
        scheme: The scheme, with all its repeats.
        measure: "information" or "kl"; by default the information if it was measured.
    """
    components = scheme.components
    if len(components) <= MAX_HIGHLIGHTED:
        return component_styles(components)
    return component_styles(components, by_weight(scheme, measure))


def by_weight(scheme: ApproximationScheme, measure: Measure | None = None) -> list[str]:
    """The components in descending order of importance.

    The weight is what a component conveys (median over repeats), clipped to one bit and averaged
    over log beta. A component that keeps half a bit to the end thus matters more than one with ten
    bits that are given up as soon as they cost anything.

    Args:
        scheme: The scheme.
        measure: "information" or "kl"; by default the information if it was measured.
    """
    conveyed = scheme.conveyed_bits(measure).median("seed").transpose("component", "step")
    bits = np.clip(conveyed.values, 0.0, SATURATION_BITS)
    weight = np.trapezoid(bits, np.log(conveyed["beta"].values), axis=1)
    order = np.argsort(-weight, kind="stable")
    return [scheme.components[i] for i in order]


def beta_limits(beta: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of an axis of beta: the smallest and the largest, widened if there is only one.

    Example:
        >>> beta_limits(np.array([0.1, 0.5])), beta_limits(np.array([0.1]))
        ((0.1, 0.5), (0.05, 0.2))
    """
    low, high = float(beta.min()), float(beta.max())
    return (low, high) if low < high else (low / 2, high * 2)


def draw_limit(ax: Axes, height: float, label: str, *, x: float, align: str) -> None:
    """Draw an upper limit: a dotted line, with `label` above it at the axes fraction `x`."""
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


def legend_below(ax: Axes) -> None:
    """Add a legend below the axes, with as many columns as fit their width."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # an Axes that draws has one
    lengths = [len(label) for label in ax.get_legend_handles_labels()[1]]
    room = ax.get_window_extent().width / figure.dpi * _LETTERS_PER_INCH
    n_columns = max(n for n in range(1, len(lengths) + 1) if n == 1 or _width(lengths, n) <= room)
    inches = LEGEND_LINES * mpl.rcParams["font.size"] / 72
    down = ScaledTranslation(0, -inches, figure.dpi_scale_trans)
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=ax.transAxes + down,
        ncols=n_columns,
        frameon=False,
        fontsize="small",
        borderaxespad=0,
        borderpad=0,
        handlelength=1.6,
        columnspacing=1.5,
    )


def _width(lengths: Sequence[int], n_columns: int) -> int:
    """Width of a legend in letters, if it is filled column by column."""
    n_rows = -(-len(lengths) // n_columns)
    columns = [lengths[k : k + n_rows] for k in range(0, len(lengths), n_rows)]
    return sum(max(column) + _HANDLE_LETTERS for column in columns)


@cache
def _families() -> list[str]:
    """The default font, and installed fonts for scripts that it lacks, such as Chinese."""
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _FURTHER_FONTS if name in installed)]


@contextmanager
def figure_style() -> Iterator[None]:
    """Context manager with the Matplotlib settings of all figures."""
    with mpl.rc_context(
        {
            "font.size": 9,
            "font.family": _families(),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "lines.linewidth": 1.4,
            "figure.dpi": 120,
            "savefig.dpi": 200,
        }
    ):
        yield


def of_rows(data: xr.Dataset) -> str:
    """The end of a label that names the rows used; empty if there is only one split."""
    splits = [str(split) for split in data["split"].values]
    return f", {ROWS[splits[-1]]}" if len(splits) > 1 else ""
