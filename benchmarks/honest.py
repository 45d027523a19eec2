"""Checks of the known bits on tables with known answers, outer splits, peers and two seeds.

    python benchmarks/honest.py known --rows 1000 --tables 20
    python benchmarks/honest.py optimism
    python benchmarks/honest.py prediction --rows 1000
    python benchmarks/honest.py stability
    python benchmarks/honest.py show

Every fit adds a line to the results file, and a fit that already has a line is skipped, so that a
run can be interrupted and resumed. `show` prints the tables of `docs/fidelity.md`. Fits use the
defaults, without the evidence, which is measured last and changes nothing here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import xlogy
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split

from distributed_ib.estimators.classifier import DistributedIBClassifier
from distributed_ib.estimators.regressor import DistributedIBRegressor
from distributed_ib.report.ladder_sections import choice_values
from resumable_tables import Part, Row, main

Array = NDArray[np.float64]

N_NOISE = 2
LIMITS = {1000: (0.2, 0.03), 5000: (0.1, 0.015)}
"""Largest shortfall of the mean below the truth: as a share, or in bits, whichever is larger."""
FOUND_BITS = 0.1


def signal(case: str, s: Array, rng: np.random.Generator) -> Array:
    """Draw Y of a case, given the one informative column."""
    n = len(s)
    if case == "gaussian":
        return s + rng.normal(size=n)
    if case == "lognormal":
        return np.exp(s + rng.normal(size=n))
    if case == "two lumps":
        return np.sign(s) + 0.1 * rng.normal(size=n)
    if case == "zero-inflated":
        return np.where(s > 0, np.exp(rng.normal(size=n)), 0.0)
    if case == "poisson":
        return rng.poisson(np.exp(0.5 * s)).astype(float)
    if case == "two-valued":
        return ((s > 0) ^ (rng.random(n) < 0.1)).astype(float)
    if case == "bimodal":
        return np.sign(s + 0.5 * rng.normal(size=n)) * 2 + rng.normal(size=n)
    return s + rng.standard_t(3, size=n)


CASES = (
    "gaussian",
    "lognormal",
    "two lumps",
    "zero-inflated",
    "poisson",
    "two-valued",
    "bimodal",
    "heavy tails",
)


def truth_bits(case: str) -> float:
    """I(X;Y) of a case in bits, in closed form or summed over a fine grid of x."""
    if case in ("gaussian", "lognormal"):
        return 0.5
    if case in ("two lumps", "zero-inflated"):
        return 1.0
    if case == "two-valued":
        return float(1 - stats.bernoulli(0.1).entropy() / np.log(2))
    s = np.linspace(-6, 6, 4001)
    weight = stats.norm.pdf(s) / stats.norm.pdf(s).sum()
    y = np.linspace(-40, 40, 8001)
    if case == "poisson":
        p = stats.poisson.pmf(np.arange(200)[None], np.exp(0.5 * s)[:, None])
    elif case == "bimodal":
        up = stats.norm.cdf(s / 0.5)[:, None]
        p = up * stats.norm.pdf(y - 2)[None] + (1 - up) * stats.norm.pdf(y + 2)[None]
    else:
        p = stats.t.pdf(y[None] - s[:, None], 3)
    p = p / p.sum(axis=1, keepdims=True)
    q = weight @ p
    return float((weight @ xlogy(p, p).sum(axis=1) - xlogy(q, q).sum()) / np.log(2))


def known(case: str, n_rows: int, table: int) -> Row:
    """Known bits at `best`, with the true information."""
    rng = np.random.default_rng([table, n_rows, CASES.index(case)])
    x = rng.normal(size=(n_rows, 1 + N_NOISE))
    model = DistributedIBRegressor(random_state=table, evidence=False).fit(
        x, signal(case, x[:, 0], rng)
    )
    data = model.scheme_.pooled().to_xarray().isel(seed=0)
    found = choice_values(model.scheme_)
    best = data.isel(step=int(data.attrs["best_step"]))
    return {
        "truth": truth_bits(case),
        **found["best"],
        "known_error": float(best["known_error_bits"]),
        "upper": float(best["information_upper_bits"].sum()),
        "simplest_bits": found["simplest"]["known_bits"],
    }


def optimism(case: str, n_rows: int, table: int) -> Row:
    """The reported score, and the score on rows that were held out of the whole fit."""
    x, y = REAL[case](return_X_y=True)
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.3, random_state=table, stratify=None if is_number(y) else y
    )
    kind = DistributedIBRegressor if is_number(y) else DistributedIBClassifier
    model = kind(random_state=table, n_information_inputs=0, evidence=False).fit(x[train], y[train])
    best = choice_values(model.scheme_)["best"]
    codes = np.asarray(model.target_.transform(y[test]), np.int64)
    chances = model._averaged(x[test], choice=_best(model))
    shares = np.exp(np.asarray(_marginal(model)))
    gain = np.log2(chances[np.arange(len(codes)), codes] / shares[codes])
    error = best["averaged_known_bits_high"] - best["averaged_known_bits"]
    return {
        "reported": best["averaged_known_bits"],
        "reported_error": error / 2,
        "outer": float(gain.mean()),
        "reported_score": best.get("accuracy", best.get("r2")),
        "outer_score": float(model.score(x[test], y[test])),
    }


def _best(model: Any) -> Any:
    from distributed_ib.scheme.choice import Choice

    return Choice(beta=model.best_beta_)


def _marginal(model: Any) -> Any:
    return model.scheme_.models(0)[0].predictor.marginal_logs()[0]


def is_number(y: Array) -> bool:
    """Whether Y is a number with many values, not a class."""
    return len(np.unique(y)) > 10


def prediction(case: str, n_rows: int, table: int) -> Row:
    """RMSE on 4,000 further rows, compared with ridge regression and gradient boosting."""
    rng = np.random.default_rng([table, n_rows, SIGNALS.index(case)])
    x, y = regression(case, n_rows, rng)
    x_test, y_test = regression(case, 4000, rng)

    def rmse(model: Any) -> float:
        return float(np.sqrt(np.mean((model.fit(x, y).predict(x_test) - y_test) ** 2)))

    ours = DistributedIBRegressor(random_state=table, n_information_inputs=0, evidence=False)
    error = rmse(ours)
    choice = choice_values(ours.scheme_)
    bits = [choice[name]["component_bits"] for name in ("best", "simplest")]
    return {
        "rmse": error,
        "ridge": rmse(RidgeCV(np.logspace(-3, 3, 13))),
        "boosting": rmse(HistGradientBoostingRegressor(random_state=0)),
        "known_bits": choice["best"]["averaged_known_bits"],
        "bits_at_best": list(bits[0].values()),
        "bits_at_simplest": list(bits[1].values()),
    }


SIGNALS = ("linear", "quadratic", "interacting", "weak")


def regression(case: str, n_rows: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Five columns, one or two of them informative; R2 of the weak signal is 0.1."""
    x, noise = rng.normal(size=(n_rows, 5)), rng.normal(size=n_rows)
    if case == "linear":
        return x, x[:, 0] + 0.5 * x[:, 1] + 0.7 * noise
    if case == "quadratic":
        return x, x[:, 0] ** 2 + 0.5 * x[:, 1] + 0.7 * noise
    if case == "interacting":
        return x, x[:, 0] * x[:, 1] + 0.7 * noise
    return x, x[:, 0] + 3 * noise


def stability(case: str, n_rows: int, table: int) -> Row:
    """Bits of the components at `simplest`, from two seeds."""
    x, y = REAL[case](return_X_y=True) if case in REAL else _synthetic(case, table)
    kind = DistributedIBRegressor if is_number(y) else DistributedIBClassifier
    found = []
    for seed in (2 * table, 2 * table + 1):
        model = kind(random_state=seed, evidence=False).fit(x, y)
        found.append(choice_values(model.scheme_)["simplest"])
    bits = np.array([list(one["component_bits"].values()) for one in found])
    return {
        "bits": bits.tolist(),
        "largest_difference": float(np.abs(bits[0] - bits[1]).max()),
        "is_stable": [one["is_stable"] for one in found],
        "beta": [one["beta"] for one in found],
    }


def _synthetic(case: str, table: int) -> tuple[Array, Array]:
    return regression(case, 1000, np.random.default_rng([table, 7]))


REAL: dict[str, Callable[..., Any]] = {
    "wine": load_wine,
    "diabetes": load_diabetes,
    "breast cancer": load_breast_cancer,
}


def _means(rows: list[Row], *names: str) -> list[float]:
    return [float(np.mean([row[name] for row in rows])) for name in names]


def _show_known(groups: dict[tuple[str, int], list[Row]]) -> None:
    print("| case | rows | tables | truth | known | averaged | least | over + 2 se | seconds |")
    print("|---|---|---|---|---|---|---|---|---|")
    n_over = n_all = 0
    for (case, n_rows), rows in groups.items():
        truth, bits, averaged, seconds = _means(
            rows, "truth", "known_bits", "averaged_known_bits", "seconds"
        )
        share, least = LIMITS.get(n_rows, (np.nan, np.nan))
        over = sum(row["known_bits"] > row["truth"] + 2 * row["known_error"] for row in rows)
        n_over, n_all = n_over + over, n_all + len(rows)
        print(
            f"| {case} | {n_rows} | {len(rows)} | {truth:.3f} | {bits:.3f} | {averaged:.3f} "
            f"| {truth - max(share * truth, least):.3f} | {over} | {seconds:.0f} |"
        )
    above = [row["known_bits"] > row["upper"] for rows in groups.values() for row in rows]
    print(f"\n{n_over} of {n_all} above truth + 2 standard errors; {sum(above)} above what is")
    print("conveyed.")


def _show_optimism(groups: dict[tuple[str, int], list[Row]]) -> None:
    print("| table | splits | reported | outer | difference | score reported | score outer |")
    print("|---|---|---|---|---|---|---|")
    for (case, _), rows in groups.items():
        reported, outer, *scores = _means(
            rows, "reported", "outer", "reported_score", "outer_score"
        )
        each = np.array([row["reported"] - row["outer"] for row in rows])
        error = each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
        print(
            f"| {case} | {len(rows)} | {reported:.3f} | {outer:.3f} | {each.mean():+.3f} +- "
            f"{error:.3f} | {scores[0]:.3f} | {scores[1]:.3f} |"
        )


def _show_prediction(groups: dict[tuple[str, int], list[Row]]) -> None:
    print("| signal | rows | tables | ratio to the better | ours | ridge | boosting | found |")
    print("|---|---|---|---|---|---|---|---|")
    for (case, n_rows), rows in groups.items():
        ours, ridge, boosting = _means(rows, "rmse", "ridge", "boosting")
        found = sum(row["known_bits"] > 0 and row["bits_at_best"][0] > FOUND_BITS for row in rows)
        print(
            f"| {case} | {n_rows} | {len(rows)} | {ours / min(ridge, boosting):.3f} | {ours:.3f} "
            f"| {ridge:.3f} | {boosting:.3f} | {found} |"
        )


def _show_stability(groups: dict[tuple[str, int], list[Row]]) -> None:
    print("| table | pairs | called stable by both | of these within 0.15 bit | all within |")
    print("|---|---|---|---|---|")
    for (case, _), rows in groups.items():
        stable = [row for row in rows if all(row["is_stable"])]
        within = [sum(row["largest_difference"] <= 0.15 for row in part) for part in (stable, rows)]
        print(f"| {case} | {len(rows)} | {len(stable)} | {within[0]} | {within[1]} |")


PARTS = {
    "known": Part(known, CASES, _show_known),
    "optimism": Part(optimism, tuple(REAL), _show_optimism),
    "prediction": Part(prediction, SIGNALS, _show_prediction),
    "stability": Part(stability, (*REAL, *SIGNALS[:3]), _show_stability),
}


if __name__ == "__main__":
    main(__doc__.splitlines()[0], PARTS, Path("honest.jsonl"))
