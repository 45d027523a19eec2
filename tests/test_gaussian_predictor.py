"""The Gaussian predictor: a negative log density as loss; Y that would broadcast is rejected."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from distributed_ib.errors import UserError
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.model.predictors import PREDICTORS


@pytest.fixture(scope="module")
def vector() -> GaussianPredictor:
    return GaussianPredictor(3, hidden=(5,), output_dim=2, key=jax.random.key(0))


def test_the_loss_is_minus_the_log_density(vector: GaussianPredictor) -> None:
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    outputs = vector(jnp.asarray(u, jnp.float32))
    mean, width = vector.mean(outputs), np.exp(0.5 * np.asarray(vector.log_variance(outputs)))
    expected = -norm.logpdf(y, np.asarray(mean), width).sum(axis=1)
    np.testing.assert_allclose(vector.loss_nats(outputs, jnp.asarray(y)), expected, rtol=1e-4)


def test_the_best_guess_without_x_scores_the_baseline() -> None:
    # Standardised data with mean 0 and variance 1: 1/2 log2(2 pi e) bits on average.
    predictor = GaussianPredictor(1, hidden=(2,), key=jax.random.key(0))
    y = np.random.default_rng(1).normal(size=4000)
    y = (y - y.mean()) / y.std()
    loss = predictor.loss_nats(jnp.zeros((4000, 2)), jnp.asarray(y, jnp.float32)).mean()
    assert float(loss) / np.log(2) == pytest.approx(0.5 * np.log2(2 * np.pi * math.e), abs=1e-3)


def test_the_loss_stays_finite_where_the_width_would_vanish() -> None:
    predictor = GaussianPredictor(1, hidden=(2,), key=jax.random.key(0))
    outputs = jnp.array([[0.0, -1e6], [0.0, 1e6]])
    loss, slope = jax.value_and_grad(lambda o: predictor.loss_nats(o, jnp.zeros(2)).sum())(outputs)
    assert np.isfinite(loss) and np.isfinite(slope).all()


def test_scores_are_squared_errors(vector: GaussianPredictor) -> None:
    outputs = jnp.zeros((1, 4))
    scores = vector.scores(outputs, jnp.array([[1.0, 3.0]]))
    assert float(scores["squared_error"][0]) == pytest.approx(5.0)


def test_draws_have_the_predicted_mean_and_width() -> None:
    predictor = GaussianPredictor(1, hidden=(2,), key=jax.random.key(0))
    outputs = jnp.tile(jnp.array([[2.0, np.log(0.25)]]), (20_000, 1))
    draws = predictor.draw(outputs, key=jax.random.key(3))
    assert draws.shape == (20_000, 1)
    assert float(draws.mean()) == pytest.approx(2.0, abs=0.02)
    assert float(draws.std()) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("shape", [(4, 1), (1,), (4, 4)])
def test_y_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    predictor = GaussianPredictor(1, hidden=(2,), key=jax.random.key(0))
    with pytest.raises(UserError, match="must have shape"):
        predictor.loss_nats(jnp.zeros((4, 2)), jnp.zeros(shape))


def test_config_makes_the_same_shape_again(vector: GaussianPredictor) -> None:
    for predictor in (vector, GaussianPredictor(3, hidden=(5,), key=jax.random.key(0))):
        again = PREDICTORS["gaussian"](**predictor.config(), key=jax.random.key(1))
        assert str(jax.tree.structure(again)) == str(jax.tree.structure(predictor))
        assert again.config() == predictor.config()
