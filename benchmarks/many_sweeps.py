"""Throughput of many sweeps through joblib and Dask, against bare sweeps at the same time.

Sixteen sweeps of a table of 2,000 rows x 10 columns. The reference is two bare processes on two
cores, each looping over half of the sweeps; `--jobs 2` and a Dask cluster of two workers on this
machine run the same sweeps. Each process runs one sweep before it is timed. The target is at least
0.9 of the bare throughput for joblib, and 0.85 for Dask.

    python benchmarks/many_sweeps.py [--sweeps 16] [--steps N] [--rounds 3]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from distributed_ib.study.workers import Workers, results_of

N_ROWS, N_COLUMNS, N_WORKERS = 2_000, 10, 2
LEAST = {"joblib": 0.9, "dask": 0.85}
Shared = tuple[pd.DataFrame, pd.Series, int | None]


def table() -> tuple[pd.DataFrame, pd.Series]:
    """Ten columns of numbers, of which three are informative about the target."""
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(N_ROWS, N_COLUMNS)), columns=list("abcdefghij"))
    return x, x["a"] * x["b"] + x["c"] + 0.3 * rng.normal(size=N_ROWS)


def one_sweep(shared: Shared, seed: str) -> float:
    """Run a sweep from end to end, without evidence, and return the known bits at the best beta."""
    from distributed_ib.estimators import DistributedIBRegressor

    warnings.simplefilter("ignore")  # channels stay open after so few steps, which is expected here
    x, y, n_steps = shared
    options: dict[str, Any] = {"n_starts": 1, "n_resamples": 0, "evidence": False}
    fitted = DistributedIBRegressor(random_state=int(seed), n_steps=n_steps, **options).fit(x, y)
    return float(fitted.scheme_.to_xarray()["predictive_information_bits"].max())


def bare_process(n_steps: int | None) -> None:
    """Loop over seeds read from standard input, after a sweep to warm up."""
    shared = (*table(), n_steps)
    one_sweep(shared, "0")
    print("warm", flush=True)
    for line in sys.stdin:
        for seed in line.split():
            one_sweep(shared, seed)
        print("done", flush=True)


@contextmanager
def bare(n_steps: int | None) -> Iterator[Callable[[list[str]], None]]:
    """Two processes that share the seeds evenly."""
    command = [sys.executable, __file__, "--bare", "--steps", str(n_steps or 0)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(N_WORKERS)]
    for process in processes:
        assert process.stdout.readline() == "warm\n"

    def run(seeds: list[str]) -> None:
        for k, process in enumerate(processes):
            process.stdin.write(" ".join(seeds[k::N_WORKERS]) + "\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout.readline() == "done\n"

    try:
        yield run
    finally:
        for process in processes:
            process.stdin.close()
            process.wait()


@contextmanager
def dask_cluster() -> Iterator[str]:
    """A scheduler and two workers with one thread each; yields the address."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        options = ["--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        single = ["--nworkers", str(N_WORKERS), "--nthreads", "1", "--local-directory", folder]
        commands = [
            ["-m", "distributed.cli.dask_scheduler", "--port", "0", *options],
            ["-m", "distributed.cli.dask_worker", *options, *single],
        ]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes = [subprocess.Popen([sys.executable, *one], **quiet) for one in commands]
        try:
            while not (file.exists() and file.read_text()):
                time.sleep(0.1)
            yield json.loads(file.read_text())["address"]
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


def through(workers: Workers, n_steps: int | None) -> Callable[[list[str]], None]:
    """The same sweeps on workers, after a few to warm up."""
    shared = (*table(), n_steps)

    def run(seeds: list[str]) -> None:
        found = dict(results_of(workers, one_sweep, shared, seeds))
        assert found.keys() == set(seeds)

    run([str(k) for k in range(2 * N_WORKERS)])
    return run


def main(n_sweeps: int, n_steps: int | None, n_rounds: int) -> None:
    """Time all alternately and print sweeps per minute and shares of the bare throughput."""
    seeds = [str(seed) for seed in range(n_sweeps)]
    with bare(n_steps) as alone, dask_cluster() as address:
        contestants = {
            "bare": alone,
            "joblib": through(Workers(n_jobs=N_WORKERS), n_steps),
            "dask": through(Workers(dask=address), n_steps),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(n_rounds):
            for name, run in contestants.items():
                began = time.perf_counter()
                run(seeds)
                seconds[name].append(time.perf_counter() - began)
    print(
        f"{n_sweeps} sweeps of {N_ROWS:,} x {N_COLUMNS}, {os.cpu_count()} cores, {n_rounds} rounds"
    )
    for name, taken in seconds.items():
        share = median(a / b for a, b in zip(seconds["bare"], taken, strict=True))
        least = f", at least {LEAST[name]} asked" if name in LEAST else ""
        print(f"  {name:>6}: {60 * n_sweeps / median(taken):7.1f} sweeps/min, {share:.2f}{least}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=16)
    parser.add_argument("--steps", type=int, default=0, help="0: as many as follow from the data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        bare_process(given.steps or None)
    else:
        main(given.sweeps, given.steps or None, given.rounds)
