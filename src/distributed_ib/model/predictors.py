"""Predictors: maps from the embeddings of all components to a distribution over Y."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray, Real
from numpy.typing import ArrayLike
from scipy.special import entr

from distributed_ib._checks import whole_number
from distributed_ib._units import NATS_PER_BIT
from distributed_ib.errors import UserError
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.model.mlp import MLP
from distributed_ib.model.tilted_predictor import TiltedPredictor


class BernoulliPredictor(Part):
    """The probability that a binary Y is one.

    Attributes:
        mlp: Maps the concatenated embeddings to a single logit.
        input_dim: Components x embedding dimensions.
        hidden: Widths of the hidden layers.
        activation: "relu" or "tanh".

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
        self, input_dim: int, *, hidden: Sequence[int], activation: str = "relu", key: PRNGKeyArray
    ) -> None:
        """Make the predictor.

        Args:
            input_dim: Components x embedding dimensions.
            hidden: Widths of the hidden layers.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number or the activation is unknown.
        """
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.activation = activation
        self.mlp = MLP((self.input_dim, *self.hidden, 1), activation=activation, key=key)

    def __call__(self, u: Float[Array, "batch input"]) -> Float[Array, " batch"]:
        """Logits `[batch]` of Y = 1 given embeddings `[batch, input_dim]`."""
        return self.mlp(u)[..., 0]

    def loss_nats(
        self, outputs: Float[Array, " batch"], y: Real[Array, " batch"]
    ) -> Float[Array, " batch"]:
        """Cross entropy `[batch]` in nats with labels `y` in {0, 1}, `[batch]`.

        Raises:
            UserError: If `y` has the wrong shape.
        """
        _require_labels(y, outputs.shape)
        return jax.nn.softplus(outputs) - y.astype(outputs.dtype) * outputs

    def scores(
        self, outputs: Float[Array, " batch"], y: Real[Array, " batch"]
    ) -> dict[str, Float[Array, " batch"]]:
        """`accuracy`: 1 if the more likely label is the true one, `[batch]`."""
        return {"accuracy": ((outputs > 0) == (y > 0)).astype(outputs.dtype)}

    def probabilities(self, outputs: Float[Array, "*batch"]) -> Float[Array, "*batch 2"]:
        """Probabilities `[batch, 2]` of Y = 0 and Y = 1."""
        # Not one minus the other, which rounds to zero if the smaller is below 1e-7.
        return jnp.stack([jax.nn.sigmoid(-outputs), jax.nn.sigmoid(outputs)], axis=-1)

    def baseline(self, y: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, str]:
        """The prediction error without X in bits, and its name: H(Y) of the labels `y` `[n]`.

        `weight` `[n]` is the weight of each row; by default all count equally.
        """
        return _label_entropy_bits(y, weight), "H(Y)"


class CategoricalPredictor(Part):
    """The probabilities of the classes 0 .. n_classes - 1 of Y.

    Attributes:
        mlp: Maps the concatenated embeddings to one logit per class.
        input_dim: Components x embedding dimensions.
        hidden: Widths of the hidden layers.
        activation: "relu" or "tanh".
        n_classes: Number of classes.

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
        key: PRNGKeyArray,
    ) -> None:
        """Make the predictor.

        Args:
            input_dim: Components x embedding dimensions.
            n_classes: Number of classes.
            hidden: Widths of the hidden layers.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number or the activation is unknown.
        """
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.activation = activation
        self.n_classes = whole_number("n_classes", n_classes, 1)
        self.mlp = MLP(
            (self.input_dim, *self.hidden, self.n_classes), activation=activation, key=key
        )

    def __call__(self, u: Float[Array, "batch input"]) -> Float[Array, "batch classes"]:
        """Logits `[batch, class]` given embeddings `[batch, input_dim]`."""
        return self.mlp(u)

    def loss_nats(
        self, outputs: Float[Array, "batch classes"], y: Real[Array, " batch"]
    ) -> Float[Array, " batch"]:
        """Cross entropy `[batch]` in nats with integer labels `y`, `[batch]`.

        Raises:
            UserError: If `y` has the wrong shape.
        """
        _require_labels(y, outputs.shape[:-1])
        chosen = jnp.take_along_axis(outputs, y.astype(jnp.int32)[:, None], axis=-1)[:, 0]
        return jax.nn.logsumexp(outputs, axis=-1) - chosen

    def scores(
        self, outputs: Float[Array, "batch classes"], y: Real[Array, " batch"]
    ) -> dict[str, Float[Array, " batch"]]:
        """`accuracy`: 1 if the most likely class is the true one, `[batch]`."""
        return {"accuracy": (jnp.argmax(outputs, axis=-1) == y).astype(outputs.dtype)}

    def probabilities(
        self, outputs: Float[Array, "*batch classes"]
    ) -> Float[Array, "*batch classes"]:
        """Probabilities `[batch, class]`."""
        return jax.nn.softmax(outputs, axis=-1)

    def baseline(self, y: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, str]:
        """The prediction error without X in bits, and its name: H(Y) of the labels `y` `[n]`.

        `weight` `[n]` is the weight of each row; by default all count equally.
        """
        return _label_entropy_bits(y, weight), "H(Y)"


def _require_labels(y: Array, expected: tuple[int, ...]) -> None:
    """Check the shape, so that no label is broadcast to all rows of the batch."""
    if y.shape != expected:
        raise UserError(f"Y (labels) must have shape {list(expected)}, got {list(y.shape)}.")


def _label_entropy_bits(y: ArrayLike, weight: ArrayLike | None) -> float:
    counts = np.bincount(np.asarray(y, np.int64), weight)
    return float(entr(counts / counts.sum()).sum() / NATS_PER_BIT)


Predictor = (
    BernoulliPredictor
    | CategoricalPredictor
    | GaussianPredictor
    | ContrastivePredictor
    | TiltedPredictor
)

PREDICTORS: Mapping[str, type[Predictor]] = {
    "bernoulli": BernoulliPredictor,
    "categorical": CategoricalPredictor,
    "contrastive": ContrastivePredictor,
    "gaussian": GaussianPredictor,
    "tilted": TiltedPredictor,
}
