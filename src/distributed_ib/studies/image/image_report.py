"""What is left of an opened picture: tables and a summary in words."""

from collections.abc import Sequence

import numpy as np

from distributed_ib.report.words import beta_range, markdown_table, opening_words, subset_label
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.studies.image.image_figures import numerals
from distributed_ib.studies.image.painter import Reconstruction
from distributed_ib.studies.image.picture import Picture


def subset_columns(measure: Measure = "information") -> tuple[str, ...]:
    """Headings of `subset_rows`."""
    return ("beta", "components in use", COLUMNS[measure], "known")


def painted_columns(measure: Measure = "information") -> tuple[str, ...]:
    """Headings of `painted_rows`."""
    return ("picture", "beta", COLUMNS[measure], "known", "PSNR (dB)")


def subset_rows(
    scheme: ApproximationScheme, threshold_bits: float = 0.1, measure: Measure | None = None
) -> list[list[str]]:
    """The components in use along the sweep: beta range, names, what they convey, what is known."""
    return [
        [
            beta_range(subset),
            subset_label(subset, scheme.components),
            f"{subset.total_bits:.2f}",
            f"{max(subset.predictive_bits, 0.0):.2f}",
        ]
        for subset in scheme.subsets(threshold_bits, measure=measure)
    ]


def painted_rows(painted: Sequence[Reconstruction]) -> list[list[str]]:
    """The approximations that are shown, with their errors."""
    return [
        [
            numeral,
            f"{one.beta:.3g}",
            f"{np.sum(one.conveyed_bits):.2f}",
            f"{max(one.predictive_bits, 0.0):.2f}",
            f"{one.psnr_db:.1f}",
        ]
        for numeral, one in zip(numerals(len(painted)), painted, strict=True)
    ]


def opening(
    scheme: ApproximationScheme,
    picture: Picture,
    best_psnr_db: float,
    measure: Measure | None = None,
) -> list[str]:
    """Sentences on the picture and on how the sweep went."""
    first, _, *others = opening_words(scheme, measure)
    done = f" ({'; '.join(picture.notes)})" if picture.notes else ""
    ceiling = scheme.baseline_entropy_bits
    return [
        f"{picture.name}, {picture.size_text} pixels{done}.",
        first,
        f"InfoNCE compares every pixel with the {2**ceiling:,.0f} of its batch, so it certifies at "
        f"most {ceiling:.3g} bits about the colour: where that much is known, more may be.",
        *(sentence.replace("of Y are known", "of the colour are known") for sentence in others),
        f"The best picture along the sweep has a PSNR of {best_psnr_db:.1f} dB.",
    ]


_LEGEND = """\
Information is in bits.

- **beta**: the range of bottleneck strengths in which the components are in use.
- **conveyed**: information of all components about the position: the middle between a lower and an
  upper bound, which part above some eight bits for each.
- **known**: information about the colour that the approximation has, as InfoNCE certifies it.
- **PSNR**: error of the painted picture; 20 dB is a rough likeness, 30 dB a good one.

A component is in use where it conveys more than {threshold:g} bit. Each colour shown is the
likeliest of {n_colors:,} drawn from the picture.
"""


def summary_text(
    scheme: ApproximationScheme,
    picture: Picture,
    painted: Sequence[Reconstruction],
    best_psnr_db: float,
    *,
    n_colors: int,
    threshold_bits: float = 0.1,
) -> str:
    """The summary of a run for people, in Markdown."""
    return "\n\n".join(
        [
            f"# Picture {picture.name}",
            " ".join(opening(scheme, picture, best_psnr_db)),
            "## Components in use along the sweep",
            markdown_table(subset_columns(), subset_rows(scheme, threshold_bits)),
            "## The approximations that are shown",
            markdown_table(painted_columns(), painted_rows(painted)),
            _LEGEND.format(threshold=threshold_bits, n_colors=n_colors),
        ]
    )
