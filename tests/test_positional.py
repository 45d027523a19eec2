"""Positional encoding."""

import jax.numpy as jnp
import numpy as np
import pytest

from distributed_ib.model.positional_encoding import positional_encoding

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.parametrize("n_frequencies", [1, 4, 9])
def test_features_come_first_then_the_sines_of_each_frequency(n_frequencies: int) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (5, 3, 2))
    found = np.asarray(positional_encoding(jnp.asarray(x), n_frequencies))
    assert found.shape == (5, 3, 2 * (1 + n_frequencies))
    x = x.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(found[..., :2], x)
    for k in range(1, n_frequencies + 1):
        # Single precision rounds the argument 2^k pi x by about 2^k pi x 1e-7.
        tolerance = 2**k * np.pi * 2e-7
        np.testing.assert_allclose(
            found[..., 2 * k : 2 * k + 2], np.sin(2.0**k * np.pi * x), atol=tolerance
        )


def test_no_frequencies_change_nothing() -> None:
    x = jnp.arange(6.0).reshape(2, 3)
    assert positional_encoding(x, 0) is x
