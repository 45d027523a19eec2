"""Storage of a fitted estimator: `estimator.json` and the files of its scheme; no pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from distributed_ib._checksums import check_files, record_checksums
from distributed_ib._files import write_atomically, write_text
from distributed_ib._run_files import EVIDENCE
from distributed_ib._version import __version__
from distributed_ib.data.columns.declared_kinds import DeclaredKind
from distributed_ib.data.decomposition import Decomposition
from distributed_ib.data.fitted_decomposition import FittedDecomposition
from distributed_ib.data.target import Target
from distributed_ib.errors import UserError, first_line
from distributed_ib.estimators._base import DistributedIBEstimator
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.readable_tables import READABLE, ReadableTables
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.estimators.table_settings import resolve
from distributed_ib.evidence.evidence_files import load_evidence, save_evidence
from distributed_ib.scheme.approximation_scheme import ApproximationScheme

ESTIMATOR, CANDIDATES = "estimator.json", "candidates.safetensors"
ESTIMATOR_FILES = (ESTIMATOR, CANDIDATES, READABLE)
LIMIT_BYTES = 1 << 26
KINDS: Mapping[str, type[DistributedIBEstimator]] = {
    "classifier": DistributedIBClassifier,
    "regressor": DistributedIBRegressor,
}


def save_estimator(
    estimator: DistributedIBEstimator, folder: Path, *, with_scheme: bool = True
) -> None:
    """Write `estimator.json`, the scheme, and for InfoNCE `candidates.safetensors`.

    Each file is written completely or not at all; `scheme.nc` comes last, and a folder without it
    can't be loaded. A run that has already saved its scheme sets `with_scheme` to False.

    Raises:
        UserError: If a file already exists or can't be written, or the components come from a
            Python function.
    """
    kind = next(kind for kind, cls in KINDS.items() if isinstance(estimator, cls))
    names = getattr(estimator, "feature_names_in_", None)
    description = {
        "kind": kind,
        "distributed_ib": __version__,
        "parameters": _plain_parameters(estimator),
        "settings": estimator.settings_.to_dict(),
        "decomposition": estimator.decomposition_.to_dict(),
        "target": estimator.target_.to_dict(),
        "n_features_in": int(estimator.n_features_in_),
        "feature_names_in": None if names is None else [str(name) for name in names],
        "n_train_rows": estimator.n_train_rows_,
    }
    text = json.dumps(description, indent=2, allow_nan=False) + "\n"
    for name in (*ESTIMATOR_FILES, *([EVIDENCE] if with_scheme else [])):
        if (folder / name).exists():
            raise UserError(f"{folder / name} already exists; save to another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"can't create the folder {folder}: {error.strerror or error}.") from None
    write_text(folder / ESTIMATOR, text)
    candidates = getattr(estimator, "candidates_", None)
    if candidates is not None:
        tensors = {"candidates": np.ascontiguousarray(candidates)}
        write_atomically(folder / CANDIDATES, lambda path: save_file(tensors, path))
    names_written = [ESTIMATOR, *([] if candidates is None else [CANDIDATES])]
    record_checksums(folder, names_written)
    _save_readable(estimator, folder)
    if with_scheme:
        if estimator.evidence_ is not None:
            save_evidence(folder, estimator.evidence_)
        estimator.scheme_.save(folder)


def _save_readable(estimator: DistributedIBEstimator, folder: Path) -> None:
    """Write the readable tables, if the model has any."""
    try:
        tables = estimator.readable_tables()
    except UserError:  # the model predicts no distribution, or was loaded without tables
        return
    tables.save(folder)


def load_estimator(folder: str | Path) -> DistributedIBEstimator:
    """Read what `save_estimator` wrote, as a classifier or a regressor, ready to predict.

    Nothing in the folder is ever executed.

    Raises:
        UserError: If a file is missing or damaged.
    """
    folder = Path(folder)
    path = folder / ESTIMATOR
    try:
        if not path.is_file():
            raise UserError(
                f"{folder} contains no {ESTIMATOR}; is it the folder of a fitted model?"
            )
        if path.stat().st_size > LIMIT_BYTES:
            raise UserError(f"{path} is too large to be the description of an estimator.")
        check_files(folder, [ESTIMATOR, *([CANDIDATES] if (folder / CANDIDATES).exists() else [])])
        description = json.loads(path.read_text(encoding="utf-8"))
        return _from_description(description, folder)
    except UserError:
        raise
    except (OSError, ValueError, LookupError, TypeError, RecursionError, OverflowError) as error:
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None


def _from_description(description: Any, folder: Path) -> DistributedIBEstimator:
    cls = KINDS[description["kind"]]
    decomposition = FittedDecomposition.from_dict(description["decomposition"])
    target = Target.from_dict(description["target"])
    parameters = dict(description["parameters"])
    if parameters.get("components") == "decomposition":
        parameters["components"] = Decomposition.from_dict(description["decomposition"])
    options: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in parameters.items()
    }
    estimator = cls(**options)
    estimator.decomposition_, estimator.target_ = decomposition, target
    estimator.loss_ = estimator._loss(target)
    # Earlier versions stored the number of records only among the parameters.
    records = {"n_records": parameters.get("n_records")}
    estimator.settings_ = resolve({**records, **description["settings"]}, n_rows=1)
    estimator.n_train_rows_ = int(description["n_train_rows"])
    estimator.n_features_in_ = int(description["n_features_in"])
    names = description["feature_names_in"]
    if names is not None:
        estimator.feature_names_in_ = np.array([str(name) for name in names], dtype=object)
    scheme = ApproximationScheme.load(folder)
    if scheme.components != decomposition.names or target.task != cls.task:
        raise UserError(f"{folder} is damaged: its files do not belong together.")
    estimator.scheme_, estimator.evidence_ = scheme, load_evidence(folder)
    if not scheme.is_empty:
        estimator.best_beta_, estimator.simplest_beta_ = scheme.best_beta, scheme.simplest_beta
    estimator.restore(_candidates(folder / CANDIDATES, target))
    if (folder / READABLE).is_file():
        estimator._readable_tables = ReadableTables.load(folder)
    return estimator


def _candidates(path: Path, target: Target) -> Any:
    if not path.is_file():
        return None
    try:
        candidates = load_file(path)["candidates"]
    except (SafetensorError, LookupError, ValueError) as error:
        raise UserError(f"{path} can't be read: {first_line(error)}.") from None
    if candidates.ndim != 2 or candidates.shape[1] != len(target.mean) or not len(candidates):
        raise UserError(f"{path} is damaged: its candidates do not match the target.")
    return np.asarray(candidates, np.float32)


def _plain_parameters(estimator: DistributedIBEstimator) -> dict[str, Any]:
    """Constructor arguments as JSON values; a `Decomposition` becomes the text "decomposition"."""
    parameters = estimator.get_params(deep=False)
    plain: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, Decomposition):
            plain[name] = "decomposition"
        elif isinstance(value, np.generic):
            plain[name] = value.item()
        elif isinstance(value, Mapping):
            plain[name] = {str(key): _plain_member(member) for key, member in value.items()}
        elif isinstance(value, (list, tuple)):
            plain[name] = [int(member) for member in value]
        elif value is None or isinstance(value, (str, bool, int, float)):
            plain[name] = value
        else:  # a RandomState: the scheme's random_seed contains the seed drawn from it
            plain[name] = None
    return plain


def _plain_member(member: Any) -> Any:
    """A group of columns, or the kind of a column."""
    if isinstance(member, DeclaredKind):
        found = {"kind": member.kind, "levels": list(member.levels), "day_first": member.day_first}
        return {key: value for key, value in found.items() if value not in (None, [])}
    if isinstance(member, (str, Mapping)):
        return member
    return [str(column) for column in member]
