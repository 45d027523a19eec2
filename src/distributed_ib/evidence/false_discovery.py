"""q-values, which bound the expected share of false discoveries."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def q_values(p_values: ArrayLike) -> NDArray[np.float64]:
    """q-values of several tests, `[test]` (Benjamini and Hochberg 1995).

    If the tests with a q-value of at most q are claimed, the expected share of false claims is at
    most q, for independent or positively dependent tests.

    Args:
        p_values: p-values of the tests, `[test]`.

    Example:
        >>> q_values([0.01, 0.5, 0.02]).round(3).tolist()
        [0.03, 0.5, 0.03]
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty_like(p)
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return found
