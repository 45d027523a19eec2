"""A pattern on the page of its run, as approximations reproduce it."""

from typing import Any

from distributed_ib.report.page.own_views import Frame, pictures_view
from distributed_ib.report.page.scheme_curves import key_places
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.patterns.pattern_library import Pattern
from distributed_ib.studies.patterns.pattern_pictures import (
    approximation_picture,
    pattern_picture,
)

N_PLACES, N_PIXELS, N_DRAWS = 10, 60, 8


def pattern_view(scheme: ApproximationScheme, pattern: Pattern) -> dict[str, Any]:
    """p(Y=1|U) at every position, at ten places of the scheme."""
    frames = []
    for snapshot in key_places(scheme, N_PLACES).tolist():
        beta = float(scheme.snapshots.beta[snapshot])
        found = approximation_picture(scheme.at(beta=beta), N_PIXELS, n_samples=N_DRAWS)
        frames.append(Frame(beta, found, "p(Y = 1 | U): black 0, white 1"))
    return pictures_view(
        "pattern",
        "The pattern as approximated",
        f"At every position the probability of Y = 1 that the approximation gives, averaged over "
        f"{N_DRAWS} draws of U. Grey is what it can't tell.",
        scheme,
        frames,
        truth=pattern_picture(pattern, N_PIXELS),
        truth_label="the pattern: white where Y = 1",
    )
