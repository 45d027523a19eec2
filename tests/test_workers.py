"""Units of work on processes and on a cluster: each is done once, whatever is lost."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clusters import ROOT, Cluster, cluster
from distributed_ib.errors import UserError
from distributed_ib.study import workers as workers_module
from distributed_ib.study.workers import N_TRIES, Workers, results_of
from work_units import begun, taken, threads, work

TWO = Workers(n_jobs=2)


def all_of(workers: Workers, folder: Path, *units: str) -> dict[str, str]:
    """The results of all units; checks that each arrives once."""
    found: dict[str, str] = {}
    for unit, result in results_of(workers, work, folder, units):
        assert unit not in found
        found[unit] = result
        taken(folder, unit).touch()
    return found


def soon(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether a condition becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def runs(process: int) -> bool:
    """Whether a process is running and not a zombie."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_units_run_here_or_on_two_processes(tmp_path: Path) -> None:
    names = ["waits a", "waits b", "waits c"]
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    assert (
        all_of(Workers(), here, *names) == all_of(TWO, there, *names) == {n: 2 * n for n in names}
    )
    assert {begun(here, name)[0] for name in names} == {os.getpid()}
    assert len({begun(there, name)[0] for name in names} - {os.getpid()}) == 2
    assert all_of(TWO, tmp_path) == {}


def test_the_unit_of_a_lost_worker_is_run_again(tmp_path: Path) -> None:
    # The losses are sequential, as otherwise the second could hit units requeued by the first.
    names = ["a", "b", "waits c", "lost after a", "terminated after lost after a", "d"]
    assert all_of(TWO, tmp_path, *names) == {name: 2 * name for name in names}
    assert len(begun(tmp_path, "lost after a")) == 2
    # joblib ends the other process too, but results that the client has are kept.
    assert len(begun(tmp_path, "a")) == 1


def test_a_unit_that_ends_every_worker_is_told_in_one_line(tmp_path: Path) -> None:
    found = {}
    with pytest.raises(
        UserError, match=f"ended unexpectedly {N_TRIES} times, .* while running dies"
    ) as error:
        found.update(all_of(TWO, tmp_path, "a", "dies"))
    assert "\n" not in str(error.value)
    assert len(begun(tmp_path, "dies")) == N_TRIES


def test_an_error_of_a_unit_comes_to_the_client(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^wrong one is wrong\.$"):
        all_of(TWO, tmp_path, "a", "wrong one")


def test_processes_end_when_their_client_stops(tmp_path: Path) -> None:
    with closing(results_of(TWO, work, tmp_path, ["a", "long"])) as results:
        next(results)
        assert soon(lambda: bool(begun(tmp_path, "long")))
    (process,) = begun(tmp_path, "long")
    assert soon(lambda: not runs(process), 10)


def test_processes_end_when_their_client_is_killed(tmp_path: Path) -> None:
    program = """
        from pathlib import Path
        from distributed_ib.study.workers import Workers, results_of
        from work_units import work
        list(results_of(Workers(n_jobs=2), work, Path("."), ["long a", "long b"]))
    """
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    client = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert soon(lambda: all(begun(tmp_path, f"long {x}") for x in "ab"))
    processes = [begun(tmp_path, f"long {x}")[0] for x in "ab"]
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert soon(lambda: not any(map(runs, processes)), 10)


def test_processes_have_the_threads_of_their_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PJRT_NPROC", "3")
    assert dict(results_of(TWO, threads, None, ["a", "b"])) == {"a": 3, "b": 3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_jobs": 0}, "--jobs must be at least 1"),
        ({"n_jobs": -2}, "got -2"),
        ({"n_jobs": 2, "dask": "tcp://127.0.0.1:1"}, "only one of them"),
    ],
)
def test_invalid_worker_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Workers(**options)  # type: ignore[arg-type]


def test_without_dask_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'pip install "distributed-ib\[cluster\]"'):
        Workers(dask="tcp://127.0.0.1:1")


# On a cluster -------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def test_a_cluster_works_out_each_unit_once_though_a_worker_is_lost(
    two: Cluster, tmp_path: Path
) -> None:
    workers = Workers(dask=two.address)
    names = ["waits a", "waits b", "lost"]
    assert all_of(workers, tmp_path, *names) == {name: 2 * name for name in names}
    assert len(begun(tmp_path, "lost")) == 2
    processes = {begun(tmp_path, name)[-1] for name in names}
    assert processes <= {worker.pid for worker in two.workers}
    with pytest.raises(UserError, match="wrong is wrong"):
        all_of(workers, tmp_path, "wrong")


def test_a_scheduler_that_is_lost_is_told_in_one_line(two: Cluster, tmp_path: Path) -> None:
    with closing(results_of(Workers(dask=two.address), work, tmp_path, ["a", "long"])) as results:
        assert next(results) == ("a", "aa")
        two.scheduler.send_signal(signal.SIGKILL)
        with pytest.raises(UserError, match=r"scheduler at .* was lost") as error:
            next(results)
    assert "\n" not in str(error.value)


def test_no_scheduler_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributed_ib.study.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(UserError, match="no scheduler responds at tcp") as error:
        all_of(Workers(dask="tcp://127.0.0.1:9"), tmp_path, "a")
    assert "\n" not in str(error.value)


@pytest.mark.nightly
def test_a_unit_that_ends_every_worker_of_a_cluster_is_told(tmp_path: Path) -> None:
    with (
        cluster(tmp_path, n_workers=5) as five,
        pytest.raises(UserError, match="was tried 4 times"),
    ):
        all_of(Workers(dask=five.address), tmp_path, "a", "dies")


_PAGE_FAULTS = """
import resource, sys
import numpy as np
from distributed_ib.study.cluster import _keep_freed_memory

if sys.argv[1] == "keep":
    _keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    np.ones(1 << 16)  # 512 kB, too little for large pages
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_memory_that_a_unit_frees_is_used_again() -> None:
    """By default Dask workers return freed memory at once, so each array causes page faults."""
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    faults = {
        how: int(
            subprocess.check_output(
                [sys.executable, "-c", _PAGE_FAULTS, how], env=environment, text=True
            )
        )
        for how in ("return", "keep")
    }
    assert faults["keep"] < faults["return"] / 5
