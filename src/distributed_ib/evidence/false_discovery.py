"""q-values: how many of those that are claimed would be claimed by chance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def q_values(p_values: ArrayLike) -> NDArray[np.float64]:
    """q-values of some tests, `[test]` (Benjamini and Hochberg 1995).

    Of all tests whose q-value is at most q, a share q at most is claimed wrongly, on average over
    tables; tests may be independent or positively dependent.

    Args:
        p_values: Their p-values, `[test]`.

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
