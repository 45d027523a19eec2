"""Predictors and their losses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from distributed_ib.errors import UserError
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor

pytestmark = pytest.mark.usefixtures("quick_compilation")

BERNOULLI = BernoulliPredictor(2, hidden=(4,), key=jax.random.key(0))
CATEGORICAL = CategoricalPredictor(2, n_classes=3, hidden=(4,), key=jax.random.key(0))
bernoulli_loss = jax.jit(lambda outputs, y: BERNOULLI.loss_nats(outputs, y))
categorical_loss = jax.jit(lambda outputs, y: CATEGORICAL.loss_nats(outputs, y))


def test_bernoulli_loss_is_the_cross_entropy() -> None:
    logits = np.linspace(-8, 8, 17)
    for label in (0, 1):
        y = np.full(17, label)
        expected = -np.log(special.expit(logits if label else -logits))
        found = BERNOULLI.loss_nats(jnp.asarray(logits), jnp.asarray(y))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_categorical_loss_is_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(20, 3)) * 4, rng.integers(0, 3, 20)
    expected = -special.log_softmax(logits, axis=1)[np.arange(20), y]
    found = CATEGORICAL.loss_nats(jnp.asarray(logits), jnp.asarray(y))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("logit", [1e4, -1e4])
def test_losses_and_gradients_are_stable_at_extreme_logits(logit: float) -> None:
    logits, y = jnp.array([logit, logit]), jnp.array([0, 1])
    loss = bernoulli_loss(logits, y)
    np.testing.assert_allclose(loss, [max(logit, 0), max(-logit, 0)], rtol=1e-6)
    slope = jax.jit(jax.grad(lambda o: BERNOULLI.loss_nats(o, y).sum()))(logits)
    np.testing.assert_allclose(slope, [float(logit > 0), -float(logit < 0)], atol=1e-6)

    pair = jnp.stack([jnp.zeros(2), logits], axis=-1)
    np.testing.assert_allclose(categorical_loss(pair, y), loss, rtol=1e-6)
    slope = jax.jit(jax.grad(lambda o: CATEGORICAL.loss_nats(o, y).sum()))(pair)
    assert np.all(np.isfinite(slope))
    np.testing.assert_allclose(CATEGORICAL.probabilities(pair).sum(-1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(BERNOULLI.probabilities(logits).sum(-1), 1.0, rtol=1e-6)


def test_bernoulli_equals_the_categorical_of_two_classes() -> None:
    logits = jnp.linspace(-40, 40, 41)
    pair = jnp.stack([jnp.zeros(41), logits], axis=-1)
    for y in (jnp.zeros(41, int), jnp.ones(41, int)):
        np.testing.assert_allclose(
            bernoulli_loss(logits, y),
            categorical_loss(pair, y),
            rtol=1e-5,
            atol=4e-6,
        )
        # At a tie the Bernoulli predictor returns 0, as argmax does.
        np.testing.assert_array_equal(
            BERNOULLI.scores(logits, y)["accuracy"], CATEGORICAL.scores(pair, y)["accuracy"]
        )
    np.testing.assert_allclose(
        BERNOULLI.probabilities(logits), CATEGORICAL.probabilities(pair), rtol=1e-5
    )


def test_small_probabilities_are_not_rounded_away() -> None:
    small = BERNOULLI.probabilities(jnp.array([30.0, -30.0]))
    np.testing.assert_allclose([small[0, 0], small[1, 1]], special.expit(-30.0), rtol=1e-5)


def test_accuracy_counts_the_likelier_label() -> None:
    accuracy = BERNOULLI.scores(jnp.array([2.0, 2.0, -1.0, -1.0]), jnp.array([1, 0, 1, 0]))
    assert accuracy["accuracy"].tolist() == [1, 0, 0, 1]
    outputs = jnp.array([[0.0, 1, 2], [3, 1, 2]])
    assert CATEGORICAL.scores(outputs, jnp.array([2, 1]))["accuracy"].tolist() == [1, 0]


def test_a_column_of_labels_is_refused() -> None:
    # A column would broadcast against a row of logits to a whole matrix of losses.
    with jax.numpy_rank_promotion("allow"):
        with pytest.raises(UserError, match="shape"):
            BERNOULLI.loss_nats(jnp.zeros(4), jnp.zeros((4, 1)))
        with pytest.raises(UserError, match="shape"):
            CATEGORICAL.loss_nats(jnp.zeros((4, 3)), jnp.zeros((4, 1), int))


def test_output_shapes_and_config() -> None:
    u = jnp.zeros((5, 2))
    assert BERNOULLI(u).shape == (5,)
    assert CATEGORICAL(u).shape == (5, 3)
    for predictor in (BERNOULLI, CATEGORICAL):
        again = type(predictor)(**predictor.config(), key=jax.random.key(1))
        assert eqx.tree_equal(*(jax.tree.map(lambda a: a.shape, m) for m in (again, predictor)))
