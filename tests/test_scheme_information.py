"""Transmitted information of channels, measured along a sweep."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from distributed_ib.data.table_input import TableInput
from distributed_ib.errors import UserError
from distributed_ib.information._few_values import component_inputs, few_values
from distributed_ib.information.exact_channel import exact_information
from distributed_ib.information.sweep_information import between_records, measure_information
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.table_encoder import TableEncoder
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training.sweep_result import Snapshots
from toy import xor_data

pytestmark = pytest.mark.usefixtures("quick_compilation")

NAMES = ("information_lower_bits", "information_bits", "information_upper_bits")


class LineEncoder(eqx.Module):
    """The channel N(a x, 1 - a^2) for components of one number, each with its own slope a."""

    slope: jax.Array

    def __call__(self, x: Any) -> GaussianChannel:
        """Encode `x`, `[batch, component, 1]`."""
        slope = jnp.broadcast_to(self.slope[:, None], x.shape)
        return GaussianChannel(slope * x, jnp.log1p(-(slope**2)))

    def config(self) -> dict[str, Any]:
        """One dimension, in the form used by the bottleneck's encoders."""
        return {"embedding_dim": 1}


class LineModel(eqx.Module):
    """A model that consists of an encoder only."""

    encoder: LineEncoder


# At the last snapshot both channels are closed.
SLOPES = np.array([[0.999, 0.9], [0.99, 0.9], [0.9, 0.5], [0.0, 0.0]])


def gaussian_sweep(n_records: int = 10) -> tuple[xr.Dataset, Snapshots]:
    """Models at four records whose information about normal X is -log2(1 - a^2) / 2."""
    record = np.array([0, 3, 6, 9])
    slopes = np.stack([SLOPES, SLOPES], axis=1)[..., None, :]  # [snapshot, repeat, 1, component]
    beta = np.geomspace(0.01, 1.0, n_records)
    params = LineModel(LineEncoder(jnp.asarray(slopes[:, :, 0], jnp.float32)))
    static = LineModel(LineEncoder(None))  # type: ignore[arg-type]
    # For normal X the KL of this channel is its information; a loose prior adds half a bit.
    bits = -0.5 * np.log2(1 - SLOPES**2) + 0.5 * (SLOPES > 0)
    kl_bits = np.stack([np.interp(range(n_records), record, column) for column in bits.T], axis=1)
    dims = ("seed", "step", "component")
    dataset = xr.Dataset(
        {"kl_bits": (dims, np.stack([kl_bits, kl_bits]))},
        coords={"beta": ("step", beta), "component": ["a", "b"]},
    )
    return dataset, Snapshots(params, static, record, beta[record])


def test_the_information_of_gaussian_channels_lies_between_the_bounds() -> None:
    dataset, snapshots = gaussian_sweep()
    x = np.random.default_rng(1).normal(size=(4000, 2, 1))
    found = measure_information(dataset, snapshots, x, n_inputs=512)
    truth = -0.5 * np.log2(1 - SLOPES**2)
    at = found.isel(seed=0, step=snapshots.record)
    error = at["information_error_bits"].values
    assert np.all(at["information_lower_bits"] <= truth + 3 * error + 1e-9)
    assert np.all(at["information_upper_bits"] >= truth - 3 * error - 1e-9)
    # 512 inputs resolve up to 6 bits well; the middle is nearer the truth than the bounds are.
    np.testing.assert_allclose(at["information_bits"], truth, atol=0.15)
    assert np.all(at["information_bits"][-1] == 0)
    assert not found["information_exact"].any()
    assert found["information_measured"].values.nonzero()[0].tolist() == [0, 3, 6, 9]
    assert found.attrs["information_inputs"] == 512


def test_the_order_of_the_numbers_holds_at_every_record() -> None:
    dataset, snapshots = gaussian_sweep()
    x = np.random.default_rng(2).normal(size=(64, 2, 1))  # far too few for 4.5 bits
    found = measure_information(dataset, snapshots, x, n_records=3)
    lower, middle, upper = (found[name].values for name in NAMES)
    assert np.all(lower >= 0) and np.all(lower <= middle) and np.all(middle <= upper)
    assert np.all(upper <= found["kl_bits"])
    assert lower[0, 0, 0] <= 6.0  # log2(64)
    assert found["information_measured"].values.nonzero()[0].tolist() == [0, 6, 9]


def test_equal_repeats_get_equal_numbers_and_another_seed_other_noise() -> None:
    dataset, snapshots = gaussian_sweep()
    x = np.random.default_rng(2).normal(size=(64, 2, 1))
    first, other = (measure_information(dataset, snapshots, x, seed=s) for s in (0, 1))
    np.testing.assert_array_equal(first["information_bits"][0], first["information_bits"][1])
    assert not np.array_equal(first["information_bits"], other["information_bits"])


def test_few_values_are_measured_exactly_with_their_frequencies() -> None:
    dataset, snapshots = gaussian_sweep()
    values = np.array([[-1.0, 0.0], [1.0, 2.0], [1.0, 0.0]])
    x = values.repeat([40, 10, 30], axis=0)[..., None]
    found = measure_information(dataset, snapshots, x, n_inputs=8)
    assert found["information_exact"].all() and found.attrs["information_inputs"] == 0
    spread = np.log(1 - SLOPES[2] ** 2)
    for k, (points, share) in enumerate([([-1.0, 1.0], 0.5), ([0.0, 2.0], 0.125)]):
        mean = SLOPES[2, k] * np.array(points)[:, None]
        truth = exact_information(mean, spread[k], [1 - share, share]).information_bits
        for name in NAMES:
            assert float(found[name][0, 6, k]) == pytest.approx(float(truth), abs=1e-5)
    # Rows count by their weights.
    weighted = measure_information(
        dataset, snapshots, values[..., None], weights=[0.5, 0.125, 0.375], complete=True
    )
    np.testing.assert_allclose(weighted["information_bits"], found["information_bits"], atol=1e-9)


def test_values_seen_once_each_are_no_exact_distribution() -> None:
    column = np.arange(40.0)[:, None]
    shares = np.full(40, 1 / 40)
    assert few_values(column, shares, 1024, complete=False) is None
    assert few_values(column, shares, 1024, complete=True) is not None
    assert few_values(column.repeat(16, axis=0), np.full(640, 1 / 640), 1024, complete=False)
    assert few_values(np.arange(70)[:, None], np.full(70, 1 / 70), 1024, complete=True) is None


def test_records_between_follow_the_kl() -> None:
    kl_bits = np.array([3.0, 3.0, 3.0, 0.2, 0.0, 0.0]).reshape(1, 6, 1)
    measured = np.array([1.0, 0.9, 0.0]).reshape(1, 3, 1)
    filled = between_records(measured, np.array([0, 2, 4]), kl_bits, np.arange(6.0))[0, :, 0]
    # By beta where the KL is constant, by the KL where it falls, constant at the end.
    np.testing.assert_allclose(filled, [1.0, 0.95, 0.9, 0.06, 0.0, 0.0])


def test_the_columns_of_a_table_belong_to_their_components() -> None:

    def encoder_of(key: jax.Array) -> TableEncoder:
        return TableEncoder(
            n_numbers=[1, 0, 2], n_levels=[[], [4], [3]], hidden=[2], embedding_dim=2, key=key
        )

    encoder = eqx.filter_eval_shape(encoder_of, jax.random.key(0))
    numbers, codes = np.arange(12.0).reshape(4, 3), np.arange(8).reshape(4, 2)
    parts = component_inputs(encoder, TableInput(numbers, codes), 3)
    assert parts is not None
    assert [part[1].tolist() for part in parts] == [[3.0], [2.0], [4.0, 5.0, 3.0]]
    assert component_inputs(encoder, (numbers[:, 0],), 3) is None


# The scheme -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def informed(xor_scheme: ApproximationScheme) -> ApproximationScheme:
    return xor_scheme.with_information(xor_data()[0], complete=True, n_records=None)


def test_a_bit_conveys_a_bit_at_most_and_less_than_its_kl(informed: ApproximationScheme) -> None:
    data = informed.to_xarray()
    information = data["information_bits"]
    assert float(information.max()) <= 1.0
    assert np.all(information <= data["kl_bits"])
    open_total = information.isel(step=0).sum("component")
    assert np.all(open_total < 0.7 * data["kl_bits"].isel(step=0).sum("component"))
    # Known bits need both channels: XOR depends on both of its inputs.
    known = data["predictive_information_bits"].isel(split=1)
    assert np.all(known <= information.sel(component=["a", "b"]).min("component") + 0.02)


def test_a_scheme_uses_measured_information_by_default(
    informed: ApproximationScheme, xor_scheme: ApproximationScheme
) -> None:
    assert (informed.measure, xor_scheme.measure) == ("information", "kl")
    assert informed.subsets(measure="kl") == xor_scheme.subsets()
    assert informed.subsets()[0].total_bits < xor_scheme.subsets()[0].total_bits
    np.testing.assert_array_equal(informed.conveyed_bits("kl"), xor_scheme.conveyed_bits())
    chosen, by_kl = informed.at(bits=1.5), informed.at(bits=1.5, measure="kl")
    assert 0 < chosen.total_bits <= 1.5 < chosen.kl_bits.sum()
    assert by_kl.total_bits == by_kl.kl_bits.sum() <= 1.5
    assert by_kl.beta > chosen.beta  # a KL of 1.5 bits is less than 1.5 bits
    assert by_kl.information_bits is not None
    assert xor_scheme.at(bits=1.5).information_bits is None


def test_the_information_of_a_model_is_that_of_its_channels(
    informed: ApproximationScheme,
) -> None:
    model = informed.at(beta=0.2, seed=1)
    channel = model.encode(np.array([[0, 0, 0], [1, 1, 1]]))
    truth = exact_information(
        channel.mean.transpose(1, 0, 2), channel.log_variance.transpose(1, 0, 2)
    )
    np.testing.assert_allclose(model.conveyed_bits, truth.information_bits, atol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_inputs": 1}, "n_inputs"),
        ({"n_records": 0}, "n_records"),
        ({"seed": -1}, "seed"),
        ({"weights": [1.0]}, "8 numbers"),
        ({"weights": [0.0] * 8}, "8 numbers"),
        ({"weights": [np.nan] * 8}, "8 numbers"),
        ({"x": np.zeros((1, 3))}, "2 rows"),
        ({"x": np.zeros((8, 2))}, r"\[n, 3"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    xor_scheme: ApproximationScheme, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        xor_scheme.with_information(**{"x": xor_data()[0], **options})


def test_a_measure_that_is_not_there_is_refused(xor_scheme: ApproximationScheme) -> None:
    with pytest.raises(UserError, match="with_information"):
        xor_scheme.subsets(measure="information")
    with pytest.raises(UserError, match="'loss'"):
        xor_scheme.conveyed_bits("loss")  # type: ignore[arg-type]
    empty = replace(xor_scheme.snapshots, record=np.zeros(0, np.int64))
    with pytest.raises(UserError, match="no model"):
        ApproximationScheme(xor_scheme.to_xarray(), empty).with_information(xor_data()[0])
