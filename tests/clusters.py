"""A Dask cluster of worker processes on this machine, for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
START_SECONDS = 120


@dataclass
class Cluster:
    """A scheduler and its workers, each in a separate process."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: list["subprocess.Popen[bytes]"]

    def end(self) -> None:
        """Kill all processes."""
        for process in (*self.workers, self.scheduler):
            process.send_signal(signal.SIGKILL)
            process.wait()


@contextmanager
def cluster(folder: Path, n_workers: int = 2) -> Iterator[Cluster]:
    """A running cluster that keeps its files in `folder`."""
    path = folder / "scheduler.json"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
        # Connections closed by a kill are noticed at once; this matters only for a lost machine.
        "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
    }

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        with (folder / "cluster.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *arguments, "--no-dashboard", "--host", "127.0.0.1"],
                env=environment,
                stdout=log,
                stderr=log,
                cwd=folder,
            )

    scheduler = start(
        "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(path)
    )
    found = Cluster("", scheduler, [])
    try:
        found.address = _address(path, scheduler)
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        for _ in range(n_workers):
            found.workers.append(start("distributed.cli.dask_worker", found.address, *options))
        yield found
    finally:
        found.end()


def _address(path: Path, scheduler: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and scheduler.poll() is None:
        try:
            return str(json.loads(path.read_text())["address"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise TimeoutError("the scheduler did not start")
