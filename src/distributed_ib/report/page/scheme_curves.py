"""The curves of a scheme for a page, with its approximations in ascending order of bits."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from distributed_ib.report.words import rows_in_words
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.scheme.measure import N_ERRORS, VARIABLES

MAX_PLACES = 200
N_KEY_PLACES = 20
_SCORES = ("accuracy", "rmse", "r2")


def scheme_curves(scheme: ApproximationScheme) -> dict[str, Any]:
    """Conveyed and known bits at every place of the slider.

    For a ladder they are means over its models, otherwise those of the first repeat.

    Args:
        scheme: A scheme that is not empty.

    Returns:
        Arrays over places, in ascending order of bits: `step` (the record in the scheme), `beta`,
        `total`, `known` with `known_low` and `known_high`, `bits` `[place, component]` with bounds,
        and scores; in addition, their description.
    """
    shown = scheme.pooled() if scheme.is_ladder else scheme
    data, measure = shown.to_xarray().isel(seed=0), scheme.measure
    steps = place_steps(scheme)
    bits = data[VARIABLES[measure]].values
    known, error = _known(data, scheme.scoring_split)
    best, simplest = _chosen_betas(scheme, known)
    arrays: dict[str, Any] = {
        "step": steps.astype(np.int32),
        "beta": data["beta"].values[steps],
        "bits": bits[steps],
        "total": bits[steps].sum(axis=1),
        "known": known[steps],
        "known_low": (known - N_ERRORS * error)[steps] if error is not None else None,
        "known_high": (known + N_ERRORS * error)[steps] if error is not None else None,
    }
    if measure == "information":
        arrays["lower"] = data["information_lower_bits"].values[steps]
        arrays["upper"] = data["information_upper_bits"].values[steps]
    if "averaged_known_bits" in data:
        arrays["averaged"] = data["averaged_known_bits"].values[steps]
    train = scheme.scoring_split != "train" and "train" in data["split"].values
    if train:
        of_train = data["predictive_information_bits"].sel(split="train").values
        arrays["known_train"] = of_train[steps]
    for name in _SCORES:
        if name in data:
            values = data[name]
            if "split" in values.dims:
                values = values.sel(split=scheme.scoring_split)
            arrays[f"score_{name}"] = values.values[steps]
    return {
        "components": list(scheme.components),
        "measure": measure,
        "baseline_bits": scheme.baseline_entropy_bits,
        "baseline": str(data.attrs["baseline"]),
        "rows": rows_in_words(scheme.scoring_split),
        "n_models": scheme.n_seeds,
        "is_ladder": scheme.is_ladder,
        "best": place_of(steps, data["beta"].values, best),
        "simplest": place_of(steps, data["beta"].values, simplest),
        "places": {
            name: np.asarray(values, np.int32 if name == "step" else np.float64)
            for name, values in arrays.items()
            if values is not None
        },
    }


def place_steps(scheme: ApproximationScheme) -> NDArray[np.int64]:
    """The records that are places of the slider, in ascending order of conveyed bits.

    If there are records with a model, only these are used. Of more than 200, those evenly spaced
    in bits are kept, always including the best and the simplest.
    """
    shown = scheme.pooled() if scheme.is_ladder else scheme
    data = shown.to_xarray().isel(seed=0)
    records = scheme.snapshots.record
    steps = np.asarray(records if len(records) else np.arange(data.sizes["step"]), np.int64)
    total = data[VARIABLES[scheme.measure]].values.sum(axis=1)
    beta = data["beta"].values
    steps = steps[np.argsort(total[steps], kind="stable")]
    if len(steps) <= MAX_PLACES:
        return steps
    known, _ = _known(data, scheme.scoring_split)
    kept = {place_of(steps, beta, value) for value in _chosen_betas(scheme, known)}
    return steps[evenly(total[steps], MAX_PLACES, kept)]


def key_places(scheme: ApproximationScheme, n_wanted: int = N_KEY_PLACES) -> NDArray[np.int64]:
    """The few places for which a page keeps models: snapshot numbers, in ascending order of bits.

    They are evenly spaced in the square root of the bits, since more changes at few bits, and
    include the best and the simplest.
    """
    records = scheme.snapshots.record
    if not len(records):
        return np.zeros(0, np.int64)
    curves = scheme_curves(scheme)
    places, steps = curves["places"], curves["places"]["step"]
    snapshot_of = {int(record): k for k, record in enumerate(records)}
    chosen = evenly(np.sqrt(places["total"]), n_wanted, {curves["best"], curves["simplest"]})
    return np.array([snapshot_of[int(steps[k])] for k in chosen], np.int64)


def evenly(values: NDArray[np.float64], n_wanted: int, kept: set[int]) -> NDArray[np.int64]:
    """Indices of at most `n_wanted` nearly evenly spaced ascending values, including `kept`.

    >>> evenly(np.array([0.0, 0.1, 1.0, 1.1, 2.0]), 3, {3}).tolist()
    [0, 3, 4]
    """
    if len(values) <= n_wanted:
        return np.arange(len(values))
    targets = np.linspace(values[0], values[-1], n_wanted)
    found = set(np.abs(values[None] - targets[:, None]).argmin(axis=1).tolist())
    for place in kept:  # in place of its nearest neighbour
        others = sorted(found - kept, key=lambda other: abs(values[other] - values[place]))
        if place not in found and others and len(found) >= n_wanted - len(kept):
            found.remove(others[0])
        found.add(place)
    return np.array(sorted(found), np.int64)


def place_of(steps: NDArray[np.int64], beta: NDArray[np.float64], wanted: float) -> int:
    """The place whose bottleneck strength is nearest to the wanted one on a logarithmic scale."""
    return int(np.abs(np.log(beta[steps] / wanted)).argmin())


def _chosen_betas(scheme: ApproximationScheme, known: NDArray[np.float64]) -> tuple[float, float]:
    """The best and the simplest beta; without snapshots, both are that at which most is known."""
    if len(scheme.snapshots.record):
        return scheme.best_beta, scheme.simplest_beta
    most = float(scheme.to_xarray()["beta"].values[int(np.nanargmax(known))])
    return most, most


def _known(data: xr.Dataset, split: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Known bits at every record, and their standard error if it was measured."""
    if "known_bits" in data:
        return data["known_bits"].values, np.nan_to_num(data["known_error_bits"].values)
    return data["predictive_information_bits"].sel(split=split).values, None
