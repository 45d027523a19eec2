"""The standard figures of a scheme."""

from typing import Any

from matplotlib.figure import Figure

from distributed_ib.plots._style import scheme_styles
from distributed_ib.plots.information_plane import plot_information_plane
from distributed_ib.plots.subset_figure import plot_subsets
from distributed_ib.plots.sweep_figure import plot_sweep
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure


def standard_figures(
    scheme: ApproximationScheme,
    *,
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
    prefix: str = "",
) -> dict[str, Figure]:
    """The sweep (one figure for each direction), the information plane and the subsets in use.

    Args:
        scheme: The scheme.
        threshold_bits: A component is in use if it conveys more than this.
        measure: "information" or "kl"; by default the information if it was measured.
        prefix: Prefix of all names.
    """
    options: dict[str, Any] = {"threshold_bits": threshold_bits, "measure": measure}
    # Styles from all repeats, so that a component has the same colour in both directions.
    styles = scheme_styles(scheme, measure)
    first, *others = (
        (name, plot_sweep(part, styles=styles, **options))
        for name, part in scheme.by_direction().items()
    )
    axes = {
        "sweep": first[1],
        **{f"sweep_{name}": ax for name, ax in others},
        "information_plane": plot_information_plane(scheme, **options),
        "subsets": plot_subsets(scheme, **options),
    }
    figures = {f"{prefix}{name}": ax.get_figure(root=True) for name, ax in axes.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}
