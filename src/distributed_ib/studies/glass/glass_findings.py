"""The findings of one sweep of one glass, as numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from distributed_ib.data.problem import Split
from distributed_ib.scheme._smoothing import running_mean
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import Measure
from distributed_ib.studies.glass.glass_examples import reporting_rows
from distributed_ib.studies.glass.glass_measurements import N_DRAWS, GlassMeasurements
from distributed_ib.studies.glass.linear_svm import accuracy_of_shells
from distributed_ib.studies.glass.shell_places import Shell, shells_of
from distributed_ib.studies.glass.structure_functions import RadialDistribution

COUNTS = (20, 10, 5, 3, 2, 1)
GOOD_ACCURACY = 0.8
NEAR_BEST = 0.03
# Records to average before the best is chosen, because a single one may be best by chance.
WINDOW = 5
N_LAST = 10


@dataclass(frozen=True)
class AnalysedGlass:
    """One glass: its sweep, its split and its measurements.

    Attributes:
        scheme: The scheme of the sweep.
        split: Training rows and held-out rows.
        distribution: g(r).
        measured: Measurements after the sweep.
    """

    scheme: ApproximationScheme
    split: Split
    distribution: RadialDistribution
    measured: GlassMeasurements

    @property
    def n_loci(self) -> int:
        """Number of loci in both parts together."""
        return int(np.sum(self.split.problem.y))


@dataclass(frozen=True)
class FewShells:
    """The best approximation that uses few shells.

    Attributes:
        asked: Largest number of shells allowed.
        shells: The shells in use, the one that conveys most first.
        bits: What each of them conveys, in the same order.
        beta: Bottleneck strength.
        total_bits: What all shells together convey.
        accuracy: Accuracy on held-out rows from one draw of the noise for each example, that is,
            from the stated bits.
        accuracy_alone: The same when all other shells are permuted between examples, so that
            what they still convey below the threshold is of no use.
        averaged: Accuracy on held-out rows of predictions averaged over draws of the noise: the
            best that the model can do with many draws.
        svm_accuracy: Accuracy of a linear SVM on these shells alone; NaN if none is in use.
    """

    asked: int
    shells: tuple[Shell, ...]
    bits: tuple[float, ...]
    beta: float
    total_bits: float
    accuracy: float
    accuracy_alone: float
    averaged: float
    svm_accuracy: float


@dataclass(frozen=True)
class Diffuseness:
    """How widely the information is spread at the coarsest good approximation.

    Attributes:
        beta: Bottleneck strength.
        accuracy: Held-out accuracy there.
        total_bits: What all shells together convey.
        effective_shells: 2 to the entropy of the shares: 1 if one shell conveys all, k if k
            shells convey the same.
        n_in_use: Number of shells above the threshold.
    """

    beta: float
    accuracy: float
    total_bits: float
    effective_shells: float
    n_in_use: int


@dataclass(frozen=True)
class GlassFindings:
    """The findings of one sweep in one glass.

    Models are chosen on `validation_rows`; results are those on `reporting_rows`.

    Attributes:
        measure: Measure of the bits: "information", or "kl", which bounds it from above.
        best_accuracy: Held-out accuracy from one draw of the noise, the mean of the five
            neighbouring snapshots for which it is highest on the validation rows.
        best_error: Standard error of that accuracy, from the number of reporting rows.
        best_beta: Bottleneck strength there.
        best_total_bits: What all shells convey there.
        best_n_in_use: Number of shells above the threshold there.
        gap_largest_bits: Largest value of held-out minus training error.
        gap_few_bits: The same difference where at most ten shells are in use for the first time; 0
            if that never happens.
        fewest_near_best: Fewest shells in use with an accuracy within 0.03 of the best.
        best_averaged: Held-out accuracy of predictions averaged over the noise, the mean of the
            five neighbouring snapshots for which it is highest on the validation rows.
        best_averaged_beta: Bottleneck strength there.
        fewest_near_best_averaged: Fewest shells in use with such an accuracy within 0.03 of it.
        few: Approximations with at most 20, 10, 5, 3, 2 and 1 shells, as far as the sweep has them.
        diffuseness: Diffuseness of the coarsest approximation with an accuracy of 0.8; None if
            there is none.
        one_shell_decades: Width of the range with exactly one shell in use, in decades of beta.
        last: The last ten shells to fall below the threshold, the last one first.
        single: The shell that is most predictive by itself, by a rule that divides its density
            into up to eight intervals; chosen on the training part.
        single_accuracy: Held-out accuracy of that rule.
    """

    measure: Measure
    best_accuracy: float
    best_error: float
    best_beta: float
    best_total_bits: float
    best_n_in_use: int
    gap_largest_bits: float
    gap_few_bits: float
    fewest_near_best: int
    best_averaged: float
    best_averaged_beta: float
    fewest_near_best_averaged: int
    few: tuple[FewShells, ...]
    diffuseness: Diffuseness | None
    one_shell_decades: float
    last: tuple[Shell, ...]
    single: Shell
    single_accuracy: float


def falling_order(information_bits: NDArray[np.float64], threshold_bits: float) -> NDArray[Any]:
    """Number of shells left when each finally falls below the threshold, `[shell]`.

    It counts the falling shell: all for the first to fall, 1 for the last. Shells that fall at the
    same record are ordered by what they conveyed before.

    Args:
        information_bits: `[step, shell]`.
        threshold_bits: A shell is in use if it conveys more.

    >>> falling_order(np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]), 0.1).tolist()
    [2, 1, 3]
    """
    above = information_bits > threshold_bits
    n_steps, n_shells = above.shape
    last = np.where(above.any(axis=0), n_steps - 1 - np.argmax(above[::-1], axis=0), -1)
    order = np.lexsort((information_bits.sum(axis=0), last))
    left = np.empty(n_shells, np.int64)
    left[order] = np.arange(n_shells, 0, -1)
    return left


def find(
    glass: AnalysedGlass,
    *,
    threshold_bits: float = 0.1,
    seed: int = 0,
    measure: Measure | None = None,
) -> GlassFindings:
    """The findings of a sweep; models are chosen by `validation_rows`.

    Args:
        glass: The sweep and its measurements.
        threshold_bits: A shell is in use if it conveys more.
        seed: Which repeat.
        measure: "information" or "kl"; by default the information, if it was measured.
    """
    scheme, measured = glass.scheme, glass.measured
    measure = measure or scheme.measure
    shells = shells_of(glass.distribution)
    data = scheme.to_xarray().isel(seed=seed)
    beta = data["beta"].values
    bits = scheme.conveyed_bits(measure).values[seed]
    in_use = (bits > threshold_bits).sum(axis=1)
    kept = scheme.snapshots.record
    choosing = running_mean(measured.validation_accuracy[seed], WINDOW)
    accuracy = running_mean(measured.accuracy[seed], WINDOW)
    error = data["prediction_error_bits"]
    overfitting = error.sel(split=scheme.scoring_split).values - error.sel(split="train").values
    gap = running_mean(overfitting, WINDOW)
    best = int(np.argmax(choosing))
    n_test = len(reporting_rows(glass.split))
    near = choosing >= choosing[best] - NEAR_BEST
    averaged = running_mean(measured.averaged_accuracy[seed], WINDOW)
    choosing_averaged = running_mean(measured.averaged_validation_accuracy[seed], WINDOW)
    best_averaged = int(np.argmax(choosing_averaged))
    near_averaged = choosing_averaged >= choosing_averaged[best_averaged] - NEAR_BEST
    one, few = np.flatnonzero(in_use == 1), np.flatnonzero(in_use <= N_LAST)
    last = np.argsort(falling_order(bits, threshold_bits))[:N_LAST]
    return GlassFindings(
        measure=measure,
        best_accuracy=float(accuracy[best]),
        best_error=float(np.sqrt(accuracy[best] * (1 - accuracy[best]) / n_test)),
        best_beta=float(scheme.snapshots.beta[best]),
        best_total_bits=float(bits[kept[best]].sum()),
        best_n_in_use=int(in_use[kept[best]]),
        gap_largest_bits=float(gap.max()),
        gap_few_bits=float(gap[few[0]]) if len(few) else 0.0,
        fewest_near_best=int(in_use[kept][near].min()),
        best_averaged=float(averaged[best_averaged]),
        best_averaged_beta=float(scheme.snapshots.beta[best_averaged]),
        fewest_near_best_averaged=int(in_use[kept][near_averaged].min()),
        few=_few_shells(glass, shells, threshold_bits, seed, measure),
        diffuseness=_diffuseness(
            scheme.snapshots.beta, bits[kept], choosing, accuracy, in_use[kept]
        ),
        one_shell_decades=float(len(one) * np.log10(beta[-1] / beta[0]) / max(len(beta) - 1, 1)),
        last=tuple(shells[int(i)] for i in last),
        single=shells[measured.single_shell],
        single_accuracy=float(measured.single_accuracy),
    )


def _few_shells(
    glass: AnalysedGlass, shells: list[Shell], threshold_bits: float, seed: int, measure: Measure
) -> tuple[FewShells, ...]:
    """The approximations with fewer and fewer shells, as far as the sweep has them."""
    scheme, split, measured = glass.scheme, glass.split, glass.measured
    conveyed = scheme.conveyed_bits(measure).values[seed, scheme.snapshots.record]
    fewest = (conveyed > threshold_bits).sum(axis=1).min(initial=len(shells))
    x, y, _ = split.problem.rows(reporting_rows(split))
    found = []
    for asked in COUNTS:
        if fewest > asked:
            continue
        model = scheme.at(
            n_components=asked, seed=seed, threshold_bits=threshold_bits, measure=measure
        )
        bits = model.conveyed_bits
        order = [int(i) for i in np.argsort(-bits) if bits[i] > threshold_bits]
        kept = [scheme.components[i] for i in order]
        snapshot = int(np.argmin(np.abs(scheme.snapshots.beta - model.beta)))
        found.append(
            FewShells(
                asked=asked,
                shells=tuple(shells[i] for i in order),
                bits=tuple(float(bits[i]) for i in order),
                beta=model.beta,
                total_bits=model.total_bits,
                accuracy=model.scores(x, y, n_samples=N_DRAWS)["accuracy"],
                accuracy_alone=model.scores(x, y, kept=kept, n_samples=N_DRAWS)["accuracy"],
                averaged=float(measured.averaged_accuracy[seed, snapshot]),
                svm_accuracy=(
                    accuracy_of_shells(split, order, measured.svm.c) if order else float("nan")
                ),
            )
        )
    return tuple(found)


def _diffuseness(
    beta: NDArray[np.float64],
    bits: NDArray[np.float64],
    choosing: NDArray[np.float64],
    accuracy: NDArray[np.float64],
    in_use: NDArray[Any],
) -> Diffuseness | None:
    """Diffuseness at the least total information with a good accuracy on the validation rows."""
    good = np.flatnonzero(choosing >= GOOD_ACCURACY)
    total = bits.sum(axis=1)
    if len(good) == 0:
        return None
    at = int(good[np.argmin(total[good])])
    return Diffuseness(
        beta=float(beta[at]),
        accuracy=float(accuracy[at]),
        total_bits=float(total[at]),
        effective_shells=effective_number(bits[at]),
        n_in_use=int(in_use[at]),
    )


def effective_number(bits: NDArray[np.float64]) -> float:
    """2 to the power of the entropy of the shares of `bits`; 0 if all are 0.

    >>> effective_number(np.array([1.0, 1.0, 0.0])), effective_number(np.zeros(3))
    (2.0, 0.0)
    """
    total = bits.sum()
    return float(np.exp(entr(np.maximum(bits, 0) / total).sum())) if total > 0 else 0.0
