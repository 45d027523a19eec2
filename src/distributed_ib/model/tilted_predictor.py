"""Prediction of anything that has been divided into bins: the marginal of Y, tilted by u."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Float32, PRNGKeyArray, Real

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model.mlp import MLP


class TiltedPredictor(Part):
    """An exponential family around the marginal of Y: p(y|u) ~ p(y) exp(t(y) . (f(u) - f(0))).

    Y is a class or the bin of a number (`TargetBins`), or several of them, independent given u.
    p(y) is its share of the training rows and t(y) are the functions by which it may be tilted;
    f is a perceptron plus a linear map. Embeddings of zero, and those of components that are closed
    (`open` is 0), leave the marginal as it is: what is known about Y is then zero by construction.

    Attributes:
        mlp: From the concatenated embeddings to the tilts.
        linear: A linear path beside it, `[input, tilt]`; zero at first.
        open: 1 for embeddings that are read and 0 for those of closed components, `[input]`. It is
            not trained.
        input_dim: Components x embedding dimensions.
        hidden: Widths of the hidden layers.
        share: p(y) of every bin, for each entry of Y.
        tilts: t(y) of every bin `[bin][tilt]`, for each entry of Y.
        is_vector: Whether Y is given as `[batch, entry]`, and not as `[batch]`.
        activation: "relu" or "tanh".

    Example:
        >>> predictor = TiltedPredictor(2, share=[[0.25, 0.75]], tilts=[[[1.0], [-1.0]]],
        ...                             hidden=(8,), key=jax.random.key(0))
        >>> predictor.probabilities(predictor(jnp.zeros((1, 2)))).tolist()
        [[0.25, 0.75]]
    """

    mlp: MLP
    linear: Float[Array, "input tilt"]
    open: Float[Array, " input"]
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    share: tuple[tuple[float, ...], ...] = eqx.field(static=True)
    tilts: tuple[tuple[tuple[float, ...], ...], ...] = eqx.field(static=True)
    is_vector: bool = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        input_dim: int,
        *,
        share: Sequence[Sequence[float]],
        tilts: Sequence[Sequence[Sequence[float]]],
        hidden: Sequence[int],
        is_vector: bool = False,
        activation: str = "relu",
        key: PRNGKeyArray,
    ) -> None:
        """Make the predictor.

        Args:
            input_dim: Components x embedding dimensions.
            share: p(y) of every bin, positive, for each entry of Y.
            tilts: Functions of the bin, `[bin][tilt]`, for each entry of Y.
            hidden: Widths of the hidden layers.
            is_vector: Whether Y is `[batch, entry]`; if not, there is one entry.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number, the activation is unknown, or
                `share` and `tilts` don't fit together.
        """
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.share = tuple(tuple(map(float, part)) for part in share)
        self.tilts = tuple(tuple(tuple(map(float, row)) for row in part) for part in tilts)
        self.is_vector = bool(is_vector)
        self.activation = activation
        _check_marginal(self.share, self.tilts, self.is_vector)
        n_tilts = sum(len(part[0]) for part in self.tilts)
        mlp = MLP((self.input_dim, *self.hidden, n_tilts), activation=activation, key=key)
        # Small at first, so that training starts near the marginal.
        self.mlp = eqx.tree_at(lambda m: m.weights[-1], mlp, 0.3 * mlp.weights[-1])
        self.linear = jnp.zeros((self.input_dim, n_tilts))
        self.open = jnp.ones(self.input_dim)

    def __call__(self, u: Float[Array, "batch input"]) -> Float[Array, "batch entry bin"]:
        """Log probabilities of all bins, `[batch, entry, bin]`, given `u` `[batch, input_dim]`.

        Entries with fewer bins than others are filled up with minus infinity.
        """
        read = u * jax.lax.stop_gradient(self.open)[None]
        origin = self.mlp(jnp.zeros((1, self.input_dim), u.dtype))
        coefficients = self.mlp(read) - origin + read @ self.linear
        any_open = jnp.any(self.open > 0)
        entries, first = [], 0
        for marginal, tilts in zip(self.marginal_logs(), self.tilts, strict=True):
            n_bins, n_tilts = len(tilts), len(tilts[0])
            mine = coefficients[:, first : first + n_tilts]
            first += n_tilts
            tilt = jnp.matmul(mine, jnp.array(tilts, u.dtype).T, precision="highest")
            alone = marginal[None, :n_bins]
            logs = jax.nn.log_softmax(alone + tilt)
            # Not even rounding may pass for knowledge where nothing is read.
            logs = jnp.where(any_open, logs, alone)
            padding = ((0, 0), (0, len(marginal) - n_bins))
            entries.append(jnp.pad(logs, padding, constant_values=-jnp.inf))
        return jnp.stack(entries, axis=1)

    def marginal_logs(self) -> Float32[np.ndarray, "entry bin"]:
        """Logarithm of p(y) of all bins: the output for someone who knows nothing of X.

        Entries with fewer bins than others are filled up with minus infinity.
        """
        logs = np.full((len(self.share), max(map(len, self.share))), -np.inf, np.float32)
        for row, share in zip(logs, self.share, strict=True):
            row[: len(share)] = np.log(share)
        return logs

    def loss_nats(
        self, outputs: Float[Array, "batch entry bin"], y: Real[Array, " batch *entry"]
    ) -> Float[Array, " batch"]:
        """Negative log probability `[batch]` in nats of bins `y`, `[batch]` or `[batch, entry]`.

        Raises:
            UserError: If `y` has another shape.
        """
        return -self._of_true(outputs, y).sum(axis=-1)

    def scores(
        self, outputs: Float[Array, "batch entry bin"], y: Real[Array, " batch *entry"]
    ) -> dict[str, Float[Array, " batch"]]:
        """None: scores are those of predictions, which are averaged over the noise."""
        return {}

    def probabilities(
        self, outputs: Float[Array, "*batch entry bin"]
    ) -> Float[Array, "*batch_and_entry bin"]:
        """Probabilities of the bins, `[batch, bin]`, or `[batch, entry, bin]` for a vector Y."""
        found = jnp.exp(outputs)
        return found if self.is_vector else found[..., 0, :]

    def _of_true(
        self, outputs: Float[Array, "batch entry bin"], y: Real[Array, " batch *entry"]
    ) -> Float[Array, "batch entry"]:
        expected = outputs.shape[: 2 if self.is_vector else 1]
        if y.shape != expected:
            raise UserError(f"bins of Y should have shape {list(expected)}, got {list(y.shape)}.")
        codes = y if self.is_vector else y[:, None]
        return jnp.take_along_axis(outputs, codes.astype(jnp.int32)[..., None], axis=-1)[..., 0]


def _check_marginal(
    share: tuple[tuple[float, ...], ...],
    tilts: tuple[tuple[tuple[float, ...], ...], ...],
    is_vector: bool,
) -> None:
    fits = len(share) == len(tilts) > 0 and (is_vector or len(share) == 1)
    for part, rows in zip(share, tilts, strict=False):
        widths = {len(row) for row in rows}
        fits = fits and len(part) == len(rows) > 0 and len(widths) == 1 and min(widths) > 0
        fits = fits and min(part) > 0
    if not fits:
        raise UserError(
            "share and tilts of a tilted predictor don't fit together: they need a positive share "
            "and equally many tilts for each bin of each entry of Y."
        )
