"""Distance of a scheme from the exact optimum: as numbers, in files, on the command line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.information.gaussian_decoder import decoded_information_bits
from distributed_ib.optimum.exact_optimum import joint_from_samples, optimal_frontier
from distributed_ib.optimum.gap import with_optimum
from distributed_ib.optimum.snapshot_terms import (
    SnapshotTerms,
    snapshot_channels,
    snapshot_information_bits,
    snapshot_predictive_bits,
    snapshot_terms,
)
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean import random_circuit
from distributed_ib.studies.boolean.circuit_optimality import (
    CircuitOptimality,
    circuit_frontier,
    optimality_figures,
    optimality_of,
)
from toy import xor_data

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.fixture(scope="module")
def terms(xor_scheme: ApproximationScheme) -> SnapshotTerms:
    return snapshot_terms(xor_scheme, *xor_data())


@pytest.fixture(scope="module")
def compared(xor_scheme: ApproximationScheme, terms: SnapshotTerms) -> ApproximationScheme:
    frontier = optimal_frontier(
        joint_from_samples(*xor_data()), np.geomspace(0.01, 1.0, 8), names=xor_scheme.components
    )
    return with_optimum(xor_scheme, frontier, terms)


def test_the_gap_is_the_objective_above_that_of_the_optimum(compared: ApproximationScheme) -> None:
    data = compared.to_xarray()
    gap = data["objective_bits"] - data["optimal_objective_bits"]
    np.testing.assert_allclose(gap.values, data["optimality_gap_bits"].values)
    beta = data["snapshot_beta"].values
    # y = a xor b costs two bits for one bit, or nothing is transmitted.
    np.testing.assert_allclose(data["optimal_objective_bits"], np.minimum(2 * beta - 1, 0.0))
    # Both terms are those of one frozen model, so gaps are negative only by noise.
    error = data["optimality_gap_error_bits"].values
    assert np.all(gap.values >= -3 * error)
    assert 0 < error.max() < 0.02
    assert data.attrs["largest_optimality_gap_bits"] == pytest.approx(gap.values.max())


def test_the_true_information_is_below_the_kl(compared: ApproximationScheme) -> None:
    information = snapshot_information_bits(compared)
    data = compared.to_xarray()
    kl_bits = data["kl_bits"].isel(step=data["snapshot_record"].values).values
    # The KL is an average over the record; the snapshot is taken at its end.
    assert np.all(information[:, :20] < kl_bits[:, :20] + 0.1)
    assert information.max() < 1.0 + 1e-9


def test_the_gap_is_stored_with_the_scheme(compared: ApproximationScheme, tmp_path: Path) -> None:
    compared.save(tmp_path / "run")
    again = ApproximationScheme.load(tmp_path / "run").to_xarray()
    for name in ("optimality_gap_bits", "optimality_gap_error_bits"):
        np.testing.assert_array_equal(again[name], compared.to_xarray()[name])


def test_an_optimum_of_other_components_is_refused(
    xor_scheme: ApproximationScheme, terms: SnapshotTerms
) -> None:
    joint = joint_from_samples(*xor_data())
    with pytest.raises(UserError, match="components"):
        with_optimum(xor_scheme, optimal_frontier(joint, [0.1]), terms)
    frontier = optimal_frontier(joint, [0.1], names=xor_scheme.components)
    half = replace(terms, predictive_bits=terms.predictive_bits[:, ::2])
    with pytest.raises(UserError, match="predictive_bits must be of shape"):
        with_optimum(xor_scheme, frontier, half)


def test_a_decoder_knows_what_the_predictor_knows_and_more(
    xor_scheme: ApproximationScheme, terms: SnapshotTerms
) -> None:
    x, y = xor_data()
    mean, log_variance = snapshot_channels(xor_scheme, x)
    bits, error = decoded_information_bits(mean[:20:6], log_variance[:20:6], y, n_draws=100)
    known = terms.predictive_bits[0, :20:6]
    assert np.all(bits > known - 3 * np.hypot(error, terms.predictive_error_bits[0, :20:6]))
    assert np.all(error < 0.03)
    assert bits.max() <= 1.0 + 1e-6


def test_what_a_predictor_knows_is_that_of_its_own_snapshot(
    xor_scheme: ApproximationScheme, terms: SnapshotTerms
) -> None:
    x, y = xor_data()
    n_draws = 500
    for seed, place in ((0, 27), (1, 36)):
        beta = float(xor_scheme.snapshots.beta[place])
        model = xor_scheme.at(beta=beta, seed=seed)
        draws = [model.sample(x, seed=draw).reshape(len(x), -1) for draw in range(n_draws)]
        predictor = model.model.predictor
        logits = np.asarray(predictor(np.concatenate(draws)))
        loss = np.asarray(predictor.loss_nats(logits, np.tile(y, n_draws))) / np.log(2)
        by_draw = loss.reshape(n_draws, -1).mean(axis=1)
        known, error = 1 - by_draw.mean(), by_draw.std() / np.sqrt(n_draws)
        found = terms.predictive_bits[seed, place]
        assert 0.5 < known < 0.95  # at an intermediate amount of noise
        assert abs(found - known) < 3 * np.hypot(error, terms.predictive_error_bits[seed, place])


@pytest.mark.parametrize("n_samples", [64, 4096])
def test_the_standard_error_is_the_scatter_over_seeds(
    n_samples: int, xor_scheme: ApproximationScheme
) -> None:
    found = [
        snapshot_predictive_bits(xor_scheme, *xor_data(), n_samples=n_samples, seed=seed)
        for seed in range(60)
    ]
    bits, error = (np.stack(part)[:, 0, 5:30:5] for part in zip(*found, strict=True))
    # From 60 values the scatter is known to about 10 %.
    ratio = bits.std(axis=0, ddof=1) / np.sqrt((error**2).mean(axis=0))
    assert np.all(ratio > 0.7) and np.all(ratio < 1.35)
    # With fewer samples the error is larger, but the mean is unbiased.
    more, its_error = snapshot_predictive_bits(xor_scheme, *xor_data(), n_samples=2**17)
    apart = np.abs(bits.mean(axis=0) - more[0, 5:30:5])
    assert np.all(apart < 3 * np.hypot(bits.std(axis=0) / np.sqrt(60), its_error[0, 5:30:5]))


def test_a_decoder_of_one_channel_agrees_with_its_exact_information() -> None:
    from distributed_ib.information.exact_channel import exact_information

    mean = np.array([-0.6, 0.6]).reshape(1, 2, 1, 1)  # y = x, so I(U; Y) = I(U; X)
    bits, error = decoded_information_bits(mean, 0.0, [0, 1], n_draws=1000)
    exact = exact_information(mean[0, :, 0], 0.0).information_bits
    assert abs(bits[0] - exact) < 3 * error[0]


def test_stored_circuit_optimality_is_restored(
    terms: SnapshotTerms, compared: ApproximationScheme
) -> None:
    frontier = optimal_frontier(
        joint_from_samples(*xor_data()), [0.01, 0.1, 1.0], names=compared.components
    )
    measured = optimality_of(compared, frontier, terms)
    again = CircuitOptimality.from_arrays(measured.to_arrays(), compared.components)
    assert not again.refined
    assert again.summary() == measured.summary()
    assert again.sentences() == measured.sentences()
    assert again.swept_gap().largest_bits > 0
    assert sorted(optimality_figures(again)) == ["optimal_frontier", "optimality_gap"]


def test_the_optimum_of_a_large_circuit_is_refused() -> None:
    with pytest.raises(UserError, match="at most 14"):
        circuit_frontier(random_circuit(15, 0), 1e-3, 0.5)
