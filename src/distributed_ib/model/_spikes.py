"""Values of numbers that have a learned vector in addition to the features of the number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int32

from distributed_ib.data.columns.spikes import MOST_SPIKES
from distributed_ib.errors import UserError
from distributed_ib.model._table_layout import TableLayout

# A number equals a value if they differ by no more than rounding in single precision.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Spikes:
    """The values of each column of numbers that have vectors of their own.

    Attributes:
        layout: The columns of each component.
        values: These values of every continuous column, on the scale of the encoder's input; empty
            if no column has any.

    Raises:
        UserError: If the number of columns is wrong, a value is not finite, or there are too many.

    Example:
        >>> layout = TableLayout((2, 0), ((), (3,)), max_values=256)
        >>> Spikes(layout, ((), (0.5, 1.0))).owner.tolist()
        [0, 0]
    """

    layout: TableLayout
    values: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Check the values."""
        n_columns = sum(self.layout.n_numbers)
        if self.values and len(self.values) != n_columns:
            raise UserError(
                f"spikes are given for {len(self.values)} columns, but there are {n_columns}."
            )
        if not all(np.isfinite(one).all() for one in self.values):
            raise UserError("spikes must be finite numbers.")
        if max(map(len, self.values), default=0) > MOST_SPIKES:
            raise UserError(f"a column has more than {MOST_SPIKES} spikes.")

    @property
    def n_vectors(self) -> int:
        """Total number of values of all columns."""
        return sum(map(len, self.values))

    @cached_property
    def owner(self) -> Int32[np.ndarray, " spike"]:
        """Component of each value, `[spike]`."""
        of_column = np.repeat(np.arange(self.layout.n_components), self.layout.n_numbers)
        return np.repeat(of_column, [len(one) for one in self.values] or 0).astype(np.int32)

    def add_to(
        self,
        total: Float[Array, "row n hidden"],
        numbers: Float[Array, "n row column"],
        vectors: Float[Array, "spike hidden"],
        rows: Sequence[int],
    ) -> Float[Array, "row n hidden"]:
        """Add the vectors of the values that the numbers take.

        Args:
            total: First layer before activation of some components.
            numbers: Their numbers, padded to the same number of columns.
            vectors: A vector for each value of each column.
            rows: These components, as rows of `TableLayout.number_columns`.
        """
        with_numbers = (*self.layout.numeric, *self.layout.mixed)
        members = [self.of_component(with_numbers[row]) for row in rows]
        having = [place for place, found in enumerate(members) if found]
        if not having:
            return total
        most = max(len(members[place]) for place in having)
        column, vector = (np.zeros((len(having), most), np.int32) for _ in range(2))
        value = np.full((len(having), most), np.nan, np.float32)  # equal to no number
        for j, place in enumerate(having):
            for k, found in enumerate(members[place]):
                column[j, k], value[j, k], vector[j, k] = found
        places = np.array(having, np.int32)
        taken = jnp.take_along_axis(numbers[:, places], column[None], axis=2)
        marks = _equal(taken, value[None]).astype(total.dtype)
        part = jnp.einsum("nrk,rkh->rnh", marks, vectors[vector])
        return total.at[places].add(part)

    def of_component(self, component: int) -> list[tuple[int, float, int]]:
        """Column within the component, value, and vector index of each of its spikes."""
        first = sum(self.layout.n_numbers[:component])
        vector = sum(map(len, self.values[:first]))
        found = []
        for column in range(self.layout.n_numbers[component]):
            for value in self.values[first + column]:
                found.append((column, value, vector))
                vector += 1
        return found


def _equal(
    numbers: Float[Array, "n row spike"], values: Float[np.ndarray, "one row spike"]
) -> Bool[Array, "n row spike"]:
    return jnp.abs(numbers - values) <= _TOLERANCE * np.maximum(1.0, np.abs(values))
