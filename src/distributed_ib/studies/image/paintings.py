"""The painted approximations of a run: their choice, and their storage with its results.

The animation ("film") shows every approximation of the first repeat, painted small, until nothing
is conveyed; the panels are those of the sweep figure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.informative_betas import informative_betas, nearest_betas
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.image.painter import Reconstruction

Series = Literal["film", "panels"]
N_INFORMATIVE = 5


def film_betas(scheme: ApproximationScheme) -> list[float]:
    """Bottleneck strengths of the animation."""
    betas = scheme.snapshots.beta
    last = informative_betas(scheme, N_INFORMATIVE)[-1:] or [float(betas[-1])]
    return [float(beta) for beta in betas if beta <= last[0]]


def panel_betas(scheme: ApproximationScheme, wanted: Sequence[float] = ()) -> list[float]:
    """Bottleneck strengths of the panels: nearest to the wanted ones, or `informative_betas`."""
    if wanted:
        return nearest_betas(scheme, wanted)
    return informative_betas(scheme, N_INFORMATIVE) or [float(scheme.snapshots.beta[0])]


def to_arrays(series: Series, painted: Sequence[Reconstruction]) -> dict[str, NDArray[Any]]:
    """Paintings of one size as arrays; their bits are stored in the scheme."""
    return {
        f"{series}_beta": np.array([one.beta for one in painted]),
        f"{series}_psnr_db": np.array([one.psnr_db for one in painted]),
        f"{series}_pixels": np.stack([one.pixels for one in painted]),
    }


def from_arrays(
    series: Series,
    arrays: Mapping[str, NDArray[Any]],
    scheme: ApproximationScheme,
    measure: Measure | None = None,
) -> list[Reconstruction]:
    """Recreate paintings from the arrays of `to_arrays`.

    Args:
        series: Which paintings.
        arrays: Results of the run.
        scheme: Its scheme.
        measure: Measure of what they convey, "information" or "kl"; by default the information, if
            it was measured.
    """
    found = []
    parts = (arrays[f"{series}_{name}"] for name in ("beta", "psnr_db", "pixels"))
    for beta, psnr_db, pixels in zip(*parts, strict=True):
        approximation = scheme.at(beta=float(beta), measure=measure)
        found.append(
            Reconstruction(
                pixels=pixels,
                psnr_db=float(psnr_db),
                beta=float(beta),
                conveyed_bits=approximation.conveyed_bits,
                predictive_bits=approximation.predictive_bits,
            )
        )
    return found
