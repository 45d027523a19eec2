"""Sweeps on several devices of one or two processes: the placement of rows changes no result."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clusters import ROOT
from distributed_ib.data.batches import ArrayBatches, FreshBatches
from distributed_ib.errors import UserError
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training.devices import Devices
from distributed_ib.training.processes import Group
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from toy import XOR_SCHEDULE, xor_data, xor_model

CHILD = Path(__file__).with_name("devices_child.py")
SYSTEMS = (
    "rows on the device",
    "rows on the host",
    "a table, whose numbers are listed once",
    "rows that are compared with each other",
)
Found = dict[str, NDArray[Any]]


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return {**os.environ, "PYTHONPATH": paths, **more}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def relative_difference(one: NDArray[Any], other: NDArray[Any]) -> float:
    return float(np.abs(one - other).max() / np.abs(one).max())


def on_four_devices(what: str, folder: Path) -> Found:
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
    command = [sys.executable, str(CHILD), what, str(folder)]
    subprocess.run(command, env=environment(XLA_FLAGS=flags), check=True, timeout=300)
    return dict(np.load(folder / "found.npz", allow_pickle=False))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return on_four_devices("simulated", tmp_path_factory.mktemp("devices"))


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    folder, port = tmp_path_factory.mktemp("group"), str(free_port())
    processes = [
        subprocess.Popen(
            [sys.executable, str(CHILD), "group", port, str(k), str(folder)], env=environment()
        )
        for k in range(2)
    ]
    assert [process.wait(300) for process in processes] == [0, 0]
    return [dict(np.load(folder / f"found-{k}.npz", allow_pickle=False)) for k in range(2)]


def test_a_gradient_of_four_devices_is_that_of_one(tmp_path: Path) -> None:
    found = on_four_devices("gradient", tmp_path)
    alone, divided = (found[f"rows on the device, {n}"] for n in (1, 4))
    assert np.abs(alone).max() > 1e-3
    assert 0 < relative_difference(alone, divided) < 1e-5  # not 0: added in another order


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "n_devices"), [*product(SYSTEMS[:2], [2, 4]), *product(SYSTEMS[2:], [4])]
)
def test_a_gradient_is_that_of_one_device(simulated: Found, name: str, n_devices: int) -> None:
    alone, divided = simulated[f"{name}, 1"], simulated[f"{name}, {n_devices}"]
    assert np.abs(alone).max() > 1e-3
    assert relative_difference(alone, divided) < 1e-5


@pytest.mark.nightly
@pytest.mark.parametrize("name", SYSTEMS[:2])
def test_a_gradient_of_two_processes_is_that_of_one_device(
    simulated: Found, grouped: list[Found], name: str
) -> None:
    for found in grouped:
        assert relative_difference(simulated[f"{name}, 1"], found[name]) < 1e-5


def distances(simulated: Found, others: list[NDArray[Any]]) -> tuple[float, list[float]]:
    """The largest distances of curves from those of one device.

    Returns:
        The maximum over the nudged starts, and the distance of each of `others`.
    """
    alone = simulated["curves, 1"]
    nudged = [found for name, found in simulated.items() if "nudged" in name]
    away = [float(np.abs(other - alone).max()) for other in (*nudged, *others)]
    assert min(away[: len(nudged)]) > 0
    return max(away[: len(nudged)]), away[len(nudged) :]


@pytest.mark.nightly
def test_curves_differ_no_more_than_by_the_last_place_of_the_start(simulated: Found) -> None:
    names = ("curves, 2", "curves, 4", "curves, resumed")
    most, found = distances(simulated, [simulated[name] for name in names])
    assert max(found) <= most


@pytest.mark.nightly
def test_curves_of_two_processes_differ_no_more_either(
    simulated: Found, grouped: list[Found]
) -> None:
    most, (found,) = distances(simulated, [grouped[0]["curves"]])
    assert found <= most


@pytest.mark.nightly
def test_processes_of_a_group_agree_to_the_bit_and_the_first_one_writes(
    grouped: list[Found],
) -> None:
    first, second = grouped
    assert np.array_equal(first["curves"], second["curves"])
    assert (bool(first["writes"]), bool(second["writes"])) == (True, False)


def test_one_device_changes_no_bit() -> None:
    schedule = BetaSchedule(1e-3, 1.0, n_steps=20, n_pretraining_steps=0)
    batches = ArrayBatches(xor_data(), 8)
    found = [
        sweep(xor_model, batches, schedule, n_records=2, devices=devices).annealing.kl_nats
        for devices in (None, Devices())
    ]
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Devices(0), "--devices must be at least 1, got 0"),
        (lambda: Devices(99).layout(8), "--devices 99: there .*XLA_FLAGS=.*count=99"),
        (lambda: Group("10.0.0.1"), "an address with a port"),
        (lambda: Group("a:1", 0, 0), "--processes must be at least 1"),
        (lambda: Group("a:1", 2, 2), "--process must be the index of this process, from 0 to 1"),
        (lambda: Group("no-such-host.invalid:1", 2, 1).join(), "no process responds there .* 0"),
        (lambda: Devices(2, together=True), "leave out --devices"),
    ],
)
def test_invalid_devices_and_groups_are_refused(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_a_batch_with_unequal_numbers_of_rows_is_refused() -> None:
    import jax

    source = FreshBatches(
        lambda key: (jax.random.normal(key, (4, 1)), jax.random.normal(key, (3,)))
    )
    with pytest.raises(UserError, match="a batch must be arrays of one common, non-zero length"):
        sweep(xor_model, source, XOR_SCHEDULE, devices=Devices())


# The command --------------------------------------------------------------------------------------

DIB = "from distributed_ib.cli.main import run; run()"
BOOLEAN: tuple[str, ...] = ("run", "boolean", "--n-steps", "6000", "--n-pretraining-steps", "200")


def dib(folder: Path, *arguments: str, log: str = "log") -> "subprocess.Popen[bytes]":
    with (folder / log).open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-c", DIB, *arguments],
            cwd=folder,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def group_of_two(folder: Path, *arguments: str) -> "list[subprocess.Popen[bytes]]":
    address = f"127.0.0.1:{free_port()}"
    group = ("--distributed", "--coordinator", address, "--processes", "2", "--out", "run")
    return [dib(folder, *arguments, *group, "--process", str(k), log=f"log-{k}") for k in range(2)]


def wait_for_checkpoint(folder: Path) -> None:
    """Wait for the first checkpoint, which is made after the first steps."""
    for _ in range(1200):
        if any((folder / "run" / "checkpoints").glob("*/*.json")):
            return
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.nightly
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_both_in_one_line_and_the_run_goes_on(
    victim: int, tmp_path: Path
) -> None:
    alone, again = tmp_path / "alone", tmp_path / "again"
    for folder in (alone, again):
        folder.mkdir()
    assert dib(alone, *BOOLEAN, "--out", "run").wait(300) == 0
    processes = group_of_two(again, *BOOLEAN)
    wait_for_checkpoint(again)
    processes[victim].send_signal(signal.SIGKILL)
    assert processes[victim].wait() == -signal.SIGKILL
    assert processes[1 - victim].wait(60) == 2
    output = (again / f"log-{1 - victim}").read_text()
    told = [line for line in output.splitlines() if line.strip()]
    assert told[-1].startswith("error: the connection to another process of the group was lost")
    assert sum("error" in line.lower() for line in told) == 1
    assert "Traceback" not in output
    assert [process.wait(300) for process in group_of_two(again, *BOOLEAN, "--resume")] == [0, 0]
    one, other = (ApproximationScheme.load(folder / "run") for folder in (alone, again))
    assert one.status == other.status == "finished"
    np.testing.assert_allclose(one.to_xarray().kl_bits, other.to_xarray().kl_bits, atol=0.05)


@pytest.mark.nightly
def test_a_stopped_group_is_resumed_by_a_single_process(tmp_path: Path) -> None:
    processes = group_of_two(tmp_path, *BOOLEAN)
    wait_for_checkpoint(tmp_path)
    processes[1].send_signal(signal.SIGTERM)
    assert [process.wait(60) for process in processes] == [130, 130]
    assert dib(tmp_path, *BOOLEAN, "--out", "run", "--resume").wait(300) == 0
    assert ApproximationScheme.load(tmp_path / "run").status == "finished"


@pytest.mark.nightly
def test_a_group_and_a_single_process_report_a_table_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(300, 3))
    y = (columns[:, 0] + columns[:, 1] > 0).astype(int)
    table = np.column_stack([columns, y])
    np.savetxt(tmp_path / "t.csv", table, delimiter=",", header="a,b,c,y", comments="")
    fit = ("fit", "t.csv", "--target", "y", "--steps", "100")
    assert dib(tmp_path, *fit, "--out", "alone").wait(300) == 0
    assert [process.wait(300) for process in group_of_two(tmp_path, *fit)] == [0, 0]
    one, other = (
        json.loads((tmp_path / run / "summary.json").read_text())["evidence"]
        for run in ("alone", "run")
    )
    assert one.keys() == other.keys()
    assert one["known_bits"] == pytest.approx(other["known_bits"], abs=1e-3)
    assert one["p_value"] == other["p_value"]
    assert one["known_bits"] > 0.4
