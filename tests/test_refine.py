"""Refinement at fixed beta with discrete channels, compared with exact optima."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.optimum._discrete_channels import DiscreteChannels, subset_channels
from distributed_ib.optimum._refine_loop import Rates, Samples, start_state, train
from distributed_ib.optimum._table_terms import channel_terms, symbol_tables
from distributed_ib.optimum.candidates import Candidates, subsets_of
from distributed_ib.optimum.envelope import lower_envelope
from distributed_ib.optimum.exact_optimum import joint_from_samples, optimal_frontier
from distributed_ib.optimum.refine import RefineSettings, refine
from distributed_ib.studies.boolean import paper_circuit

pytestmark = pytest.mark.usefixtures("quick_compilation")

# Y depends on whether the first component is 2, so that its values 0 and 1 should merge, and on the
# second component; the third is irrelevant.
X = np.stack(np.meshgrid([0, 1, 2], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
Y = (X[:, 0] == 2) ^ (X[:, 1] == 1)
BETA = np.array([0.1, 0.3, 0.7])
BRIEF = RefineSettings(
    n_steps=700, n_screening_steps=150, n_pretraining_steps=400, learning_rate=1e-2, hidden=(16,)
)


@pytest.fixture(scope="module")
def found() -> Candidates:
    subsets = [[1, 1, 1], [1, 1, 0], [0, 0, 1]]
    return refine(X, Y, BETA, subsets=subsets, settings=BRIEF, seed=1)


def test_the_best_candidates_are_nearly_optimal(found: Candidates) -> None:
    joint = joint_from_samples(X, Y)
    _, predictive = channel_terms(joint, found.channels)
    best = found.envelope(BETA, predictive)
    optimum = np.minimum(optimal_frontier(joint, BETA).objective_bits, 0.0)
    assert np.all(best.objective_bits - optimum < 0.005)
    assert np.all(best.objective_bits - optimum > -1e-6)  # nothing is better than the optimum


def test_values_that_y_does_not_tell_apart_are_merged(found: Candidates) -> None:
    best = int(found.envelope([0.1]).index[0])
    one_of_three = np.log2(3) - 2 / 3  # whether it is 2
    np.testing.assert_allclose(found.information_bits[best], [one_of_three, 1.0, 0.0], atol=0.01)
    channel = found.channels[0][best]
    np.testing.assert_allclose(channel[0], channel[1], atol=0.05)


def test_information_and_errors_agree_with_the_joint_distribution(found: Candidates) -> None:
    information, predictive = channel_terms(joint_from_samples(X, Y), found.channels)
    np.testing.assert_allclose(found.information_bits, information, atol=1e-6)
    # No predictor knows more than the channels transmit; errors are means of 32,768 draws.
    assert np.all(found.predictive_bits < predictive + 0.02)
    assert found.envelope(BETA).objective_bits[0] < -0.7


def test_every_beta_keeps_the_best_starts(found: Candidates) -> None:
    assert [int(np.sum(found.beta == beta)) for beta in BETA] == [2, 2, 2]
    for channel in found.channels:
        np.testing.assert_allclose(channel.sum(axis=2), 1.0, atol=1e-12)


@pytest.mark.nightly
def test_candidates_side_by_side_are_those_one_by_one() -> None:
    x, y = jnp.asarray(X, jnp.int32), jnp.asarray(Y, jnp.int32)
    samples = Samples(x, y, jnp.full((3, 3), 1 / 3))
    make = eqx.filter_vmap(lambda key: BernoulliPredictor(9, hidden=(8,), key=key))
    predictors = make(jax.random.split(jax.random.key(0), 2))
    tables = jnp.asarray(subset_channels([3, 2, 2], np.eye(3, dtype=bool)[:2]))
    states = eqx.filter_vmap(start_state)(tables, predictors)
    static = eqx.filter(predictors, eqx.is_inexact_array, inverse=True)
    rates = Rates(jnp.float32(0.01), jnp.float32(0.1), jnp.float32(0.9), jnp.int32(20))
    one, other = (
        train(
            states,
            static,
            samples,
            [0.1, 0.2],
            jax.random.key(1),
            rates,
            rows_per_component=4,
            side_by_side=side_by_side,
        )
        for side_by_side in (False, True)
    )
    np.testing.assert_allclose(
        one.channels.log_probabilities, other.channels.log_probabilities, atol=1e-3
    )


@pytest.mark.nightly
def test_a_copied_bit_is_given_up_at_beta_one() -> None:
    """Y = X0: one bit until beta = 1, then nothing."""
    found = refine(X[:, 1:], X[:, 1], [0.9, 1.1], settings=BRIEF)
    assert found.envelope([0.9]).total_bits[0] == pytest.approx(1.0, abs=0.01)
    assert found.envelope([1.1]).total_bits[0] < 0.01


@pytest.mark.nightly
def test_the_papers_circuit_is_refined_to_the_optimum() -> None:
    """Within 0.005 bit at every beta, from the subsets that its sweep uses."""
    used = ["0123456789", "01256789", "0125789", "25789", "259", "29", "2"]
    x, y = paper_circuit().truth_table()
    joint = joint_from_samples(x, y)
    fine = np.geomspace(0.005, 0.4, 61)
    found = refine(x, y, fine[::2], subsets=subsets_of("0123456789", used))
    _, predictive = channel_terms(joint, found.channels)
    optimum = np.minimum(optimal_frontier(joint, fine).objective_bits, 0.0)
    assert np.all(found.envelope(fine, predictive).objective_bits - optimum < 0.005)
    assert np.all(found.envelope(fine).objective_bits - optimum < 0.01)


def test_symbols_follow_their_probabilities() -> None:
    table = np.array([[[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]])
    channels = DiscreteChannels(jnp.log(jnp.maximum(table, 1e-11)))
    x = np.repeat([0, 1, 2], 4000)[:, None]
    chance = np.tile((np.arange(4000) + 0.5) / 4000, 3)[:, None]
    said = np.asarray(channels.pick(jnp.asarray(x), jnp.asarray(chance)))[:, 0]
    counts = [np.bincount(part, minlength=3) / 4000 for part in said.reshape(3, -1)]
    np.testing.assert_allclose(counts, table[0], atol=1e-3)


def test_an_open_channel_tells_nearly_all_and_a_shut_one_nearly_nothing() -> None:
    tables = subset_channels([2, 3], [True, False])
    channels = DiscreteChannels(jnp.log(jnp.maximum(tables, 1e-11)))
    frequencies = jnp.array([[0.5, 0.5, 1e-12], [1 / 3, 1 / 3, 1 / 3]])
    bits = np.asarray(channels.information_nats(frequencies)) / np.log(2)
    assert 0.9 < bits[0] < 1.0
    assert 0.0 < bits[1] < 0.02


def test_the_envelope_is_the_least_of_all_and_never_above_nothing() -> None:
    rng = np.random.default_rng(0)
    total = rng.uniform(0, 5, 20)
    predictive = total * rng.uniform(0, 1, 20)  # I(U; Y) is at most I(U; X)
    beta = np.geomspace(0.01, 2.0, 30)
    best = lower_envelope(beta, total, predictive)
    lines = beta[:, None] * total - predictive
    np.testing.assert_allclose(best.objective_bits, np.minimum(lines.min(axis=1), 0.0))
    assert best.index[-1] == -1
    assert np.all(np.diff(best.total_bits) <= 0)  # stronger bottlenecks never convey more


def test_symbols_of_open_channels_are_the_values() -> None:
    joint = joint_from_samples(X, Y)
    np.testing.assert_allclose(symbol_tables(joint, [np.eye(3), np.eye(2), np.eye(2)]), joint)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": X + 0.5}, "whole numbers"),
        ({"x": X * 40}, "at most 64"),
        ({"y": Y[:-1]}, "shape"),
        ({"beta": [0.0]}, "positive"),
        ({"validation": (X[:, :2], Y)}, "3"),
    ],
)
def test_what_cannot_be_refined_is_refused(change: dict[str, object], words: str) -> None:
    given = {"x": X, "y": Y, "beta": [0.1], **change}
    with pytest.raises(UserError, match=words):
        refine(**given)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match="channel_rate"):
        RefineSettings(channel_rate=0.0)
    with pytest.raises(UserError, match="n_kept"):
        RefineSettings(n_kept=0)


def test_subsets_by_name() -> None:
    assert subsets_of(["a", "b"], [["b"], [], ["b", "a"]]).tolist() == [[0, 1], [1, 1]]
