"""The encoder for tables: components of mixed numbers and categories, of unequal widths."""

from collections.abc import Sequence
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Float32, Int32, Integer, PRNGKeyArray

from distributed_ib._checks import whole_number
from distributed_ib.data.distinct_values import RepeatedNumbers
from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError
from distributed_ib.model._open_channels import channel_from, open_channels
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model._spikes import Spikes
from distributed_ib.model._table_layout import TableLayout
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.mlp import ACTIVATIONS, MLP
from distributed_ib.model.positional_encoding import positional_encoding

# Every value of a component has a row of indices; the limit keeps a model description from a file
# from using up all memory.
LIMIT_VALUES = 1 << 16
# Initial scale of the linear path: u then distinguishes values half a standard deviation apart.
_FIRST_SLOPE = 0.7


class TableEncoder(Part):
    """An encoder for the components of a table, with a separate first layer for each of them.

    The first layer of a component is a matrix for its continuous columns, plus a learned vector for
    each level of its categorical columns: the product of a one-hot vector and a matrix, without the
    one-hot vector. The layers after it are shared by all components by default; each component has
    its own bias, by which the shared layers distinguish it.

    A component without continuous columns takes few values. It is encoded once for every value
    instead of once for every row, and rows look up the result: the same function, at far lower
    cost. The same holds for components that consist only of numbers, such as ages, if the batch
    lists their values (`RepeatedNumbers`); the encoder does not depend on that list and takes any
    number.

    Attributes:
        weights: First matrices of components with continuous columns, `[component, feature,
            hidden]`, padded with zeros to the widest of them.
        vectors: Learned vectors of all levels of all categorical columns, `[level, hidden]`.
        bias: First bias of each component, `[component, hidden]`; its initial values are random, to
            identify the component.
        rest: The remaining layers; the last gives mean and log variance.
        slopes: With `linear`, the coefficients of continuous columns in the mean, `[component,
            column, embedding]`; otherwise None.
        spike_vectors: Learned vectors of the values in `spikes`, `[spike, hidden]`; None if none.
        n_numbers: Continuous columns of each component.
        n_levels: Levels of each categorical column of each component.
        hidden: Widths of the hidden layers.
        embedding_dim: Dimensions of u_i.
        n_frequencies: Sines of the positional encoding of every continuous column.
        longest_period: Period of the slowest of them, in standard deviations of the column.
        separate: Whether no layer is shared by components.
        max_values: Largest number of values of a component that is encoded once for every value.
        activation: "relu" or "tanh".
        linear: Whether there is a linear path from continuous columns to the mean.
        spikes: Values of each continuous column that have a vector of their own.
        smooth: Whether each continuous column is read without sines; empty if none is.

    Example:
        >>> encoder = TableEncoder(n_numbers=[1, 0, 2], n_levels=[[], [4], [3]], hidden=[16, 16],
        ...                        embedding_dim=2, n_frequencies=3, key=jax.random.key(0))
        >>> x = TableInput(jnp.zeros((10, 3)), jnp.zeros((10, 2), jnp.uint8))
        >>> encoder(x).mean.shape
        (10, 3, 2)
    """

    weights: Float[Array, "numeric feature hidden"]
    vectors: Float[Array, "level hidden"]
    bias: Float[Array, "component hidden"]
    rest: MLP
    slopes: Float[Array, "numeric column embedding"] | None
    spike_vectors: Float[Array, "spike hidden"] | None
    n_numbers: tuple[int, ...] = eqx.field(static=True)
    n_levels: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    embedding_dim: int = eqx.field(static=True)
    n_frequencies: int = eqx.field(static=True)
    longest_period: float = eqx.field(static=True)
    separate: bool = eqx.field(static=True)
    max_values: int = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    linear: bool = eqx.field(static=True)
    spikes: tuple[tuple[float, ...], ...] = eqx.field(static=True)
    smooth: tuple[bool, ...] = eqx.field(static=True)

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
        linear: bool = False,
        spikes: Sequence[Sequence[float]] = (),
        smooth: Sequence[bool] = (),
        key: PRNGKeyArray,
    ) -> None:
        """Make the encoder.

        Args:
            n_numbers: Continuous columns of each component, `[component]`; with `n_levels` from
                `FittedDecomposition.encoder_options`.
            n_levels: Levels of each categorical column of each component.
            hidden: Widths of at least one hidden layer.
            embedding_dim: Dimensions of u_i.
            n_frequencies: Sines of the positional encoding of every continuous column; none by
                default.
            longest_period: Period of the slowest of them, in standard deviations of the column.
                The default of 1 is that of the paper; a longer one suits relationships without fine
                detail.
            separate: Whether no layer is shared by components.
            max_values: Largest number of values of a component that is encoded once for every
                value, 256 by default and at most 65,536. Does not apply to separate layers.
            activation: "relu" or "tanh".
            linear: Whether the mean has a linear path from continuous columns in addition to the
                hidden layers, which then need not learn it; not by default.
            spikes: Values of each continuous column, on the scale of `x`, that have a learned
                vector in addition to the features of the number: a smooth function of the number
                could not distinguish them from their neighbours. None by default.
            smooth: Whether each continuous column is read without sines; by default all have them.
            key: Random key.

        Raises:
            UserError: If a size is out of range or the sizes don't match.
        """
        if not hidden:
            raise UserError("a TableEncoder needs at least one hidden layer, got none.")
        if not longest_period > 0:
            raise UserError(f"longest_period must be positive, got {longest_period:g}.")
        self.n_numbers = tuple(map(int, n_numbers))
        self.n_levels = tuple(tuple(map(int, levels)) for levels in n_levels)
        self.hidden = hidden_widths(hidden)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim, 1)
        self.n_frequencies = whole_number("n_frequencies", n_frequencies, 0)
        self.longest_period = float(longest_period)
        self.separate = bool(separate)
        self.max_values = whole_number("max_values", max_values, 0, LIMIT_VALUES)
        self.activation = activation
        self.linear = bool(linear)
        self.spikes = tuple(tuple(map(float, values)) for values in spikes)
        self.smooth = tuple(map(bool, smooth))
        layout = self.layout
        if len(self.smooth) not in (0, sum(self.n_numbers)):
            raise UserError(
                f"smooth is given for {len(self.smooth)} columns, but there are "
                f"{sum(self.n_numbers)}."
            )
        key_weights, key_vectors, key_bias, key_rest = jax.random.split(key, 4)
        # Inputs that can be non-zero at once: numbers with their sines, one level per column, the
        # bias.
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

        self.slopes = None
        if self.linear:
            shape = (len(with_numbers), layout.number_columns.shape[1], self.embedding_dim)
            self.slopes = _FIRST_SLOPE * jax.random.normal(jax.random.fold_in(key, 4), shape)
        self.spike_vectors = None
        if (found := Spikes(layout, self.spikes)).n_vectors:
            key_spikes = jax.random.fold_in(key, 5)
            self.spike_vectors = _uniform(key_spikes, limits[found.owner, None], hidden[0])

    @property
    def n_components(self) -> int:
        """Number of components."""
        return len(self.n_numbers)

    @property
    def layout(self) -> TableLayout:
        """The columns of each component."""
        return self._layout_with(())

    def __call__(self, x: TableInput | RepeatedNumbers) -> GaussianChannel:
        """Encode rows of a table: `numbers` `[batch, n_numbers]`, `codes` `[batch, n_codes]`.

        Raises:
            UserError: If values are listed for the wrong number of components or columns, or for a
                component with categories.
        """
        table, lists = (x.table, x) if isinstance(x, RepeatedNumbers) else (x, None)
        if lists is not None:
            self._check_values(lists)
            lists = None if self.separate or not lists.listed else lists
        layout = self._layout_with(() if lists is None else lists.listed)
        activate = ACTIVATIONS[self.activation]
        codes = jnp.pad(table.codes.astype(jnp.int32), ((0, 0), (0, 1)))  # points at the zeros
        # [component, batch, hidden]
        by_row = activate(self._first_layer_by_row(layout, table.numbers, codes))
        if self.separate:
            order = np.array(layout.by_row, np.int32)
            stack = jax.tree.map(lambda leaf: leaf[order], self.rest)
            parts = jnp.swapaxes(stack(by_row), 0, 1)
        else:
            by_value = activate(self._first_layer_by_value(layout, lists))  # [value, hidden]
            n_components, n_batch, width = by_row.shape
            n_rows = n_components * n_batch
            # One matrix product for everything that passes through the shared layers.
            outputs = self.rest(jnp.concatenate([by_row.reshape(n_rows, width), by_value]))
            of_rows = outputs[:n_rows].reshape(n_components, n_batch, outputs.shape[-1])
            columns, counts, first = layout.value_codes
            digits = codes[:, columns] * counts[None]
            value = digits.sum(axis=-1) + first[None]
            if lists is not None:
                stops = np.cumsum([len(layout.value_owner), *map(len, _values_of(lists))])
                starts = stops[:-1].astype(np.int32)
                value = jnp.concatenate([value, starts[None] + lists.codes.astype(jnp.int32)], 1)
            of_values = outputs[n_rows:][value]
            parts = jnp.concatenate([jnp.swapaxes(of_rows, 0, 1), of_values], axis=1)
        channel = channel_from(parts[:, layout.to_declared_order])
        if self.slopes is None:
            return channel
        return GaussianChannel(
            channel.mean + self._linear_part(table.numbers), channel.log_variance
        )

    def _linear_part(
        self, numbers: Float[Array, "batch number"]
    ) -> Float[Array, "batch component embedding"]:
        """The part of the means that is linear in continuous columns."""
        layout = self.layout
        columns = jnp.pad(numbers, ((0, 0), (0, 1)))[:, layout.number_columns]
        gained = jnp.einsum("bcn,cne->bce", columns, self.slopes)
        part = jnp.zeros((len(numbers), self.n_components, self.embedding_dim), gained.dtype)
        return part.at[:, np.array((*layout.numeric, *layout.mixed), np.int32)].set(gained)

    def _layout_with(self, listed: tuple[int, ...]) -> TableLayout:
        max_values = 0 if self.separate else self.max_values
        return _layout(self.n_numbers, self.n_levels, max_values, listed)

    def _check_values(self, x: RepeatedNumbers) -> None:
        """Check that the lists of values fit the components."""
        given = [None if part is None else part.shape[1] for part in x.values]
        fits = len(given) == len(self.n_numbers) and all(
            width in (None, count) for width, count in zip(given, self.n_numbers, strict=True)
        )
        if not fits or x.codes.shape[1] != len(x.listed):
            raise UserError(
                f"values of {given} columns (None: not listed) and {x.codes.shape[1]} columns of "
                f"codes don't fit an encoder of components with {list(self.n_numbers)} numbers."
            )

    def _features(
        self, numbers: Float[Array, "*batch column"], is_fine: Float32[np.ndarray, "*rows column"]
    ) -> Float[Array, "*batch feature"]:
        """Numbers, and the sines of those that are read with sines, along the last axis."""
        sines = positional_encoding(numbers / self.longest_period, self.n_frequencies)
        sines = sines[..., numbers.shape[-1] :]
        if self.smooth and self.n_frequencies:
            sines = sines * np.concatenate([is_fine] * self.n_frequencies, axis=-1)
        return jnp.concatenate([numbers, sines], axis=-1)

    def _is_fine(self, layout: TableLayout) -> Float32[np.ndarray, "numeric column"]:
        """1 for columns that are read with sines, in the shape of `TableLayout.number_columns`."""
        columns = layout.number_columns
        if not self.smooth:
            return np.ones(columns.shape, np.float32)
        return 1 - np.array([*self.smooth, True], np.float32)[columns]

    def _with_spikes(
        self,
        product: Float[Array, "row n hidden"],
        numbers: Float[Array, "n row column"],
        layout: TableLayout,
        rows: Int32[np.ndarray, " row"],
    ) -> Float[Array, "row n hidden"]:
        """Add the vectors of spikes to `product`; `rows` are those of `weights`."""
        if self.spike_vectors is None:
            return product
        spikes = Spikes(layout, self.spikes)
        return spikes.add_to(product, numbers, self.spike_vectors, rows.tolist())

    def _first_layer_by_row(
        self,
        layout: TableLayout,
        numbers: Float[Array, "batch number"],
        codes: Integer[Array, "batch code"],
    ) -> Float[Array, "component batch hidden"]:
        """First layer before activation of the components encoded row by row, in that order."""
        n_mixed = len(layout.mixed)
        n_numeric = len(layout.row_numbers) - n_mixed
        columns, weights, is_fine = layout.number_columns, self.weights, self._is_fine(layout)
        if layout.listed:
            rows = layout.row_numbers
            columns, weights, is_fine = columns[rows], weights[rows], is_fine[rows]
        padded = jnp.pad(numbers, ((0, 0), (0, 1)))[:, columns]
        product = jnp.einsum("bcf,cfh->cbh", self._features(padded, is_fine[None]), weights)
        product = self._with_spikes(product, padded, layout, layout.row_numbers)
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

    def _first_layer_by_value(
        self, layout: TableLayout, lists: RepeatedNumbers | None
    ) -> Float[Array, "value hidden"]:
        """First layer before activation, of the values of categories, then of listed numbers."""
        total = self._padded_vectors()[layout.value_vectors].sum(axis=1)
        total = total + self.bias[layout.value_owner]
        if lists is None:
            return total
        return jnp.concatenate([total, self._first_layer_of_numbers(layout, _values_of(lists))])

    def _first_layer_of_numbers(
        self, layout: TableLayout, values: Sequence[Float[Array, "_ _"]]
    ) -> Float[Array, "value hidden"]:
        """First layer before activation of the values of the components `listed`, in order."""
        most, widest = max(map(len, values)), layout.number_columns.shape[1]
        padded = [
            jnp.pad(part, ((0, most - len(part)), (0, widest - part.shape[1]))) for part in values
        ]
        weights = self.weights[layout.listed_numbers]
        numbers = jnp.stack(padded)
        is_fine = self._is_fine(layout)[layout.listed_numbers][:, None]
        product = jnp.einsum("cvf,cfh->cvh", self._features(numbers, is_fine), weights)
        product = self._with_spikes(
            product, jnp.swapaxes(numbers, 0, 1), layout, layout.listed_numbers
        )
        total = product + self.bias[np.array(layout.listed, np.int32)][:, None]
        kept = [k * most + np.arange(len(part)) for k, part in enumerate(values)]
        return total.reshape(-1, total.shape[-1])[np.concatenate(kept)]

    def _padded_vectors(self) -> Float[Array, "padded hidden"]:
        return jnp.pad(self.vectors, ((0, 1), (0, 0)))


def _values_of(lists: RepeatedNumbers) -> list[Float[Array, "_ _"]]:
    """The values of the components that list them."""
    return [part for part in lists.values if part is not None]


def _uniform(
    key: PRNGKeyArray, limits: Float32[np.ndarray, "*limits"], *sizes: int
) -> Float[Array, "..."]:
    """Uniform random numbers within +-limits, which are broadcast along `sizes` at the end."""
    shape = (*limits.shape[: limits.ndim - len(sizes)], *sizes)
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0) * limits


_layout = lru_cache(maxsize=64)(TableLayout)
