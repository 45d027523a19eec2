"""Accuracy with few and with many shells over several splits of the packaged glasses.

    python benchmarks/glass_splits.py quick --tables 5
    python benchmarks/glass_splits.py show

Runs the preset `quick` of `dib glass analyse` on one split of the samples after another. Accuracies
are from one draw of the noise. Each is the mean of two: the model is chosen on one half of the
held-out examples and scored on the other, and vice versa. Every sweep adds a line to the results
file, and a sweep that already has a line is skipped.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from distributed_ib.scheme._smoothing import running_mean
from distributed_ib.scheme.fitting import fit_scheme
from distributed_ib.studies.glass.glass_examples import (
    examples_of,
    reporting_rows,
    validation_rows,
)
from distributed_ib.studies.glass.glass_measurements import accuracies
from distributed_ib.studies.glass.glass_study import GlassStudy
from distributed_ib.studies.glass.linear_svm import fit_svm
from resumable_tables import Cells, Part, Row, main

Array = NDArray[np.float64]

COUNTS = (20, 10, 5, 3, 2, 1)
WINDOW, THRESHOLD_BITS = 5, 0.1


def quick(case: str, n_rows: int, table: int) -> Row:
    """Accuracies of one sweep with `table` as the seed, on all rows whatever `n_rows` is."""
    study = GlassStudy().protocols[case]
    problem = study.problem(table)
    split = problem.split(table)
    scheme = fit_scheme(problem, study.model, study.train, seed=table)
    halves = [validation_rows(split), reporting_rows(split)]
    of_halves = [accuracies(scheme, split, rows)[0] for rows in halves]
    record = scheme.snapshots.record
    in_use = (scheme.conveyed_bits().values[0, record] > THRESHOLD_BITS).sum(axis=1)
    machine = LinearSVC(C=fit_svm(split, study.table.group).c, dual=False, max_iter=10_000)
    machine.fit(*examples_of(split, split.train))
    return {
        "svm": np.mean([machine.score(*examples_of(split, rows)) for rows in halves]),
        "best": _chosen(of_halves, WINDOW, np.ones(len(in_use), bool)),
        "few": [_chosen(of_halves, 1, in_use <= count) for count in COUNTS],
    }


def _chosen(of_halves: list[Array], window: int, allowed: NDArray[np.bool_]) -> float | None:
    """Accuracy on one half of the model chosen on the other half, averaged over both ways."""
    if not allowed.any():
        return None
    smooth = [running_mean(one, window) for one in of_halves]
    ways = zip(smooth, reversed(smooth), strict=True)
    found = [report[np.argmax(np.where(allowed, choose, -1.0))] for choose, report in ways]
    return float(np.mean(found))


def _show(cells: Cells) -> None:
    names = [f"{count} shells" for count in COUNTS]
    print("| glass | splits | SVM | best |", " | ".join(names), "| seconds |")
    print("|---" * (5 + len(names)) + "|")
    for (case, _), rows in cells.items():
        columns = [[row["svm"] for row in rows], [row["best"] for row in rows]]
        columns += [[row["few"][k] for row in rows] for k in range(len(COUNTS))]
        told = []
        for column in columns:
            given = np.array([value for value in column if value is not None])
            error = given.std(ddof=1) / np.sqrt(len(given)) if len(given) > 1 else np.nan
            told.append(f"{given.mean():.3f} +- {error:.3f}" if len(given) else "-")
        seconds = np.mean([row["seconds"] for row in rows])
        print(f"| {case} | {len(rows)} |", " | ".join(told), f"| {seconds:.0f} |")


PARTS = {"quick": Part(quick, ("gradual", "rapid"), _show)}


if __name__ == "__main__":
    main(__doc__.splitlines()[0], PARTS, Path("glass_splits.jsonl"))
