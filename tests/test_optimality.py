"""The distance of a scheme to the exact optimum: as numbers, in files, on the command line."""

from pathlib import Path

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.information.gaussian_decoder import decoded_information_bits
from distributed_ib.optimum.exact_optimum import joint_from_samples, optimal_frontier
from distributed_ib.optimum.gap import (
    snapshot_channels,
    snapshot_information_bits,
    with_optimum,
)
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean import random_circuit
from distributed_ib.studies.boolean.circuit_optimality import (
    FILE,
    circuit_frontier,
    load_optimality,
    optimality_figures,
    optimality_of,
)
from toy import xor_data


@pytest.fixture(scope="module")
def compared(xor_scheme: ApproximationScheme) -> ApproximationScheme:
    frontier = optimal_frontier(
        joint_from_samples(*xor_data()), np.geomspace(0.01, 1.0, 8), names=xor_scheme.components
    )
    return with_optimum(xor_scheme, frontier, snapshot_information_bits(xor_scheme))


def test_the_gap_is_the_objective_above_that_of_the_optimum(compared: ApproximationScheme) -> None:
    data = compared.to_xarray()
    gap = data["objective_bits"] - data["optimal_objective_bits"]
    np.testing.assert_allclose(gap.values, data["optimality_gap_bits"].values)
    beta = data["snapshot_beta"].values
    # y = a xor b costs two bits for one, all or nothing.
    np.testing.assert_allclose(data["optimal_objective_bits"], np.minimum(2 * beta - 1, 0.0))
    # Records average over noise, so that a gap may show below zero by some of it.
    assert float(data["optimality_gap_bits"].min()) > -0.05
    assert data.attrs["largest_optimality_gap_bits"] == pytest.approx(gap.values.max())


def test_the_true_information_is_below_the_kl(compared: ApproximationScheme) -> None:
    information = snapshot_information_bits(compared)
    data = compared.to_xarray()
    kl_bits = data["kl_bits"].isel(step=data["snapshot_record"].values).values
    # The KL is an average over the record, at whose end the snapshot is.
    assert np.all(information[:, :20] < kl_bits[:, :20] + 0.1)
    assert information.max() < 1.0 + 1e-9


def test_the_gap_is_stored_with_the_scheme(compared: ApproximationScheme, tmp_path: Path) -> None:
    compared.save(tmp_path / "run")
    again = ApproximationScheme.load(tmp_path / "run").to_xarray()
    np.testing.assert_array_equal(
        again["optimality_gap_bits"], compared.to_xarray()["optimality_gap_bits"]
    )


def test_an_optimum_of_other_components_is_refused(xor_scheme: ApproximationScheme) -> None:
    frontier = optimal_frontier(joint_from_samples(*xor_data()), [0.1])
    with pytest.raises(UserError, match="components"):
        with_optimum(xor_scheme, frontier, snapshot_information_bits(xor_scheme))


def test_a_decoder_knows_what_the_predictor_knows_and_more(
    xor_scheme: ApproximationScheme,
) -> None:
    x, y = xor_data()
    mean, log_variance = snapshot_channels(xor_scheme, x)
    bits, error = decoded_information_bits(mean[:20:6], log_variance[:20:6], y, n_draws=100)
    data = xor_scheme.to_xarray().isel(seed=0, split=-1)
    known = data["predictive_information_bits"].values[data["snapshot_record"].values]
    # The predictor's figure averages a record that ends at the snapshot, so allow for beta's rise.
    assert np.all(bits > known[:20:6] - 0.1)
    assert np.all(error < 0.03)
    assert bits.max() <= 1.0 + 1e-6


def test_a_decoder_of_one_channel_agrees_with_its_exact_information() -> None:
    from distributed_ib.information.exact_channel import exact_information

    mean = np.array([-0.6, 0.6]).reshape(1, 2, 1, 1)  # y = x, so I(U; Y) = I(U; X)
    bits, error = decoded_information_bits(mean, 0.0, [0, 1], n_draws=1000)
    exact = exact_information(mean[0, :, 0], 0.0).information_bits
    assert abs(bits[0] - exact) < 3 * error[0]


def test_a_circuits_optimality_is_read_again(compared: ApproximationScheme, tmp_path: Path) -> None:
    frontier = optimal_frontier(
        joint_from_samples(*xor_data()), [0.01, 0.1, 1.0], names=compared.components
    )
    written = optimality_of(compared, frontier, snapshot_information_bits(compared))
    written.save(tmp_path)
    again = load_optimality(tmp_path)
    assert again is not None
    assert not again.refined
    assert again.summary() == written.summary()
    assert again.swept_gap().largest_bits > 0
    assert sorted(optimality_figures(again)) == ["optimal_frontier", "optimality_gap"]
    with pytest.raises(UserError, match="exists"):
        written.save(tmp_path)
    (tmp_path / FILE).write_bytes(b"no such thing")
    with pytest.raises(UserError, match="can't be read"):
        load_optimality(tmp_path)
    assert load_optimality(tmp_path / "elsewhere") is None


def test_the_optimum_of_a_large_circuit_is_refused() -> None:
    with pytest.raises(UserError, match="at most 14"):
        circuit_frontier(random_circuit(15, 0), 1e-3, 0.5)
