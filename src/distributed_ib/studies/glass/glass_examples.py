"""Examples for learning: standardised structure functions, split by sample."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.problem import Problem, RowIndex, Split
from distributed_ib.data.splitters import HoldOut, HoldOutGiven, Splitter
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_tables import GlassData, check_enough
from distributed_ib.studies.glass.structure_functions import shell_names


def glass_problem(
    data: GlassData, densities: NDArray[np.float64], validation_fraction: float, *, seed: int = 0
) -> Problem:
    """The problem of predicting whether a centre is a locus from the densities in its shells.

    Args:
        data: The examples.
        densities: Their structure functions, `[n, 100]`.
        validation_fraction: Fraction of the samples to hold out. Samples are held out whole:
            examples of one sample are alike, and splitting it would overstate the accuracy. Not
            used if `data` contain a split.
        seed: Seed of the split. The problem must be split with the same seed, because densities
            are standardised on its training part.

    Returns:
        A problem whose components are the shells, one number each; Y is 1 for loci.

    Raises:
        UserError: If there are fewer than 50 loci or negatives, particles of one type only, a
            training part from a single sample, or a part with loci or negatives only.
    """
    check_enough(data)
    labels = data.is_locus.astype(np.int32)
    splitter: Splitter = HoldOut(validation_fraction, groups=data.group)
    if data.validation is not None:
        splitter = HoldOutGiven(data.validation.astype(bool), groups=data.group)
    train, held_out = splitter.split(len(labels), seed)
    for rows, word in ((train, "training"), (held_out, "held-out")):
        if len(np.unique(labels[rows])) < 2:
            raise UserError(
                f"{data.name}: the {word} part must contain both loci and negatives; one of them "
                "is missing."
            )
    if len(np.unique(data.group[train])) < 2:
        raise UserError(
            f"{data.name}: the training part comes from a single sample, but at least two are "
            "needed to select C of the support vector machine; simulate more loci."
        )
    mean, scale = standardisation(densities, train)
    x = ((densities - mean) / scale).astype(np.float32)[..., None]
    return Problem.from_arrays(x, labels, shell_names(), held_out=splitter)


def standardisation(
    densities: NDArray[np.float64], train: RowIndex
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scale for the standardisation of each density, `[100]` each.

    Args:
        densities: Structure functions, `[n, 100]`.
        train: Rows of the training part. The result is their mean and standard deviation; the scale
            of densities that never vary is 1.
    """
    spread = densities[train].std(axis=0)
    # A shell inside the hard core is empty for nearly all centres; any variation is rounding.
    return densities[train].mean(axis=0), np.where(spread > 1e-9, spread, 1.0)


def reporting_rows(split: Split) -> RowIndex:
    """Held-out rows on which accuracies are measured; no model was chosen by them.

    These are from half of the held-out samples, or from all if there is only one sample.
    """
    division = split.divided()
    return division.test if len(division.test) else division.validation[0]


def validation_rows(split: Split) -> RowIndex:
    """Held-out rows by which models are chosen: those of the other half of the samples."""
    return split.divided().validation[0]


def examples_of(split: Split, rows: RowIndex) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Standardised densities `[n, 100]` and labels `[n]` of some rows of a `glass_problem`."""
    x, y, _ = split.problem.rows(rows)
    return x[..., 0], y
