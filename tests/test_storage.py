"""A scheme on disk."""

import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pytest
import xarray as xr
from safetensors.numpy import load_file, save_file

from distributed_ib._checksums import CHECKSUMS, read_checksums, record_checksums
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from toy import xor_data

pytestmark = pytest.mark.usefixtures("quick_compilation")

NC, MODEL, PARAMS = "scheme.nc", "snapshots/model.json", "snapshots/params.safetensors"


@pytest.fixture(scope="module")
def saved(xor_scheme: ApproximationScheme, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "deep" / "run"
    xor_scheme.save(folder)
    return folder


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved scheme that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "run"))


def test_a_round_trip_changes_nothing(xor_scheme: ApproximationScheme, saved: Path) -> None:
    again = ApproximationScheme.load(saved)
    xr.testing.assert_identical(again.to_xarray(), xor_scheme.to_xarray())
    assert again.components == xor_scheme.components
    assert again.subsets() == xor_scheme.subsets()
    assert (again.status, again.message) == (xor_scheme.status, xor_scheme.message)
    x, _ = xor_data()
    choices: list[dict[str, Any]] = [{"beta": 1e-3}, {"bits": 1.5}]
    for choice in choices:
        first, second = xor_scheme.at(**choice, seed=1), again.at(**choice, seed=1)
        np.testing.assert_array_equal(first.predict_proba(x), second.predict_proba(x))
        np.testing.assert_array_equal(first.sample(x), second.sample(x))
        assert first.beta == second.beta


@pytest.fixture(scope="module")
def informed(xor_scheme: ApproximationScheme) -> ApproximationScheme:
    return xor_scheme.with_information(xor_data()[0], complete=True, n_records=4)


def test_a_measured_scheme_comes_back_as_it_was(
    informed: ApproximationScheme, tmp_path: Path
) -> None:
    informed.save(tmp_path / "run")
    again = ApproximationScheme.load(tmp_path / "run")
    xr.testing.assert_identical(again.to_xarray(), informed.to_xarray())
    assert again.subsets() == informed.subsets() != again.subsets(measure="kl")


@pytest.mark.parametrize("damage", ["missing", "transposed", "text"])
def test_damaged_information_is_refused(
    informed: ApproximationScheme, tmp_path: Path, damage: str
) -> None:
    informed.save(tmp_path / "run")
    name = "information_lower_bits"

    def edit(data: xr.Dataset) -> xr.Dataset:
        if damage == "missing":
            return data.drop_vars(name)
        if damage == "transposed":
            return data.assign({name: data[name].transpose()})
        return data.assign({name: data[name].astype(str)})

    rewrite(tmp_path / "run", edit)
    refused(tmp_path / "run", name)


def test_exactly_three_files_and_their_checksums_are_written(saved: Path) -> None:
    files = sorted(p.relative_to(saved).as_posix() for p in saved.rglob("*") if p.is_file())
    assert files == sorted([CHECKSUMS, NC, MODEL, PARAMS])
    assert sorted(read_checksums(saved) or {}) == [NC, MODEL, PARAMS]


def test_a_single_changed_byte_is_told_by_the_name_of_its_file(run: Path) -> None:
    rng = np.random.default_rng(0)
    for name in (NC, MODEL, PARAMS, CHECKSUMS):
        path = run / name
        whole = path.read_bytes()
        for place in rng.integers(0, len(whole), 20).tolist():
            changed = bytearray(whole)
            changed[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(changed)
            with pytest.raises(UserError, match=r"damaged|missing"):
                ApproximationScheme.load(run)
        path.write_bytes(whole)


def test_a_folder_without_checksums_is_read_with_a_warning(run: Path) -> None:
    (run / CHECKSUMS).unlink()
    with pytest.warns(UserWarning, match="no list of checksums"):
        ApproximationScheme.load(run)


@pytest.mark.parametrize("name", [NC, MODEL, PARAMS])
def test_nothing_is_overwritten(xor_scheme: ApproximationScheme, tmp_path: Path, name: str) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        xor_scheme.save(tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(
    xor_scheme: ApproximationScheme, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="file"):
        xor_scheme.save(tmp_path / "file" / "run")
    with pytest.raises(UserError):
        xor_scheme.save(tmp_path / ("long" * 100))


def test_a_full_disk_is_a_user_error(xor_scheme: ApproximationScheme, tmp_path: Path) -> None:
    # A limit on the file size acts like a full disk, also for the superuser.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(UserError, match="can't write"):
            xor_scheme.save(tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "run" / NC).exists()
    assert not list((tmp_path / "run").rglob(".*"))


@pytest.mark.parametrize("name", [NC, MODEL, PARAMS])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "noise"])
def test_damaged_files_are_refused(run: Path, name: str, damage: str) -> None:
    path = run / name
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {
                "empty": b"",
                "cut": whole[: len(whole) // 2],
                "text": b"hello\n",
                "noise": np.random.default_rng(0).bytes(5000),
            }[damage]
        )
    refused(run)


def refused(run: Path, match: str | None = None) -> None:
    """Check that loading fails fast with a one-line error and little memory.

    The checksums are updated first, as the author of a hostile file would do.
    """
    record_checksums(run, [name for name in (NC, MODEL, PARAMS) if (run / name).exists()])
    memory, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(UserError, match=match) as caught:
        ApproximationScheme.load(run)
    assert "\n" not in str(caught.value)
    assert str(run) in str(caught.value) or "description" in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 300_000  # KiB
    assert time.monotonic() - started < 20


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=r"holds no scheme\.nc"):
            ApproximationScheme.load(folder)
    with pytest.raises(UserError, match="can't be read"):
        ApproximationScheme.load(tmp_path / ("long" * 100))


def edited(path: Path, edit: Callable[[Any], Any]) -> None:
    config = json.loads(path.read_text())
    result = edit(config)
    path.write_text(json.dumps(config if result is None else result))


HOSTILE: list[tuple[str, str, Any]] = [
    ("encoder", "kind", "__import__"),
    ("encoder", "n_components", 10**30),
    ("encoder", "n_components", 10**12),
    ("encoder", "n_components", float("nan")),
    ("encoder", "n_components", float("inf")),
    ("encoder", "embedding_dim", -1),
    ("encoder", "embedding_dim", "1"),
    ("predictor", "hidden", [10**9, 10**9]),
    ("predictor", "hidden", [1] * 300_000),
    ("predictor", "hidden", [16, 0]),
    ("predictor", "hidden", None),
    ("predictor", "input_dim", 10**18),
    ("predictor", "activation", "eval"),
]


@pytest.mark.parametrize(("role", "option", "value"), HOSTILE)
def test_hostile_descriptions_are_refused(run: Path, role: str, option: str, value: Any) -> None:
    edited(run / MODEL, lambda config: config[role].update({option: value}))
    refused(run)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"encoder":' * 50_000,
        "9" * 10_000,
        "null",
        "[]",
        '{"encoder": [], "predictor": []}',
        " " * (1 << 21),
        "\x00",
    ],
)
def test_foreign_descriptions_are_refused(run: Path, text: str) -> None:
    (run / MODEL).write_text(text)
    refused(run)


def test_parameters_that_do_not_fit_are_refused(run: Path) -> None:
    tensors = load_file(run / PARAMS)
    name = "encoder.mean"
    for wrong in (
        {k: v for k, v in tensors.items() if k != name},
        {**tensors, name: tensors[name][:-1].copy()},
        {**tensors, name: tensors[name].astype(np.float64)},
        {**tensors, name: tensors[name].astype(np.int32)},
    ):
        save_file(wrong, run / PARAMS)
        refused(run, r"encoder\.mean")


@pytest.mark.parametrize("name", ["kl_bits", "beta", "component", "snapshot_record"])
def test_a_dataset_without_its_variables_is_refused(run: Path, name: str) -> None:
    rewrite(run, lambda data: data.drop_vars(name))
    refused(run)


def rewrite(run: Path, edit: Callable[[xr.Dataset], xr.Dataset]) -> None:
    data = edit(xr.load_dataset(run / NC, engine="h5netcdf"))
    (run / NC).unlink()
    data.to_netcdf(run / NC, engine="h5netcdf")


@pytest.mark.parametrize("record", [-1, 40, 10**12])
def test_snapshots_of_records_that_are_none_are_refused(run: Path, record: int) -> None:
    def edit(data: xr.Dataset) -> xr.Dataset:
        data["snapshot_record"][0] = record
        return data

    rewrite(run, edit)
    refused(run, "snapshot")


def test_a_dataset_of_other_components_is_refused(run: Path) -> None:
    rewrite(run, lambda data: data.isel(component=slice(0, 2)))
    refused(run, "components")


def test_a_foreign_dataset_is_refused(run: Path) -> None:
    rewrite(run, lambda data: xr.Dataset({"temperature": ("time", np.arange(3.0))}))
    refused(run, "no scheme")
    rewrite(run, lambda data: xr.Dataset())
    refused(run, "no scheme")


def test_a_small_file_that_declares_a_huge_array_is_refused(run: Path) -> None:
    (run / NC).unlink()
    with h5netcdf.File(run / NC, "w") as file:
        file.dimensions = {"step": 10**11}
        file.create_variable("kl_bits", ("step",), "f8", chunks=(1 << 20,))
    assert (run / NC).stat().st_size < 1_000_000
    refused(run)
