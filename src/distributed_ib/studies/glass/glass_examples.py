"""Examples ready to learn from: structure functions, standardised, split by sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.data.splitters import split_rows
from distributed_ib.errors import UserError
from distributed_ib.studies.glass.glass_tables import GlassData, check_enough
from distributed_ib.studies.glass.structure_functions import structure_functions


@dataclass(frozen=True)
class Examples:
    """Densities of the shells around each centre, and whether the centre is a locus.

    Attributes:
        densities: `[n, 100]`, structure functions minus `mean`, divided by `scale`; the 50 shells
            of type A, then those of type B.
        is_locus: `[n]`, 1 for loci and 0 for negatives.
        group: `[n]`, the sample each example is from.
        held_out: `[n]`, true for the validation part.
        mean: `[100]`, of the training part, before it was subtracted.
        scale: `[100]`, standard deviation of the training part; 1 where a density never varies.
    """

    densities: NDArray[np.float32]
    is_locus: NDArray[np.int32]
    group: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def training(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Densities and labels to train on."""
        return self.densities[~self.held_out], self.is_locus[~self.held_out]

    @property
    def validation(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Densities and labels that are held out."""
        return self.densities[self.held_out], self.is_locus[self.held_out]

    @property
    def entropy_bits(self) -> float:
        """H(Y) of the training part: 1 where there are as many negatives as loci."""
        share = self.training[1].mean()
        if share in (0.0, 1.0):
            return 0.0
        return float(-share * np.log2(share) - (1 - share) * np.log2(1 - share))


def prepare_examples(data: GlassData, validation_fraction: float, *, seed: int = 0) -> Examples:
    """Structure functions of all examples, split and standardised.

    Args:
        data: The examples' neighbourhoods and labels.
        validation_fraction: Share of the examples to hold out, in whole samples; examples of one
            sample are alike, and a split through it would flatter. Not used where `data` bring a
            split of their own.
        seed: Of the split.

    Raises:
        UserError: If there are fewer than 50 loci or negatives, one type of particle or one
            sample only, or a part has loci or negatives only.
    """
    check_enough(data)
    labels = data.is_locus.astype(np.int32)
    if data.validation is not None:
        held_out = data.validation.astype(bool)
    else:
        _, rows = split_rows(len(labels), validation_fraction, seed, groups=data.group)
        held_out = np.zeros(len(labels), bool)
        held_out[rows] = True
    for part, word in ((~held_out, "training"), (held_out, "validation")):
        if len(np.unique(labels[part])) < 2:
            raise UserError(f"{data.name}: the {word} part lacks loci or negatives; it needs both.")
    raw = structure_functions(data.around)
    mean, spread = raw[~held_out].mean(axis=0), raw[~held_out].std(axis=0)
    # A shell inside the hard core is empty for nearly all centres; what is left is rounding.
    scale = np.where(spread > 1e-9, spread, 1.0)
    return Examples(
        densities=((raw - mean) / scale).astype(np.float32),
        is_locus=labels,
        group=data.group.astype(np.int64),
        held_out=held_out,
        mean=mean,
        scale=scale,
    )
