"""Gaussian channels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from distributed_ib.model.channel import GaussianChannel, bhattacharyya_coefficients

pytestmark = pytest.mark.usefixtures("quick_compilation")

FIXED = settings(max_examples=100, derandomize=True, deadline=None)
GAUSSIANS = st.tuples(st.floats(-30, 30, width=32), st.floats(-20, 20, width=32))
N_DRAWS = 100_000


@pytest.mark.parametrize(
    ("mean", "log_variance"),
    [([0.0], [0.0]), ([1.0], [-3.0]), ([0.3, -0.2], [0.5, -0.1]), ([4.0, 0.0], [-6.0, 0.0])],
)
def test_kl_is_the_mean_log_ratio_of_its_own_samples(
    mean: list[float], log_variance: list[float]
) -> None:
    one = GaussianChannel(jnp.array(mean)[None], jnp.array(log_variance)[None])
    many = GaussianChannel(
        *(jnp.broadcast_to(a, (N_DRAWS, *a.shape)) for a in (one.mean, one.log_variance))
    )
    prior = GaussianChannel(jnp.zeros_like(many.mean), jnp.zeros_like(many.mean))
    u = many.sample(key=jax.random.key(0))
    ratio = np.asarray(many.log_density_nats(u) - prior.log_density_nats(u))[:, 0]
    error = ratio.std() / np.sqrt(N_DRAWS)
    assert float(one.kl_nats()[0]) == pytest.approx(ratio.mean(), abs=5 * error + 1e-5)


@FIXED
@given(st.lists(GAUSSIANS, min_size=1, max_size=1))
def test_kl_is_never_negative(gaussians: list[tuple[float, float]]) -> None:
    mean, log_variance = jnp.array(gaussians).T
    assert float(GaussianChannel(mean, log_variance).kl_nats()) >= 0.0


@pytest.mark.parametrize("shared", [False, True])
def test_the_mean_kl_is_the_mean_of_the_kls(shared: bool) -> None:
    mean, log_variance = jax.random.normal(jax.random.key(0), (2, 50, 3, 4))
    channel = GaussianChannel(mean, log_variance[:1] if shared else log_variance)
    np.testing.assert_allclose(channel.mean_kl_nats(), channel.kl_nats().mean(0), rtol=1e-5)


def test_kl_near_the_prior_keeps_its_digits() -> None:
    # 0.5 * (exp(v) - 1 - v) is v^2 / 4 up to third order; in single precision the direct formula
    # rounds to zero or below.
    log_variance = jnp.array([[1e-3], [-1e-3]])
    kl = GaussianChannel(jnp.zeros((2, 1)), log_variance).kl_nats()
    np.testing.assert_allclose(kl, 2.5e-7, rtol=0.1)


def test_samples_have_the_mean_and_variance_of_the_channel() -> None:
    mean, log_variance = jnp.array([[2.0, -1.0]]), jnp.array([[-3.0, 1.0]])
    shape = (N_DRAWS, 1, 2)
    channel = GaussianChannel(
        jnp.broadcast_to(mean[None], shape), jnp.broadcast_to(log_variance[None], shape)
    )
    u = np.asarray(channel.sample(key=jax.random.key(1)), np.float64)[:, 0]
    variance = np.exp([-3.0, 1.0])
    assert np.all(np.abs(u.mean(0) - mean[0]) < 5 * np.sqrt(variance / N_DRAWS))
    assert np.all(np.abs(u.var(0) / variance - 1) < 5 * np.sqrt(2 / N_DRAWS))


def test_noise_of_components_and_dimensions_is_independent() -> None:
    channel = GaussianChannel(jnp.zeros((N_DRAWS, 2, 2)), jnp.zeros((N_DRAWS, 2, 2)))
    u = np.asarray(channel.sample(key=jax.random.key(2))).reshape(N_DRAWS, 4)
    off_diagonal = np.corrcoef(u.T) - np.eye(4)
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(N_DRAWS)


def test_gradients_reach_mean_and_variance_through_the_sample() -> None:
    def total(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
        return GaussianChannel(mean, log_variance).sample(key=jax.random.key(3)).sum()

    mean, log_variance = jnp.array([[1.0]]), jnp.array([[-2.0]])
    by_mean, by_variance = jax.grad(total, argnums=(0, 1))(mean, log_variance)
    assert float(by_mean[0, 0]) == pytest.approx(1.0)
    # d/dv exp(v/2) * noise = half the deviation from the mean.
    deviation = total(mean, log_variance) - 1.0
    assert float(by_variance[0, 0]) == pytest.approx(0.5 * float(deviation), rel=1e-4)


def test_log_density_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    mean, log_variance, u = rng.normal(size=(3, 7, 4, 2))
    channel = GaussianChannel(jnp.asarray(mean), jnp.asarray(log_variance))
    expected = stats.norm.logpdf(u, mean, np.exp(log_variance / 2)).sum(-1)
    np.testing.assert_allclose(
        channel.log_density_nats(jnp.asarray(u)), expected, rtol=2e-5, atol=2e-5
    )


def test_bhattacharyya_is_the_integral_of_the_root_of_the_product() -> None:
    mean, log_variance = np.array([0.0, 0.7, -2.0]), np.array([0.0, -1.0, 1.5])
    found = bhattacharyya_coefficients(
        jnp.asarray(mean)[:, None], jnp.asarray(log_variance)[:, None]
    )
    sigma = np.exp(log_variance / 2)
    for i in range(3):
        for j in range(3):
            overlap, _ = integrate.quad(
                lambda u, i=i, j=j: np.sqrt(
                    stats.norm.pdf(u, mean[i], sigma[i]) * stats.norm.pdf(u, mean[j], sigma[j])
                ),
                -30,
                30,
                points=[*mean],
            )
            assert float(found[i, j]) == pytest.approx(overlap, abs=1e-5)


def test_bhattacharyya_of_several_dimensions_is_the_product_over_them() -> None:
    rng = np.random.default_rng(1)
    mean, log_variance = jnp.asarray(rng.normal(size=(2, 5, 3)))
    together = bhattacharyya_coefficients(mean, log_variance)
    alone = [
        bhattacharyya_coefficients(mean[:, d : d + 1], log_variance[:, d : d + 1]) for d in range(3)
    ]
    np.testing.assert_allclose(together, alone[0] * alone[1] * alone[2], rtol=1e-5)
    np.testing.assert_allclose(np.diag(together), 1.0, atol=1e-6)
    np.testing.assert_allclose(together, together.T, atol=1e-7)


def test_bhattacharyya_survives_extreme_variances() -> None:
    found = bhattacharyya_coefficients(jnp.zeros((2, 1)), jnp.array([[-80.0], [80.0]]))
    np.testing.assert_allclose(found, np.eye(2), atol=1e-6)
