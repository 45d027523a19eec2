"""Storage of a scheme: netCDF for the numbers, safetensors for the models, JSON for their shape."""

import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from distributed_ib._checksums import check_files, record_checksums
from distributed_ib._files import write_atomically, write_text
from distributed_ib._run_files import MODEL, PARAMS, SCHEME, SCHEME_FILES, SNAPSHOTS
from distributed_ib.errors import UserError, first_line
from distributed_ib.model.bottleneck import model_from_config
from distributed_ib.training.sweep_result import Snapshots

DATASET, FILES = SCHEME, SCHEME_FILES
MODEL_FILE, PARAMS_FILE = Path(MODEL).name, Path(PARAMS).name
MODEL_LIMIT_BYTES = 1 << 20
# A file of a few bytes can declare arrays of any size, so the size is checked before reading.
DATASET_LIMIT_BYTES = 1 << 30

DIMENSIONS = {
    "kl_bits": ("seed", "step", "component"),
    "prediction_error_bits": ("seed", "step", "split"),
    "predictive_information_bits": ("seed", "step", "split"),
    "beta": ("step",),
    "component": ("component",),
    "split": ("split",),
    "snapshot_record": ("snapshot",),
    "snapshot_beta": ("snapshot",),
}
# A scheme has either all or none of these.
INFORMATION = {
    **{
        f"information_{name}": ("seed", "step", "component")
        for name in ("bits", "lower_bits", "upper_bits", "error_bits")
    },
    "information_measured": ("step",),
    "information_exact": ("component",),
}
ATTRIBUTES = ("baseline_entropy_bits", "status", "message")
# Parameters that models of earlier versions lack, with their neutral values.
ADDED = {"predictor.sharpness": 1.0}


def save_scheme(folder: Path, dataset: xr.Dataset, snapshots: Snapshots) -> None:
    """Write `scheme.nc`, `snapshots/model.json` and `snapshots/params.safetensors`."""
    try:
        for path in (folder / name for name in FILES):
            if path.exists():
                raise UserError(f"{path} exists already; save to another folder.")
        (folder / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't make {folder / SNAPSHOTS}: {error.strerror or error}.") from None
    config = eqx.combine(snapshots.params, snapshots.static).config()
    write_text(folder / MODEL, json.dumps(config, indent=2) + "\n")
    tensors = {
        name: np.ascontiguousarray(leaf) for name, leaf in _named_leaves(snapshots.params).items()
    }
    try:
        write_atomically(folder / PARAMS, lambda path: save_file(tensors, path))
    except SafetensorError as error:
        raise UserError(f"can't write {folder / PARAMS}: {error}.") from None
    # Last, so that a folder with a scheme.nc is complete.
    write_atomically(folder / DATASET, lambda path: dataset.to_netcdf(path, engine="h5netcdf"))
    record_checksums(folder, FILES)


def load_scheme(folder: Path) -> tuple[xr.Dataset, Snapshots]:
    """Read what `save_scheme` wrote; a damaged or foreign file is an error and never executed."""
    try:
        for name in FILES:
            if not (folder / name).is_file():
                raise UserError(f"{folder} holds no {name}; is it the folder of a finished run?")
    except OSError as error:
        raise UserError(f"{folder} can't be read: {error.strerror or error}.") from None
    check_files(folder, FILES)
    dataset = _load_dataset(folder / DATASET)
    record, beta = dataset["snapshot_record"].values, dataset["snapshot_beta"].values
    sizes = dataset.sizes
    lead = (len(record), sizes["seed"])
    params, static = _load_models(folder / SNAPSHOTS, lead, sizes["component"])
    return dataset, Snapshots(params=params, static=static, record=record, beta=beta)


def _load_dataset(path: Path) -> xr.Dataset:
    try:
        with xr.open_dataset(path, engine="h5netcdf") as stored:
            if stored.nbytes > DATASET_LIMIT_BYTES:
                raise UserError(f"{path} declares {stored.nbytes:,} bytes of numbers; too many.")
            dataset = stored.load()
    except UserError:
        raise
    except Exception as error:  # a damaged file can cause any error
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None
    expected = DIMENSIONS | (INFORMATION if any(name in dataset for name in INFORMATION) else {})
    for name, dims in expected.items():
        if name not in dataset or dataset[name].dims != dims:
            raise UserError(f"{path} is no scheme: it has no {name!r} over {', '.join(dims)}.")
        if name not in ("component", "split") and dataset[name].dtype.kind not in "iufb":
            raise UserError(f"{path} is damaged: {name!r} should hold numbers.")
    for name in ATTRIBUTES:
        if name not in dataset.attrs:
            raise UserError(f"{path} is no scheme: it has no attribute {name!r}.")
    record, n_records = dataset["snapshot_record"].values, dataset.sizes["step"]
    if record.dtype.kind not in "iu" or np.any((record < 0) | (record >= n_records)):
        raise UserError(f"{path} is damaged: a snapshot belongs to none of the records.")
    return dataset


def _load_models(folder: Path, lead: tuple[int, int], n_components: int) -> tuple[Any, Any]:
    if (folder / MODEL_FILE).stat().st_size > MODEL_LIMIT_BYTES:
        raise UserError(f"{folder / MODEL_FILE} is too large to be a model description.")
    try:
        config = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
        tensors = load_file(folder / PARAMS_FILE)
    except (OSError, ValueError, KeyError, SafetensorError, RecursionError) as error:
        raise UserError(f"{folder} can't be read: {first_line(error)}.") from None
    if _longest_list(config) > max(len(tensors), n_components):
        raise UserError(f"{folder / MODEL_FILE} describes more layers than {PARAMS_FILE} holds.")
    if _total_levels(config) > max((max(t.shape, default=0) for t in tensors.values()), default=0):
        raise UserError(
            f"{folder / MODEL_FILE} describes more categories than {PARAMS_FILE} holds."
        )
    # Only shapes: nothing is computed or allocated for arrays that the file must contain.
    model = eqx.filter_eval_shape(lambda: model_from_config(config, key=jax.random.key(0)))
    if (found_components := model.encoder.n_components) != n_components:
        raise UserError(
            f"{folder / MODEL_FILE} describes {found_components} components, but {DATASET} holds "
            f"{n_components}; do they belong to the same run?"
        )
    shapes, static = eqx.partition(model, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    for name, leaf in _named_leaves(shapes).items():
        if name in ADDED and name not in tensors:
            tensors[name] = np.full((*lead, *leaf.shape), ADDED[name], leaf.dtype)
        found = tensors.get(name)
        if found is None or found.shape != (*lead, *leaf.shape) or found.dtype != leaf.dtype:
            raise UserError(
                f"{folder / PARAMS_FILE}: tensor {name!r} should be {leaf.dtype} of shape "
                f"{(*lead, *leaf.shape)}, found "
                f"{'none' if found is None else f'{found.dtype} of shape {found.shape}'}."
            )
    treedef = jax.tree.structure(shapes)
    return jax.tree.unflatten(treedef, [tensors[name] for name in _named_leaves(shapes)]), static


def _longest_list(config: Any) -> int:
    """Length of the longest list of layers in a description, before any layer is made."""
    parts = config.values() if isinstance(config, dict) else ()
    options = [value for part in parts if isinstance(part, dict) for value in part.values()]
    return max((len(value) for value in options if isinstance(value, list)), default=0)


def _total_levels(config: Any) -> int:
    """Number of levels of all categorical columns of a table encoder, before arrays are made."""
    encoder = config.get("encoder") if isinstance(config, dict) else None
    columns = encoder.get("n_levels", []) if isinstance(encoder, dict) else []
    try:
        return sum(abs(int(count)) for levels in columns for count in levels)
    except (TypeError, ValueError, OverflowError):
        raise UserError("the model description's n_levels are no lists of numbers.") from None


def _named_leaves(tree: Any) -> dict[str, Any]:
    """Leaves by their path, such as "predictor.mlp.weights[0]", in the order of the tree."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in leaves}
