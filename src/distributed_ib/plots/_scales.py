"""Scales of axes in bits, for wide ranges of bits and for known bits that may be negative."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike

LINEAR_BITS = 1.0
_TICKS = (0.0, 0.2, 0.5, *(m * 10.0**e for e in range(7) for m in (1, 2, 5)))
_MOST_TICKS = 9


def spread_small_bits(ax: Axes, axis: Literal["x", "y"], top: float) -> None:
    """Make an axis of bits linear up to one bit and logarithmic beyond, from 0 to `top`.

    This suits curves that fall from ten or a hundred bits to the few bits that matter most.
    """
    scale, limits = (ax.set_xscale, ax.set_xlim) if axis == "x" else (ax.set_yscale, ax.set_ylim)
    scale("symlog", linthresh=LINEAR_BITS, linscale=0.7)
    limits(0.0, top)
    ticks = np.array([tick for tick in _TICKS if tick <= top])
    if len(ticks) > _MOST_TICKS:  # only decades, then
        ticks = ticks[np.isin(ticks, [0.0, 0.5, *10.0 ** np.arange(7)])]
    target = ax.xaxis if axis == "x" else ax.yaxis
    target.set_major_locator(FixedLocator(ticks.tolist()))
    target.set_minor_locator(NullLocator())
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


LEAST_BITS = 0.1


def known_range(known_bits: ArrayLike, limit_bits: float) -> tuple[float, float]:
    """Limits of an axis of the information about Y.

    The axis reaches `limit_bits` unless little is known; then it extends to at least a tenth of a
    bit, so that it does not magnify noise. The negative range, of models worse than none, is kept
    short.

    Example:
        >>> known_range([0.1, 0.8], 1.0), known_range([-50.0, 0.1], 1.0)
        ((0.0, 1.08), (-0.039, 0.13))
    """
    least, best = float(np.min(known_bits)), float(np.max(known_bits))
    limit = abs(limit_bits) or 1.0
    best = max(best, min(LEAST_BITS, limit))
    top = 1.08 * max(limit, best) if best > limit / 4 else 1.3 * best
    return (0.0 if least > -0.05 * top else max(1.1 * least, -0.3 * top)), top
