"""Encoding each distinct value of a component once, and looking up the result for every row."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Integer

from distributed_ib.errors import UserError
from distributed_ib.model._open_channels import channel_from
from distributed_ib.model.channel import GaussianChannel


def check_parts(parts: Sequence[Array], n_components: int, input_dim: int) -> None:
    """Check the number of components and of features.

    Raises:
        UserError: If there are not `n_components` arrays `[n_i, input_dim]`.
    """
    shapes = [list(part.shape) for part in parts]
    if len(parts) != n_components or any(shape[1:] != [input_dim] for shape in shapes):
        raise UserError(
            f"the encoder expects values of {n_components} components, [n, {input_dim}] each, got "
            f"shapes {shapes}."
        )


def look_up(
    encoded: Sequence[Float[Array, "_ outputs"]],
    codes: Sequence[Integer[Array, " batch"] | None],
) -> GaussianChannel:
    """Channels of a batch from the outputs of an encoder for each distinct value.

    The gradient of a look-up is a sum over the rows, so every row contributes to training.

    Args:
        encoded: For each component the means and log variances of its values,
            `[n_i, 2 * embedding]`.
        codes: For each component the index of each row's value, `[batch]`, or None if its values
            are the rows.

    Returns:
        Channels with arrays `[batch, component, embedding]`.
    """
    columns = [
        values if code is None else values[code]
        for values, code in zip(encoded, codes, strict=True)
    ]
    return channel_from(jnp.stack(columns, axis=1))
