"""What the channels of a sweep really transmit, measured along its snapshots.

The KL to the prior only bounds the information I(U_i; X_i) from above. Here every component of the
kept models is measured: exactly where the component takes few values, else between the two bounds
of `information.bounds`. The two err by equal and opposite amounts while 2^I is small against the
number N of inputs, so their middle is a better estimate than either. Where 2^I nears N all that is
known is that the information lies between log2(N) and the KL, and the bounds say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from distributed_ib._checks import whole_number
from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.information._few_values import Values, component_inputs, few_values
from distributed_ib.information.bounds import information_bounds
from distributed_ib.information.entropy import entropy_bits
from distributed_ib.information.exact_channel import exact_information
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.scheme.approximation import Approximation, Inputs
from distributed_ib.training.sweep_result import Snapshots

FloatArray = NDArray[np.float64]

# A one-dimensional integral grows with the cube of the number of values.
_MAX_QUADRATURE_VALUES = 16
_MONTE_CARLO_CELLS = 2**20  # values^2 x samples of a channel: some ten milliseconds
_LEAST_SAMPLES, _MOST_SAMPLES = 256, 4096
# Below this KL the information lies between 0 and the KL, and measuring would say no more.
_DEAD_BITS = 1e-3
_CLOCK_BITS = 1e-3

INFORMATION, ERROR = "information_bits", "information_error_bits"
LOWER, UPPER = "information_lower_bits", "information_upper_bits"
MEASURED, EXACT = "information_measured", "information_exact"


@dataclass(frozen=True)
class _Plan:
    """Which rows to encode, and what to do with each component.

    Attributes:
        rows: Rows to encode: first the sample that stands for the data, then one row a value.
        n_sampled: Length of that sample.
        values: For each component its values, with places among `rows`; None where it takes many.
    """

    rows: NDArray[np.int64]
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
    seed: int = 0,
) -> xr.Dataset:
    """The numbers of a scheme, with the information that its channels transmit.

    Args and errors are those of `ApproximationScheme.with_information`.
    """
    whole_number("n_inputs", n_inputs, 2)
    whole_number("seed", seed, 0, 2**32 - 1)
    if n_records is not None:
        whole_number("n_records", n_records, 1)
    if len(snapshots.record) == 0:
        raise UserError("the sweep kept no model whose information could be measured.")
    components = tuple(str(name) for name in dataset["component"].values)
    x = jax.tree.map(np.asarray, x)
    shares = _shares(len(jax.tree.leaves(x)[0]), weights)
    plan = _plan(snapshots, x, shares, len(components), n_inputs, complete, seed)
    places = _evenly(len(snapshots.record), n_records)
    inputs = jax.tree.map(lambda leaf: leaf[plan.rows], x)
    figures = _measure(snapshots, places, components, inputs, plan, seed)
    records = snapshots.record[places]
    kl_bits, log_beta = dataset["kl_bits"].values, np.log(dataset["beta"].values)
    dims = ("seed", "step", "component")
    curves = {
        name: between_records(values, records, kl_bits, log_beta)
        for name, values in zip((INFORMATION, LOWER, UPPER, ERROR), figures, strict=True)
    }
    for name in (INFORMATION, LOWER, UPPER):  # a KL averages its record, whose end is measured
        curves[name] = np.minimum(curves[name], kl_bits)
    measured = np.isin(np.arange(dataset.sizes["step"]), records)
    exact = np.array([values is not None for values in plan.values])
    return (
        dataset.assign({name: (dims, values) for name, values in curves.items()})
        .assign_coords({MEASURED: ("step", measured), EXACT: ("component", exact)})
        .assign_attrs(information_inputs=plan.n_sampled)
    )


def between_records(
    measured: FloatArray, records: NDArray[np.int64], kl_bits: FloatArray, log_beta: FloatArray
) -> FloatArray:
    """Fill in the records between those that were measured.

    The KL, which is known at every record, tells how far a component has come from one measurement
    to the next; where it stands still, the logarithm of beta does. So a component that goes all at
    once does so at the right place, and what is below the KL stays below.

    Args:
        measured: `[seed, measured, component]`.
        records: Their records, rising, `[measured]`.
        kl_bits: `[seed, step, component]`.
        log_beta: `[step]`.

    Returns:
        `[seed, step, component]`; constant before the first measurement and after the last.

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
    moves = np.abs(change) > _CLOCK_BITS
    by_kl = (kl_bits - kl_bits[:, first]) / np.where(moves, change, 1.0)
    share = np.clip(np.where(moves, by_kl, by_beta[None, :, None]), 0.0, 1.0)
    share[:, step <= records[0]] = 0.0
    share[:, step >= records[-1]] = 1.0
    return np.asarray((1 - share) * measured[:, left] + share * measured[:, left + 1])


def _shares(n_rows: int, weights: ArrayLike | None) -> FloatArray:
    """How much each row counts, with the sum 1."""
    if n_rows < 2:
        raise UserError(f"the information needs at least 2 rows of inputs, got {n_rows}.")
    if weights is None:
        return np.full(n_rows, 1 / n_rows)
    shares = np.asarray(weights, np.float64)
    if shares.shape != (n_rows,) or not (np.all(shares >= 0) and 0 < shares.sum() < np.inf):
        raise UserError(f"weights must be {n_rows} numbers, none negative and not all 0.")
    return shares / shares.sum()


def _plan(
    snapshots: Snapshots,
    x: Any,
    shares: FloatArray,
    n_components: int,
    n_inputs: int,
    complete: bool,
    seed: int,
) -> _Plan:
    """Look which components take few values, and draw the rows that stand for all data."""
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


def _evenly(n_snapshots: int, n_records: int | None) -> NDArray[np.int64]:
    """Snapshots to measure, evenly spaced, the first and the last among them."""
    wanted = n_snapshots if n_records is None else min(n_records, n_snapshots)
    first = n_snapshots - 1 if wanted == 1 else 0
    return np.round(np.linspace(first, n_snapshots - 1, wanted)).astype(np.int64)


def _measure(
    snapshots: Snapshots,
    places: NDArray[np.int64],
    components: Sequence[str],
    inputs: Any,
    plan: _Plan,
    seed: int,
) -> FloatArray:
    """Estimate, lower and upper bound and standard error in bits, `[4, seed, place, component]`."""
    n_repeats = len(jax.tree.leaves(snapshots.params)[0][0])
    figures = np.zeros((4, n_repeats, len(places), len(components)))
    exact: dict[int, list[tuple[FloatArray, FloatArray]]] = {
        k: [] for k, values in enumerate(plan.values) if values is not None
    }
    key = jax.random.key(seed)
    for repeat in range(n_repeats):
        for j, place in enumerate(places):
            params = jax.tree.map(lambda leaf, s=place, r=repeat: leaf[s, r], snapshots.params)
            model = eqx.combine(params, snapshots.static)
            channel = Approximation(model, tuple(components), 1.0, np.zeros(0), 0.0).encode(inputs)
            for k, values in enumerate(plan.values):
                if values is None:
                    one = _part(channel, slice(plan.n_sampled), k)
                    # The same noise for a component at every beta makes for smooth curves.
                    figures[:, repeat, j, k] = _bounded(one, jax.random.fold_in(key, k))
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


def _part(channel: GaussianChannel, rows: Any, component: int) -> tuple[FloatArray, FloatArray]:
    """Means and log variances of one component at some rows, `[row, embedding]`."""
    return (
        np.asarray(channel.mean[rows, component], np.float64),
        np.asarray(channel.log_variance[rows, component], np.float64),
    )


def _bounded(
    channel: tuple[FloatArray, FloatArray], key: jax.Array
) -> tuple[float, float, float, float]:
    """Estimate, lower bound, upper bound and standard error, in bits."""
    kl_bits = float(_kl_bits(*channel).mean())
    if kl_bits < _DEAD_BITS:
        return 0.5 * kl_bits, 0.0, kl_bits, 0.0
    bounds = information_bounds(*channel, key=key)
    lower, upper = max(float(bounds.lower_bits), 0.0), min(float(bounds.upper_bits), kl_bits)
    middle = max(0.5 * (lower + upper), 0.0)
    if lower > upper:  # by chance: they part by less than their errors
        lower = upper = middle = min(middle, kl_bits)
    error = 0.5 * (float(bounds.lower_error_bits) + float(bounds.upper_error_bits))
    # Where the KL is the upper bound, the other's error says nothing.
    if upper == kl_bits:
        error = float(bounds.lower_error_bits)
    return middle, lower, upper, error


def _exact(
    mean: FloatArray, log_variance: FloatArray, probabilities: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Information and standard error in bits of channels `[channel, value, embedding]`."""
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
    # Nothing conveys more than what there is to convey; only rounding could.
    return np.minimum(bits, np.minimum(kl_bits, entropy_bits(probabilities))), error


def _kl_bits(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """KL of each channel to the prior, summed over the last axis."""
    nats = 0.5 * np.sum(mean**2 + np.exp(log_variance) - log_variance - 1.0, axis=-1)
    return np.asarray(nats_to_bits(np.maximum(nats, 0.0)))
