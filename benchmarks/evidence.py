"""Checks of the evidence on null tables, signals, intervals and structures with known answers.

    python benchmarks/evidence.py null --rows 200 --tables 20
    python benchmarks/evidence.py power --rows 1000 --tables 20
    python benchmarks/evidence.py structures --tables 20
    python benchmarks/evidence.py intervals --rows 500 --tables 20
    python benchmarks/evidence.py show

Every table adds a line to the results file, and a table that already has a line is skipped, so that
a run can be interrupted and resumed. `show` prints the tables of `docs/evidence.md`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from distributed_ib.data.component_values import ComponentValues
from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.evidence.dependence import Rows, component_p_values, joint_p_value
from distributed_ib.evidence.evidence import Q_LIMIT, Evidence
from distributed_ib.evidence.false_discovery import q_values
from distributed_ib.report.ladder_sections import choice_values
from resumable_tables import Part, Row, main

Array = NDArray[Any]
N_COLUMNS = (2, 8, 20)
N_SHUFFLES = 99


def number_columns(x: Array) -> list[ComponentValues]:
    """Every column as a component of one number."""
    none = np.zeros((len(x), 0), np.int64)
    return [ComponentValues(column[:, None], none) for column in x.T]


def _evidence(model: Any) -> Evidence:
    assert isinstance(model.evidence_, Evidence)
    return model.evidence_


def null(case: str, n_rows: int, table: int) -> Row:
    """The whole fit on a table whose columns carry no information about Y."""
    kind, n_columns = case.split()
    rng = np.random.default_rng([table, n_rows, int(n_columns), 1])
    x = rng.normal(size=(n_rows, int(n_columns)))
    is_class = kind == "classes"
    y = rng.integers(0, 3, n_rows) if is_class else rng.normal(size=n_rows)
    model = (DistributedIBClassifier if is_class else DistributedIBRegressor)(
        random_state=table, n_information_inputs=0, n_steps=300
    ).fit(x, y)
    found = _evidence(model)
    return {"p_value": found.p_value, "supported": len(found.supported)}


def null_tests(case: str, n_rows: int, table: int) -> Row:
    """The permutation test alone on a null table, which allows many more tables."""
    kind, n_columns = case.split()
    rng = np.random.default_rng([table, n_rows, int(n_columns), 2])
    x = rng.normal(size=(n_rows, int(n_columns)))
    y = rng.integers(0, 3, n_rows) if kind == "classes" else rng.normal(size=n_rows)
    rows = Rows(number_columns(x), y)
    q = q_values(component_p_values(rows, seed=table))
    p_value = joint_p_value(rows, seed=table)
    return {"p_value": p_value, "supported": int((q <= Q_LIMIT).sum()) if p_value <= 0.05 else 0}


SIGNALS = ("linear", "interaction")


def signal(kind: str, n_rows: int, n_noise: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two informative columns and noise; R2 of their sum is 0.3, of their product 0.67."""
    x, noise = rng.normal(size=(n_rows, 2 + n_noise)), rng.normal(size=n_rows)
    if kind == "linear":
        return x, x[:, 0] + x[:, 1] + np.sqrt(2 * 0.7 / 0.3) * noise
    return x, x[:, 0] * x[:, 1] + 0.7 * noise


def power(case: str, n_rows: int, table: int) -> Row:
    """Columns claimed by tests without a bottleneck, at a false discovery rate of 0.1."""
    x, y = _signal_table(case, n_rows, table)
    return {
        "dependence": _claimed(component_p_values(Rows(number_columns(x), y), seed=table)),
        "permuted boosting": _claimed(permuted_boosting(x, y, table)),
        "knockoffs": _counted(knockoffs(x, y, table)),
    }


def power_models(case: str, n_rows: int, table: int) -> Row:
    """Columns claimed by tests with a fitted bottleneck, on the same tables."""
    x, y = _signal_table(case, n_rows, table)
    return {
        "holdout randomisation": _claimed(holdout_randomisation(x, y, table)),
        "permuted copies": _claimed(permuted_copies(x, y, table)),
    }


def _signal_table(case: str, n_rows: int, table: int) -> tuple[Array, Array]:
    kind, n_noise = case.split()
    return signal(
        kind, n_rows, int(n_noise), np.random.default_rng([table, n_rows, int(n_noise), 3])
    )


def _claimed(p_values: Array) -> dict[str, int]:
    return _counted(q_values(p_values) <= Q_LIMIT)


def _counted(claimed: Array) -> dict[str, int]:
    return {"true": int(claimed[:2].sum()), "false": int(claimed[2:].sum())}


def _boosted(x: Array, y: Array) -> Any:
    return HistGradientBoostingRegressor(random_state=0, max_iter=100).fit(x, y)


def holdout_randomisation(x: Array, y: Array, seed: int) -> Array:
    """p-values of columns from shuffling them in held-out rows of one fitted bottleneck.

    Tansey et al. 2022, "The holdout randomization test for feature selection in black box models".
    """
    model = DistributedIBRegressor(
        random_state=seed, n_information_inputs=0, n_resamples=3, n_steps=300, evidence=False
    ).fit(x, y)
    test = model.plan(x, y).split.held_out
    rng = np.random.default_rng(seed)

    def loss(rows: Array) -> float:
        return float(np.mean((model.predict(rows) - y[test]) ** 2))

    observed, found = loss(x[test]), []
    for column in range(x.shape[1]):
        drawn = np.empty(N_SHUFFLES)
        for k in range(N_SHUFFLES):
            shuffled = x[test].copy()
            shuffled[:, column] = rng.permutation(shuffled[:, column])
            drawn[k] = loss(shuffled)
        found.append((1 + (drawn <= observed).sum()) / (N_SHUFFLES + 1))
    return np.array(found)


def permuted_copies(x: Array, y: Array, seed: int) -> Array:
    """p-values of the conveyed information, against permuted copies of all columns in one fit."""
    rng = np.random.default_rng(seed)
    copies = np.stack([rng.permutation(column) for column in x.T], axis=1)
    model = DistributedIBRegressor(
        random_state=seed, n_information_inputs=0, n_resamples=3, n_steps=300, evidence=False
    ).fit(np.concatenate([x, copies], axis=1), y)
    bits = np.array(list(choice_values(model.scheme_)["best"]["component_bits"].values()))
    own, shadow = bits[: x.shape[1]], bits[x.shape[1] :]
    return np.array([(1 + (shadow >= one).sum()) / (len(shadow) + 1) for one in own])


def permuted_boosting(x: Array, y: Array, seed: int) -> Array:
    """p-values of columns from shuffling them in held-out rows of gradient boosting."""
    train, test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed)
    model, rng = _boosted(x[train], y[train]), np.random.default_rng(seed)
    observed, found = float(np.mean((model.predict(x[test]) - y[test]) ** 2)), []
    for column in range(x.shape[1]):
        tiled = np.tile(x[test], (N_SHUFFLES, 1))
        tiled[:, column] = np.concatenate(
            [rng.permutation(x[test, column]) for _ in range(N_SHUFFLES)]
        )
        errors = (model.predict(tiled).reshape(N_SHUFFLES, -1) - y[test]) ** 2
        found.append((1 + (errors.mean(axis=1) <= observed).sum()) / (N_SHUFFLES + 1))
    return np.array(found)


def knockoffs(x: Array, y: Array, seed: int) -> Array:
    """Columns selected by knockoffs of independent normal columns, judged by gradient boosting.

    Candes et al. 2018, "Panning for gold: model-X knockoffs".
    """
    rng = np.random.default_rng(seed)
    copies = rng.normal(size=x.shape)
    both = np.concatenate([x, copies], axis=1)
    train, test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=seed)
    model = _boosted(both[train], y[train])
    observed = float(np.mean((model.predict(both[test]) - y[test]) ** 2))
    worse = np.empty(both.shape[1])
    for column in range(both.shape[1]):
        shuffled = both[test].copy()
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        worse[column] = np.mean((model.predict(shuffled) - y[test]) ** 2) - observed
    w = worse[: x.shape[1]] - worse[x.shape[1] :]
    for threshold in np.sort(np.abs(w[w != 0])):
        if (1 + (w <= -threshold).sum()) / max(1, (w >= threshold).sum()) <= Q_LIMIT:
            return np.asarray(w >= threshold)
    return np.zeros(x.shape[1], bool)


STRUCTURES = ("twins", "copies", "mediator", "chain", "xor", "and", "pair")


def structure(kind: str, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Columns of a structure followed by two noise columns, and Y; see `docs/evidence.md`."""
    z, e, noise = rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, 2))
    if kind == "twins":  # two noisy readings of z, correlated by 0.92
        told = [np.sqrt(0.92) * z + np.sqrt(0.08) * rng.normal(size=n) for _ in range(2)]
        y = z + 0.5 * e
    elif kind == "copies":
        told, y = [z, np.exp(z), z**3], z + 0.5 * e
    elif kind == "mediator":
        told = [z, z + 0.6 * rng.normal(size=n)]
        y = told[1] + 0.6 * e
    elif kind == "chain":
        told = [z]
        for _ in range(2):
            told.append(told[-1] + 0.6 * rng.normal(size=n))
        y = told[-1] + 0.6 * e
    elif kind in ("xor", "and"):
        told = list(rng.integers(0, 2, (2, n)))
        y = told[0] ^ told[1] if kind == "xor" else told[0] & told[1]
        y = np.where(rng.random(n) < 0.05, 1 - y, y)
    else:
        told = [z, rng.normal(size=n)]
        y = told[0] + told[1] + 0.7 * e
    return np.stack([*told, *noise.T], axis=1).astype(float), y


def is_told_right(kind: str, found: Evidence) -> bool:
    """Whether the fields of the evidence describe the structure correctly."""
    told = {one.name: one for one in found.knowledge}
    names = found.names[: 3 if kind in ("copies", "chain") else 2]
    if found.verdict != "evidence" or not set(names) <= told.keys():
        return False
    one = [told[name] for name in names]
    others = [set(names) - {name} for name in names]
    tells = [item.alone.low > 0 for item in one]
    missed = [item.unique.value > 0.25 * max(item.alone.value, 0.02) for item in one]
    same = [set(item.interchangeable_with) & set(names) for item in one]
    joint = [set(item.only_with) & set(names) for item in one]
    if kind in ("twins", "copies"):
        return all(tells) and same == others and not any(missed)
    if kind == "xor":
        return not any(same) and joint == others and all(item.unique.low > 0.1 for item in one)
    if any(same) or any(joint) or not all(tells):
        return False
    last = [False] * (len(names) - 1) + [True]
    return missed == (last if kind in ("mediator", "chain") else [True] * len(names))


def structures(case: str, n_rows: int, table: int) -> Row:
    """Whether a generated structure is recognised."""
    x, y = structure(case, n_rows, np.random.default_rng([table, n_rows, STRUCTURES.index(case)]))
    kind = DistributedIBClassifier if case in ("xor", "and") else DistributedIBRegressor
    model = kind(random_state=table, n_information_inputs=0).fit(x, y)
    found = _evidence(model)
    return {
        "right": is_told_right(case, found),
        "p_value": found.p_value,
        "noise": len(set(found.supported) & set(found.names[-2:])),
        "components": found.to_dict()["components"],
    }


def intervals(case: str, n_rows: int, table: int) -> Row:
    """The intervals of a fit, and the value of the fitted procedure on 20,000 fresh rows."""
    rng = np.random.default_rng([table, n_rows, 4])

    def draw(n: int) -> tuple[Array, Array]:
        x, noise = rng.normal(size=(n, 4)), rng.normal(size=n)
        y = x[:, 0] + 0.5 * x[:, 1] + 0.7 * noise
        return x, y if case == "numbers" else (y > 0).astype(int)

    x, y = draw(n_rows)
    kind = DistributedIBRegressor if case == "numbers" else DistributedIBClassifier
    model = kind(random_state=table, n_information_inputs=0).fit(x, y)
    fresh, y_fresh = draw(20_000)
    found = _evidence(model)
    name = "r2" if case == "numbers" else "accuracy"
    score = found.best.scores[name]
    codes = np.asarray(model.target_.transform(y_fresh), np.int64).reshape(-1)
    from distributed_ib.scheme.choice import Choice

    chances = model._averaged(fresh, Choice(beta=model.best_beta_))
    logs = np.asarray(model.scheme_.models(0)[0].predictor.marginal_logs()[0])
    known = np.log2(np.maximum(chances[np.arange(len(codes)), codes], 1e-12)) - logs[
        codes
    ] / np.log(2)
    return {
        "score": [score.value, score.low, score.high, float(model.score(fresh, y_fresh))],
        "averaged": [
            found.best.averaged.value,
            found.best.averaged.low,
            found.best.averaged.high,
            float(known.mean()),
        ],
        "bits": [[one.value, one.low, one.high] for one in found.best.bits],
        "bits_at_simplest": [[one.value, one.low, one.high] for one in found.simplest.bits],
    }


NULLS = tuple(f"{kind} {n}" for kind in ("numbers", "classes") for n in N_COLUMNS)


def _show_null(cells: dict[tuple[str, int], list[Row]]) -> None:
    print("| columns | rows | tables | evidence | components claimed |")
    print("|---|---|---|---|---|")
    everything = []
    for (case, n_rows), rows in cells.items():
        p_values = [row["p_value"] for row in rows]
        everything += p_values
        claimed = sum(row["supported"] for row in rows)
        found = sum(p <= 0.05 for p in p_values)
        print(f"| {case} | {n_rows} | {len(rows)} | {found} | {claimed} |")
    spread = np.random.default_rng(0).random(len(everything)) / 1000
    p_value = kstest(np.clip(np.array(everything) - spread, 0, 1), "uniform").pvalue
    share = np.mean(np.array(everything) <= 0.05)
    print(f"\n{share:.3f} of {len(everything)} at most 0.05; uniform: p = {p_value:.3f}.")


def _show_power(cells: dict[tuple[str, int], list[Row]]) -> None:
    print("| signal, noise columns | rows | method | power | false discovery rate | tables |")
    print("|---|---|---|---|---|---|")
    first = next(iter(cells.values()))[0]
    ways = [name for name, found in first.items() if isinstance(found, dict)]
    for (case, n_rows), rows in cells.items():
        for way in ways:
            found = [row[way] for row in rows]
            rate = [one["false"] / max(1, one["true"] + one["false"]) for one in found]
            share = np.mean([one["true"] / 2 for one in found])
            print(
                f"| {case} | {n_rows} | {way} | {share:.2f} | {np.mean(rate):.2f} +- "
                f"{np.std(rate) / np.sqrt(len(rate)):.2f} | {len(rows)} |"
            )


def _show_structures(cells: dict[tuple[str, int], list[Row]]) -> None:
    print("| structure | rows | told right | noise columns claimed | seconds |")
    print("|---|---|---|---|---|")
    for (case, n_rows), rows in cells.items():
        right, noise = sum(row["right"] for row in rows), sum(row["noise"] for row in rows)
        seconds = np.mean([row["seconds"] for row in rows])
        print(f"| {case} | {n_rows} | {right} of {len(rows)} | {noise} | {seconds:.0f} |")


def _show_intervals(cells: dict[tuple[str, int], list[Row]]) -> None:
    print("| Y | rows | tables | quantity | coverage | mean width | width of an oracle |")
    print("|---|---|---|---|---|---|---|")
    for (case, n_rows), rows in cells.items():
        for name in ("score", "averaged"):
            ends = np.array([row[name] for row in rows])
            inside = np.mean((ends[:, 1] <= ends[:, 3]) & (ends[:, 3] <= ends[:, 2]))
            # Spread over redrawn tables of the reported minus the true value on fresh rows.
            spread = 2 * 1.645 * np.std(ends[:, 0] - ends[:, 3], ddof=1)
            width = (ends[:, 2] - ends[:, 1]).mean()
            print(
                f"| {case} | {n_rows} | {len(rows)} | {name} | {inside:.2f} | {width:.3f} "
                f"| {spread:.3f} |"
            )
        for name in ("bits", "bits_at_simplest"):
            ends = np.array([row[name] for row in rows])
            truth = ends[:, :, 0].mean(axis=0)
            inside = (ends[:, :, 1] <= truth) & (truth <= ends[:, :, 2])
            spread = 2 * 1.645 * ends[:, :, 0].std(axis=0, ddof=1)
            width = (ends[:, :, 2] - ends[:, :, 1]).mean(axis=0)
            for k in range(ends.shape[1]):
                print(
                    f"| {case} | {n_rows} | {len(rows)} | {name} of x{k} "
                    f"| {inside[:, k].mean():.2f} | {width[k]:.3f} | {spread[k]:.3f} |"
                )


POWERS = tuple(f"{kind} {n}" for kind in SIGNALS for n in (2, 20))
PARTS = {
    "null": Part(null, NULLS, _show_null),
    "null_tests": Part(null_tests, NULLS, _show_null),
    "power": Part(power, POWERS, _show_power),
    "power_models": Part(power_models, POWERS, _show_power),
    "structures": Part(structures, STRUCTURES, _show_structures),
    "intervals": Part(intervals, ("numbers", "classes"), _show_intervals),
}


if __name__ == "__main__":
    main(__doc__.splitlines()[0], PARTS, Path("evidence.jsonl"))
