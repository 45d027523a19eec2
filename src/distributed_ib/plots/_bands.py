"""Median and range over the repeats of a sweep."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray


def draw_median(ax: Axes, x: NDArray[Any], values: NDArray[Any], **line: Any) -> Line2D:
    """Draw the median of `values` (`[seed, step]`) over `x`, and a band from minimum to maximum.

    Returns:
        The curve of the median.
    """
    if len(values) > 1:
        ax.fill_between(
            x, values.min(axis=0), values.max(axis=0), color=line["color"], alpha=0.18, linewidth=0
        )
    (curve,) = ax.plot(x, np.median(values, axis=0), **line)
    return curve
