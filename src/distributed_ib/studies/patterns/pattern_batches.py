"""Fresh positions and their Y for a sweep, in one compiled program for all patterns."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from distributed_ib.data.batches import Batch
from distributed_ib.studies.patterns.pattern_library import (
    HALF_SIDE,
    PATTERNS,
    Pattern,
    PatternFunction,
)

# In a fixed order, so that the functions are the same in every sweep.
_FUNCTIONS = tuple(pattern.function for pattern in PATTERNS.values())


class PatternBatches(eqx.Module):
    """Positions drawn uniformly from the square at every step, and their Y.

    The pattern is selected by an index inside the compiled loop, so that sweeps over the seven
    patterns share one compilation.

    Attributes:
        functions: The patterns that the loop can draw.
        index: Index of the pattern in `functions`, a scalar.
        batch_size: Rows in a batch.
        n_components: 2 gives positions as horizontal and vertical, `[batch, 2, 1]`; 1 gives them
            whole, `[batch, 1, 2]`.
    """

    functions: tuple[PatternFunction, ...] = eqx.field(static=True)
    index: Array
    batch_size: int = eqx.field(static=True)
    n_components: int = eqx.field(static=True)

    @property
    def max_steps(self) -> None:
        """None: no limit, because nothing is prepared."""

    @property
    def repeat_axis(self) -> None:
        """None: there is no axis of repeats, because nothing is prepared."""

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> tuple[()]:
        """Nothing."""
        return ()

    def pick(self, prepared: Any, offset: Array) -> tuple[()]:
        """Nothing."""
        return ()

    def draw(self, picked: Any, key: Array) -> Batch:
        """Positions `[batch, component, 2 / n_components]` and their Y `[batch]`."""
        position = jax.random.uniform(
            key, (self.batch_size, 2), minval=-HALF_SIDE, maxval=HALF_SIDE
        )
        y = jax.lax.switch(self.index, self.functions, position)
        return as_components(position, self.n_components), y


def pattern_batches(pattern: Pattern, batch_size: int, n_components: int) -> PatternBatches:
    """The batches of a pattern, one of the seven or a custom one.

    Example:
        >>> source = pattern_batches(PATTERNS["circle"], 8, n_components=2)
        >>> x, y = source.draw((), jax.random.key(0))
        >>> x.shape, y.shape
        ((8, 2, 1), (8,))
    """
    functions = _FUNCTIONS if pattern.function in _FUNCTIONS else (pattern.function,)
    index = jnp.asarray(functions.index(pattern.function), jnp.int32)
    return PatternBatches(functions, index, batch_size, n_components)


def as_components(position: Any, n_components: int) -> Any:
    """Positions `[n, 2]` as 2 components of one number each, or as 1 component of two."""
    return position.reshape(-1, n_components, 2 // n_components)
