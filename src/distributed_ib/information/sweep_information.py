"""Transmitted information of the channels of a sweep, measured at its snapshots.

The KL to the prior only bounds the information I(U_i; X_i) from above. Here every component of the
snapshots is measured: exactly if the component takes few values, otherwise by the two bounds of
`information.bounds`. Their errors are equal and opposite while 2^I is small compared to the number
N of inputs, so that their mean is a better estimate than either. As 2^I approaches N, the bounds
only show that the information lies between log2(N) and the KL.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import Float64, Int64, PRNGKeyArray, PyTree, Shaped
from numpy.typing import ArrayLike

from distributed_ib._checks import whole_number
from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.information._few_values import Values, component_inputs, few_values
from distributed_ib.information.bounds import information_bounds
from distributed_ib.information.entropy import entropy_bits
from distributed_ib.information.exact_channel import exact_information
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.encoding import Inputs, encode_inputs
from distributed_ib.training.sweep_result import Snapshots

# Means and log variances of one component.
_Channel = tuple[Float64[np.ndarray, "row embedding"], Float64[np.ndarray, "row embedding"]]

# The cost of a one-dimensional integral grows as the cube of the number of values.
_MAX_QUADRATURE_VALUES = 16
_MONTE_CARLO_CELLS = 2**20  # values^2 x samples of a channel: some ten milliseconds
_LEAST_SAMPLES, _MOST_SAMPLES = 256, 4096
# Below this KL, a measurement would be no more precise than the range from 0 to the KL.
_DEAD_BITS = 1e-3
_MIN_CHANGE_BITS = 1e-3

INFORMATION, ERROR = "information_bits", "information_error_bits"
LOWER, UPPER = "information_lower_bits", "information_upper_bits"
MEASURED, EXACT = "information_measured", "information_exact"


@dataclass(frozen=True)
class _Plan:
    """Rows to encode, and how each component is measured.

    Attributes:
        rows: Rows to encode: first a random sample of the data, then one row for each value.
        n_sampled: Size of that sample.
        values: For each component its values, as positions in `rows`; None if it takes many.
    """

    rows: Int64[np.ndarray, " encoded"]
    n_sampled: int
    values: tuple[Values | None, ...]


def measure_information(
    dataset: xr.Dataset,
    snapshots: Snapshots,
    x: Inputs,
    *,
    weights: ArrayLike | None = None,
    complete: bool = False,
    n_inputs: int = 1024,
    n_records: int | None = 60,
    n_rows: int | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """The dataset of a scheme, extended by the information that its channels transmit.

    For arguments, errors and an example see `ApproximationScheme.with_information`.
    """
    whole_number("n_inputs", n_inputs, 2)
    whole_number("seed", seed, 0, 2**32 - 1)
    if n_records is not None:
        whole_number("n_records", n_records, 1)
    if len(snapshots.record) == 0:
        raise UserError(
            "the sweep kept no model, so there is no information to measure; run it for longer."
        )
    components = tuple(str(name) for name in dataset["component"].values)
    x = jax.tree.map(np.asarray, x)
    shares = _shares(len(jax.tree.leaves(x)[0]), weights)
    plan = _plan(snapshots, x, shares, len(components), n_inputs, complete, seed)
    chosen = [dataset.attrs.get(name, -1) for name in ("best_step", "simplest_step")]
    places = np.union1d(
        _evenly(len(snapshots.record), n_records), np.flatnonzero(np.isin(snapshots.record, chosen))
    )
    inputs = jax.tree.map(lambda leaf: leaf[plan.rows], x)
    limit_bits = np.inf if n_rows is None else np.log2(whole_number("n_rows", n_rows, 1))
    figures = _measure(snapshots, places, components, inputs, plan, limit_bits, seed)
    records = snapshots.record[places]
    kl_bits, log_beta = dataset["kl_bits"].values, np.log(dataset["beta"].values)
    dims = ("seed", "step", "component")
    curves = {
        name: between_records(values, records, kl_bits, log_beta)
        for name, values in zip((INFORMATION, LOWER, UPPER, ERROR), figures, strict=True)
    }
    # The KL is a mean over the interval of a record, while these are measured at its end.
    for name in (INFORMATION, LOWER, UPPER):
        curves[name] = np.minimum(curves[name], kl_bits)
    measured = np.isin(np.arange(dataset.sizes["step"]), records)
    exact = np.array([values is not None for values in plan.values])
    return (
        dataset.assign({name: (dims, values) for name, values in curves.items()})
        .assign_coords({MEASURED: ("step", measured), EXACT: ("component", exact)})
        .assign_attrs(information_inputs=plan.n_sampled)
    )


def between_records(
    measured: Float64[np.ndarray, "seed measured component"],
    records: Int64[np.ndarray, " measured"],
    kl_bits: Float64[np.ndarray, "seed step component"],
    log_beta: Float64[np.ndarray, " step"],
) -> Float64[np.ndarray, "seed step component"]:
    """Interpolate the information between the measured records.

    The interpolation is linear in the KL, which is known at every record, or in the logarithm of
    beta if the KL is constant. A component that is lost within a few records is thus lost at the
    right ones, and values below the KL stay below it.

    Args:
        measured: Information in bits at some records, `[seed, measured, component]`.
        records: Indices of these records, in ascending order, `[measured]`.
        kl_bits: KL at all records, `[seed, step, component]`.
        log_beta: Logarithm of beta at all records, `[step]`.

    Returns:
        Information in bits, `[seed, step, component]`; constant before the first measurement and
        after the last.

    Example:
        >>> kl_bits = np.array([3.0, 3.0, 0.5, 0.0]).reshape(1, 4, 1)
        >>> between_records(np.array([1.0, 0.0]).reshape(1, 2, 1), np.array([0, 3]), kl_bits,
        ...                 np.arange(4.0)).ravel().round(2).tolist()
        [1.0, 1.0, 0.17, 0.0]
    """
    if len(records) == 1:
        return np.broadcast_to(measured, kl_bits.shape).copy()
    step = np.arange(len(log_beta))
    left = np.clip(np.searchsorted(records, step, side="right") - 1, 0, len(records) - 2)
    first, last = records[left], records[left + 1]
    by_beta = (log_beta - log_beta[first]) / (log_beta[last] - log_beta[first])
    change = kl_bits[:, last] - kl_bits[:, first]
    moves = np.abs(change) > _MIN_CHANGE_BITS
    by_kl = (kl_bits - kl_bits[:, first]) / np.where(moves, change, 1.0)
    share = np.clip(np.where(moves, by_kl, by_beta[None, :, None]), 0.0, 1.0)
    share[:, step <= records[0]] = 0.0
    share[:, step >= records[-1]] = 1.0
    return np.asarray((1 - share) * measured[:, left] + share * measured[:, left + 1])


def _shares(n_rows: int, weights: ArrayLike | None) -> Float64[np.ndarray, " row"]:
    """Weight of each row, with the sum 1."""
    if n_rows < 2:
        raise UserError(f"measuring information needs at least 2 rows of inputs, got {n_rows}.")
    if weights is None:
        return np.full(n_rows, 1 / n_rows)
    shares = np.asarray(weights, np.float64)
    if shares.shape != (n_rows,) or not (np.all(shares >= 0) and 0 < shares.sum() < np.inf):
        raise UserError(f"weights must be {n_rows} numbers, none negative and not all 0.")
    return shares / shares.sum()


def _plan(
    snapshots: Snapshots,
    x: PyTree[Shaped[np.ndarray, "row ..."]],
    shares: Float64[np.ndarray, " row"],
    n_components: int,
    n_inputs: int,
    complete: bool,
    seed: int,
) -> _Plan:
    """Find the components with few values, and draw a sample of the rows."""
    n_rows = len(shares)
    rng = np.random.default_rng(seed)
    if np.ptp(shares) == 0 and n_rows <= n_inputs:
        sample = np.arange(n_rows)
    else:
        uneven = np.ptp(shares) > 0
        sample = rng.choice(n_rows, n_inputs, replace=bool(uneven), p=shares if uneven else None)
    encoder = eqx.combine(snapshots.params, snapshots.static).encoder
    inputs = component_inputs(encoder, x, n_components)
    found: list[Values | None] = [None] * n_components
    if inputs is not None:
        found = [few_values(part, shares, n_inputs, complete=complete) for part in inputs]
    if encoder.config()["embedding_dim"] == 1:
        found = [v if v and len(v.rows) <= _MAX_QUADRATURE_VALUES else None for v in found]
    parts = [sample] if None in found else []
    placed: list[Values | None] = []
    for values in found:
        if values is not None:
            start = sum(map(len, parts))
            parts.append(values.rows)
            values = Values(np.arange(start, start + len(values.rows)), values.probabilities)
        placed.append(values)
    return _Plan(np.concatenate(parts), len(sample) if None in found else 0, tuple(placed))


def _evenly(n_snapshots: int, n_records: int | None) -> Int64[np.ndarray, " place"]:
    """Evenly spaced snapshots to measure, including the first and the last."""
    wanted = n_snapshots if n_records is None else min(n_records, n_snapshots)
    first = n_snapshots - 1 if wanted == 1 else 0
    return np.round(np.linspace(first, n_snapshots - 1, wanted)).astype(np.int64)


def _measure(
    snapshots: Snapshots,
    places: Int64[np.ndarray, " place"],
    components: Sequence[str],
    inputs: PyTree[Shaped[np.ndarray, "encoded ..."]],
    plan: _Plan,
    limit_bits: float,
    seed: int,
) -> Float64[np.ndarray, "4 seed place component"]:
    """Estimate, lower bound, upper bound and standard error in bits."""
    n_repeats = len(jax.tree.leaves(snapshots.params)[0][0])
    figures = np.zeros((4, n_repeats, len(places), len(components)))
    exact: dict[int, list[_Channel]] = {
        k: [] for k, values in enumerate(plan.values) if values is not None
    }
    key = jax.random.key(seed)
    for repeat in range(n_repeats):
        for j, place in enumerate(places):
            model = snapshots.model(int(place), repeat)
            channel = encode_inputs(model, inputs, len(components))
            for k, values in enumerate(plan.values):
                if values is None:
                    one = _part(channel, slice(plan.n_sampled), k)
                    # Using the same noise for a component at every beta yields smooth curves.
                    figures[:, repeat, j, k] = _bounded(one, limit_bits, jax.random.fold_in(key, k))
                else:
                    exact[k].append(_part(channel, values.rows, k))
    for k, channels in exact.items():
        values = plan.values[k]
        assert values is not None
        mean, log_variance = (np.stack(part) for part in zip(*channels, strict=True))
        bits, error = _exact(mean, log_variance, values.probabilities, seed)
        shape = (n_repeats, len(places))
        figures[:3, :, :, k], figures[3, :, :, k] = bits.reshape(shape), error.reshape(shape)
    return figures


def _part(
    channel: GaussianChannel, rows: slice | Int64[np.ndarray, " row"], component: int
) -> _Channel:
    """Means and log variances of one component at some rows."""
    return (
        np.asarray(channel.mean[rows, component], np.float64),
        np.asarray(channel.log_variance[rows, component], np.float64),
    )


def _bounded(
    channel: _Channel, limit_bits: float, key: PRNGKeyArray
) -> tuple[float, float, float, float]:
    """Estimate, lower bound, upper bound and standard error in bits, at most `limit_bits`."""
    kl_bits = float(_kl_bits(*channel).mean())
    if kl_bits < _DEAD_BITS:
        return 0.5 * kl_bits, 0.0, kl_bits, 0.0
    kl_bits = min(kl_bits, limit_bits)
    bounds = information_bounds(*channel, key=key)
    lower, upper = max(float(bounds.lower_bits), 0.0), min(float(bounds.upper_bits), kl_bits)
    middle = max(0.5 * (lower + upper), 0.0)
    if lower > upper:  # by chance, if they differ by less than their errors
        lower = upper = middle = min(middle, kl_bits)
    error = 0.5 * (float(bounds.lower_error_bits) + float(bounds.upper_error_bits))
    # If the KL is the upper bound, the error of the leave-one-out bound does not apply.
    if upper == kl_bits:
        error = float(bounds.lower_error_bits)
    return middle, lower, upper, error


def _exact(
    mean: Float64[np.ndarray, "channel value embedding"],
    log_variance: Float64[np.ndarray, "channel value embedding"],
    probabilities: Float64[np.ndarray, " value"],
    seed: int,
) -> tuple[Float64[np.ndarray, " channel"], Float64[np.ndarray, " channel"]]:
    """Information of channels and its standard error in bits."""
    kl_bits = _kl_bits(mean, log_variance) @ probabilities
    bits, error = 0.5 * kl_bits, np.zeros(len(kl_bits))
    alive = kl_bits >= _DEAD_BITS
    if alive.any():
        wanted = _MONTE_CARLO_CELLS // mean.shape[1] ** 2
        found = exact_information(
            mean[alive],
            log_variance[alive],
            probabilities,
            n_samples=int(np.clip(wanted, _LEAST_SAMPLES, _MOST_SAMPLES)),
            seed=seed,
        )
        bits[alive], error[alive] = found.information_bits, found.error_bits
    # The information exceeds neither the KL nor the entropy; rounding errors could.
    return np.minimum(bits, np.minimum(kl_bits, entropy_bits(probabilities))), error


def _kl_bits(
    mean: Float64[np.ndarray, "*batch embedding"],
    log_variance: Float64[np.ndarray, "*batch embedding"],
) -> Float64[np.ndarray, "*batch"]:
    """KL of each channel to the prior, summed over the last axis."""
    nats = 0.5 * np.sum(mean**2 + np.exp(log_variance) - log_variance - 1.0, axis=-1)
    return np.asarray(nats_to_bits(np.maximum(nats, 0.0)))
