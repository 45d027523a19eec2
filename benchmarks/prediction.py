"""Prediction errors of the estimators compared with those of common alternative learners.

    python benchmarks/prediction.py run --splits 10
    python benchmarks/prediction.py run --tables wine iris --splits 3 --learners ours
    python benchmarks/prediction.py show

The tables are those of `packaged_tables.py`. In each split a quarter of the rows is held out,
stratified by class. Of the other rows at most 2,000 are used for training, and of the held-out rows
at most 4,000 for testing, drawn with the split number as seed. `DistributedIBRegressor` and
`DistributedIBClassifier` use their defaults, without evidence. The peer is chosen among those of
`peers.py` on inner folds of the training rows. Errors are root mean squared errors, or log losses
in nats plus 0.02.

Every fit adds a line to the results file, and a fit that already has a line is skipped.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import train_test_split

from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.regressor import DistributedIBRegressor
from packaged_tables import PackagedTable, packaged_tables
from peers import PEERS, error_of
from resumable_tables import Row, add_line, read_lines

Array = NDArray[np.float64]

TEST_SHARE, MOST_TRAINING_ROWS, MOST_TEST_ROWS = 0.25, 2000, 4000
NATS_ADDED = 0.02
"""Added to log losses, so that ratios of losses near zero do not dominate."""
LEARNERS = ("ours", *PEERS)


def split(table: PackagedTable, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and test rows."""
    train, test = train_test_split(
        np.arange(len(table.y)),
        test_size=TEST_SHARE,
        random_state=number,
        stratify=table.y if table.task == "classification" else None,
    )
    return train[:MOST_TRAINING_ROWS], test[:MOST_TEST_ROWS]


def measure(table: PackagedTable, number: int, learner: str) -> Row:
    """The error of one learner on the test rows of one split."""
    train, test = split(table, number)
    x, y, is_class = table.x.iloc[train], table.y[train], table.task == "classification"
    row: Row = {"task": table.task, "n_train": len(train), "n_test": len(test)}
    if learner == "ours":
        kind = DistributedIBClassifier if is_class else DistributedIBRegressor
        model: Any = kind(evidence=False, random_state=number).fit(x, y)
        row["beta"] = model.best_beta_
    else:
        found = PEERS[learner](x, y, is_class, number)
        model, row["inner_error"] = found.model, found.inner_error
    return row | {"error": error_of(model, table.x.iloc[test], table.y[test], is_class)}


def run(tables: list[str], n_splits: int, learners: list[str], out: Path) -> None:
    """Measure the fits that the results file lacks, split by split over all tables."""
    found, _ = packaged_tables()
    done = {(row["table"], row["split"], row["learner"]) for row in read_lines(out)}
    for number in range(n_splits):
        for table in found:
            for learner in learners:
                if (tables and table.name not in tables) or (table.name, number, learner) in done:
                    continue
                about = {"table": table.name, "split": number, "learner": learner}
                add_line(out, partial(measure, table, number, learner), about)


def errors_of(rows: list[Row], table: str) -> tuple[dict[str, Array], Array]:
    """Errors on the splits common to all learners, also of the peer chosen on inner folds."""
    mine = [row for row in rows if row["table"] == table]
    by_split: dict[int, dict[str, Row]] = {}
    for row in mine:
        by_split.setdefault(row["split"], {})[row["learner"]] = row
    complete = [found for _, found in sorted(by_split.items()) if len(found) == len(LEARNERS)]
    added = NATS_ADDED if mine[0]["task"] == "classification" else 0.0
    errors = {
        name: added + np.array([found[name]["error"] for found in complete]) for name in LEARNERS
    }
    chosen = [
        added + min((found[name] for name in PEERS), key=lambda row: row["inner_error"])["error"]
        for found in complete
    ]
    return errors, np.array(chosen)


def ratio_with_interval(ours: Array, other: Array) -> tuple[float, float, float]:
    """Geometric mean over splits of the ratio of errors, and its paired 90 % interval (t)."""
    logs = np.log(ours / other)
    if len(logs) < 2:
        return float(np.exp(logs.mean())), np.nan, np.nan
    half = stats.t.ppf(0.95, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
    low, high = np.exp(logs.mean() + np.array([-half, half]))
    return float(np.exp(logs.mean())), float(low), float(high)


def show(out: Path) -> None:
    """Print the tables of `docs/prediction.md`."""
    rows = list(read_lines(out))
    print("| table | splits | ours | boosting | explainable | linear | chosen peer ", end="")
    print("| ratio to it | 90 % interval | best peer | ratio to it | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    to_chosen, to_best = [], []
    for table in sorted({row["table"] for row in rows}):
        errors, chosen = errors_of(rows, table)
        if not len(chosen):
            continue
        ratio, low, high = ratio_with_interval(errors["ours"], chosen)
        # The peer that is best on the test rows of all splits together.
        best = min(PEERS, key=lambda name: float(np.log(errors[name]).mean()))
        to_best.append(ratio_with_interval(errors["ours"], errors[best])[0])
        to_chosen.append(ratio)
        means = " | ".join(f"{errors[name].mean():.4g}" for name in LEARNERS)
        seconds = [r["seconds"] for r in rows if r["table"] == table and r["learner"] == "ours"]
        interval = f"{low:.3f} to {high:.3f}" if len(chosen) > 1 else "-"
        print(
            f"| {table} | {len(chosen)} | {means} | {chosen.mean():.4g} | {ratio:.3f} "
            f"| {interval} | {best} | {to_best[-1]:.3f} | {np.median(seconds):.0f} |"
        )
    for name, found in (("the chosen peer", to_chosen), ("the best peer", to_best)):
        if found:
            print(f"\nGeometric mean of {len(found)} tables over {name}: ", end="")
            print(f"{np.exp(np.mean(np.log(found))):.3f}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("--tables", nargs="+", default=[], help="by default all")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--learners", nargs="+", default=list(LEARNERS), choices=LEARNERS)
    parser.add_argument("--out", type=Path, default=Path("prediction.jsonl"))
    given = parser.parse_args()
    if given.what == "show":
        show(given.out)
    else:
        run(given.tables, given.splits, given.learners, given.out)


if __name__ == "__main__":
    main()
