"""Multilayer perceptrons."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.model.mlp import MLP, glorot_uniform

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_forward_pass_agrees_with_numpy(activation: str) -> None:
    mlp = MLP((3, 8, 5, 2), activation=activation, key=jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    h = x
    for layer, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        h = h @ np.asarray(weight) + np.asarray(bias)
        if layer < 2:
            h = np.maximum(h, 0) if activation == "relu" else np.tanh(h)
    np.testing.assert_allclose(mlp(jnp.asarray(x)), h, rtol=1e-4, atol=1e-5)


def test_a_stack_runs_each_network_alone() -> None:
    stack = MLP((3, 8, 2), stack=4, key=jax.random.key(0))
    x = np.random.default_rng(1).normal(size=(4, 5, 3)).astype(np.float32)
    found = np.asarray(stack(jnp.asarray(x)))
    stack = jax.tree.map(np.asarray, stack)
    for k in range(4):
        alone = jax.tree.map(lambda a, k=k: jnp.asarray(a[k]), stack)
        np.testing.assert_allclose(found[k], alone(x[k]), rtol=1e-5, atol=1e-6)


def test_weights_start_uniform_within_the_glorot_limit() -> None:
    weights = np.asarray(glorot_uniform(jax.random.key(0), (200, 100), 200, 100))
    limit = np.sqrt(6 / 300)
    assert np.abs(weights).max() <= limit
    assert weights.var() == pytest.approx(limit**2 / 3, rel=0.05)
    assert abs(weights.mean()) < 5 * limit / np.sqrt(3 * weights.size)


def test_networks_of_a_stack_start_apart() -> None:
    first = np.asarray(MLP((3, 8, 2), stack=4, key=jax.random.key(0)).weights[0])
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize(
    ("sizes", "activation", "named"),
    [
        ((3, 2), "gelu", "gelu"),
        ((3, 0, 2), "relu", "layer width"),
        ((3, -1), "relu", "layer width"),
        ((3, 2.5), "relu", "2.5"),
        ((3,), "relu", r"\[3\]"),
    ],
)
def test_bad_options_are_named(sizes: tuple[int, ...], activation: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        MLP(sizes, activation=activation, key=jax.random.key(0))
