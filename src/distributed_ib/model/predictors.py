"""Predictors: from the embeddings of all components to a distribution over Y."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import entr

from distributed_ib._checks import whole_number
from distributed_ib._units import NATS_PER_BIT
from distributed_ib.errors import UserError
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.model.mlp import MLP


class BernoulliPredictor(Part):
    """The probability that a binary Y is one.

    Attributes:
        mlp: From the concatenated embeddings to a single logit.

    Example:
        >>> predictor = BernoulliPredictor(10, hidden=(16,), key=jax.random.key(0))
        >>> logits = predictor(jnp.zeros((4, 10)))
        >>> predictor.loss_nats(logits, jnp.array([0, 1, 1, 0]))  # log 2 each
        Array([0.6931472, 0.6931472, 0.6931472, 0.6931472], dtype=float32)
    """

    mlp: MLP
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self, input_dim: int, *, hidden: Sequence[int], activation: str = "relu", key: Array
    ) -> None:
        """Make the predictor for `input_dim` = components x embedding dimensions."""
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.activation = activation
        self.mlp = MLP((self.input_dim, *self.hidden, 1), activation=activation, key=key)

    def __call__(self, u: Array) -> Array:
        """Logits `[batch]` of Y = 1 given embeddings `[batch, input_dim]`."""
        return self.mlp(u)[..., 0]

    def loss_nats(self, outputs: Array, y: Array) -> Array:
        """Cross entropy `[batch]` with labels `y` in {0, 1}, `[batch]`."""
        _require_labels(y, outputs.shape)
        return jax.nn.softplus(outputs) - y.astype(outputs.dtype) * outputs

    def scores(self, outputs: Array, y: Array) -> dict[str, Array]:
        """`accuracy`: 1 where the likelier label is the true one, `[batch]`."""
        return {"accuracy": ((outputs > 0) == (y > 0)).astype(outputs.dtype)}

    def probabilities(self, outputs: Array) -> Array:
        """Probabilities `[batch, 2]` of Y = 0 and Y = 1."""
        # Not one minus the other, which is zero where the smaller is below 1e-7.
        return jnp.stack([jax.nn.sigmoid(-outputs), jax.nn.sigmoid(outputs)], axis=-1)

    def baseline(self, y: Any, weight: Any = None) -> tuple[float, str]:
        """The error without X in bits, H(Y) of the labels `y` `[n]`, and its name."""
        return _label_entropy_bits(y, weight), "H(Y)"


class CategoricalPredictor(Part):
    """The probabilities of the classes 0 .. n_classes - 1 of Y.

    Attributes:
        mlp: From the concatenated embeddings to one logit a class.

    Example:
        >>> predictor = CategoricalPredictor(6, n_classes=3, hidden=(16,), key=jax.random.key(0))
        >>> predictor.probabilities(predictor(jnp.zeros((1, 6))))
        Array([[0.33333334, 0.33333334, 0.33333334]], dtype=float32)
    """

    mlp: MLP
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    n_classes: int = eqx.field(static=True)

    def __init__(
        self,
        input_dim: int,
        *,
        n_classes: int,
        hidden: Sequence[int],
        activation: str = "relu",
        key: Array,
    ) -> None:
        """Make the predictor for `input_dim` = components x embedding dimensions."""
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.activation = activation
        self.n_classes = whole_number("n_classes", n_classes, 1)
        self.mlp = MLP(
            (self.input_dim, *self.hidden, self.n_classes), activation=activation, key=key
        )

    def __call__(self, u: Array) -> Array:
        """Logits `[batch, class]` given embeddings `[batch, input_dim]`."""
        return self.mlp(u)

    def loss_nats(self, outputs: Array, y: Array) -> Array:
        """Cross entropy `[batch]` with integer labels `y`, `[batch]`."""
        _require_labels(y, outputs.shape[:-1])
        chosen = jnp.take_along_axis(outputs, y.astype(jnp.int32)[:, None], axis=-1)[:, 0]
        return jax.nn.logsumexp(outputs, axis=-1) - chosen

    def scores(self, outputs: Array, y: Array) -> dict[str, Array]:
        """`accuracy`: 1 where the likeliest class is the true one, `[batch]`."""
        return {"accuracy": (jnp.argmax(outputs, axis=-1) == y).astype(outputs.dtype)}

    def probabilities(self, outputs: Array) -> Array:
        """Probabilities `[batch, class]`."""
        return jax.nn.softmax(outputs, axis=-1)

    def baseline(self, y: Any, weight: Any = None) -> tuple[float, str]:
        """The error without X in bits, H(Y) of the labels `y` `[n]`, and its name."""
        return _label_entropy_bits(y, weight), "H(Y)"


def _require_labels(y: Array, expected: tuple[int, ...]) -> None:
    """Refuse labels that would be paired with every row of the batch."""
    if y.shape != expected:
        raise UserError(f"labels Y should have shape {list(expected)}, got {list(y.shape)}.")


def _label_entropy_bits(y: Any, weight: Any) -> float:
    counts = np.bincount(np.asarray(y, np.int64), weight)
    return float(entr(counts / counts.sum()).sum() / NATS_PER_BIT)


Predictor = BernoulliPredictor | CategoricalPredictor | GaussianPredictor | ContrastivePredictor

PREDICTORS: Mapping[str, type[Predictor]] = {
    "bernoulli": BernoulliPredictor,
    "categorical": CategoricalPredictor,
    "contrastive": ContrastivePredictor,
    "gaussian": GaussianPredictor,
}
