"""The devices that share the rows of every batch of a sweep."""

from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from distributed_ib.data.batches import Batch, Prepared
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.errors import UserError

Tree = TypeVar("Tree")

_ROWS = "rows"
# Sources that make batches on the host give arrays `[step, repeat, row, ...]`.
_AXIS_OF_PREPARED_ROWS = 2


@dataclass(frozen=True)
class Devices:
    """Devices among which the rows of every batch are divided; each holds all parameters.

    Random numbers don't depend on the number of devices; only the order of sums does, which affects
    the last bits of results.

    Attributes:
        n_devices: Number of devices of JAX's default kind; None for the largest number that divides
            the rows of a batch evenly.
        together: Whether to use all devices of all processes that have joined in a `Group`.

    Raises:
        UserError: If the number is not positive, or is given for the devices of a group.

    Example:
        >>> Devices(1).layout(n_rows=256) is None  # nothing is divided
        True
    """

    n_devices: int | None = None
    together: bool = False

    def __post_init__(self) -> None:
        if self.n_devices is not None and self.n_devices < 1:
            raise UserError(f"--devices must be at least 1, got {self.n_devices}.")
        if self.n_devices is not None and self.together:
            raise UserError(
                "--distributed uses all devices that its processes see; leave out --devices. To "
                "restrict the devices, set the environment variable JAX_LOCAL_DEVICE_IDS."
            )

    def layout(self, n_rows: int) -> "Layout | None":
        """The layout of batches of `n_rows` rows; None for a single device.

        Raises:
            UserError: If there are too few devices, or the rows can't be divided evenly.
        """
        found = jax.devices()
        if self.together:
            return Layout(_mesh(found, n_rows))
        wanted = self.n_devices
        if wanted is None:
            wanted = max(n for n in range(1, len(found) + 1) if n_rows % n == 0)
        if wanted > len(found):
            raise UserError(_too_few(found, wanted))
        return None if wanted == 1 else Layout(_mesh(found[:wanted], n_rows))


def _too_few(found: list[Any], wanted: int) -> str:
    kind = found[0].platform
    there = f"is one {kind} device" if len(found) == 1 else f"are {len(found)} {kind} devices"
    trial = (
        "; to test this on CPUs, set the environment variable "
        f"XLA_FLAGS=--xla_force_host_platform_device_count={wanted}"
    )
    return f"--devices {wanted}: there {there}{trial if kind == 'cpu' else ''}."


def _mesh(devices: list[Any], n_rows: int) -> Mesh:
    if n_rows % len(devices):
        fewer = max(n for n in range(1, len(devices)) if n_rows % n == 0)
        raise UserError(
            f"the {n_rows} rows of a batch can't be divided evenly among {len(devices)} devices; "
            f"use {fewer} devices, or a batch size that is a multiple of {len(devices)}."
        )
    return Mesh(np.array(devices), (_ROWS,), axis_types=(AxisType.Auto,))


@dataclass(frozen=True)
class Layout:
    """Placement of arrays: parameters are on all devices, and rows of batches are divided.

    It affects only where arrays are stored, not their values.

    Attributes:
        mesh: The devices.
    """

    mesh: Mesh

    def replicated(self, tree: Tree) -> Tree:
        """The tree with all its arrays on every device."""
        return jax.tree.map(self._replicated, tree)

    def prepared(self, prepared: Prepared) -> Prepared:
        """Prepared batches with their rows divided; arrays already on the devices stay there."""
        devices = set(self.mesh.devices.flat)

        def placed(leaf: Any) -> Any:
            there = isinstance(leaf, jax.Array) and leaf.sharding.device_set == devices
            return leaf if there else self._with_rows_divided(leaf)

        return jax.tree.map(placed, prepared)

    def rows_divided(self, batch: Batch) -> Batch:
        """Inside a compiled program: the batch with its rows divided among the devices.

        The placement of listed values is left to the compiler.
        """

        def divided(part: Any) -> Any:
            if lists_values(part):
                return part
            return jax.lax.with_sharding_constraint(part, self._sharding(_ROWS))

        return jax.tree.map(divided, batch, is_leaf=lists_values)

    def on_all(self, tree: Tree) -> Tree:
        """Inside a compiled program: the tree with complete arrays on every device."""
        return jax.lax.with_sharding_constraint(tree, self._sharding())

    def _replicated(self, leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array):
            return leaf
        if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = self._replicated(jax.random.key_data(leaf))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return self._placed(np.asarray(leaf), self._sharding())

    def _with_rows_divided(self, leaf: Any) -> Any:
        leaf = np.asarray(leaf)
        axes: list[str | None] = [None] * leaf.ndim
        rows = _AXIS_OF_PREPARED_ROWS
        if leaf.ndim > rows and leaf.shape[rows] % self.mesh.size == 0:
            axes[rows] = _ROWS
        return self._placed(leaf, self._sharding(*axes))

    def _sharding(self, *axes: str | None) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def _placed(self, array: np.ndarray, sharding: NamedSharding) -> jax.Array:
        """An array that every process has, placed on the devices of all processes."""
        return jax.make_array_from_callback(array.shape, sharding, lambda part: array[part])


def on_this_process(tree: Tree) -> Tree:
    """Arrays that are complete on every device, as arrays on the first device of this process."""
    return jax.tree.map(
        lambda leaf: leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf, tree
    )
