"""InfoNCE: its bounds, its similarities, and batches of a size other than in training."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from distributed_ib.errors import UserError
from distributed_ib.model._info_nce import info_nce_nats
from distributed_ib.model._similarity import Similarity, similarities
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.predictors import PREDICTORS

pytestmark = pytest.mark.usefixtures("quick_compilation")


def make(**options: object) -> ContrastivePredictor:
    defaults: dict[str, object] = {"y_dim": 2, "hidden": (8,), "batch_size": 16, "shared_dim": 4}
    return ContrastivePredictor(3, **{**defaults, **options}, key=jax.random.key(0))  # type: ignore[arg-type]


def pairs(n: int, seed: int = 0) -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(seed)
    return (
        jnp.asarray(rng.normal(size=(n, 3)), jnp.float32),
        jnp.asarray(rng.normal(size=(n, 2)), jnp.float32),
    )


@eqx.filter_jit
def loss_nats(predictor: ContrastivePredictor, u: jax.Array, y: jax.Array) -> jax.Array:
    return predictor.loss_nats(predictor(u), y)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("euclidean", "euclidean"), ("squared_euclidean", "sqeuclidean"), ("cosine", "cosine")],
)
def test_similarities_agree_with_scipy(kind: Similarity, metric: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(6, 3))
    expected = cdist(a, b, metric)
    expected = 1 - expected if kind == "cosine" else -expected
    found = similarities(jnp.asarray(a), jnp.asarray(b), kind)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["euclidean", "squared_euclidean", "cosine"])
def test_similarities_have_a_gradient_where_points_coincide(kind: Similarity) -> None:
    slope = jax.grad(lambda a: similarities(a, a, kind).sum())(jnp.zeros((2, 3)))
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("kind", ["euclidean", "squared_euclidean", "cosine"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_coordinate_that_is_not_finite_shows_in_the_loss(kind: Similarity, bad: float) -> None:
    # Otherwise a sweep would not detect that it diverged.
    rng = np.random.default_rng(3)
    a, b = (jnp.asarray(rng.normal(size=(4, 3)), jnp.float32) for _ in range(2))
    losses = info_nce_nats(similarities(a.at[1, 2].set(bad), b, kind), False)
    assert np.isfinite(losses).tolist() == [True, False, True, True]


def test_the_gradient_of_distances_is_that_of_their_formula() -> None:
    rng = np.random.default_rng(1)
    a, b = (jnp.asarray(rng.normal(size=(n, 3)), jnp.float32) for n in (5, 6))
    weights = jnp.asarray(rng.normal(size=(5, 6)), jnp.float32)

    def formula(a: jax.Array, b: jax.Array) -> jax.Array:
        return -jnp.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1) + 1e-6)

    found, expected = (
        jax.grad(lambda a, b, f=f: (weights * f(a, b)).sum(), argnums=(0, 1))(a, b)
        for f in (lambda a, b: similarities(a, b, "euclidean"), formula)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_gradient_of_the_loss_is_that_of_its_formula(symmetric: bool) -> None:
    rng = np.random.default_rng(2)
    # Such large scores would overflow if the highest one were not subtracted first.
    scores = jnp.asarray(rng.normal(scale=100.0, size=(5, 5)), jnp.float32)
    weights = jnp.asarray(rng.normal(size=5), jnp.float32)

    def formula(scores: jax.Array) -> jax.Array:
        both = [
            jnp.diagonal(scores) - jax.nn.logsumexp(scores, axis=axis)
            for axis in ((1, 0) if symmetric else (1,))
        ]
        return -sum(both) / len(both)

    def loss(scores: jax.Array) -> jax.Array:
        return info_nce_nats(scores, symmetric)

    np.testing.assert_allclose(loss(scores), formula(scores), rtol=1e-5, atol=1e-4)
    found, expected = (
        jax.grad(lambda s, f=f: (weights * f(s)).sum())(scores) for f in (loss, formula)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_a_cross_entropy_over_the_batch() -> None:
    predictor = make(symmetric=False, temperature=0.5)
    u, y = pairs(16)
    z = predictor(u)
    scores = similarities(z, predictor.encode_y(y), "euclidean") / 0.5
    expected = -np.diagonal(jax.nn.log_softmax(scores, axis=1))
    np.testing.assert_allclose(predictor.loss_nats(z, y), expected, rtol=1e-4, atol=1e-5)


def test_the_symmetric_loss_averages_both_ways_of_looking_up() -> None:
    predictor = make()
    u, y = pairs(16)
    z = predictor(u)
    scores = similarities(z, predictor.encode_y(y), "euclidean")
    both = [np.diagonal(jax.nn.log_softmax(scores, axis=axis)) for axis in (0, 1)]
    np.testing.assert_allclose(
        predictor.loss_nats(z, y), -np.mean(both, axis=0), rtol=1e-4, atol=1e-5
    )


def test_no_more_than_the_log_of_the_batch_is_certified() -> None:
    # The loss is never negative, so log(batch) minus the loss is at most log(batch).
    predictor = make()
    for n in (5, 16, 33, 64):
        assert np.all(np.asarray(loss_nats(predictor, *pairs(n, seed=n))) >= 0)
    # Without any information about X, nothing is certified.
    z = jnp.zeros((16, 4))
    same = jnp.zeros((16, 2))
    np.testing.assert_allclose(predictor.loss_nats(z, same), np.log(16), rtol=1e-5)


@pytest.mark.parametrize("n", [1, 4, 15])
def test_fewer_rows_certify_at_most_the_log_of_their_number(n: int) -> None:
    # Even if every match is perfect, because each point is far from all others.
    predictor = make()
    z = predictor.encode_y(100 * jnp.arange(2.0 * n).reshape(n, 2))
    scores = predictor._loss_of_part(100 * z, 100 * z)
    np.testing.assert_allclose(math.log(16) - scores.mean(), math.log(n), atol=1e-5)


def test_rows_left_over_are_compared_with_a_whole_batch() -> None:
    predictor = make(symmetric=False)
    u, y = pairs(20)
    z = predictor(u)
    losses = predictor.loss_nats(z, y)
    assert losses.shape == (20,)
    np.testing.assert_allclose(losses[:16], predictor.loss_nats(z[:16], y[:16]), rtol=1e-5)
    np.testing.assert_allclose(losses[16:], predictor.loss_nats(z[4:], y[4:])[-4:], rtol=1e-5)


def test_probabilities_of_candidates_sum_to_one_and_follow_similarity() -> None:
    predictor = make()
    u, y = pairs(6)
    probabilities = np.asarray(predictor.probabilities(predictor(u), y))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    nearest = np.asarray(similarities(predictor(u), predictor.encode_y(y), "euclidean")).argmax(1)
    assert probabilities.argmax(axis=1).tolist() == nearest.tolist()


def test_numbers_and_columns_of_one_number_are_the_same() -> None:
    predictor = make(y_dim=1)
    u, y = pairs(16)
    z = predictor(u)
    np.testing.assert_array_equal(predictor.loss_nats(z, y[:, 0]), predictor.loss_nats(z, y[:, :1]))


@pytest.mark.parametrize(
    "options",
    [{"similarity": "dot"}, {"temperature": 0.0}, {"temperature": np.nan}, {"batch_size": 1}],
)
def test_unusable_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(options))):
        make(**options)


def test_y_that_does_not_fit_is_refused() -> None:
    predictor = make()
    u, y = pairs(16)
    for wrong in (y[:, :1], y[:, 0], y[:8]):
        with pytest.raises(UserError, match="Y "):
            predictor.loss_nats(predictor(u), wrong)


def test_config_makes_the_same_shape_again() -> None:
    predictor = make(similarity="cosine", temperature=0.1, y_hidden=(3, 4))
    again = PREDICTORS["contrastive"](**predictor.config(), key=jax.random.key(1))
    assert str(jax.tree.structure(again)) == str(jax.tree.structure(predictor))
