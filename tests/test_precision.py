"""Products that are sensitive to rounding use full single precision on every device.

An A100 or H100 multiplies single precision with 11 bits by default (TF32), and a CPU ignores the
setting, so the requested precision is read from the traced program.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.information import bounds, gaussian_decoder
from distributed_ib.model._info_nce import info_nce_nats
from distributed_ib.model._similarity import Similarity, similarities
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.losses import ContrastiveLoss
from distributed_ib.model.predictors import CategoricalPredictor
from distributed_ib.optimum._discrete_channels import DiscreteChannels
from distributed_ib.optimum._refine_loop import Rates, Samples, start_state, train
from distributed_ib.studies.image import painter as reconstruct

FULL = (jax.lax.Precision.HIGHEST, jax.lax.Precision.HIGHEST)


def products(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """All matrix products of a program traced with the coarsest default precision."""
    with jax.default_matmul_precision("bfloat16"):
        return list(_products(jax.make_jaxpr(function)(*arguments).jaxpr))


def _products(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation
        for inner in jax.tree.leaves(list(equation.params.values())):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from _products(inner)


def are_full(found: list[Any]) -> bool:
    return bool(found) and all(product.params["precision"] == FULL for product in found)


@pytest.mark.parametrize("kind", ["euclidean", "squared_euclidean", "cosine"])
def test_similarities_and_their_gradients_are_of_full_precision(kind: Similarity) -> None:
    def loss(a: jax.Array, b: jax.Array) -> jax.Array:
        return info_nce_nats(similarities(a, b, kind), True).mean()

    found = products(jax.value_and_grad(loss, argnums=(0, 1)), jnp.ones((4, 3)), jnp.ones((4, 3)))
    assert len(found) == 3  # the matrix, and its two gradients
    assert are_full(found)


def network() -> ContrastivePredictor:
    return ContrastivePredictor(3, y_dim=1, hidden=(8,), batch_size=4, key=jax.random.key(0))


def test_layers_of_networks_and_their_gradients_are_of_full_precision() -> None:
    predictor, u = network(), jnp.ones((4, 3))

    def loss(predictor: ContrastivePredictor) -> jax.Array:
        return jnp.sum(predictor(u) ** 2)

    assert jax.config.jax_default_matmul_precision is None  # type: ignore[attr-defined]
    found = list(_products(jax.make_jaxpr(jax.grad(loss))(predictor).jaxpr))
    assert len(found) > 2
    assert are_full(found)


def test_layers_of_networks_follow_the_setting_of_jax() -> None:
    found = products(lambda u: network()(u), jnp.ones((4, 3)))
    assert found
    assert not any(product.params["precision"] == FULL for product in found)


def test_symbols_are_picked_without_a_product() -> None:
    channels = DiscreteChannels(jnp.log(jnp.full((2, 3, 3), 1 / 3)))
    x, chance = jnp.zeros((5, 2), jnp.int32), jnp.full((5, 2), 0.5)
    assert products(channels.pick, x, chance) == []
    assert channels.pick(x, chance).tolist() == [[1, 1]] * 5


def test_symbols_come_as_often_as_their_channel_says() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(7), size=(2, 3)).astype(np.float32)
    x = np.tile([[0, 2], [1, 1]], (50_000, 1))
    chance = jnp.asarray(rng.random(x.shape), jnp.float32)
    said = np.asarray(DiscreteChannels(jnp.log(table)).pick(jnp.asarray(x), chance))
    for component in range(2):
        for value in range(3):
            of_value = said[x[:, component] == value, component]
            if len(of_value):
                share = np.bincount(of_value, minlength=7) / len(of_value)
                np.testing.assert_allclose(share, table[component, value], atol=0.008)


def test_the_step_of_refinement_sums_in_full_precision() -> None:
    predictor = CategoricalPredictor(6, hidden=(4,), n_classes=2, key=jax.random.key(0))
    static = eqx.partition(predictor, eqx.is_inexact_array)[1]
    states = jax.vmap(lambda channels: start_state(channels, predictor))(
        jnp.full((1, 3, 2, 2), 0.5)
    )
    samples = Samples(jnp.zeros((5, 3), jnp.int32), jnp.zeros(5, jnp.int32), jnp.full((3, 2), 0.5))
    rates = Rates(jnp.array(1e-3), jnp.array(0.1), jnp.array(0.9), jnp.array(2))

    def run(states: Any) -> Any:
        key = jax.random.key(1)
        return train(
            states, static, samples, [0.1], key, rates, rows_per_component=7, side_by_side=True
        )

    # Sums over the 7 rows; those of the network run over 7 x 3 x 2.
    sums = [p for p in products(run, states) if any(7 in v.aval.shape for v in p.invars)]
    assert are_full(sums)


def test_measures_and_predictions_are_of_full_precision() -> None:
    key, ones = jax.random.key(0), jnp.ones((5, 2))
    contrastive = ContrastivePredictor(2, y_dim=2, hidden=(3,), batch_size=4, key=key)
    outputs = contrastive(ones)
    programs: list[tuple[Callable[..., Any], Any]] = [
        (partial(bounds._terms, rows=5), (ones, ones, key)),
        (gaussian_decoder._conditional_entropy_nats, (ones, ones, ones, key)),
        (partial(reconstruct._choose, rule="expected"), (ones, jnp.ones((2, 3), jnp.uint8))),
        (lambda z, y: ContrastiveLoss(2).read(contrastive, outputs, y), (outputs, ones)),
    ]
    for program, arguments in programs:
        assert are_full(products(program, *arguments)[-1:])  # others may be a network's


@pytest.mark.parametrize("distance", [100.0, 30.0])
@pytest.mark.parametrize("kind", ["euclidean", "squared_euclidean"])
def test_small_distances_far_from_the_origin_keep_their_digits(
    kind: Similarity, distance: float
) -> None:
    rng = np.random.default_rng(0)
    place = rng.normal(size=64)
    place *= distance / np.linalg.norm(place)
    a, b = ((place + 0.1 * rng.normal(size=(40, 64)) / 8).astype(np.float32) for _ in range(2))
    found = similarities(jnp.asarray(a), jnp.asarray(b), kind)
    np.testing.assert_allclose(found, -exact(a, b, kind), rtol=1e-4)


@pytest.mark.parametrize("spread", [100.0, 30.0, 3.0])
@pytest.mark.parametrize("kind", ["euclidean", "squared_euclidean"])
def test_pairs_that_nearly_coincide_keep_their_digits(kind: Similarity, spread: float) -> None:
    """Such pairs have the largest weight, and centring does not help in a widely spread batch."""
    rng = np.random.default_rng(1)
    a = (spread * rng.normal(size=(40, 64)) / 8).astype(np.float32)
    b = (a + 0.1 * rng.normal(size=(40, 64)) / 8).astype(np.float32)
    x, y = jnp.asarray(a), jnp.asarray(b)
    found, expected = similarities(x, y, kind), -exact(a, b, kind)
    np.testing.assert_allclose(jnp.diagonal(found), np.diagonal(expected), rtol=2e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    slope = jax.grad(lambda x: jnp.diagonal(similarities(x, y, kind)).sum())(x)
    gap = b.astype(np.float64) - a
    unit = gap / np.linalg.norm(gap, axis=1, keepdims=True)
    np.testing.assert_allclose(slope, unit if kind == "euclidean" else 2 * gap, atol=1e-3)


def exact(a: Any, b: Any, kind: Similarity) -> Any:
    squared = ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(axis=-1)
    return squared if kind == "squared_euclidean" else np.sqrt(squared + 1e-6)
