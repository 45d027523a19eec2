"""What is left of an opened circuit: tables, figures, a summary in words."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.plots._style import figure_style, scheme_styles
from distributed_ib.plots.information_plane import plot_information_plane
from distributed_ib.plots.sweep_figure import plot_sweep
from distributed_ib.report.words import (
    beta_range,
    frequency_columns,
    frequency_rows,
    markdown_table,
    opening_words,
    subset_label,
)
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, NAMES, Measure
from distributed_ib.studies.boolean.circuit import Circuit
from distributed_ib.studies.boolean.circuit_drawing import plot_circuit
from distributed_ib.studies.boolean.ranked_subsets import RankedSubset, rank_subsets
from distributed_ib.studies.boolean.subset_ranks_figure import plot_subset_information


def table_columns(measure: Measure) -> tuple[str, ...]:
    """Headings of `table_rows`."""
    return ("beta", "subset in use", COLUMNS[measure], "Y known", "I(X_S;Y)", "rank")


def table_rows(found: Sequence[RankedSubset], inputs: Sequence[str]) -> list[list[str]]:
    """The final table: beta range, subset, what it conveys, its information and its rank."""
    return [
        [
            beta_range(ranked.subset),
            subset_label(ranked.subset, inputs),
            f"{ranked.subset.total_bits:.2f}",
            f"{ranked.subset.predictive_bits:.3f}",
            f"{ranked.information_bits:.6f}",
            f"{ranked.rank} of {ranked.n_of_size:,}",
        ]
        for ranked in found
    ]


def circuit_figures(
    scheme: ApproximationScheme,
    circuit: Circuit,
    information_bits: NDArray[np.float64],
    threshold_bits: float = 0.1,
    measure: Measure | None = None,
) -> dict[str, Figure]:
    """All figures of a run, by name."""
    subsets = scheme.subsets(threshold_bits, measure=measure)
    found = rank_subsets(subsets, circuit.inputs, information_bits)
    # Those of all repeats together, so that both directions show an input in the same colour.
    styles = scheme_styles(scheme, measure)
    colors = {name: style.color for name, style in styles.items() if style.highlighted}
    with figure_style():
        axes = {
            **{
                name: plot_sweep(
                    part, threshold_bits=threshold_bits, measure=measure, styles=styles
                )
                for name, part in _by_direction(scheme).items()
            },
            "subsets": plot_subset_information(information_bits, found),
            "information_plane": plot_information_plane(
                scheme, threshold_bits=threshold_bits, measure=measure
            ),
        }
        try:
            axes["circuit"] = plot_circuit(circuit, colors=colors)
        except UserError:
            # Too large a circuit to draw; the other figures don't need the drawing.
            plt.close(plt.gcf())
    figures = {name: ax.get_figure(root=True) for name, ax in axes.items()}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _by_direction(scheme: ApproximationScheme) -> dict[str, ApproximationScheme]:
    """A sweep figure's name and scheme for each direction: their median would be neither's."""
    first, *others = dict.fromkeys(scheme.directions)
    named = {"sweep": first, **{f"sweep_{direction}": direction for direction in others}}
    return {name: scheme.of_direction(direction) for name, direction in named.items()}


_LEGEND = """\
Information is in bits.

- **beta**: the range of bottleneck strengths in which the subset is in use.
- **{column}**: {meaning}
- **Y known**: information about the output that the approximation has.
- **I(X_S;Y)**: information that the subset has when nothing of it is compressed.
- **rank**: its place among all subsets of its size.

A subset comes into the list where the {name} of an input falls below 0.1 bit.
"""
_MEANING: dict[Measure, str] = {
    "information": "what its inputs convey, all together: the exact information that the channels "
    "transmit.",
    "kl": "what its inputs convey at most, all together: the KL bounds the information from above.",
}


def summary_text(
    scheme: ApproximationScheme, circuit: Circuit, found: Sequence[RankedSubset]
) -> str:
    """The summary of a run for people, in Markdown."""
    opening = " ".join(opening_words(scheme))
    if scheme.is_empty:
        return f"# Circuit {circuit.name}\n\n{opening}\n"
    best = sum(ranked.rank == 1 for ranked in found)
    verdict = (
        f"Of the {len(found)} subsets in use along the sweep, {best} are the most informative of "
        "their size among all subsets of the inputs (by exhaustive search, of which the sweep "
        "knows nothing)."
    )
    measure = scheme.measure
    table = markdown_table(table_columns(measure), table_rows(found, circuit.inputs))
    legend = _LEGEND.format(column=COLUMNS[measure], meaning=_MEANING[measure], name=NAMES[measure])
    parts = [f"# Circuit {circuit.name}", opening, verdict, table, legend]
    if scheme.n_seeds > 1:
        frequencies = markdown_table(frequency_columns(measure), frequency_rows(scheme))
        parts += ["## Subsets by the number of repeats that found them", frequencies + "\n"]
    return "\n\n".join(parts)
