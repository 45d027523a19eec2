"""The tilted predictor: a distribution for every input, the marginal if nothing is read."""

import json
from itertools import product
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.data.target_bins import TargetBins
from distributed_ib.errors import UserError
from distributed_ib.model.losses import TiltedLoss
from distributed_ib.model.tilted_predictor import TiltedPredictor

pytestmark = pytest.mark.usefixtures("quick_compilation")

INPUT = 4


def bins() -> list[TargetBins]:
    """Bins of numbers with many zeros and of counts; the two differ in size."""
    random = np.random.default_rng(0)
    skewed = np.where(random.random(200) < 0.3, 0.0, np.exp(random.normal(size=200)))
    return [TargetBins.fit(skewed), TargetBins.fit(random.poisson(1.0, 200))]


def predictor(parts: list[TargetBins], *, is_vector: bool, seed: int = 0) -> TiltedPredictor:
    """A predictor around the marginal of bins, with weights far from their initial values."""
    key_model, key_linear = jax.random.split(jax.random.key(seed))
    tilts = [part.tilts() for part in parts]
    made = TiltedPredictor(
        INPUT,
        n_bins=[part.n_bins for part in parts],
        n_tilts=[part.shape[1] for part in tilts],
        hidden=(8,),
        is_vector=is_vector,
        key=key_model,
    ).around([part.share for part in parts], tilts)
    linear = jax.random.normal(key_linear, made.linear.shape)
    found: TiltedPredictor = eqx.tree_at(lambda p: p.linear, made, linear)
    return found


def inputs(n: int = 7, seed: int = 1) -> jax.Array:
    return 3 * jax.random.normal(jax.random.key(seed), (n, INPUT))


def test_the_loss_of_a_number_is_the_negative_log_of_a_distribution() -> None:
    part = bins()[0]
    model = predictor([part], is_vector=False)
    outputs = model(inputs())
    losses = jnp.stack(
        [model.loss_nats(outputs, jnp.full(7, code)) for code in range(part.n_bins)], axis=1
    )
    likelihood = np.exp(-np.asarray(losses, np.float64))
    np.testing.assert_allclose(likelihood.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(likelihood, model.probabilities(outputs), rtol=1e-5, atol=1e-30)
    assert np.ptp(likelihood, axis=0).max() > 0.1  # the likelihood depends on u


def test_the_entries_of_a_vector_are_independent_given_u() -> None:
    parts = bins()
    model = predictor(parts, is_vector=True)
    outputs = model(inputs())
    probabilities = np.asarray(model.probabilities(outputs), np.float64)
    total = np.zeros(7)
    for codes in product(*(range(part.n_bins) for part in parts)):
        likelihood = np.exp(-model.loss_nats(outputs, jnp.tile(jnp.array(codes), (7, 1))))
        expected = np.prod([probabilities[:, k, code] for k, code in enumerate(codes)], axis=0)
        np.testing.assert_allclose(likelihood, expected, rtol=1e-4, atol=1e-12)
        total += likelihood
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)
    few = min(part.n_bins for part in parts)
    assert (probabilities[:, np.argmin([part.n_bins for part in parts]), few:] == 0).all()


@pytest.mark.parametrize("is_vector", [False, True])
def test_closed_components_leave_exactly_the_marginal(is_vector: bool) -> None:
    parts = bins() if is_vector else bins()[:1]
    model = predictor(parts, is_vector=is_vector)
    closed = eqx.tree_at(lambda p: p.open, model, jnp.zeros(INPUT))
    expected = np.broadcast_to(model.marginal_logs()[None], (7, *model.marginal_logs().shape))
    np.testing.assert_array_equal(closed(inputs()), expected)
    shares = [np.exp(row[: part.n_bins]) for row, part in zip(expected[0], parts, strict=True)]
    for found, part in zip(shares, parts, strict=True):
        np.testing.assert_allclose(found, part.share, rtol=1e-5)
    # Embeddings of zero also give the marginal, up to rounding.
    np.testing.assert_allclose(model(jnp.zeros((7, INPUT))), expected, atol=1e-5)


def test_a_closed_component_is_not_read_and_its_gate_is_not_trained() -> None:
    model = predictor(bins()[:1], is_vector=False)
    half = eqx.tree_at(lambda p: p.open, model, jnp.array([1.0, 1.0, 0.0, 0.0]))
    u = inputs()
    other = u.at[:, 2:].set(inputs(seed=2)[:, 2:])
    np.testing.assert_array_equal(half(u), half(other))
    assert not np.allclose(half(u), half(u.at[:, :2].set(0.0)))

    def loss(model: TiltedPredictor) -> jax.Array:
        return model.loss_nats(model(u), jnp.zeros(7, jnp.int32)).mean()

    gradient = eqx.filter_grad(loss)(model)
    for fixed in (gradient.open, gradient.sharpness, gradient.log_share, gradient.functions):
        np.testing.assert_array_equal(fixed, np.zeros_like(fixed))
    assert np.abs(gradient.linear).max() > 0


def test_with_a_tilt_for_each_class_any_distribution_can_be_reached() -> None:
    share, wanted = np.array([0.5, 0.3, 0.2]), np.array([0.01, 0.09, 0.9])
    model = TiltedPredictor(1, n_bins=[3], n_tilts=[3], hidden=(4,), key=jax.random.key(0))
    model = model.around([share], [np.eye(3)])
    linear = jnp.asarray(np.log(wanted / share), jnp.float32)[None]
    model = eqx.tree_at(
        lambda p: (p.linear, p.mlp),
        model,
        (linear, jax.tree.map(jnp.zeros_like, model.mlp)),
    )
    found = model.probabilities(model(jnp.ones((1, 1))))
    np.testing.assert_allclose(found, wanted[None], rtol=1e-4)


def test_sharpening_scales_what_averages_say_beyond_the_marginal() -> None:
    share = np.array([0.5, 0.3, 0.2])
    model = TiltedPredictor(1, n_bins=[3], n_tilts=[3], hidden=(4,), key=jax.random.key(0))
    model = model.around([share], [np.eye(3)])
    assert model.is_free and not predictor(bins()[:1], is_vector=False).is_free
    averaged = np.array([[0.6, 0.3, 0.1], share])
    np.testing.assert_array_equal(model.sharpened(averaged), averaged)
    sharp = eqx.tree_at(lambda p: p.sharpness, model, jnp.float32(3.0))
    found = sharp.sharpened(averaged)
    np.testing.assert_allclose(found[1], share, rtol=1e-6)  # the marginal stays the marginal
    odds, expected = found[0] / share, (averaged[0] / share) ** 3
    np.testing.assert_allclose(odds / odds[0], expected / expected[0], rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_draws_follow_the_probabilities() -> None:
    model = predictor(bins(), is_vector=True)
    loss = TiltedLoss(
        tuple(tuple(part.share.tolist()) for part in bins()),
        tuple(tuple(map(tuple, part.tilts().tolist())) for part in bins()),
        True,
    )
    outputs = jnp.repeat(model(inputs(1)), 20_000, axis=0)
    drawn = np.asarray(loss.draw(model, outputs, jax.random.key(0)))
    assert drawn.shape == (20_000, 2)
    probabilities = np.asarray(model.probabilities(outputs[:1]))[0]
    for k, expected in enumerate(probabilities):
        counts = np.bincount(drawn[:, k], minlength=len(expected)) / 20_000
        np.testing.assert_allclose(counts, expected, atol=0.015)


def test_its_options_describe_it() -> None:
    model = predictor(bins(), is_vector=True)
    options = json.loads(json.dumps(model.config()))
    again = TiltedPredictor(**options, key=jax.random.key(5))
    assert again.config() == model.config()
    shapes = [[leaf.shape for leaf in jax.tree.leaves(each)] for each in (model, again)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    "options",
    [
        {"n_bins": [], "n_tilts": []},
        {"n_bins": [3], "n_tilts": [1, 1]},
        {"n_bins": [3, 2], "n_tilts": [1, 1]},  # `is_vector` is missing
        {"n_bins": [0], "n_tilts": [1]},
        {"n_bins": [3], "n_tilts": [0]},
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        TiltedPredictor(2, hidden=(4,), key=jax.random.key(0), **options)


def test_marginals_and_labels_of_another_shape_are_refused() -> None:
    model = TiltedPredictor(2, n_bins=[3], n_tilts=[1], hidden=(4,), key=jax.random.key(0))
    for share, tilts in (
        ([0.5, 0.5], np.ones((2, 1))),
        ([0.5, 0.5, 0.0], np.ones((3, 1))),
        ([0.4, 0.3, 0.3], np.ones((3, 2))),
    ):
        with pytest.raises(UserError, match="tilts for each of"):
            model.around([share], [tilts])
    with pytest.raises(UserError, match=r"must have shape \[4\], got \[4, 1\]"):
        model.loss_nats(model(jnp.zeros((4, 2))), jnp.zeros((4, 1)))
