"""The subsets that a sweep found in a circuit, ranked by exhaustive search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distributed_ib.information.subset_information import rank_within_size, subset_mask
from distributed_ib.scheme.subsets_in_use import Subset


@dataclass(frozen=True)
class RankedSubset:
    """A subset that a sweep used, with its rank among all subsets of its size.

    Attributes:
        subset: The stretch of the sweep.
        information_bits: I(X_S; Y), exact: the information of the uncompressed subset about Y.
        rank: 1 if no subset of its size is more informative; equally informative ones share a
            rank.
        n_of_size: Number of subsets of its size.
    """

    subset: Subset
    information_bits: float
    rank: int
    n_of_size: int


def rank_subsets(
    subsets: Sequence[Subset], inputs: Sequence[str], information_bits: NDArray[np.float64]
) -> list[RankedSubset]:
    """Rank the subsets of a sweep by exact information.

    Args:
        subsets: From `ApproximationScheme.subsets`.
        inputs: Names of the circuit's inputs, in order.
        information_bits: From `subset_information_bits`, `[2**n]`.

    Example:
        >>> from distributed_ib.information.subset_information import subset_information_bits
        >>> found = [Subset(("a",), 0.1, 1.0, 1.0, 0.3)]
        >>> y = np.array([0, 0, 0, 1])  # a AND b
        >>> [(r.rank, r.n_of_size) for r in rank_subsets(found, "ab", subset_information_bits(y))]
        [(1, 2)]
    """
    sizes = np.bitwise_count(np.arange(len(information_bits), dtype=np.uint32))
    index = {name: i for i, name in enumerate(inputs)}
    ranked = []
    for subset in subsets:
        mask = subset_mask(index[name] for name in subset.components)
        ranked.append(
            RankedSubset(
                subset=subset,
                information_bits=float(information_bits[mask]),
                rank=rank_within_size(information_bits, mask),
                n_of_size=int(np.sum(sizes == len(subset.components))),
            )
        )
    return ranked
