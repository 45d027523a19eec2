"""Nested data with arrays, stored as `.npz` without pickle or embedded in a page as JSON."""

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distributed_ib._arrays import load_arrays, save_arrays
from distributed_ib.errors import UserError, first_line

MAX_BYTES = 1 << 28
_DESCRIPTION = "description"
# NumPy names of the array types that a page reads.
_KINDS = ("float32", "float64", "uint8", "int8", "uint16", "int32")


def save_packed(path: Path, content: Mapping[str, Any]) -> None:
    """Write nested dicts, lists, strings, numbers and arrays.

    Raises:
        UserError: If the folder can't be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "page.npz"
        >>> save_packed(path, {"names": ["a"], "bits": np.array([0.5], np.float32)})
        >>> load_packed(path)["bits"]
        array([0.5], dtype=float32)
    """
    arrays: dict[str, NDArray[Any]] = {}

    def store_array(array: NDArray[Any]) -> Any:
        name = f"a{len(arrays)}"
        arrays[name] = array
        return {"$array": name}

    text = json.dumps(_plain(content, store_array), allow_nan=False)
    save_arrays(path, {**arrays, _DESCRIPTION: np.frombuffer(text.encode(), np.uint8)})


def load_packed(path: Path) -> dict[str, Any]:
    """Read a file that `save_packed` wrote.

    Raises:
        UserError: If the file is missing or damaged.
    """
    arrays = load_arrays(path, max_bytes=MAX_BYTES, remedy="run it again")
    try:
        content = json.loads(arrays[_DESCRIPTION].tobytes().decode())
        found = _with_arrays(content, arrays)
        if not isinstance(found, dict):
            raise TypeError("it holds no names")
        return found
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {first_line(error)}.") from None


def to_json(content: Any) -> str:
    r"""Nested data as JSON text that can be embedded in a `script` element of a page.

    Arrays become `{"$": kind, "shape": [...], "base64": text}`, little endian. "<" is escaped, so
    that no name in the data can close the element or open another one.

    Example:
        >>> to_json({"name": "</script>"})
        '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(
        _plain(content, _as_base64), allow_nan=False, separators=(",", ":"), ensure_ascii=False
    )
    # U+2028 and U+2029 end a line in older JavaScript. Lone surrogates can't be encoded in UTF-8.
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode("utf-8", "replace").decode()


def _as_base64(array: NDArray[Any]) -> Any:
    if array.dtype.name not in _KINDS:
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    return {
        "$": array.dtype.name,
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def _plain(value: Any, of_array: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part, of_array) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, of_array) for part in value]
    if isinstance(value, np.ndarray):
        return of_array(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _with_arrays(value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if list(value) == ["$array"]:
            return arrays[value["$array"]]
        return {key: _with_arrays(part, arrays) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_arrays(part, arrays) for part in value]
    return value
