"""Matrix products of the networks, in full single precision unless JAX is set otherwise."""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def network_product(
    a: Float[Array, "*stack n k"], b: Float[Array, "*stack k m"]
) -> Float[Array, "*stack n m"]:
    """The product of `a` and `b`, as `a @ b`, in full single precision on every device.

    An A100 or H200 would multiply with 11 bits by default (TF32). There, gradients of the paper's
    models were off by up to 1 %, and predictions differed from those of a CPU in the fourth digit.
    JAX's own setting (`jax.default_matmul_precision`, `JAX_DEFAULT_MATMUL_PRECISION`) takes
    precedence.

    Example:
        >>> float(network_product(jnp.ones((1, 2)), jnp.ones((2, 1)))[0, 0])
        2.0
    """
    is_set = jax.config.jax_default_matmul_precision is not None  # type: ignore[attr-defined]
    return jnp.matmul(a, b, precision=None if is_set else "highest")
