"""The report of a picture: sentences, tables and plain values."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Cell, Finding, Section, Table
from distributed_ib.report.scheme_sections import opening_findings
from distributed_ib.report.words import rows_in_words
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, Measure
from distributed_ib.studies.image.image_figures import numerals
from distributed_ib.studies.image.painter import Reconstruction, Rule
from distributed_ib.studies.image.picture import Picture


def picture_section(
    scheme: ApproximationScheme,
    picture: Picture,
    best_psnr_db: float | None,
    threshold_bits: float,
    measure: Measure,
) -> Section:
    """Sentences on the picture and on the course of the sweep."""
    how, _, *others = opening_findings(scheme, threshold_bits, measure)
    done = f" ({'; '.join(picture.notes)})" if picture.notes else ""
    ceiling = Quantity(scheme.baseline_entropy_bits, "bits")
    findings = [
        Finding(f"{picture.name}, {picture.size_text} pixels{done}.", kind="note"),
        how,
        Finding(
            f"InfoNCE compares every pixel with the {2**ceiling.value:,.0f} of its batch, so it "
            f"can measure at most {ceiling.value:.3g} bits of information about the colour. Where "
            "this limit is reached, the true information may be larger.",
            {"certified_bits_at_most": ceiling},
            kind="note",
        ),
        *(replace(one, text=_of_colour(one.text)) for one in others),
    ]
    findings.append(_best_picture(best_psnr_db))
    return Section(findings=tuple(findings))


def panels_table(
    panels: Sequence[Reconstruction], scheme: ApproximationScheme, measure: Measure
) -> Table:
    """The approximations in the sweep figure, with their errors."""
    rows: list[tuple[Cell, ...]] = [
        (
            numeral,
            f"{one.beta:.3g}",
            Quantity(float(np.sum(one.conveyed_bits)), "bits", digits=2),
            Quantity(
                max(one.predictive_bits, 0.0),
                "bits",
                rows=rows_in_words(scheme.scoring_split),
                digits=2,
            ),
            _decibels(one.psnr_db) if np.isfinite(one.psnr_db) else "no error",
        )
        for numeral, one in zip(numerals(len(panels)), panels, strict=True)
    ]
    repeat = " (first repeat)" if scheme.n_seeds > 1 else ""
    return Table(
        "pictures",
        f"Approximations in the sweep figure{repeat}, information in bits",
        ("picture", "beta", COLUMNS[measure], "about colour", "PSNR (dB)"),
        tuple(rows),
    )


_CONVEYED: dict[Measure, str] = {
    "information": "information of all components about the position: the midpoint of a lower and "
    "an\n  upper bound, which differ if a component conveys more than about eight bits.",
    "kl": "KL divergence of all components, an upper bound of what they convey.",
}


_SHOWN: dict[Rule, str] = {
    "likeliest": "the most probable one of {} colours drawn from the picture",
    "expected": "the mean of {} colours drawn from the picture, weighted by their probabilities",
}


def legend(measure: Measure, threshold_bits: float, rule: Rule, n_colors: int) -> str:
    """Explanation of the columns of the tables, in Markdown."""
    return f"""\
Information is in bits.

- **beta**: the range of bottleneck strengths in which the components are in use.
- **{COLUMNS[measure]}**: {_CONVEYED[measure]}
- **about colour**: information about the colour, measured by InfoNCE (a lower bound).
- **PSNR**: peak signal-to-noise ratio of the painted picture; 20 dB is a rough likeness of the
  original, 30 dB a good one.

A component is in use where it conveys more than {threshold_bits:g} bit. Each colour shown is
{_SHOWN[rule].format(f"{n_colors:,}")}.
"""


def painting_values(painted: Sequence[Reconstruction]) -> list[dict[str, Any]]:
    """Paintings as plain values, for `summary.json`."""
    return [
        {
            "beta": one.beta,
            "conveyed_bits": [float(bits) for bits in one.conveyed_bits],
            "predictive_bits": one.predictive_bits,
            "psnr_db": one.psnr_db,
        }
        for one in painted
    ]


def _best_picture(psnr_db: float | None) -> Finding:
    if psnr_db is None:
        return Finding("The approximations are painted when the sweep is finished.", kind="note")
    if not np.isfinite(psnr_db):
        return Finding("The best picture along the sweep has no error.")
    best = _decibels(psnr_db)
    return Finding(
        f"The best picture along the sweep has a PSNR of {best.text()}.", {"best_psnr_db": best}
    )


def _decibels(psnr_db: float) -> Quantity:
    return Quantity(psnr_db, "dB", rows="all rows", digits=1)


def _of_colour(text: str) -> str:
    """A standard sentence with Y replaced by the colour."""
    return text.replace("about Y", "about the colour")
