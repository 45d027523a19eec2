"""Channels for components with few values: a table p(u_i|x_i) with as many symbols as values.

A Gaussian channel can't be optimal for such a component (an optimal channel often emits one symbol
with certainty and another rarely), and its I(U;X) is an integral. For a table, I(U;X) is a short
sum, and the optimum is always such a table, since more symbols than values never help.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike, NDArray

from distributed_ib.errors import UserError

# exp(-25) = 1e-11: a symbol this rare is not in use, but can return.
_MIN_LOG_PROBABILITY = -25.0


class DiscreteChannels(eqx.Module):
    """p(u_i|x_i) of all components as one table.

    Components with fewer values than the largest are padded with symbols that never occur.

    Attributes:
        log_probabilities: Natural logarithms, `[component, value, symbol]`.

    Example:
        >>> channels = DiscreteChannels(jnp.log(jnp.array([[[0.5, 0.5], [0.5, 0.5]]])))
        >>> channels.information_nats(jnp.array([[0.5, 0.5]])).tolist()  # says nothing
        [0.0]
    """

    log_probabilities: Array

    def probabilities(self) -> Array:
        """The table of probabilities, `[component, value, symbol]`; its rows sum to one."""
        return jnp.exp(self.log_probabilities)

    def symbol_log_probabilities(self, value_probabilities: Array) -> Array:
        """Logarithm of p(u_i), `[component, symbol]`, under p(x_i) `[component, value]`."""
        log_joint = self.log_probabilities + jnp.log(value_probabilities)[..., None]
        return jax.nn.logsumexp(log_joint, axis=-2)

    def information_nats(self, value_probabilities: Array) -> Array:
        """I(U_i; X_i), exact, `[component]`, under p(x_i) `[component, value]`."""
        used = self.symbol_log_probabilities(value_probabilities)
        ratio = self.log_probabilities - used[..., None, :]
        terms = value_probabilities[..., None] * self.probabilities() * ratio
        return jnp.maximum(terms.sum(axis=(-2, -1)), 0.0)

    def pick(self, x: Array, chance: Array) -> Array:
        """The symbol of every component of rows `x`, drawn with uniform random numbers `chance`.

        Args:
            x: Indices of values, `[.., component]`.
            chance: Random numbers between 0 and 1, of the same shape.
        """
        # The number of partial sums that `chance` exceeds; the last sum is 1 except for rounding.
        partial_sums = jnp.cumsum(self.probabilities(), axis=-1)[..., :-1]
        given = partial_sums[jnp.arange(partial_sums.shape[0]), x]  # [.., component, symbol]
        return jnp.sum(chance[..., None] > given, axis=-1)

    def moved_towards(self, target: Array, rate: Array | float) -> "DiscreteChannels":
        """Channels moved by a fraction `rate`, in log probability, towards unscaled `target`."""
        mixed = (1.0 - rate) * self.log_probabilities + rate * jax.nn.log_softmax(target, axis=-1)
        return DiscreteChannels(
            jnp.maximum(jax.nn.log_softmax(mixed, axis=-1), _MIN_LOG_PROBABILITY)
        )


def subset_channels(
    sizes: Sequence[int], in_use: ArrayLike, *, slip: float = 0.02, ajar: float = 0.05
) -> NDArray[np.float32]:
    """Tables in which chosen components are nearly open and the others nearly shut.

    Neither is exact, because a symbol that never occurs, or a component that conveys nothing, would
    never change.

    Args:
        sizes: Number of values of each component, `[component]`.
        in_use: Which components are open, `[.., component]`.
        slip: Probability that an open channel emits a random symbol.
        ajar: Probability that a shut channel emits the true value.

    Returns:
        Probabilities `[.., component, value, symbol]`, padded with zeros for missing symbols.

    Raises:
        UserError: If the numbers of components disagree.

    Example:
        >>> subset_channels([2, 2], [True, False])[:, 0].astype(float).round(3).tolist()
        [[0.99, 0.01], [0.525, 0.475]]
    """
    chosen = np.asarray(in_use, dtype=bool)
    if chosen.ndim == 0 or chosen.shape[-1] != len(sizes):
        raise UserError(
            f"subsets have shape {chosen.shape}, but there are {len(sizes)} components."
        )
    width = max(sizes)
    tables = np.zeros((2, len(sizes), width, width))
    for i, size in enumerate(sizes):
        for row, p_true in enumerate((ajar, 1.0 - slip)):
            tables[row, i, :, :size] = (1.0 - p_true) / size
            tables[row, i] += p_true * np.eye(width)
        tables[:, i, size:] = 0.0
        tables[:, i, size:, 0] = 1.0  # values that never occur need some row that sums to one
    return np.where(chosen[..., None, None], tables[1], tables[0]).astype(np.float32)
