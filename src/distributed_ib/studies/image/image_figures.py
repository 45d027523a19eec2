"""Figures of a picture: its sweep with approximations (paper Fig. 3), strips, errors."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distributed_ib.plots._placement import mark_betas
from distributed_ib.plots._strip import strip_inches
from distributed_ib.plots._style import INK
from distributed_ib.plots.sweep_figure import draw_sweep, sweep_axes
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.image.painter import Reconstruction
from distributed_ib.studies.image.picture import Picture

NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
SWEEP_INCHES = 3.0
ROW_INCHES = 9.6


def plot_picture_sweep(
    scheme: ApproximationScheme,
    picture: Picture,
    painted: Sequence[Reconstruction],
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> Figure:
    """Draw the sweep and, below it, the picture and some approximations of it (Fig. 3).

    Vertical lines in the sweep carry the numerals of the approximations.

    Args:
        scheme: The scheme to draw.
        picture: The picture itself.
        painted: Its approximations, in order of beta.
        threshold_bits: A component is in use if it conveys more.
        measure: "information" or "kl"; by default the information, if it was measured.

    Returns:
        The figure.
    """
    n_panels = len(painted) + 1
    panel_inches = ROW_INCHES / n_panels * _steepness(picture) + 0.3
    heights = (0.3 + strip_inches(scheme) + SWEEP_INCHES, panel_inches)
    figure = plt.figure(figsize=(ROW_INCHES, sum(heights) + 0.2), layout="constrained")
    (upper,), (lower,) = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)
    strip, ax = sweep_axes(upper, scheme)
    curves, names = draw_sweep(strip, ax, scheme, threshold_bits, measure)
    betas = [one.beta for one in painted]
    mark_betas(ax, betas, numerals(len(painted)), curves, texts=names)
    axes = lower.subplots(1, n_panels, squeeze=False)[0]
    _show(axes[0], picture.pixels, "the picture")
    for ax_one, numeral, one in zip(axes[1:], numerals(len(painted)), painted, strict=True):
        _show(ax_one, one.pixels, f"({numeral}) {_bits(one)}")
    return figure


def plot_strip(picture: Picture, painted: Sequence[Reconstruction], n_columns: int = 6) -> Figure:
    """Draw the picture and many approximations of it, in order of beta.

    Args:
        picture: The picture itself.
        painted: Its approximations.
        n_columns: Panels in a row.
    """
    n_panels = len(painted) + 1
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    side = ROW_INCHES / n_columns
    size = (ROW_INCHES, n_rows * (side * _steepness(picture) + 0.45))
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=size, layout="constrained", squeeze=False
    )
    _show(axes.flat[0], picture.pixels, "the picture\n")
    for ax, one in zip(axes.flat[1:], painted, strict=False):
        _show(ax, one.pixels, f"$\\beta$ = {one.beta:.2g}, {one.psnr_db:.1f} dB\n{_bits(one)}")
    for ax in axes.flat[n_panels:]:
        ax.axis("off")
    return figure


def plot_error(painted: Sequence[Reconstruction], ax: Axes | None = None) -> Axes:
    """Draw the error of the approximations along the sweep, as peak signal-to-noise ratio.

    Args:
        painted: Approximations, in order of beta.
        ax: Where to draw; a new figure by default.

    Returns:
        The axes.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
    ax.plot([one.beta for one in painted], [one.psnr_db for one in painted], ".-", color=INK)
    ax.set_xscale("log")
    ax.set_xlabel(r"bottleneck strength $\beta$")
    ax.set_ylabel("PSNR of the painted picture (dB)")
    return ax


def _steepness(picture: Picture) -> float:
    """Height over width of a panel, limited for very narrow pictures."""
    return min(picture.height / picture.width, 3.0)


def _bits(one: Reconstruction) -> str:
    """Bits conveyed and known, short enough for a panel."""
    return f"{np.sum(one.conveyed_bits):.1f} bits, {max(one.predictive_bits, 0.0):.1f} known"


def numerals(n: int) -> list[str]:
    """Roman numerals for `n` approximations, as in the paper: i, ii, iii."""
    return [NUMERALS[k] if n <= len(NUMERALS) else str(k + 1) for k in range(n)]


def _show(ax: Axes, pixels: np.ndarray, title: str) -> None:
    ax.imshow(pixels, interpolation="nearest")
    ax.set_title(title, fontsize="x-small")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
