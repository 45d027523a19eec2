"""Conversion between the two units of information.

Everything is computed in nats, the natural unit for logarithms and exponentials, and reported in
bits.
"""

import math
from typing import TypeVar

NATS_PER_BIT = math.log(2.0)

Number = TypeVar("Number")


def nats_to_bits(nats: Number) -> Number:
    """Convert information from nats to bits; works on numbers and arrays.

    >>> round(nats_to_bits(1.0), 4)
    1.4427
    """
    return nats / NATS_PER_BIT  # type: ignore[operator, return-value]


def bits_to_nats(bits: Number) -> Number:
    """Convert information from bits to nats; works on numbers and arrays.

    >>> round(bits_to_nats(1.0), 4)
    0.6931
    """
    return bits * NATS_PER_BIT  # type: ignore[operator, return-value]
