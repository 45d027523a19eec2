"""Warnings about the settings of a finished sweep, each with a remedy."""

import numpy as np
import xarray as xr

# Pre-training has converged if the error fell by less than this share of the bits known about Y in
# its last quarter ...
_STILL_FALLING = 0.03
# ... and the channels started open if their initial cost was less than this share of them.
_CLOSED_COST = 0.1
_OPEN_BITS = 0.1


class SweepWarning(UserWarning):
    """Warns that the sweep diverged, or that other settings would show more of the relationship."""


def advice(dataset: xr.Dataset) -> list[str]:
    """Sentences on problems with the settings of a sweep, each with a remedy; empty if none.

    Args:
        dataset: From `ApproximationScheme.to_xarray`.
    """
    if dataset.attrs["status"] == "diverged":
        return [f"the sweep {dataset.attrs['message']}. The models up to that point are kept."]
    if dataset.attrs["status"] != "finished":
        return []
    train = dataset.sel(split="train").mean("seed")
    beta = train["beta"].values
    known = float(train["predictive_information_bits"].max())
    sentences = []
    falling = _fall(train["pretraining_error_bits"].values)
    if falling > _STILL_FALLING * max(known, 0.1):
        sentences.append(
            f"pre-training had not converged: the error still fell by {falling:.2g} bits in its "
            "last quarter. Give more n_pretraining_steps, such as three times as many."
        )
    cost = float(beta[0] * train["kl_bits"][0].sum())
    if "best_step" in dataset.attrs:
        # If a stronger bottleneck predicts as well within an error, a weaker one gains nothing.
        if int(dataset.attrs["best_step"]) == int(dataset.attrs["simplest_step"]) == 0:
            sentences.append(
                f"predictions are best at the smallest beta, {beta[0]:.2g}: a weaker bottleneck "
                f"may predict better. Choose a smaller beta_start, such as {beta[0] / 10:.1g}."
            )
    elif cost > _CLOSED_COST * max(known, 0.01):
        sentences.append(
            f"the bottleneck was too strong at the start of the sweep: at beta={beta[0]:.2g} it "
            f"already cost {cost:.2g} bits, while {max(known, 0.0):.2g} bits are known about Y. "
            f"Choose a smaller beta_start, such as {beta[0] / 10:.1g}."
        )
    last = train["kl_bits"][-1]
    still = [str(name) for name in train["component"].values[last.values > _OPEN_BITS]]
    if still:
        shown = ", ".join(still[:5]) + (", ..." if len(still) > 5 else "")
        remedy = (
            f"a larger beta_end, such as {min(1.0, 10 * beta[-1]):.2g}"
            if beta[-1] < 0.9
            else "more n_steps, so that the model can follow beta"
            + (", or beta_end=3" if beta[-1] < 3 else "")
        )
        sentences.append(
            f"the bottleneck was too weak at the end of the sweep: {shown} still conveyed "
            f"information at beta={beta[-1]:.2g}. Give {remedy}."
        )
    return sentences


def _fall(error_bits: np.ndarray) -> float:
    """Decrease of an error over the last quarter of its records, beyond their scatter."""
    quarter = len(error_bits) // 4
    if quarter < 2:
        return 0.0
    before, after = error_bits[-2 * quarter : -quarter], error_bits[-quarter:]
    scatter = np.hypot(before.std(), after.std()) / np.sqrt(quarter)
    return float(before.mean() - after.mean() - 2 * scatter)
