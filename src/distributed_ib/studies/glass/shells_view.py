"""The shells on the page of a glass, highlighted on g(r) by what they convey."""

from typing import Any

import numpy as np

from distributed_ib.report.page.own_views import Span, spans_view
from distributed_ib.studies.glass.structure_functions import (
    SHELL_RADII,
    RadialDistribution,
    shell_names,
)


def shells_view(distribution: RadialDistribution) -> dict[str, Any]:
    """g(r) around particles of type A, with the shells of both types."""
    names = shell_names()
    half = float(SHELL_RADII[1] - SHELL_RADII[0]) / 2
    radii = np.tile(SHELL_RADII, 2)
    spans = [
        Span(name, int(k >= len(SHELL_RADII)), float(r) - half, float(r) + half)
        for k, (name, r) in enumerate(zip(names, radii, strict=True))
    ]
    reach = (float(SHELL_RADII[0]) - half, float(SHELL_RADII[-1]) + half)
    shown = (distribution.radii >= reach[0]) & (distribution.radii <= reach[1])
    r = distribution.radii[shown]
    return spans_view(
        "shells",
        "Shells on g(r)",
        "g(r) is how much denser than on average particles lie at a distance r from a particle of "
        "type A. A stripe is a shell; the stronger its colour, the more it tells at this place "
        "about the rearrangement.",
        curves={
            "g_AA(r), type A around type A": (r, np.nan_to_num(distribution.g_aa[shown])),
            "g_AB(r), type B around type A": (r, np.nan_to_num(distribution.g_ab[shown])),
        },
        spans=spans,
        reach=reach,
        x_label="r / sigma_AB",
    )
