"""Findings of a ladder (several starts and resamples): its best and simplest approximations."""

from typing import Any

import numpy as np
import xarray as xr

from distributed_ib.evidence.evidence import Evidence
from distributed_ib.report.quantity import Quantity
from distributed_ib.report.report import Cell, Finding, Table
from distributed_ib.report.words import SCORES, SIZES, listed, rows_in_words
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import COLUMNS, N_ERRORS, VARIABLES, Measure
from distributed_ib.scheme.splits import scoring_split

UNSTABLE_BITS = 0.15
"""Two choices differ if the bits of a component differ by more than this."""


def choice_findings(
    scheme: ApproximationScheme,
    threshold_bits: float,
    measure: Measure,
    evidence: Evidence | None = None,
) -> tuple[Finding, ...]:
    """Sentences on the approximation that predicts best and the simplest that is no worse.

    With evidence, only supported components are named.
    """
    data, findings = _means(scheme), []
    steps = {name: int(data.attrs[f"{name}_step"]) for name in ("best", "simplest")}
    for name, opening in (
        ("best", "The best approximation is"),
        ("simplest", "The simplest approximation that is no worse within one standard error is"),
    ):
        step = steps[name]
        bits = data[VARIABLES[measure]].values[step]
        used = [scheme.components[k] for k in np.argsort(-bits) if bits[k] > threshold_bits]
        state = "in use"
        if evidence is not None:
            at = evidence.best if name == "best" else evidence.simplest
            used, state = list(evidence.in_use(at)), "supported and in use"
        known, conveyed = _known(data, step), _conveyed(data, step, measure)
        where = f"{opening} at beta={data['beta'].values[step]:.3g}"
        limit = "at most " if measure == "kl" else ""
        text = (
            f"{where}, with {len(used)} of {len(bits)} components {state} ({listed(used)}). All "
            f"components together convey {limit}{_bare(conveyed).text()}, which give "
            f"{known.text()} of information about Y on {known.rows}."
        )
        if name == "best":
            averaged = _known(data, step, averaged=True)
            text += (
                f" Predictions, which are averaged over the noise and {scheme.n_seeds} models, "
                f"give {averaged.text()}{_scores_in_words(data, step)}."
            )
            if known.low is not None:
                text += " These intervals are of two standard errors to either side."
        elif step == steps["best"]:
            text = "No simpler approximation is within one standard error of it."
        findings.append(
            Finding(text, {f"known_bits_at_{name}": known, f"conveyed_bits_at_{name}": conveyed})
        )
    return (*findings, *_stability(data, measure))


def ladder_table(scheme: ApproximationScheme, threshold_bits: float, measure: Measure) -> Table:
    """The best approximations with ever fewer components, including `best` and `simplest`.

    They are chosen on validation rows. Known bits and the score of averaged predictions are
    measured on rows that were not used for any choice.
    """
    data = _means(scheme)
    bits = data[VARIABLES[measure]].values
    score = next((name for name in SCORES if _is_of_predictions(data, name)), None)
    rows: list[tuple[Cell, ...]] = []
    for step, names in _shown_steps(data, bits, threshold_bits).items():
        used = [scheme.components[k] for k in np.flatnonzero(bits[step] > threshold_bits)]
        label = "all" if len(used) == len(scheme.components) else listed(used)
        known = _known(data, step, digits=2)
        row: tuple[Cell, ...] = (
            f"{data['beta'].values[step]:.3g}",
            f"{len(used)}: {label}" + (f" ({' and '.join(names)})" if names else ""),
            _bare(_conveyed(data, step, measure)),
            _bare(known),
            Quantity(float("nan") if known.high is None else known.high - known.value, digits=2),
            _bare(_known(data, step, averaged=True, digits=2)),
        )
        if score is not None:
            value = float(data[score].values[step])
            row = (*row, Quantity(value, rows=rows_in_words(scheme.scoring_split), digits=2))
        rows.append(row)
    columns: tuple[str, ...] = (
        "beta",
        "components in use",
        COLUMNS[measure],
        "about Y",
        "± 2 SE",
        "averaged",
    )
    if score is not None:
        columns = (*columns, SCORES[score])
    return Table(
        "approximations",
        "Approximations, information in bits",
        columns,
        tuple(rows),
        notes=f"{COLUMNS[measure]}: summed over all components. about Y: information about Y "
        "from a single draw of the noise, measured on "
        f"{rows_in_words(scheme.scoring_split)}; ± 2 SE: two standard errors of it. averaged: the "
        f"same from predictions that are averaged over the noise and {scheme.n_seeds} models, to "
        "which the score belongs too.",
    )


def choice_values(scheme: ApproximationScheme) -> dict[str, Any]:
    """`best` and `simplest` as plain values for programs."""
    data, measure = _means(scheme), scheme.measure
    bits = data[VARIABLES[measure]].values
    values: dict[str, Any] = {}
    for name in ("best", "simplest"):
        step = int(data.attrs[f"{name}_step"])
        known = _known(data, step)
        averaged = _known(data, step, averaged=True)
        values[name] = {
            "beta": float(data["beta"].values[step]),
            "known_bits": known.value,
            "known_bits_low": known.low,
            "known_bits_high": known.high,
            "averaged_known_bits": averaged.value,
            "averaged_known_bits_low": averaged.low,
            "averaged_known_bits_high": averaged.high,
            "component_bits": dict(zip(scheme.components, map(float, bits[step]), strict=True)),
            **{
                score: float(data[score].values[step])
                for score in ("accuracy", "rmse", "r2")
                if _is_of_predictions(data, score)
            },
        }
    values["simplest"]["is_stable"] = not _moving_components(data, measure)
    return values


def _means(scheme: ApproximationScheme) -> xr.Dataset:
    """The data of the scheme, averaged over its members."""
    return scheme.pooled().to_xarray().isel(seed=0)


def _known(data: xr.Dataset, step: int, *, averaged: bool = False, digits: int = 3) -> Quantity:
    """Known bits of Y at a step, with an interval of two standard errors on either side."""
    prefix = "averaged_" if averaged else ""
    value = float(data[f"{prefix}known_bits"].values[step])
    error = float(data[f"{prefix}known_error_bits"].values[step])
    within = np.isfinite(error)
    return Quantity(
        value,
        "bits",
        low=value - N_ERRORS * error if within else None,
        high=value + N_ERRORS * error if within else None,
        level=0.95 if within else None,
        rows=rows_in_words(scoring_split(data)),
        digits=digits,
    )


def _conveyed(data: xr.Dataset, step: int, measure: Measure) -> Quantity:
    """Sum of what all components convey, as means over members; a bound if any part is one."""
    bits = data[VARIABLES[measure]].values[step]
    if measure == "kl":
        return Quantity(float(bits.sum()), "bits", digits=2)
    lower = data["information_lower_bits"].values[step]
    upper = data["information_upper_bits"].values[step]
    vague = upper - lower > 1
    return Quantity(
        float(np.where(vague, lower, bits).sum()),
        "bits",
        low=float(lower.sum()),
        high=float(upper.sum()),
        digits=2,
        is_bound=bool(vague.any()),
    )


def _is_of_predictions(data: xr.Dataset, score: str) -> bool:
    """Whether a score is of averaged predictions: one for each step, not for each model."""
    return score in data and data[score].dims == ("step",)


def _moving_components(data: xr.Dataset, measure: Measure) -> list[str]:
    """Components whose bits depend on the rows on which the simplest approximation is chosen."""
    bits = data[VARIABLES[measure]].values[np.atleast_1d(data.attrs["simplest_steps"])]
    moves = np.ptp(bits, axis=0) > UNSTABLE_BITS
    return [str(name) for name in data["component"].values[moves]]


def _stability(data: xr.Dataset, measure: Measure) -> tuple[Finding, ...]:
    moving = _moving_components(data, measure)
    if not moving:
        return ()
    beta, steps = data["beta"].values, np.atleast_1d(data.attrs["simplest_steps"])
    return (
        Finding(
            "The choice of the simplest approximation is unstable: if it is chosen by fewer of the "
            f"rows, it lies between beta={beta[steps.min()]:.3g} and {beta[steps.max()]:.3g}, "
            f"where the information that {listed(moving)} convey differs by more than "
            f"{UNSTABLE_BITS} bits. Another seed may give a different result.",
            kind="warning",
        ),
    )


def _shown_steps(data: xr.Dataset, bits: np.ndarray, threshold_bits: float) -> dict[int, list[str]]:
    """Steps for the table in ascending order, with their names: "best", "simplest" or none."""
    n_components = bits.shape[1]
    loss, counts = data["excess_loss_bits"].values, (bits > threshold_bits).sum(axis=1)
    shown: dict[int, list[str]] = {}
    for size in (n_components, *(n for n in SIZES if n < n_components)):
        within = np.flatnonzero((counts <= size) & (counts > 0))
        if len(within):
            shown.setdefault(int(within[loss[within].argmin()]), [])
    for name in ("best", "simplest"):
        shown.setdefault(int(data.attrs[f"{name}_step"]), []).append(name)
    return dict(sorted(shown.items()))


def _scores_in_words(data: xr.Dataset, step: int) -> str:
    named = [
        f"{SCORES[name]} {data[name].values[step]:.3f}"
        for name in SCORES
        if _is_of_predictions(data, name)
    ]
    return f" ({', '.join(named)})" if named else ""


def _bare(quantity: Quantity) -> Quantity:
    """The quantity without its interval, for which a table has no room."""
    return Quantity(
        quantity.value,
        quantity.unit,
        rows=quantity.rows,
        digits=quantity.digits,
        is_bound=quantity.is_bound,
    )
