"""The complete model."""

import copy
import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import DistributedBottleneck, model_from_config
from distributed_ib.model.encoders import SeparateEncoder, SharedEncoder
from distributed_ib.model.predictors import CategoricalPredictor
from toy import xor_data, xor_model

pytestmark = pytest.mark.usefixtures("quick_compilation")


def mixed_model(cls: type[SharedEncoder] | type[SeparateEncoder]) -> DistributedBottleneck:
    keys = jax.random.split(jax.random.key(0))
    encoder = cls(3, input_dim=2, hidden=(4,), embedding_dim=2, n_frequencies=1, key=keys[0])
    return DistributedBottleneck(
        encoder, CategoricalPredictor(6, n_classes=4, hidden=(5,), key=keys[1])
    )


def test_terms_are_means_over_the_batch_of_their_parts() -> None:
    model = xor_model(jax.random.key(0))
    x, y = (jnp.asarray(a) for a in xor_data())
    key = jax.random.key(5)
    terms = eqx.filter_jit(model.terms)((x, y), key=key)
    channel = model.encoder(x)  # type: ignore[arg-type]  # a binary encoder
    logits = model.predictor(channel.sample(key=key).reshape(8, 3))
    np.testing.assert_allclose(terms.kl_nats, channel.kl_nats().mean(0), rtol=1e-6)
    np.testing.assert_allclose(
        terms.prediction_error_nats, model.predictor.loss_nats(logits, y).mean(), rtol=1e-6
    )
    np.testing.assert_allclose(terms.scores["accuracy"], ((logits > 0) == (y == 1)).mean())


def test_the_same_key_gives_the_same_noise_and_another_does_not() -> None:
    model = xor_model(jax.random.key(0))
    batch = tuple(jnp.asarray(a) for a in xor_data())
    error = [
        float(model.terms((batch[0], batch[1]), key=jax.random.key(k)).prediction_error_nats)
        for k in (1, 1, 2)
    ]
    assert error[0] == error[1] != error[2]


@pytest.mark.parametrize("cls", [SharedEncoder, SeparateEncoder])
def test_config_describes_the_model(cls: type[SharedEncoder] | type[SeparateEncoder]) -> None:
    model = mixed_model(cls)
    config = json.loads(json.dumps(model.config()))
    again = model_from_config(config, key=jax.random.key(1))
    assert again.config() == model.config()
    assert eqx.tree_equal(*(jax.tree.map(lambda a: a.shape, m) for m in (again, model)))


LAYERS = {"hidden": [8], "activation": "tanh"}
WRITTEN_PARTS: list[dict[str, dict[str, Any]]] = [
    {
        "encoder": {"kind": "binary", "n_components": 6, "embedding_dim": 1},
        "predictor": {"kind": "bernoulli", "input_dim": 6, **LAYERS},
    },
    {
        "encoder": {
            "kind": "shared",
            "n_components": 3,
            "input_dim": 2,
            "embedding_dim": 2,
            "n_frequencies": 2,
            **LAYERS,
        },
        "predictor": {
            "kind": "contrastive",
            "input_dim": 6,
            "y_dim": 2,
            "y_hidden": [4],
            "shared_dim": 5,
            "batch_size": 32,
            "similarity": "cosine",
            "temperature": 0.1,
            "symmetric": False,
            **LAYERS,
        },
    },
    {
        "encoder": {
            "kind": "separate",
            "n_components": 3,
            "input_dim": 2,
            "embedding_dim": 2,
            "n_frequencies": 0,
            **LAYERS,
        },
        "predictor": {"kind": "categorical", "input_dim": 6, "n_classes": 3, **LAYERS},
    },
    {
        "encoder": {
            "kind": "table",
            "n_numbers": [1, 0, 2],
            "n_levels": [[], [4], [3]],
            "embedding_dim": 2,
            "n_frequencies": 2,
            "longest_period": 2.0,
            "separate": True,
            "max_values": 256,
            "linear": False,
            "spikes": [[], [0.5, 1.0], []],
            "smooth": [False, True, True],
            **LAYERS,
        },
        "predictor": {"kind": "gaussian", "input_dim": 6, "output_dim": None, **LAYERS},
    },
]


@pytest.mark.parametrize("written", WRITTEN_PARTS, ids=lambda part: part["encoder"]["kind"])
def test_saved_descriptions_keep_their_options(written: dict[str, Any]) -> None:
    model = model_from_config(json.loads(json.dumps(written)), key=jax.random.key(0))
    assert model.config() == written


HOSTILE: list[tuple[str, str, Any]] = [
    ("encoder", "kind", "pickle"),
    ("encoder", "kind", ["shared"]),
    ("encoder", "hidden", []),
    ("encoder", "hidden", "ab"),
    ("encoder", "hidden", [4.0]),
    ("encoder", "hidden", None),
    ("encoder", "hidden", {"a": 1}),
    ("encoder", "n_components", float("nan")),
    ("encoder", "n_components", "3"),
    ("encoder", "n_components", -9),
    ("encoder", "n_components", 4),
    ("encoder", "embedding_dim", None),
    ("encoder", "activation", ["relu"]),
    ("encoder", "activation", "exec"),
    ("encoder", "key", 1),
    ("encoder", "surprise", 1),
    ("predictor", "input_dim", 7),
    ("predictor", "n_classes", 0),
    ("predictor", "n_classes", []),
    ("predictor", "kind", "Bernoulli"),
]


@pytest.mark.parametrize(("role", "option", "value"), HOSTILE)
def test_bad_descriptions_are_one_user_error(role: str, option: str, value: Any) -> None:
    config = copy.deepcopy(mixed_model(SharedEncoder).config())
    config[role][option] = value
    with pytest.raises(UserError, match=role) as caught:
        model_from_config(config, key=jax.random.key(0))
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith("..")


@pytest.mark.parametrize("config", [{}, [], None, 3, {"encoder": 1}, {"encoder": "binary"}])
def test_an_invalid_description_is_one_user_error(config: Any) -> None:
    with pytest.raises(UserError, match="encoder"):
        model_from_config(config, key=jax.random.key(0))
