"""The noisy channel after each component: a diagonal Gaussian p(u_i | x_i)."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray


class GaussianChannel(eqx.Module):
    """The distributions p(u_i | x_i) that an encoder assigns to a batch of inputs.

    The noise limits the information: two inputs whose distributions overlap can't be fully
    distinguished by u alone. The prior r(u) is a standard normal in every dimension.

    Attributes:
        mean: Means of the Gaussians, `[..., component, embedding]`.
        log_variance: Natural logarithm of their variances, of the same shape or one that can be
            broadcast to it.

    Example:
        >>> channel = GaussianChannel(mean=jnp.zeros((1, 2)), log_variance=jnp.zeros((1, 2)))
        >>> channel.kl_nats().tolist()  # equal to the prior: it conveys nothing
        [0.0]
    """

    mean: Float[Array, "*batch component embedding"]
    log_variance: Float[Array, "*#batch #component embedding"]

    def kl_nats(self) -> Float[Array, "*batch component"]:
        """KL divergence from the prior N(0, 1), in nats, summed over embedding dimensions.

        Averaged over the data it bounds the transmitted information I(U_i; X_i) from above (the
        bottleneck term of Eq. 3 of the paper).

        Returns:
            `[..., component]`, never negative.
        """
        # expm1 would be exact near zero, but takes longer than everything else here. The rounding
        # error of exp is at most 1e-7 nats per dimension, and the KL is clipped at zero.
        excess = jnp.exp(self.log_variance) - self.log_variance - 1.0
        return jnp.maximum(0.5 * jnp.sum(self.mean**2 + excess, axis=-1), 0.0)

    def mean_kl_nats(self) -> Float[Array, "..."]:
        """`kl_nats` averaged over the first axis, in nats, as needed at every training step.

        It is cheaper than averaging `kl_nats`: a variance that all inputs share is evaluated once.

        Returns:
            `[component]` for arrays `[batch, component, embedding]`, never negative.
        """
        squared = jnp.mean(self.mean**2, axis=0)
        excess = jnp.mean(jnp.exp(self.log_variance) - self.log_variance - 1.0, axis=0)
        return jnp.maximum(0.5 * jnp.sum(squared + excess, axis=-1), 0.0)

    def sample(self, *, key: PRNGKeyArray) -> Float[Array, "*batch component embedding"]:
        """Draw one u per input by the reparameterisation trick, `[..., component, embedding]`.

        Gradients flow to `mean` and `log_variance`.
        """
        # Drawn flat: random bits are slow to generate in an array whose last axis has length one.
        noise = jax.random.normal(key, (self.mean.size,), self.mean.dtype).reshape(self.mean.shape)
        return self.mean + jnp.exp(0.5 * self.log_variance) * noise

    def log_density_nats(
        self, u: Float[Array, "*batch component embedding"]
    ) -> Float[Array, "*batch component"]:
        """Natural logarithm of p(u|x) at `u` `[..., component, embedding]`: `[..., component]`."""
        squared = (u - self.mean) ** 2 * jnp.exp(-self.log_variance)
        return -0.5 * jnp.sum(squared + self.log_variance + math.log(2 * math.pi), axis=-1)


def bhattacharyya_coefficients(
    mean: Float[Array, "n embedding"], log_variance: Float[Array, "n embedding"]
) -> Float[Array, "n n"]:
    """Bhattacharyya coefficient of every pair of diagonal Gaussians.

    This is the distinguishability matrix of a compression scheme: 1 if the distributions of two
    values are equal, so that the channel has merged them, 0 if they don't overlap.

    Args:
        mean: Means, `[n, embedding]`.
        log_variance: Natural logarithms of the variances, `[n, embedding]`.

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
