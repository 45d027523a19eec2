"""Findings of a sweep: where it ends, where components are given up, what they convey."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.informative_betas import informative_betas
from distributed_ib.studies.patterns.pattern_library import Pattern
from distributed_ib.studies.patterns.pattern_pictures import PatternPicture, approximation_picture
from distributed_ib.studies.patterns.pattern_study import Method

# A scheme has ended, or a component is given up, below this many bits.
END_BITS = 0.05
# Range of beta in the middle of the plateau at one bit: beyond all detail, well before the end.
PLATEAU = (0.05, 0.2)
# Components whose ends are closer than this factor are said to fall together.
TOGETHER = 1.15
N_SHOWN = 4  # approximations of a sweep in the figures


@dataclass(frozen=True)
class ShownApproximation:
    """An approximation as a picture.

    Attributes:
        beta: Its bottleneck strength.
        picture: p(Y=1|U) at every position, `[row, column]`.
    """

    beta: float
    picture: PatternPicture


@dataclass(frozen=True)
class PatternSweep:
    """One sweep over one pattern.

    Attributes:
        pattern: The pattern.
        method: Distributed or standard.
        scheme: What the sweep found.
    """

    pattern: Pattern
    method: Method
    scheme: ApproximationScheme

    @cached_property
    def shown(self) -> tuple[ShownApproximation, ...]:
        """The approximations at `informative_betas`, in order of beta."""
        return tuple(
            ShownApproximation(beta, approximation_picture(self.scheme.at(beta=beta)))
            for beta in informative_betas(self.scheme, N_SHOWN)
        )


@dataclass(frozen=True)
class PatternFindings:
    """The findings of one sweep.

    Attributes:
        end_beta: Beta above which the information about Y stays below 0.05 bit; None if it is
            still higher at the end of the sweep, or if an unfinished sweep never reached 0.05 bit.
        given_up_beta: The same for the KL of each component.
        best_bits: Largest information about Y along the sweep.
        plateau_bits: Information that each component actually transmits for beta between 0.05 and
            0.2, the median over the models measured there; None if there are none, as in an
            interrupted sweep.
    """

    end_beta: float | None
    given_up_beta: dict[str, float | None]
    best_bits: float
    plateau_bits: dict[str, float | None]


def find(swept: PatternSweep) -> PatternFindings:
    """The findings of a sweep with at least one record."""
    scheme = swept.scheme
    data = scheme.to_xarray().isel(seed=0, split=0)
    beta = data["beta"].values
    predictive, kl_bits = data["predictive_information_bits"].values, data["kl_bits"].values
    plateau_bits: dict[str, float | None] = dict.fromkeys(scheme.components)
    if scheme.measure == "information":  # an interrupted sweep is not measured
        measured = data.isel(step=data["information_measured"].values)
        plateau_bits = {
            name: _median_within(
                measured["beta"].values, measured["information_bits"].sel(component=name).values
            )
            for name in scheme.components
        }

    def fall(bits: NDArray[np.float64]) -> float | None:
        # In an unfinished sweep, it may not have been learned yet.
        begun = scheme.status == "finished" or bits.max() >= END_BITS
        return falls_below(beta, bits) if begun else None

    return PatternFindings(
        end_beta=fall(predictive),
        given_up_beta={
            name: fall(kl_bits[:, index]) for index, name in enumerate(scheme.components)
        },
        best_bits=float(predictive.max()),
        plateau_bits=plateau_bits,
    )


def falls_below(
    beta: NDArray[np.float64], bits: NDArray[np.float64], threshold_bits: float = END_BITS
) -> float | None:
    """The beta at which a curve falls below a threshold and stays there.

    Args:
        beta: `[step]`, in ascending order.
        bits: `[step]`.
        threshold_bits: The threshold.

    Returns:
        The geometric mean of the two betas around the fall; the first beta if the curve is
        never above, None if it ends above.

    Example:
        >>> falls_below(np.array([0.1, 0.4, 1.6]), np.array([1.0, 0.9, 0.0]))
        0.8
        >>> falls_below(np.array([0.1, 0.4, 1.6]), np.array([1.0, 0.0, 0.9])) is None
        True
    """
    above = np.flatnonzero(bits >= threshold_bits)
    if len(above) == 0:
        return float(beta[0])
    last = int(above[-1])
    if last == len(beta) - 1:
        return None
    return round(math.sqrt(beta[last] * beta[last + 1]), 6)


def in_words(found: PatternFindings) -> str:
    """Sentence on which component is given up first, and where the scheme ends.

    >>> in_words(PatternFindings(1.0, {"horizontal": 1.0, "vertical": 0.01}, 1.0, {}))
    'vertical drops out at beta=0.01, horizontal is the last in use; the scheme ends at beta=1'
    """
    end = (
        "the scheme does not end within the sweep"
        if found.end_beta is None
        else f"the scheme ends at beta={found.end_beta:.2g}"
    )
    if len(found.given_up_beta) != 2:
        return end
    (first, first_beta), (last, last_beta) = sorted(
        found.given_up_beta.items(), key=lambda pair: math.inf if pair[1] is None else pair[1]
    )
    if first_beta is None:
        return end
    if last_beta is not None and last_beta < TOGETHER * first_beta:
        return f"both components drop out together; {end}"
    return f"{first} drops out at beta={first_beta:.2g}, {last} is the last in use; {end}"


def _median_within(beta: NDArray[np.float64], bits: NDArray[np.float64]) -> float | None:
    within = (beta >= PLATEAU[0]) & (beta <= PLATEAU[1])
    return float(np.median(bits[within])) if within.any() else None
