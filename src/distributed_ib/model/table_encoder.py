"""The encoder for tables: components of mixed numbers and categories, of unequal widths."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from distributed_ib.checks import whole_number
from distributed_ib.components.inputs import TableInput
from distributed_ib.errors import UserError
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.mlp import ACTIVATIONS, MLP
from distributed_ib.model.opening import channel_from, open_channels
from distributed_ib.model.positional import positional_encoding
from distributed_ib.model.table_layout import TableLayout

# Every value of a component has a row of indices, which no model description may make without end.
LIMIT_VALUES = 1 << 16


class TableEncoder(eqx.Module):
    """A network for every component of a table, with a first layer of its own for each.

    The first layer of a component is a matrix for its continuous columns, plus a learned vector
    for each level of its categorical columns: what a one-hot times a matrix would give, without
    the one-hot. The layers after it are shared by all components by default; a component's own
    bias tells them whom they serve.

    A component without continuous columns takes few values. It is encoded once for every value
    instead of once for every row, and the rows look theirs up: the same function, far cheaper.

    Attributes:
        weights: First matrices of components with continuous columns, `[component, feature,
            hidden]`, padded with zeros to the widest of them.
        vectors: Learned vectors of all levels of all categorical columns, `[level, hidden]`.
        bias: First bias of each component, `[component, hidden]`; it starts at random, as its
            identity.
        rest: The remaining layers; the last gives mean and log variance.

    Example:
        >>> encoder = TableEncoder(n_numbers=[1, 0, 2], n_levels=[[], [4], [3]], hidden=[16, 16],
        ...                        embedding_dim=2, n_frequencies=3, key=jax.random.key(0))
        >>> x = TableInput(jnp.zeros((10, 3)), jnp.zeros((10, 2), jnp.uint8))
        >>> encoder(x).mean.shape
        (10, 3, 2)
    """

    weights: Array
    vectors: Array
    bias: Array
    rest: MLP
    options: tuple[tuple[str, Any], ...] = eqx.field(static=True)

    def __init__(
        self,
        *,
        n_numbers: Sequence[int],
        n_levels: Sequence[Sequence[int]],
        hidden: Sequence[int],
        embedding_dim: int,
        n_frequencies: int = 0,
        longest_period: float = 1.0,
        separate: bool = False,
        max_values: int = 256,
        activation: str = "relu",
        key: Array,
    ) -> None:
        """Make the encoder.

        Args:
            n_numbers: Continuous columns of each component, `[component]`; with `n_levels` from
                `FittedDecomposition.encoder_options`.
            n_levels: Levels of each categorical column of each component.
            hidden: Widths of at least one hidden layer.
            embedding_dim: Dimensions of u_i.
            n_frequencies: Sines of the positional encoding of every continuous column.
            longest_period: Period of the slowest of them, in standard deviations of the column.
                The paper's encoding has 1; a larger one suits relationships without fine detail.
            separate: Whether each component has all its layers to itself.
            max_values: Most values of a component that is encoded once for every value, at most
                65,536. Does not apply to separate layers.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If the sizes don't fit together.
        """
        if not hidden:
            raise UserError("a TableEncoder needs at least one hidden layer, got none.")
        if not longest_period > 0:
            raise UserError(f"longest_period must be positive, got {longest_period:g}.")
        whole_number("max_values", max_values, 0, LIMIT_VALUES)
        self.options = (
            ("n_numbers", tuple(map(int, n_numbers))),
            ("n_levels", tuple(tuple(map(int, levels)) for levels in n_levels)),
            ("hidden", tuple(hidden)),
            ("embedding_dim", embedding_dim),
            ("n_frequencies", n_frequencies),
            ("longest_period", longest_period),
            ("separate", separate),
            ("max_values", max_values),
            ("activation", activation),
        )
        layout = self.layout
        key_weights, key_vectors, key_bias, key_rest = jax.random.split(key, 4)
        # Inputs that can be on at once: numbers with their sines, one level a column, the bias.
        fan_in = np.array(
            [
                count * (1 + n_frequencies) + len(levels) + 1
                for count, levels in zip(layout.n_numbers, layout.n_levels, strict=True)
            ]
        )
        limits = np.sqrt(6.0 / (fan_in + hidden[0])).astype(np.float32)
        with_numbers = np.array((*layout.numeric, *layout.mixed), np.int32)
        n_features = layout.number_columns.shape[1] * (1 + n_frequencies)
        self.weights = _uniform(
            key_weights, limits[with_numbers, None, None], n_features, hidden[0]
        )
        self.vectors = _uniform(key_vectors, limits[layout.vector_owner, None], hidden[0])
        self.bias = _uniform(key_bias, limits[:, None], hidden[0])
        self.rest = open_channels(
            MLP(
                (*hidden, 2 * embedding_dim),
                activation=activation,
                stack=layout.n_components if separate else None,
                key=key_rest,
            )
        )

    @property
    def layout(self) -> TableLayout:
        """Where the columns of each component stand."""
        options = dict(self.options)
        return _layout(
            options["n_numbers"],
            options["n_levels"],
            0 if options["separate"] else options["max_values"],
        )

    def __call__(self, x: TableInput) -> GaussianChannel:
        """Encode rows of a table: `numbers` `[batch, n_numbers]`, `codes` `[batch, n_codes]`."""
        layout = self.layout
        activate = ACTIVATIONS[self.rest.activation]
        codes = jnp.pad(x.codes.astype(jnp.int32), ((0, 0), (0, 1)))  # padding points at the zeros
        by_row = activate(self._first_layer_by_row(x.numbers, codes))  # [component, batch, hidden]
        if dict(self.options)["separate"]:
            order = np.array(layout.by_row, np.int32)
            stack = jax.tree.map(lambda leaf: leaf[order], self.rest)
            parts = jnp.swapaxes(stack(by_row), 0, 1)
        else:
            by_value = activate(self._first_layer_by_value())  # [value, hidden]
            n_components, n_batch, width = by_row.shape
            n_rows = n_components * n_batch
            # One product for everything that goes through the shared layers.
            outputs = self.rest(jnp.concatenate([by_row.reshape(n_rows, width), by_value]))
            of_rows = outputs[:n_rows].reshape(n_components, n_batch, outputs.shape[-1])
            columns, counts, first = layout.value_codes
            digits = codes[:, columns] * counts[None]
            of_values = outputs[n_rows:][first[None] + digits.sum(axis=-1)]
            parts = jnp.concatenate([jnp.swapaxes(of_rows, 0, 1), of_values], axis=1)
        return channel_from(parts[:, layout.to_declared_order])

    def config(self) -> dict[str, Any]:
        """What is needed to make an encoder of the same shape."""
        options = dict(self.options)
        return {
            **options,
            "n_numbers": list(options["n_numbers"]),
            "n_levels": [list(levels) for levels in options["n_levels"]],
            "hidden": list(options["hidden"]),
        }

    def _first_layer_by_row(self, numbers: Array, codes: Array) -> Array:
        """Before activation, `[component, batch, hidden]`, in the encoder's order."""
        layout, options = self.layout, dict(self.options)
        n_numeric, n_mixed = len(layout.numeric), len(layout.mixed)
        padded = jnp.pad(numbers, ((0, 0), (0, 1)))[:, layout.number_columns]
        sines = positional_encoding(padded / options["longest_period"], options["n_frequencies"])
        features = jnp.concatenate([padded, sines[..., padded.shape[-1] :]], axis=-1)
        product = jnp.einsum("bcf,cfh->cbh", features, self.weights)
        columns, first = layout.row_codes
        gathered = self._padded_vectors()[first[None] + codes[:, columns]].sum(axis=2)
        gathered = jnp.swapaxes(gathered, 0, 1)
        total = jnp.concatenate(
            [
                product[:n_numeric],
                product[n_numeric:] + gathered[:n_mixed],
                gathered[n_mixed:],
            ]
        )
        return total + self.bias[np.array(layout.by_row, np.int32)][:, None]

    def _first_layer_by_value(self) -> Array:
        """Before activation, `[value, hidden]`."""
        layout = self.layout
        total = self._padded_vectors()[layout.value_vectors].sum(axis=1)
        return total + self.bias[layout.value_owner]

    def _padded_vectors(self) -> Array:
        return jnp.pad(self.vectors, ((0, 1), (0, 0)))


def _uniform(key: Array, limits: Any, *sizes: int) -> Array:
    """Numbers uniform in +-limits; `limits` is broadcast along `sizes` at the end."""
    shape = (*limits.shape[: limits.ndim - len(sizes)], *sizes)
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0) * limits


_layout = lru_cache(maxsize=64)(TableLayout)
