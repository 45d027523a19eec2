"""Information of each input of a Boolean function: alone, unique, and its Shapley value."""

from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from distributed_ib.errors import UserError


class ExactShares(NamedTuple):
    """Information of each input about Y, in bits.

    Attributes:
        alone: I(X_i;Y), `[input]`.
        unique: What is lost without it, I(X;Y) - I(X without X_i;Y), `[input]`.
        shapley: Its Shapley value, `[input]`: what it adds to the inputs before it, averaged over
            all orders of the inputs. The values sum to I(X;Y).
    """

    alone: Float64[np.ndarray, " input"]
    unique: Float64[np.ndarray, " input"]
    shapley: Float64[np.ndarray, " input"]


def exact_shares(information_bits: ArrayLike) -> ExactShares:
    """Shares of all inputs, from the information of every subset.

    Args:
        information_bits: I(X_S;Y) of every subset S, `[2**n]`, from `subset_information_bits`;
            bit i of the index says whether S contains input i.

    Raises:
        UserError: If the number of subsets is not a power of two above 1.

    Example:
        >>> xor = exact_shares([0.0, 0.0, 0.0, 1.0])
        >>> xor.alone.tolist(), xor.unique.tolist(), xor.shapley.tolist()
        ([0.0, 0.0], [1.0, 1.0], [0.5, 0.5])
    """
    information = np.asarray(information_bits, np.float64)
    n = int(information.size).bit_length() - 1
    if information.ndim != 1 or information.size != 1 << n or n < 1:
        raise UserError(
            f"the number of subsets must be a power of two above 1, got {information.size}."
        )
    masks = np.arange(information.size)
    sizes = np.bitwise_count(masks).astype(np.int64)
    # Share of orders in which exactly a given subset of size s comes before: s! (n - 1 - s)! / n!.
    share = np.array([1 / (n * comb(n - 1, s)) for s in range(n)])
    shapley = np.empty(n)
    for i in range(n):
        without = masks[(masks >> i) & 1 == 0]
        gained = information[without | (1 << i)] - information[without]
        shapley[i] = (share[sizes[without]] * gained).sum()
    bits = 1 << np.arange(n)
    return ExactShares(
        information[bits] - information[0], information[-1] - information[masks[-1] ^ bits], shapley
    )
