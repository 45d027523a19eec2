"""The noisy channel after each component: a diagonal Gaussian p(u_i | x_i)."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array


class GaussianChannel(eqx.Module):
    """The distributions p(u_i | x_i) that an encoder assigns to a batch of inputs.

    The noise is what limits information: two inputs whose distributions overlap can't be told
    apart by anyone who sees only u. The prior r(u) is a standard normal in every dimension.

    Attributes:
        mean: Centres of the Gaussians, `[..., component, embedding]`.
        log_variance: Logarithm of their variances, of the same shape or one that broadcasts to it.

    Example:
        >>> channel = GaussianChannel(mean=jnp.zeros((1, 2)), log_variance=jnp.zeros((1, 2)))
        >>> channel.kl_nats().tolist()  # equal to the prior: it conveys nothing
        [0.0]
    """

    mean: Array
    log_variance: Array

    def kl_nats(self) -> Array:
        """KL divergence from the prior N(0, 1), in nats, summed over embedding dimensions.

        Averaged over the data it bounds the transmitted information I(U_i; X_i) from above
        (the bottleneck term of Eq. 3 of the paper).

        Returns:
            `[..., component]`, never negative.
        """
        # expm1 would be exact near zero, and takes longer than all else here; the rounding of exp
        # is at most 1e-7 nats a dimension, and never shows as a negative KL.
        excess = jnp.exp(self.log_variance) - self.log_variance - 1.0
        return jnp.maximum(0.5 * jnp.sum(self.mean**2 + excess, axis=-1), 0.0)

    def mean_kl_nats(self) -> Array:
        """`kl_nats` averaged over the first axis, with less work: what training needs each step.

        A variance that all inputs share is looked at once.
        """
        squared = jnp.mean(self.mean**2, axis=0)
        excess = jnp.mean(jnp.exp(self.log_variance) - self.log_variance - 1.0, axis=0)
        return jnp.maximum(0.5 * jnp.sum(squared + excess, axis=-1), 0.0)

    def sample(self, *, key: Array) -> Array:
        """Draw one u per input by the reparameterisation trick, `[..., component, embedding]`.

        Gradients flow to `mean` and `log_variance`.
        """
        # Drawn flat: random bits in an array whose last axis has length one are slow to make.
        noise = jax.random.normal(key, (self.mean.size,), self.mean.dtype).reshape(self.mean.shape)
        return self.mean + jnp.exp(0.5 * self.log_variance) * noise

    def log_density_nats(self, u: Array) -> Array:
        """Logarithm of p(u | x) at `u` (`[..., component, embedding]`), as `[..., component]`."""
        squared = (u - self.mean) ** 2 * jnp.exp(-self.log_variance)
        return -0.5 * jnp.sum(squared + self.log_variance + math.log(2 * math.pi), axis=-1)


def bhattacharyya_coefficients(mean: Array, log_variance: Array) -> Array:
    """Overlap of every pair of diagonal Gaussians: 1 where they are the same, 0 where apart.

    This is the distinguishability matrix of a compression scheme: the values of a component whose
    rows look alike have been merged by its channel.

    Args:
        mean: `[n, embedding]`.
        log_variance: `[n, embedding]`.

    Returns:
        `[n, n]`, the integral of sqrt(p(u|x) p(u|x')) over u, between 0 and 1.

    Example:
        >>> mean = jnp.array([[0.0], [0.0], [20.0]])
        >>> bhattacharyya_coefficients(mean, jnp.zeros((3, 1))).round(3).tolist()
        [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    first, second = log_variance[:, None, :], log_variance[None, :, :]
    log_mean_variance = jnp.logaddexp(first, second) - math.log(2.0)
    squared_gap = (mean[:, None, :] - mean[None, :, :]) ** 2
    distance = 0.125 * squared_gap * jnp.exp(-log_mean_variance) + 0.5 * (
        log_mean_variance - 0.5 * (first + second)
    )
    return jnp.exp(-jnp.sum(distance, axis=-1))
