"""A scheme on disk: netCDF for the numbers, safetensors for the models, JSON for their shape."""

import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from distributed_ib.errors import UserError
from distributed_ib.files import write_atomically, write_text
from distributed_ib.model.bottleneck import model_from_config
from distributed_ib.training.result import Snapshots

DATASET, SNAPSHOTS = "scheme.nc", "snapshots"
MODEL, PARAMS = "model.json", "params.safetensors"
MODEL_LIMIT_BYTES = 1 << 20


def save_scheme(folder: Path, dataset: xr.Dataset, snapshots: Snapshots) -> None:
    """Write `scheme.nc`, `snapshots/model.json` and `snapshots/params.safetensors`."""
    if (folder / DATASET).exists():
        raise UserError(f"{folder / DATASET} exists already; save to another folder.")
    try:
        (folder / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't make {folder / SNAPSHOTS}: {error.strerror or error}.") from None
    config = eqx.combine(snapshots.params, snapshots.static).config()
    write_text(folder / SNAPSHOTS / MODEL, json.dumps(config, indent=2) + "\n")
    tensors = {
        name: np.ascontiguousarray(leaf) for name, leaf in _named_leaves(snapshots.params).items()
    }
    write_atomically(folder / SNAPSHOTS / PARAMS, lambda path: save_file(tensors, path))
    # Last, so that a folder with a scheme.nc is a whole one.
    write_atomically(
        folder / DATASET, lambda path: _ignore(dataset.to_netcdf(path, engine="h5netcdf"))
    )


def load_scheme(folder: Path) -> tuple[xr.Dataset, Snapshots]:
    """Read what `save_scheme` wrote; a damaged or foreign file is refused, never run."""
    for name in (DATASET, f"{SNAPSHOTS}/{MODEL}", f"{SNAPSHOTS}/{PARAMS}"):
        if not (folder / name).is_file():
            raise UserError(f"{folder} holds no {name}; is it the folder of a finished run?")
    try:
        dataset = xr.load_dataset(folder / DATASET, engine="h5netcdf")
        record = dataset["snapshot_record"].values
        beta = dataset["snapshot_beta"].values
        n_repeats = dataset.sizes["seed"]
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{folder / DATASET} can't be read: {_first_line(error)}.") from None
    params, static = _load_models(folder / SNAPSHOTS, (len(record), n_repeats))
    return dataset, Snapshots(params=params, static=static, record=record, beta=beta)


def _load_models(folder: Path, lead: tuple[int, int]) -> tuple[Any, Any]:
    if (folder / MODEL).stat().st_size > MODEL_LIMIT_BYTES:
        raise UserError(f"{folder / MODEL} is too large to be a model description.")
    try:
        config = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        tensors = load_file(folder / PARAMS)
    except (OSError, ValueError, SafetensorError, RecursionError) as error:
        raise UserError(f"{folder} can't be read: {_first_line(error)}.") from None
    # Shapes only: nothing is computed, and no memory is taken for what the file must bring.
    model = eqx.filter_eval_shape(lambda: model_from_config(config, key=jax.random.key(0)))
    shapes, static = eqx.partition(model, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    for name, leaf in _named_leaves(shapes).items():
        found = tensors.get(name)
        if found is None or found.shape != (*lead, *leaf.shape):
            raise UserError(
                f"{folder / PARAMS}: tensor {name!r} should have shape {(*lead, *leaf.shape)}, "
                f"found {None if found is None else found.shape}."
            )
    treedef = jax.tree.structure(shapes)
    return jax.tree.unflatten(treedef, [tensors[name] for name in _named_leaves(shapes)]), static


def _named_leaves(tree: Any) -> dict[str, Any]:
    """Leaves by their path, such as "predictor.mlp.weights[0]", in the order of the tree."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _ignore(_: object) -> None:
    return None
