"""Encoding each distinct value once: channels, gradients and sweeps stay the same."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from distributed_ib.data.batches import ArrayBatches
from distributed_ib.data.distinct_batches import DistinctBatches
from distributed_ib.data.distinct_values import DistinctRows, distinct_rows
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import SeparateEncoder, SharedEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep
from distributed_ib.training.sweep_result import SweepResult
from toy import assert_same_channels

pytestmark = pytest.mark.usefixtures("quick_compilation")

N = 40
KINDS = [SharedEncoder, SeparateEncoder]


def data() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Three components: four values, seven values of two features, and all values distinct."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 3, 2)).astype(np.float32)
    x[:, 0] = rng.integers(0, 4, (N, 1))
    x[:, 1] = rng.normal(size=(7, 2))[rng.integers(0, 7, N)]
    return x, (x[:, 0, 0] > 1.5).astype(np.int64)


def make_encoder(cls: Any, key: Any = None) -> Any:
    key = jax.random.key(0) if key is None else key
    return cls(3, input_dim=2, hidden=(16, 12), embedding_dim=3, n_frequencies=2, key=key)


def test_few_values_are_listed_and_many_are_not() -> None:
    x, _ = data()
    found = distinct_rows(x, max_values=12)
    assert [part.shape for part in found.parts] == [(4, 2), (7, 2), (N, 2)]
    assert found.codes[2] is None
    np.testing.assert_array_equal(found.rows(), x)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_values_and_codes_give_back_the_rows(max_values: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-2, 3, (20, 3, 2))
    np.testing.assert_array_equal(distinct_rows(x, max_values).rows(), x)


@pytest.mark.parametrize("cls", KINDS)
def test_channels_and_gradients_are_those_of_the_plain_encoder(cls: Any) -> None:
    x, _ = data()
    few = jax.tree.map(jnp.asarray, distinct_rows(x, max_values=12))
    assert_same_channels(make_encoder(cls), jnp.asarray(x), few)


def _leaves(result: SweepResult) -> list[Any]:
    return list(jax.tree_util.tree_flatten_with_path(result.snapshots.params)[0])


def test_a_sweep_follows_the_same_path() -> None:
    x, y = data()

    def make_model(key: Any) -> DistributedBottleneck:
        one, two = jax.random.split(key)
        predictor = BernoulliPredictor(9, hidden=(8,), key=two)
        return DistributedBottleneck(make_encoder(SharedEncoder, one), predictor)

    schedule = BetaSchedule(1e-3, 1.0, n_steps=30, n_pretraining_steps=10)
    plain, once = (
        sweep(make_model, source, schedule, n_records=5)
        for source in (ArrayBatches((x, y), 16), DistinctBatches(x, y, 16))
    )
    for name in ("kl_nats", "prediction_error_nats"):
        a, b = (getattr(result.annealing, name) for result in (once, plain))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    # The values are data, not part of the model: both models are stored alike.
    names = [[name for name, _ in tree] for tree in map(_leaves, (once, plain))]
    assert names[0] == names[1]
    scheme = ApproximationScheme.from_sweep(once, ["a", "b", "c"], baseline_entropy_bits=1.0)
    approximation = scheme.at(beta=0.1)
    np.testing.assert_array_equal(
        approximation.encode(distinct_rows(x, 16)).mean, approximation.encode(x).mean
    )


def test_integers_and_trees_of_targets_are_welcome() -> None:
    x = np.arange(12).reshape(6, 2, 1) % 3
    source = DistinctBatches(x, {"a": np.arange(6.0), "b": np.ones((6, 2))}, batch_size=4)
    few, y = source.draw(source.prepare(0, 1, 1), jax.random.key(0))
    assert [part.shape for part in few.parts] == [(3, 1), (3, 1)]
    assert y["b"].shape == (4, 2)


def test_what_does_not_fit_is_refused() -> None:
    x, y = data()
    with pytest.raises(UserError, match="one common, non-zero length"):
        DistinctBatches(x, y[:-1], 16)
    with pytest.raises(UserError, match="out of range of the 2 values"):
        bad = DistinctRows((np.zeros((2, 1)),), (np.array([0, 2]),))
        DistinctBatches(bad, np.zeros(2), 16)
    with pytest.raises(UserError, match=r"\[n, component, feature\]"):
        DistinctBatches(x[:, 0], y, 16)
    with pytest.raises(UserError, match="3 components"):
        make_encoder(SharedEncoder)(distinct_rows(x[:, :2], 12))
