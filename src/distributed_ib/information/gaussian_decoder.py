"""I(U; Y) of Gaussian channels with the optimal predictor, if all of X can be enumerated."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import entr
from jaxtyping import Float, Float64, PRNGKeyArray, Shaped
from numpy.typing import ArrayLike

from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.information.entropy import entropy_bits


def decoded_information_bits(
    mean: ArrayLike,
    log_variance: ArrayLike,
    y: ArrayLike,
    *,
    n_draws: int = 4,
    seed: int = 0,
) -> tuple[Float64[np.ndarray, " model"], Float64[np.ndarray, " model"]]:
    """I(U; Y) of diagonal Gaussian channels with the exact predictor p(y|u).

    H(Y) - E h(p(Y|u)) is estimated by Monte Carlo over u, with p(Y|u) summed over all rows; the
    cost grows as the square of the number of rows.

    Args:
        mean: Means of p(u_i|x_i) for every row of X, `[model, row, component, embedding]`. All rows
            are equally likely.
        log_variance: Natural logarithm of the variances, broadcast against `mean`.
        y: Class of each row, integers from 0, `[row]`.
        n_draws: Draws of u for each row, 4 by default.
        seed: Seed of the noise, which is shared by all models; 0 by default.

    Returns:
        I(U; Y) in bits and its standard error, each `[model]`.

    Raises:
        UserError: If the shapes disagree.

    >>> apart = np.array([-4.0, 4.0]).reshape(1, 2, 1, 1)
    >>> bits, error = decoded_information_bits(apart, 0.0, [0, 1])
    >>> float(bits[0].round(3))
    1.0
    """
    means = np.asarray(mean, dtype=np.float32)
    labels = np.asarray(y)
    if means.ndim != 4 or labels.shape != means.shape[1:2]:
        raise UserError(
            "Means must have shape [model, row, component, embedding] and y [row]; got "
            f"{means.shape} and {labels.shape}."
        )
    log_variances = np.broadcast_to(np.asarray(log_variance, dtype=np.float32), means.shape)
    n_models, n_rows = means.shape[:2]
    classes = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
    p_y = classes.mean(axis=0, dtype=np.float64)
    outcome_bits = float(entropy_bits(p_y))
    bits, error = np.zeros(n_models), np.zeros(n_models)
    for model in range(n_models):
        centre, width = (v[model].reshape(n_rows, -1) for v in (means, log_variances))
        draws = [
            np.asarray(_conditional_entropy_nats(centre, width, classes, key), dtype=np.float64)
            for key in jax.random.split(jax.random.key(seed), n_draws)
        ]
        conditional = nats_to_bits(np.concatenate(draws))
        bits[model] = outcome_bits - conditional.mean()
        error[model] = conditional.std(ddof=1) / np.sqrt(len(conditional))
    return bits, error


@jax.jit
def _conditional_entropy_nats(
    centre: Float[Array, "row k"],
    log_variance: Float[Array, "row k"],
    classes: Float[Array, "row classes"],
    key: PRNGKeyArray,
) -> Float[Array, " row"]:
    """Entropy of p(Y|u) in nats for one u drawn from each row."""
    scale = jnp.exp(0.5 * log_variance)
    u = centre + scale * jax.random.normal(key, centre.shape)

    def add(d: Shaped[Array, ""], total: Float[Array, "row row"]) -> Float[Array, "row row"]:
        return total + ((u[:, d, None] - centre[None, :, d]) / scale[None, :, d]) ** 2

    squared = jax.lax.fori_loop(0, centre.shape[1], add, jnp.zeros((len(u), len(centre))))
    posterior = jax.nn.softmax(-0.5 * squared - jnp.log(scale).sum(axis=1)[None], axis=1)
    p_y = jnp.matmul(posterior, classes, precision="highest")
    return entr(p_y).sum(axis=1)
