"""Parts of a run on workers: bit-identical to a run in one process, whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

from clusters import Cluster, cluster
from distributed_ib.errors import UserError
from distributed_ib.report.report_files import load_report
from distributed_ib.study import many_parts
from distributed_ib.study.loading import study_at
from distributed_ib.study.many_parts import Done, Shared
from distributed_ib.study.one_part import PartPlace, run_part, sweeps_of_part
from distributed_ib.study.reading_runs import load_run
from distributed_ib.study.stored_report import reported_parts
from distributed_ib.study.workers import Workers
from test_cli import dib
from test_killed_runs import SOURCE, assert_same_bits, findings

STUDY = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import distributed_ib as dib


class Base(dib.Study):
    """What studies of this file share; it has no name."""


@dataclass(frozen=True)
class Half(Base):
    """One of two halves."""

    name: ClassVar[str] = "half"
    column: int = 0
    train: dib.TrainSettings = dib.TrainSettings(n_steps=12, batch_size=16, evidence=False)

    def measure(self, run):
        return {"rows": np.array(100)}

    def problem(self, seed):
        x = np.random.default_rng(seed).choice([-1.0, 1.0], (100, 2))
        return dib.Problem.from_arrays(x, (x[:, self.column] > 0) * 1, names=["a", "b"])

    def model(self, key):
        encoder = dib.BinaryEncoder(2)
        return dib.DistributedBottleneck(encoder, dib.BernoulliPredictor(2, hidden=(8,), key=key))


@dataclass(frozen=True)
class Halves(dib.Study):
    """Both halves."""

    name: ClassVar[str] = "halves"
    wrong: bool = False
    train: dib.TrainSettings = dib.TrainSettings(n_steps=12, batch_size=16, evidence=False)

    def parts(self):
        return {name: Half(k, self.train) for k, name in enumerate(["one", "other"])}
'''


PATTERNS = ["run", "patterns", "--hidden", "8", "--n-pretraining-steps", "0"]
PATTERNS += ["--batch-size", "16", "--n-information-inputs", "32"]
SHORT = [*PATTERNS, "--n-steps", "12", "--patterns", "circle"]
LONG = [*PATTERNS, "--n-steps", "150000", "--patterns", "circle,slant"]


@pytest.fixture(scope="module", autouse=True)
def compiled_as_in_workers() -> Iterator[None]:
    """Compile without most optimisations, here and, by an environment variable, in workers."""
    jax.clear_caches()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
        jax.config.update("jax_disable_most_optimizations", True)
        yield
        jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "halves.py"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "here"
    assert dib("run", f"{file}:Halves", "--out", str(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def assert_same_run(one: Path, other: Path) -> None:
    parts = sorted(path.parent.relative_to(one) for path in schemes(one))
    assert len(parts) == 2
    for part in parts:
        assert_same_bits(one / part, other / part)
    assert findings(one) == findings(other)
    assert set(load_run(other).parts) == {part.as_posix() for part in parts}
    names = [sorted(p.relative_to(f) for p in f.rglob("[!.]*")) for f in (one, other)]
    assert names[0] == names[1]


def test_two_processes_give_the_same_bits(here: Path, file: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    assert dib("run", f"{file}:Halves", "--jobs", "2", "--out", str(there)) == 0
    assert_same_run(here, there)
    log = (there / "log").read_text()
    assert all(log.count(f"{name}: sweep finished") == 1 for name in ("one", "other"))


def test_a_cluster_gives_the_same_bits(
    here: Path, file: Path, two: Cluster, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    assert dib("run", f"{file}:Halves", "--dask", two.address, "--out", str(there)) == 0
    assert_same_run(here, there)
    # A finished part is not repeated when a run is resumed.
    assert dib("resume", str(there), str(file), "--dask", two.address) == 2


@pytest.mark.nightly
def test_patterns_have_the_same_bits_everywhere(two: Cluster, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    assert dib(*SHORT, "--out", str(alone)) == 0
    for name, where in {"jobs": ["--jobs", "2"], "dask": ["--dask", two.address]}.items():
        assert dib(*SHORT, *where, "--out", str(tmp_path / name)) == 0
        assert_same_run(alone, tmp_path / name)


@pytest.mark.nightly
def test_targets_of_a_table_go_to_processes_and_clusters_with_their_rows(
    two: Cluster, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    # With this many rows joblib maps each column from a file, read-only.
    x = rng.normal(size=(140_000, 2))
    table = tmp_path / "table.parquet"
    data = pd.DataFrame(x, columns=["a", "b"]).assign(y=x[:, 0] > 0, z=x[:, 1])
    data.to_parquet(table, index=False)
    assert data["a"].nbytes > 1 << 20
    fit = ["fit", str(table), "--target", "y,z", "--each-target", "--quick", "--steps", "20"]
    assert dib(*fit, "--out", str(tmp_path / "here")) == 0
    assert dib(*fit, "--jobs", "2", "--out", str(tmp_path / "jobs")) == 0
    assert dib(*fit, "--dask", two.address, "--out", str(tmp_path / "dask")) == 0
    for name in ("jobs", "dask"):
        for part in ("y", "z"):
            assert_same_bits(tmp_path / "here" / part, tmp_path / name / part)
            assert (tmp_path / name / part / "estimator.json").is_file()


# Killed in the middle -----------------------------------------------------------------------------


def test_study_at_finds_a_study_by_class_or_by_name(file: Path) -> None:
    for found, path in (study_at(f"{file}:Halves"), study_at(file, "halves")):
        assert found.name == "halves"
        assert path == file
    with pytest.raises(UserError, match="several studies"):
        study_at(file)


def test_a_part_that_is_not_measured_yet_is_not_shown(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(
        workers: Workers, work: Any, shared: Shared, names: list[str], by_value: str | None
    ) -> Iterator[tuple[str, Done]]:
        """Finish the first part, but only the sweep of the second."""
        assert shared.folder is not None
        parts = shared.study.parts()
        one, other = (PartPlace(shared.folder / name) for name in names)
        run_part(parts["one"], "one", shared.seed, one)
        sweeps_of_part(parts["other"], "other", shared.seed, other)
        yield "one", Done("finished", (), (), {})
        raise KeyboardInterrupt

    monkeypatch.setattr(many_parts, "results_of", stopped)
    run = tmp_path / "run"
    assert dib("run", f"{file}:Halves", "--jobs", "2", "--out", str(run)) == 130
    assert list(load_run(run).parts) == ["one"]
    assert reported_parts(run, load_report(run)) == ("one",)
    monkeypatch.undo()
    assert dib("resume", str(run), str(file)) == 0
    assert list(load_run(run).parts) == ["one", "other"]


def client(*arguments: str) -> "subprocess.Popen[bytes]":
    """Start the command in a process of its own."""
    # A process started in the background by a shell ignores Ctrl-C.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from distributed_ib.cli.main import run; run()"
    )
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def schemes(folder: Path) -> list[Path]:
    return sorted(folder.rglob("scheme.nc"))


def children(process: int) -> list[int]:
    """Child processes of a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(path.parent.name))
    return found


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four parts in this process, each long enough to be killed midway."""
    folder = tmp_path_factory.mktemp("four") / "here"
    assert dib(*LONG, "--out", str(folder)) == 0
    return folder


def assert_all_four(one: Path, other: Path) -> None:
    for scheme in schemes(one):
        part = scheme.parent.relative_to(one)
        assert_same_bits(one / part, other / part)
        # No sweep runs twice; a killed client may have had no time to write its line.
        assert (other / "log").read_text().count(f"{part.as_posix()}: sweep finished") <= 1
    assert findings(one) == findings(other)
    assert not list(other.rglob("checkpoints"))


@pytest.mark.nightly
def test_a_run_survives_a_killed_worker(four: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    running = client(*LONG, "--jobs", "2", "--out", str(there))
    wait_for(lambda: len(list(there.rglob("checkpoints"))) == 2)
    workers = [child for child in children(running.pid) if b"loky" in command(child)]
    os.kill(workers[0], signal.SIGKILL)
    _, told = running.communicate()
    assert running.returncode == 0, told
    assert_all_four(four, there)


def command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.nightly
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_resumes_without_repeating_finished_parts(
    how: signal.Signals, four: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    running = client(*LONG, "--jobs", "2", "--out", str(there))
    wait_for(lambda: schemes(there))
    running.send_signal(how)
    out, _ = running.communicate()
    assert running.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 130)
    assert (b"dib resume" in out) == (how != signal.SIGKILL)
    finished = schemes(there)
    before = [(path.stat().st_ino, path.read_bytes()) for path in finished]
    assert 0 < len(finished) < 4
    assert dib("resume", str(there), "--jobs", "2") == 0
    assert [(path.stat().st_ino, path.read_bytes()) for path in finished] == before
    assert_all_four(four, there)


@pytest.mark.nightly
def test_finished_parts_survive_a_lost_scheduler(four: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    with cluster(tmp_path) as lost:
        running = client(*LONG, "--dask", lost.address, "--out", str(there))
        wait_for(lambda: schemes(there))
        lost.scheduler.send_signal(signal.SIGKILL)
        _, told = running.communicate()
    assert running.returncode == 2
    assert told.startswith(b"error: --dask: the scheduler at ") and told.count(b"\n") == 1
    assert 0 < len(schemes(there)) < 4
    assert dib("resume", str(there)) == 0
    assert_all_four(four, there)


@pytest.mark.nightly
def test_units_end_when_their_client_is_killed(two: Cluster, tmp_path: Path) -> None:
    endless = [*PATTERNS, "--n-steps", "100000000", "--patterns", "circle"]
    running = client(*endless, "--dask", two.address, "--out", str(tmp_path / "there"))
    wait_for(lambda: (tmp_path / "there" / "config.toml").exists())
    time.sleep(5)
    running.kill()
    running.communicate()
    # Both workers of the cluster are free for the next client.
    assert dib(*SHORT, "--dask", two.address, "--out", str(tmp_path / "next")) == 0
