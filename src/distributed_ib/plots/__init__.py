"""Figures of a scheme; each function takes an optional `ax` and returns the Axes."""

from distributed_ib.plots.compression_figures import plot_compression_along_beta, plot_merging
from distributed_ib.plots.information_plane import plot_information_plane
from distributed_ib.plots.readable_figure import plot_readable
from distributed_ib.plots.sweep_figure import plot_sweep

__all__ = [
    "plot_compression_along_beta",
    "plot_information_plane",
    "plot_merging",
    "plot_readable",
    "plot_sweep",
]
