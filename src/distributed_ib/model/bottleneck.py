"""The whole model: an encoder, a channel after every component, and a predictor."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
from jax import Array
from jaxtyping import Float, PRNGKeyArray, PyTree, Shaped

from distributed_ib.errors import UserError
from distributed_ib.model._part import Part
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.encoders import ENCODERS, Encoder
from distributed_ib.model.predictors import PREDICTORS, Predictor


class Terms(NamedTuple):
    """The terms of the objective on one batch, each a mean over the batch.

    Attributes:
        kl_nats: KL divergence of each channel from the prior, `[component]`.
        prediction_error_nats: Loss of the prediction of Y, a scalar.
        scores: Further measures such as `accuracy`, each a scalar.
    """

    kl_nats: Float[Array, " component"]
    prediction_error_nats: Float[Array, ""]
    scores: dict[str, Float[Array, ""]]


class DistributedBottleneck(eqx.Module):
    """Encoders, noisy channels and predictor of the Distributed Information Bottleneck.

    Its objective is beta * sum_i KL(p(u_i|x_i) || N(0,1)) + prediction error (Eq. 4 of the paper
    with the variational bounds of Eq. 3). The standard Information Bottleneck is the same model
    with one component that contains all of X.

    Attributes:
        encoder: Maps components to channels.
        predictor: Maps the embeddings of all components to Y.

    Example:
        >>> import jax.numpy as jnp
        >>> from distributed_ib.model.encoders import BinaryEncoder
        >>> from distributed_ib.model.predictors import BernoulliPredictor
        >>> model = DistributedBottleneck(
        ...     BinaryEncoder(3), BernoulliPredictor(3, hidden=(8,), key=jax.random.key(0)))
        >>> x, y = jnp.array([[0, 1, 1], [1, 0, 1]]), jnp.array([0, 1])
        >>> model.terms((x, y), key=jax.random.key(1)).kl_nats.shape
        (3,)
    """

    encoder: Encoder
    predictor: Predictor

    def outputs(
        self, x: PyTree[Shaped[Array, "..."]], *, key: PRNGKeyArray
    ) -> tuple[GaussianChannel, Float[Array, " batch *outputs"]]:
        """The channels of `x` and the predictor's outputs for one draw of the noise.

        `x` has the form that the encoder takes: an array, or a tree of arrays such as a
        `TableInput`.
        """
        channel = self.encoder(x)
        u = channel.sample(key=key)
        return channel, self.predictor(u.reshape(u.shape[0], -1))

    def terms(self, batch: tuple[PyTree[Shaped[Array, "..."]], ...], *, key: PRNGKeyArray) -> Terms:
        """The terms of the objective on a batch (x, y), with one draw of the noise.

        The batch may also be (x, y, weight) with a weight for each row, `[batch]`, whose mean over
        all data is one.

        Raises:
            UserError: If the shape of `x` or `y` does not match the encoder or the predictor.
        """
        x, y, *weights = batch
        channel, outputs = self.outputs(x, key=key)

        def mean(values: Float[Array, " batch *rest"]) -> Float[Array, "*rest"]:
            if weights:
                values = values * weights[0].reshape(-1, *(1,) * (values.ndim - 1))
            return values.mean(axis=0)

        return Terms(
            kl_nats=mean(channel.kl_nats()) if weights else channel.mean_kl_nats(),
            prediction_error_nats=mean(self.predictor.loss_nats(outputs, y)),
            scores={name: mean(s) for name, s in self.predictor.scores(outputs, y).items()},
        )

    def config(self) -> dict[str, Any]:
        """Kinds and options of both parts, as plain JSON values for `model_from_config`."""
        return {
            "encoder": {"kind": _kind(ENCODERS, self.encoder), **self.encoder.config()},
            "predictor": {"kind": _kind(PREDICTORS, self.predictor), **self.predictor.config()},
        }


def model_from_config(config: Mapping[str, Any], *, key: PRNGKeyArray) -> DistributedBottleneck:
    """Make a new model with the shapes that `DistributedBottleneck.config` describes.

    Args:
        config: Description with an "encoder" and a "predictor".
        key: Random key of the initial weights.

    Raises:
        UserError: If the description names an unknown part or lacks an option, or its two parts do
            not match.

    Example:
        >>> encoder = {"kind": "binary", "n_components": 3, "embedding_dim": 1}
        >>> predictor = {"kind": "bernoulli", "input_dim": 3, "hidden": [8], "activation": "tanh"}
        >>> model = model_from_config({"encoder": encoder, "predictor": predictor},
        ...                           key=jax.random.key(0))
        >>> model.predictor.hidden
        (8,)
    """
    key_encoder, key_predictor = jax.random.split(key)
    encoder = _make(ENCODERS, config, "encoder", key_encoder)
    predictor = _make(PREDICTORS, config, "predictor", key_predictor)
    if encoder.n_components * encoder.embedding_dim != predictor.input_dim:
        raise UserError(
            f"the model description has an encoder of {encoder.n_components} x "
            f"{encoder.embedding_dim} embeddings and a predictor that reads {predictor.input_dim}."
        )
    return DistributedBottleneck(encoder, predictor)


_P = TypeVar("_P", bound=Part)


def _kind(registry: Mapping[str, type[Part]], part: Part) -> str:
    return next(kind for kind, cls in registry.items() if cls is type(part))


def _make(
    registry: Mapping[str, type[_P]], config: Mapping[str, Any], role: str, key: PRNGKeyArray
) -> _P:
    try:
        options = dict(config[role])
        cls = registry[options.pop("kind")]
        return cls(**options, key=key)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"the model description has no usable {role}: {reason}.") from None
