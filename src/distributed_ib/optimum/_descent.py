"""Alternating minimisation of the Distributed IB objective for discrete components.

The objective `beta * sum_i I(U_i; X_i) - I(U; Y)` is the minimum over r and s of

    F(q, r, s) = beta * sum_i E KL(q_i(u_i|x_i) || s_i(u_i)) - E log r(y|u) - H(Y),

so that minimising over one of q_i, r, s at a time never increases F. The minimiser over q_i is
`q_i(u|x) ~ s_i(u) exp(E[log r(y|u) | u_i = u, x_i = x] / beta)` and the minimisers over r and s are
the true p(y|u) and p(u_i): the generalised Blahut-Arimoto iteration.

Many descents run side by side. Components are packed into blocks of about 32 joint values: the
channels of a block are applied to the joint table as one Kronecker product (a matrix product), and
all components of a block are updated in turn from one small matrix.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

FloatArray = NDArray[np.float64]

BLOCK_VALUES = 32
"""Joint values of a block: wide enough for BLAS, narrow enough for cheap Kronecker products."""

_TINY = 1e-290  # the smallest probability a denominator may have
_FLOOR = 1e-200  # r(y|u) is clipped here: such cells have no weight, but 0 * log 0 must be 0
_ROUNDING_NATS = 1e-9  # an increase beyond this is an error, not rounding


class MonotonicityError(ArithmeticError):
    """The objective rose during alternating minimisation, which indicates a bug.

    >>> raise MonotonicityError("the objective rose by 0.1 nats")
    Traceback (most recent call last):
        ...
    distributed_ib.optimum._descent.MonotonicityError: the objective rose by 0.1 nats
    """


@dataclass(frozen=True)
class Descent:
    """The state of a batch of descents.

    Attributes:
        channels: For each component p(u|x), `[batch, u, x]`.
        objective_nats: The objective of these channels, `[batch]`.
        information_nats: I(U_i; X_i), `[batch, component]`.
        predictive_nats: I(U; Y), `[batch]`.
        converged: Whether the last two rounds gained less than the tolerance, `[batch]`.
    """

    channels: list[FloatArray]
    objective_nats: FloatArray
    information_nats: FloatArray
    predictive_nats: FloatArray
    converged: NDArray[np.bool_]


def entropy_nats(
    probabilities: FloatArray, axis: int | tuple[int, ...] | None = None
) -> FloatArray:
    """Entropy in nats along `axis` (default: of the whole array).

    >>> float(entropy_nats(np.array([0.5, 0.5])).round(4))
    0.6931
    """
    return np.asarray(entr(probabilities).sum(axis=axis))


def channel_information_nats(channel: FloatArray, marginal: FloatArray) -> FloatArray:
    """I(U; X) in nats of channels p(u|x) `[batch, u, x]` under p(x) `[batch or 1, x]`.

    >>> float(channel_information_nats(np.eye(2)[None], np.array([[0.5, 0.5]]))[0].round(4))
    0.6931
    """
    used = np.einsum("bux,bx->bu", channel, np.broadcast_to(marginal, channel.shape[::2]))
    log_ratio = np.log(np.maximum(channel, _TINY)) - np.log(np.maximum(used, _TINY))[:, :, None]
    return np.sum(marginal[:, None, :] * channel * log_ratio, axis=(1, 2))


def descend(
    joint: FloatArray,
    channels: Sequence[FloatArray],
    beta: FloatArray,
    *,
    max_rounds: int,
    tolerance_nats: float = 1e-11,
) -> Descent:
    """Run alternating minimisation from given channels for a batch of beta.

    Args:
        joint: p(y, x_1, .., x_m), `[batch or 1, y, x_1, .., x_m]`.
        channels: For each component a start p(u|x), `[batch, u, x]` with as many u as x.
        beta: Bottleneck strengths, `[batch]`.
        max_rounds: Maximum number of rounds, each of which updates every component once.
        tolerance_nats: A descent has converged if two successive rounds gain less than this.

    Returns:
        The final channels and their terms.

    Raises:
        MonotonicityError: If the objective increases by more than rounding errors.

    >>> joint = np.array([[[0.5, 0.0], [0.0, 0.5]]])  # y = x
    >>> start = [np.array([[[0.9, 0.2], [0.1, 0.8]]])]
    >>> done = descend(joint, start, np.array([0.5]), max_rounds=500)
    >>> float(done.objective_nats[0].round(6)) == round(-0.5 * math.log(2), 6)
    True
    """
    state = _State(joint, channels, beta)
    previous = np.full(len(beta), np.inf)
    still = np.zeros(len(beta), dtype=int)
    for _ in range(max_rounds):
        before = state.round()
        gain = previous - before
        _check_monotone(gain, beta)
        still = np.where(gain < tolerance_nats, still + 1, 0)
        previous = before
        if np.all(still >= 2):
            break
    objective, information, predictive = state.terms()
    _check_monotone(previous - objective, beta)
    return Descent(state.channels, objective, information, predictive, still >= 2)


def _check_monotone(gain_nats: FloatArray, beta: FloatArray) -> None:
    worst = int(np.argmin(gain_nats))
    if not gain_nats[worst] >= -_ROUNDING_NATS:
        raise MonotonicityError(
            f"The objective rose by {-gain_nats[worst]:.3g} nats in one round at beta = "
            f"{beta[worst]:.6g}; alternating minimisation must never do so."
        )


class _State:
    """Channels of a batch of descents and the joint table that they share."""

    def __init__(self, joint: FloatArray, channels: Sequence[FloatArray], beta: FloatArray) -> None:
        sizes = joint.shape[2:]
        self.blocks = _blocks(sizes)
        widths = [math.prod(sizes[i] for i in block) for block in self.blocks]
        self.joint = joint.reshape(joint.shape[0], joint.shape[1], *widths)
        self.channels = [np.array(channel, dtype=np.float64) for channel in channels]
        self.beta = np.asarray(beta, dtype=np.float64)
        axes = range(2, joint.ndim)
        self.marginals = [
            joint.sum(axis=tuple(a for a in range(1, joint.ndim) if a != keep)) for keep in axes
        ]
        outcome = joint.sum(axis=tuple(axes))  # [batch or 1, y]
        self.outcome_entropy = entropy_nats(outcome, axis=1)
        self.outcome_floor = _TINY * outcome.reshape(*outcome.shape, *[1] * len(widths))
        self._objective = np.full(len(self.beta), np.nan)
        self._measured = False

    def information(self) -> FloatArray:
        """I(U_i; X_i), `[batch, component]`."""
        if not self.channels:
            return np.zeros((len(self.beta), 0))
        pairs = zip(self.channels, self.marginals, strict=True)
        return np.stack([channel_information_nats(q, p) for q, p in pairs], axis=1)

    def kronecker(self, block: Sequence[int]) -> FloatArray:
        """The channel of a whole block, `[batch, u, x]`."""
        out = self.channels[block[0]]
        for i in block[1:]:
            q = self.channels[i]
            grown = out[:, :, None, :, None] * q[:, None, :, None, :]
            out = grown.reshape(len(q), out.shape[1] * q.shape[1], out.shape[2] * q.shape[2])
        return out

    def push(self, table: FloatArray, block: int) -> FloatArray:
        """Apply the channels of a block to its axis of a table `[batch, y, ..]`."""
        channel = self.kronecker(self.blocks[block])
        shape = (len(channel), *table.shape[1:])
        width = table.shape[block + 2]
        if block == len(self.blocks) - 1:
            flat = table.reshape(len(table), -1, width)
            return np.matmul(flat, channel.swapaxes(1, 2)).reshape(shape)
        before = math.prod(table.shape[1 : block + 2])
        return np.matmul(channel[:, None], table.reshape(len(table), before, width, -1)).reshape(
            shape
        )

    def log_prediction(self, pushed: FloatArray) -> FloatArray:
        """Log p(y|u) from p(y, u); log p(y) if u never occurs, so that u can come into use."""
        pushed = pushed + self.outcome_floor
        pushed /= pushed.sum(axis=1, keepdims=True)
        np.maximum(pushed, _FLOOR, out=pushed)
        return np.log(pushed, out=pushed)

    def terms(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Objective `[batch]`, information `[batch, component]` and I(U; Y) `[batch]`, in nats."""
        table = self.joint
        for block in range(len(self.blocks)):
            table = self.push(table, block)
        information = self.information()
        predictive = self._predictive(table, self.log_prediction(table))
        predictive = np.broadcast_to(predictive, self.beta.shape)
        return self.beta * information.sum(axis=1) - predictive, information, predictive

    def _predictive(self, pushed: FloatArray, log_prediction: FloatArray) -> FloatArray:
        size = len(pushed)
        flat, log_flat = pushed.reshape(size, -1), log_prediction.reshape(size, -1)
        return self.outcome_entropy + np.einsum("bc,bc->b", flat, log_flat)

    def round(self) -> FloatArray:
        """Update every component once; return the objective BEFORE the round in nats, `[batch]`."""
        if not self.blocks:
            return self.terms()[0]
        self._measured = False
        self._sweep(self.joint, 0, len(self.blocks), self._update)
        return self._objective

    def _sweep(
        self, table: FloatArray, low: int, high: int, leaf: Callable[[FloatArray, int], None]
    ) -> None:
        """Visit the blocks from `low` up to `high`, each with all others pushed, by bisection."""
        if high - low == 1:
            leaf(table, low)
            return
        middle = (low + high) // 2
        left = table
        for block in range(middle, high):
            left = self.push(left, block)
        self._sweep(left, low, middle, leaf)
        for block in range(low, middle):
            table = self.push(table, block)
        self._sweep(table, middle, high, leaf)

    def _update(self, table: FloatArray, block: int) -> None:
        """Update the channels of one block; `table` has all the other blocks pushed."""
        pushed = self.push(table, block)
        log_prediction = self.log_prediction(pushed)
        if not self._measured:  # all blocks are pushed, and no channel has changed in this round
            self._measured = True
            rate = self.beta * self.information().sum(axis=1)
            self._objective = rate - self._predictive(pushed, log_prediction)
        batch, width = len(self.beta), table.shape[block + 2]
        before = math.prod(table.shape[1 : block + 2])
        if block == len(self.blocks) - 1:
            flat = table.reshape(len(table), before, width).swapaxes(1, 2)
            expected = np.matmul(flat, log_prediction.reshape(batch, before, width))
        else:
            left = table.reshape(len(table), before, width, -1)
            right = log_prediction.reshape(batch, before, width, -1)
            expected = np.matmul(left, right.swapaxes(2, 3)).sum(axis=1)
        self._update_channels(expected, self.blocks[block])

    def _update_channels(self, expected: FloatArray, block: Sequence[int]) -> None:
        """Update a block's channels in turn from E[log p(y|u); x] over its joint x and u.

        Args:
            expected: `[batch, x, u]` over the joint values of the block.
            block: The components, in order.
        """
        batch, count = len(self.beta), len(block)
        sizes = [self.channels[i].shape[1] for i in block]
        pairs = [axis for j in range(count) for axis in (1 + count + j, 1 + j)]  # u_j, x_j
        rest = expected.reshape(batch, *sizes, *sizes).transpose(0, *pairs)
        later = [np.ones((batch, 1))]  # products of the old channels after each component
        for i in block[:0:-1]:
            flat = self.channels[i].reshape(batch, -1, 1)
            later.append((flat * later[-1][:, None, :]).reshape(batch, -1))
        for i, size, weight in zip(block, sizes, reversed(later), strict=True):
            rest = rest.reshape(batch, size * size, -1)
            gain = np.matmul(rest, weight[:, :, None]).reshape(batch, size, size)
            self.channels[i] = self._best_channel(i, gain)
            rest = np.matmul(self.channels[i].reshape(batch, 1, -1), rest)

    def _best_channel(self, component: int, gain: FloatArray) -> FloatArray:
        """The minimiser q(u|x) ~ s(u) exp(E[log r|u, x] / beta), `[batch, u, x]`."""
        marginal = self.marginals[component]
        used = np.matmul(self.channels[component], marginal[:, :, None])  # s(u): [batch, u, 1]
        exponent = gain / (np.maximum(marginal, _TINY)[:, None, :] * self.beta[:, None, None])
        exponent += np.log(np.maximum(used, _TINY))
        exponent -= exponent.max(axis=1, keepdims=True)
        np.exp(exponent, out=exponent)
        exponent /= exponent.sum(axis=1, keepdims=True)
        return exponent


def _blocks(sizes: Sequence[int]) -> list[list[int]]:
    """Pack neighbouring components into blocks of at most `BLOCK_VALUES` joint values."""
    blocks: list[list[int]] = []
    width = 0
    for i, size in enumerate(sizes):
        if blocks and width * size <= BLOCK_VALUES:
            blocks[-1].append(i)
            width *= size
        else:
            blocks.append([i])
            width = size
    return blocks
