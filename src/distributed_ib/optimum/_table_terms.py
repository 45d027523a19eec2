"""Exact information of discrete channels for a known joint distribution."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError
from distributed_ib.optimum._descent import descend

FloatArray = NDArray[np.float64]

_BATCH_CELLS = 2**22  # 32 megabytes of joint tables at a time


def channel_terms(joint: ArrayLike, channels: Sequence[ArrayLike]) -> tuple[FloatArray, FloatArray]:
    """Exact information of discrete channels about their components and about Y.

    Args:
        joint: p(x_1, .., x_m, y), `[x_1, .., x_m, y]`, as from `joint_from_samples`.
        channels: For each component p(u_i|x_i), `[candidate, x_i, u_i]` with as many u as x.

    Returns:
        I(U_i; X_i) in bits, `[candidate, component]`, and I(U; Y) in bits, `[candidate]`, which is
        what an optimal predictor knows.

    Raises:
        UserError: If the channels don't fit the joint distribution.

    >>> copied = [np.eye(2)[None], np.eye(2)[None]]
    >>> xor = np.array([[[0.25, 0.0], [0.0, 0.25]], [[0.0, 0.25], [0.25, 0.0]]])
    >>> [terms.round(6).tolist() for terms in channel_terms(xor, copied)]
    [[[1.0, 1.0]], [1.0]]
    """
    table = np.asarray(joint, dtype=np.float64)
    given = [np.asarray(channel, dtype=np.float64) for channel in channels]
    expected = [(len(given[0]), size, size) for size in table.shape[:-1]] if given else []
    if not given or [channel.shape for channel in given] != expected:
        raise UserError(
            f"Channels of shapes {[channel.shape for channel in given]} do not match a joint "
            f"distribution over {table.shape[:-1]} values."
        )
    outcome_first = np.moveaxis(table, -1, 0)[None]
    width = max(1, _BATCH_CELLS // table.size)
    information, predictive = [], []
    for low in range(0, len(given[0]), width):
        part = [channel[low : low + width].swapaxes(1, 2) for channel in given]
        terms = descend(outcome_first, part, np.ones(len(part[0])), max_rounds=0)
        information.append(terms.information_nats)
        predictive.append(np.maximum(terms.predictive_nats, 0.0))
    per_bit = np.log(2.0)
    return np.concatenate(information) / per_bit, np.concatenate(predictive) / per_bit


def symbol_tables(joint: ArrayLike, channels: Sequence[ArrayLike]) -> FloatArray:
    """p(u_1, .., u_m, y) for one set of channels p(u_i|x_i) `[x_i, u_i]`.

    >>> symbol_tables([[0.5, 0.0], [0.0, 0.5]], [[[0.9, 0.1], [0.1, 0.9]]]).tolist()
    [[0.45, 0.05], [0.05, 0.45]]
    """
    table = np.asarray(joint, dtype=np.float64)
    for axis, channel in enumerate(channels):
        said = np.tensordot(table, np.asarray(channel, dtype=np.float64), axes=(axis, 0))
        table = np.moveaxis(said, -1, axis)
    return table
