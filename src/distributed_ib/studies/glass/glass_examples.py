"""Examples for learning: structure functions, standardised, split by sample."""

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
    """The problem of predicting from the densities in its shells whether a centre is a locus.

    Args:
        data: The examples.
        densities: Their structure functions, `[n, 100]`.
        validation_fraction: Share of the samples to hold out; examples of one sample are alike,
            and a split through it would flatter. Not used where `data` bring a split of their own.
        seed: Of the split, with which the problem is to be split again: densities are standardised
            on its training part.

    Returns:
        A problem whose components are the shells, one number each, and Y is 1 for loci.

    Raises:
        UserError: If there are fewer than 50 loci or negatives, or one type of particle only, or
            the training part is from one sample, or a part has loci or negatives only.
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
    """What is subtracted from each density, and what it is divided by, `[100]` each.

    Args:
        densities: Structure functions, `[n, 100]`.
        train: Rows of the training part, whose mean and standard deviation they are; densities
            that never vary are divided by 1.
    """
    spread = densities[train].std(axis=0)
    # A shell inside the hard core is empty for nearly all centres; what is left is rounding.
    return densities[train].mean(axis=0), np.where(spread > 1e-9, spread, 1.0)


def rows_that_report(split: Split) -> RowIndex:
    """Held-out rows on which accuracies are measured: those by which no model was chosen.

    One half of the samples held out; all of them if there is one sample only.
    """
    division = split.divided()
    return division.test if len(division.test) else division.validation[0]


def rows_that_choose(split: Split) -> RowIndex:
    """Held-out rows by which models are chosen: the other half."""
    return split.divided().validation[0]


def examples_of(split: Split, rows: RowIndex) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Standardised densities `[n, 100]` and labels `[n]` of some rows of a `glass_problem`."""
    x, y, _ = split.problem.rows(rows)
    return x[..., 0], y
