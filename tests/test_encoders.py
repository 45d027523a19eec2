"""Encoders: each component has its own channel."""

import functools
import json
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
from numpy.typing import NDArray

from distributed_ib.errors import UserError
from distributed_ib.model.encoders import (
    BinaryEncoder,
    Encoder,
    SeparateEncoder,
    SharedEncoder,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")

N, COMPONENTS, FEATURES = 5, 4, 2


def _encode(encoder: Encoder, x: Any) -> Any:
    return encoder(x)


# Compiled once per kind: running one operation at a time, these tests would take a minute.
encode: Any = eqx.filter_jit(_encode)


@functools.cache
def encoders() -> dict[str, Encoder]:
    sizes: dict[str, Any] = {"input_dim": FEATURES, "hidden": (8, 6), "embedding_dim": 3}
    return {
        "binary": BinaryEncoder(COMPONENTS, embedding_dim=3),
        "shared": SharedEncoder(COMPONENTS, **sizes, n_frequencies=2, key=jax.random.key(0)),
        "separate": SeparateEncoder(COMPONENTS, **sizes, n_frequencies=2, key=jax.random.key(1)),
    }


def inputs(kind: str) -> NDArray[Any]:
    rng = np.random.default_rng(2)
    if kind == "binary":
        return rng.integers(0, 2, (N, COMPONENTS))
    return rng.normal(size=(N, COMPONENTS, FEATURES)).astype(np.float32)


def jostle(encoder: Encoder) -> Encoder:
    """Perturb every parameter, so that components do not start alike."""
    params, static = eqx.partition(encoder, eqx.is_inexact_array)
    rng = np.random.default_rng(3)
    moved = jax.tree.map(
        lambda a: np.asarray(a) + 0.3 * rng.normal(size=a.shape).astype(np.float32), params
    )
    return eqx.combine(moved, static)


def channels(encoder: Encoder, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    channel = encode(encoder, x)
    return np.asarray(channel.mean), np.asarray(channel.log_variance)


@pytest.mark.parametrize("kind", ["binary", "shared", "separate"])
def test_a_channel_depends_on_its_own_component_alone(kind: str) -> None:
    encoder, x = jostle(encoders()[kind]), inputs(kind)
    before = channels(encoder, x)
    for i in range(COMPONENTS):
        changed = x.copy()
        changed[:, i] = 1 - x[:, i]
        after = channels(encoder, changed)
        for a, b in zip(after, before, strict=True):
            np.testing.assert_array_equal(np.delete(a, i, 1), np.delete(b, i, 1))
        assert not np.any(np.all(after[0][:, i] == before[0][:, i], axis=-1))


@pytest.mark.parametrize("kind", ["binary", "shared", "separate"])
def test_permuting_components_permutes_channels(kind: str) -> None:
    encoder, x, order = jostle(encoders()[kind]), inputs(kind), np.array([2, 0, 3, 1])

    def own(e: Any) -> Any:
        parts: dict[Any, Callable[[], Any]] = {
            BinaryEncoder: lambda: (e.mean, e.log_variance),
            SharedEncoder: lambda: e.identity,
            SeparateEncoder: lambda: (e.mlp.weights, e.mlp.biases),
        }
        return parts[type(e)]()

    permuted = eqx.tree_at(own, encoder, jax.tree.map(lambda a: a[order], own(encoder)))
    for found, expected in zip(channels(permuted, x[:, order]), channels(encoder, x), strict=True):
        np.testing.assert_allclose(found, expected[:, order], rtol=1e-5, atol=1e-6)


def test_binary_encoder_is_two_constants() -> None:
    encoder = jostle(encoders()["binary"])
    assert isinstance(encoder, BinaryEncoder)
    x = inputs("binary")
    mean, log_variance = channels(encoder, x)
    np.testing.assert_allclose(mean, np.where(x[..., None] == 1, encoder.mean, -encoder.mean))
    expected = np.broadcast_to(encoder.log_variance, mean.shape)
    np.testing.assert_array_equal(np.broadcast_to(log_variance, mean.shape), expected)


def dense(layers: list[tuple[Any, Any]], x: NDArray[Any]) -> NDArray[Any]:
    """A plain perceptron with ReLU, in NumPy."""
    for layer, (weight, bias) in enumerate(layers):
        x = x @ weight + bias
        if layer < len(layers) - 1:
            x = np.maximum(x, 0)
    return x


def with_sines(x: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([x, np.sin(2 * np.pi * x), np.sin(4 * np.pi * x)], axis=-1)


def test_shared_encoder_equals_a_perceptron_that_reads_a_one_hot() -> None:
    encoder = jostle(encoders()["shared"])
    assert isinstance(encoder, SharedEncoder)
    x = inputs("shared")
    one_hot = np.broadcast_to(np.eye(COMPONENTS), (N, COMPONENTS, COMPONENTS))
    first = np.concatenate([encoder.first, encoder.identity])
    rest = list(zip(encoder.rest.weights, encoder.rest.biases, strict=True))
    twin = dense([(first, 0.0), *rest], np.concatenate([with_sines(x), one_hot], axis=-1))
    mean, log_variance = channels(encoder, x)
    np.testing.assert_allclose(mean, twin[..., :3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_variance, twin[..., 3:], rtol=1e-4, atol=1e-5)


def test_separate_encoder_equals_each_network_run_alone() -> None:
    encoder = jostle(encoders()["separate"])
    assert isinstance(encoder, SeparateEncoder)
    x = inputs("separate")
    mean, log_variance = channels(encoder, x)
    for i in range(COMPONENTS):
        layers = [
            (w[i], b[i]) for w, b in zip(encoder.mlp.weights, encoder.mlp.biases, strict=True)
        ]
        alone = dense(layers, with_sines(x[:, i]))
        np.testing.assert_allclose(mean[:, i], alone[:, :3], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(log_variance[:, i], alone[:, 3:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["shared", "separate"])
def test_channels_start_open(kind: str) -> None:
    _, log_variance = channels(encoders()[kind], inputs(kind))
    assert log_variance.mean() == pytest.approx(-3.0, abs=1.0)


@pytest.mark.parametrize("kind", ["binary", "shared", "separate"])
def test_config_makes_the_same_shapes_again(kind: str) -> None:
    encoder = encoders()[kind]
    config = json.loads(json.dumps(encoder.config()))
    again = eqx.filter_eval_shape(lambda: type(encoder)(**config, key=jax.random.key(7)))
    assert eqx.tree_equal(*(jax.tree.map(lambda a: a.shape, m) for m in (again, encoder)))
    shapes = [[leaf.shape for leaf in jax.tree.leaves(e)] for e in (again, encoder)]
    assert shapes[0] == shapes[1]


def test_numpy_sizes_can_be_written_as_json() -> None:
    encoder = SharedEncoder(
        np.int64(2),  # type: ignore[arg-type]
        input_dim=np.int64(1),  # type: ignore[arg-type]
        hidden=np.array([4]),  # type: ignore[arg-type]
        embedding_dim=1,
        key=jax.random.key(0),
    )
    assert json.loads(json.dumps(encoder.config()))["hidden"] == [4]
    assert json.dumps(BinaryEncoder(np.int64(3)).config())  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["binary", "shared", "separate"])
def test_inputs_with_another_number_of_components_are_refused(kind: str) -> None:
    encoder, x = encoders()[kind], inputs(kind)
    for wrong in (x[:, :1], x[:, : COMPONENTS - 1], np.concatenate([x, x], axis=1)):
        with pytest.raises(UserError, match="shape"):
            jax.eval_shape(encoder, wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("input_dim", -1),
        ("embedding_dim", 0),
        ("n_frequencies", -1),
        ("hidden", (4, 0)),
        ("input_dim", 1.5),
        ("activation", "gelu"),
    ],
)
@pytest.mark.parametrize("cls", [SharedEncoder, SeparateEncoder])
def test_bad_sizes_are_named(
    cls: type[SharedEncoder] | type[SeparateEncoder], name: str, value: object
) -> None:
    options: dict[str, Any] = {
        "n_components": 2,
        "input_dim": 1,
        "hidden": (4,),
        "embedding_dim": 1,
        "key": jax.random.key(0),
    }
    with pytest.raises(UserError, match=name):
        cls(**{**options, name: value})


def test_a_shared_encoder_needs_a_hidden_layer() -> None:
    with pytest.raises(UserError, match="hidden"):
        SharedEncoder(2, input_dim=1, hidden=(), embedding_dim=1, key=jax.random.key(0))
