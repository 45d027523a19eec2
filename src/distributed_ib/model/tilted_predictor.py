"""Prediction of classes or bins: the marginal of Y, tilted by u."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Float32, Float64, PRNGKeyArray, Real
from numpy.typing import ArrayLike
from scipy.special import softmax

from distributed_ib._checks import whole_number
from distributed_ib.errors import UserError
from distributed_ib.model._matmul import network_product
from distributed_ib.model._part import Part, hidden_widths
from distributed_ib.model.mlp import MLP


class TiltedPredictor(Part):
    """An exponential family around the marginal of Y: p(y|u) ~ p(y) exp(t(y) . f(u)).

    Y is a class or the bin of a number (`TargetBins`), or several of them, independent given u.
    p(y) is its share of the training rows and t(y) are the functions by which it may be tilted;
    f is a perceptron plus a linear map. Components that are closed (`open` is 0) are not read; if
    all are closed, the prediction is the marginal, and the information about Y is zero by
    construction.

    Attributes:
        mlp: Maps the concatenated embeddings to the coefficients of the tilts.
        linear: A linear path in parallel, `[input, tilt]`; zero at first.
        open: 1 for embeddings that are read and 0 for those of closed components, `[input]`. Like
            the next three, it is not trained.
        sharpness: Factor of the tilts of averaged predictions; see `sharpened`.
        log_share: Logarithm of p(y) of the bins of each entry of Y, concatenated.
        functions: t(y) of the bins of each entry, `[bin, tilt]` row by row, concatenated.
        input_dim: Components x embedding dimensions.
        hidden: Widths of the hidden layers.
        n_bins: Number of bins of each entry of Y.
        n_tilts: Number of functions of each entry by which its distribution may be tilted.
        is_vector: Whether Y is given as `[batch, entry]` rather than `[batch]`.
        activation: "relu" or "tanh".

    Example:
        >>> predictor = TiltedPredictor(2, n_bins=[2], n_tilts=[1], hidden=(8,),
        ...                             key=jax.random.key(0))
        >>> predictor = predictor.around([[0.25, 0.75]], [[[1.0], [-1.0]]])
        >>> predictor = eqx.tree_at(lambda p: p.open, predictor, jnp.zeros(2))
        >>> predictor.probabilities(predictor(jnp.zeros((1, 2)))).tolist()
        [[0.25, 0.75]]
    """

    mlp: MLP
    linear: Float[Array, "input tilt"]
    open: Float[Array, " input"]
    sharpness: Float[Array, ""]
    log_share: Float[Array, " all_bins"]
    functions: Float[Array, " all_functions"]
    input_dim: int = eqx.field(static=True)
    hidden: tuple[int, ...] = eqx.field(static=True)
    n_bins: tuple[int, ...] = eqx.field(static=True)
    n_tilts: tuple[int, ...] = eqx.field(static=True)
    is_vector: bool = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(
        self,
        input_dim: int,
        *,
        n_bins: Sequence[int],
        n_tilts: Sequence[int],
        hidden: Sequence[int],
        is_vector: bool = False,
        activation: str = "relu",
        key: PRNGKeyArray,
    ) -> None:
        """Make a predictor around a uniform distribution; `around` replaces that by another.

        Args:
            input_dim: Components x embedding dimensions.
            n_bins: Number of bins of each entry of Y.
            n_tilts: Number of functions of each entry by which its distribution may be tilted.
            hidden: Widths of the hidden layers.
            is_vector: Whether Y is `[batch, entry]`; if not, there is one entry.
            activation: "relu" or "tanh".
            key: Random key.

        Raises:
            UserError: If a size is not a positive whole number, the activation is unknown, or
                `n_bins` and `n_tilts` don't match.
        """
        self.input_dim = whole_number("input_dim", input_dim, 1)
        self.hidden = hidden_widths(hidden)
        self.n_bins = tuple(whole_number("n_bins", n, 1) for n in n_bins)
        self.n_tilts = tuple(whole_number("n_tilts", n, 1) for n in n_tilts)
        self.is_vector = bool(is_vector)
        self.activation = activation
        n_entries = len(self.n_bins)
        if len(self.n_tilts) != n_entries or not (self.is_vector or n_entries == 1) or not n_bins:
            raise UserError(
                f"{n_entries} entries of Y with bins do not match {len(self.n_tilts)} with tilts."
            )
        mlp = MLP((self.input_dim, *self.hidden, sum(self.n_tilts)), activation=activation, key=key)
        # Small at first, so that training starts near the marginal.
        self.mlp = eqx.tree_at(lambda m: m.weights[-1], mlp, 0.3 * mlp.weights[-1])
        self.linear = jnp.zeros((self.input_dim, sum(self.n_tilts)))
        self.open = jnp.ones(self.input_dim)
        self.sharpness = jnp.ones(())
        self.log_share = jnp.concatenate([jnp.full(n, -jnp.log(n)) for n in self.n_bins])
        sizes = [n * k for n, k in zip(self.n_bins, self.n_tilts, strict=True)]
        self.functions = jnp.zeros(sum(sizes))

    def around(
        self, share: Sequence[ArrayLike], functions: Sequence[ArrayLike]
    ) -> "TiltedPredictor":
        """The predictor around another marginal.

        Args:
            share: p(y) of every bin, positive, for each entry of Y.
            functions: Functions of the bin, `[bin, tilt]`, for each entry of Y.

        Raises:
            UserError: If their shapes don't match the predictor's sizes, or a share is not
                positive.
        """
        parts = [np.asarray(part, np.float64) for part in share]
        tilts = [np.asarray(part, np.float32) for part in functions]
        shapes = list(zip(self.n_bins, self.n_tilts, strict=True))
        fits = [part.shape for part in tilts] == shapes
        fits = fits and [len(part) for part in parts] == list(self.n_bins)
        if not fits or not all((part > 0).all() for part in parts):
            raise UserError(
                "share and functions of a tilted predictor should be a positive number and "
                f"{self.n_tilts} tilts for each of {self.n_bins} bins."
            )
        return self.with_arrays(*map(jnp.asarray, marginal_arrays(parts, tilts)))

    def with_arrays(
        self, log_share: Float[Array, " all_bins"], functions: Float[Array, " all_functions"]
    ) -> "TiltedPredictor":
        """The predictor around the marginal of `marginal_arrays`."""
        found: TiltedPredictor = eqx.tree_at(
            lambda p: (p.log_share, p.functions), self, (log_share, functions)
        )
        return found

    def __call__(self, u: Float[Array, "batch input"]) -> Float[Array, "batch entry bin"]:
        """Log probabilities of all bins, `[batch, entry, bin]`, given `u` `[batch, input_dim]`.

        Entries with fewer bins than others are padded with minus infinity.
        """
        read = u * jax.lax.stop_gradient(self.open)[None]
        coefficients = self.mlp(read) + network_product(read, self.linear)
        any_open = jnp.any(self.open > 0)
        most = max(self.n_bins)
        functions = jax.lax.stop_gradient(self.functions)
        entries, first_tilt, first_function = [], 0, 0
        for marginal, n_bins, n_tilts in zip(
            self.marginal_logs(), self.n_bins, self.n_tilts, strict=True
        ):
            mine = coefficients[:, first_tilt : first_tilt + n_tilts]
            tilts = functions[first_function : first_function + n_bins * n_tilts]
            first_tilt, first_function = first_tilt + n_tilts, first_function + n_bins * n_tilts
            tilt = jnp.matmul(mine, tilts.reshape(n_bins, n_tilts).T, precision="highest")
            alone = marginal[None, :n_bins]
            logs = jax.nn.log_softmax(alone + tilt)
            # Exactly the marginal if nothing is read: rounding must not look like information.
            logs = jnp.where(any_open, logs, alone)
            padding = ((0, 0), (0, most - n_bins))
            entries.append(jnp.pad(logs, padding, constant_values=-jnp.inf))
        return jnp.stack(entries, axis=1)

    def marginal_logs(self) -> Float[Array, "entry bin"]:
        """Logarithm of p(y) of all bins, `[entry, bin]`: the output without any knowledge of X.

        Entries with fewer bins than others are padded with minus infinity.
        """
        log_share, most = jax.lax.stop_gradient(self.log_share), max(self.n_bins)
        rows, first = [], 0
        for n_bins in self.n_bins:
            part = log_share[first : first + n_bins]
            rows.append(jnp.pad(part, (0, most - n_bins), constant_values=-jnp.inf))
            first += n_bins
        return jnp.stack(rows)

    def loss_nats(
        self, outputs: Float[Array, "batch entry bin"], y: Real[Array, " batch *entry"]
    ) -> Float[Array, " batch"]:
        """Negative log probability `[batch]` in nats of bins `y`, `[batch]` or `[batch, entry]`.

        Raises:
            UserError: If `y` has the wrong shape.
        """
        return -self._of_true(outputs, y).sum(axis=-1)

    def scores(
        self, outputs: Float[Array, "batch entry bin"], y: Real[Array, " batch *entry"]
    ) -> dict[str, Float[Array, " batch"]]:
        """None: scores are computed from predictions, which are averaged over the noise."""
        return {}

    def probabilities(
        self, outputs: Float[Array, "*batch entry bin"]
    ) -> Float[Array, "*batch_and_entry bin"]:
        """Probabilities of the bins, `[batch, bin]`, or `[batch, entry, bin]` for a vector Y."""
        found = jnp.exp(outputs)
        return found if self.is_vector else found[..., 0, :]

    @property
    def is_free(self) -> bool:
        """Whether Y is a single entry with as many tilts as bins, like classes."""
        return not self.is_vector and self.n_tilts == self.n_bins

    @property
    def is_sharpened(self) -> bool:
        """Whether `sharpened` changes anything."""
        return self.is_free and float(self.sharpness) != 1.0

    def sharpened(self, averaged: Float64[np.ndarray, "n bin"]) -> Float64[np.ndarray, "n bin"]:
        """Probabilities that were averaged over noise and models, with their tilts scaled.

        Averages are nearer to the marginal than the single predictions, and so too near if these
        mostly agree. With the marginal m and the `sharpness` s, p becomes m (p / m)^s, normalised;
        s = 1 leaves p as it is, and p = m stays m at any s. The most likely bin may change if bins
        are not equally frequent.

        Args:
            averaged: Probabilities `[n, bin]`; returned as they are if the predictor is not
                `is_free`.

        Example:
            >>> predictor = TiltedPredictor(1, n_bins=[2], n_tilts=[2], hidden=(1,),
            ...                             key=jax.random.key(0))
            >>> predictor = eqx.tree_at(lambda p: p.sharpness, predictor, jnp.float32(2))
            >>> predictor.sharpened(np.array([[0.5, 0.5], [0.25, 0.75]])).round(3).tolist()
            [[0.5, 0.5], [0.1, 0.9]]
        """
        if not self.is_sharpened:
            return averaged
        sharpness = float(self.sharpness)
        marginal = np.asarray(self.marginal_logs(), np.float64)[0]
        logs = np.log(np.maximum(averaged, np.finfo(np.float64).tiny))
        return np.asarray(softmax(marginal + sharpness * (logs - marginal), axis=1))

    def _of_true(
        self, outputs: Float[Array, "batch entry bin"], y: Real[Array, " batch *entry"]
    ) -> Float[Array, "batch entry"]:
        expected = outputs.shape[: 2 if self.is_vector else 1]
        if y.shape != expected:
            raise UserError(f"bins of Y must have shape {list(expected)}, got {list(y.shape)}.")
        codes = y if self.is_vector else y[:, None]
        return jnp.take_along_axis(outputs, codes.astype(jnp.int32)[..., None], axis=-1)[..., 0]


def marginal_arrays(
    share: Sequence[ArrayLike], functions: Sequence[ArrayLike]
) -> tuple[Float32[np.ndarray, " all_bins"], Float32[np.ndarray, " all_functions"]]:
    """`log_share` and `functions` of a predictor, from arguments of `TiltedPredictor.around`."""
    logs = [np.log(np.asarray(part, np.float64)) for part in share]
    return (
        np.concatenate(logs).astype(np.float32),
        np.concatenate([np.asarray(part, np.float32).ravel() for part in functions]),
    )
