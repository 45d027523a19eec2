"""Descriptions of sweeps as plain values, which can be compared between processes."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import jax
import numpy as np
from jaxtyping import Shaped

from distributed_ib.data.row_batches import HostArrays

# Of arrays larger than this, only some evenly spaced blocks of rows are read.
WHOLE_BYTES = 256 << 20
N_BLOCKS, BLOCK_BYTES = 256, 1 << 20


def describe(value: Any) -> Any:
    """A value as plain JSON: arrays by shape, type and checksum, functions by name.

    Two processes give the same description of the same value. What can't be described, such as the
    values that a closure captures, is left out. Arrays of more than 256 MiB are read in part.

    Example:
        >>> describe((3, "adam", jax.nn.relu, jax.ShapeDtypeStruct((2, 3), np.float32)))
        [3, 'adam', 'function relu', {'array': 'float32 [2, 3]'}]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else repr(value)
    if isinstance(value, np.generic):
        return describe(value.item())
    if isinstance(value, jax.ShapeDtypeStruct):
        return {"array": f"{value.dtype} {list(value.shape)}"}
    if isinstance(value, np.ndarray | jax.Array):
        return {"array": f"{value.dtype} {list(value.shape)}", "checksum": _checksum(value)}
    if isinstance(value, Mapping):
        return {str(key): describe(part) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return describe(value._asdict())
    if isinstance(value, list | tuple):
        return [describe(part) for part in value]
    return _describe_object(value)


def _describe_object(value: Any) -> Any:
    if isinstance(value, HostArrays):
        return describe(value.arrays)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **describe(fields)}
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, functools.partial):
        return {
            "partial": describe(value.func),
            "args": describe(value.args),
            **describe(value.keywords),
        }
    if isinstance(value, Callable):  # type: ignore[arg-type]
        return f"function {getattr(value, '__qualname__', type(value).__name__)}"
    return f"a {type(value).__name__}"


def differences(there: Any, here: Any, name: str = "") -> list[str]:
    """The differences between two descriptions in words, one line for each leaf.

    Example:
        >>> differences({"seed": 1, "batches": {"batch_size": 8}},
        ...             {"seed": 2, "batches": {"batch_size": 8}})
        ['seed was 1 and is now 2']
    """
    if isinstance(there, dict) and isinstance(here, dict):
        keys = [*there, *(key for key in here if key not in there)]
        pairs = [(key, there.get(key), here.get(key)) for key in keys]
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        pairs = [(str(k), *pair) for k, pair in enumerate(zip(there, here, strict=True))]
    elif there == here:
        return []
    elif name.endswith("checksum"):
        return [f"the values of {name.removesuffix('.checksum')} differ"]
    else:
        return [f"{name} was {_brief(there)} and is now {_brief(here)}"]
    lines = [differences(a, b, f"{name}.{key}" if name else key) for key, a, b in pairs]
    return [line for part in lines for line in part]


def _brief(value: Any, limit: int = 60) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _checksum(array: Shaped[jax.Array | np.ndarray, "..."]) -> str:
    if isinstance(array, jax.Array):
        if jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
            array = jax.random.key_data(array)
        array = np.asarray(array)
    digest = hashlib.sha256()
    for rows in _blocks(array):
        digest.update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _blocks(array: Shaped[np.ndarray, "..."]) -> list[Shaped[np.ndarray, "..."]]:
    """The array itself, or evenly spaced blocks of its rows if it is large."""
    if array.nbytes <= WHOLE_BYTES:
        return [array]
    n_rows = max(1, BLOCK_BYTES * len(array) // array.nbytes)
    starts = np.linspace(0, len(array) - n_rows, N_BLOCKS).astype(int)
    return [array[start : start + n_rows] for start in starts]
