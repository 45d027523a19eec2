"""Small relationships and models with known behaviour."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib.model.bottleneck import DistributedBottleneck, Terms
from distributed_ib.model.encoders import BinaryEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.training.schedule import BetaSchedule

XOR_SCHEDULE = BetaSchedule(1e-3, 1.0, n_steps=400, n_pretraining_steps=300)


def xor_data() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The truth table of y = a xor b; the third column is irrelevant."""
    x = np.indices((2, 2, 2)).reshape(3, 8).T
    return x, x[:, 0] ^ x[:, 1]


def xor_model(key: Array) -> DistributedBottleneck:
    """A model for `xor_data`."""
    return DistributedBottleneck(BinaryEncoder(3), BernoulliPredictor(3, hidden=(16,), key=key))


class MeanModel(eqx.Module):
    """A model that learns nothing and whose prediction error is the mean of its batch."""

    w: Array

    def terms(self, batch: Any, *, key: Array) -> Terms:
        """Terms without randomness."""
        return Terms(jnp.zeros(1), batch.mean() + 0.0 * self.w, {})


class NoisyLine(eqx.Module):
    """A line through the origin, fitted with noise; quick to compile.

    Attributes:
        w: Slope of each input, `[input]`.
        name: A static field, which is not trained but is part of the model.
    """

    w: Array
    name: str = eqx.field(static=True, default="line")

    def terms(self, batch: Any, *, key: Array) -> Terms:
        """Squared error of a noisy sum; a steeper line conveys more."""
        x, y = batch
        noisy = (x * jnp.broadcast_to(self.w, x.shape)).sum(-1) + jax.random.normal(key, y.shape)
        return Terms(self.w**2, ((noisy - y) ** 2).mean(), {"mean": noisy.mean()})


def line_data() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points on y = x1 - 2 x2."""
    x = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    return x, x @ np.array([1, -2], np.float32)


def line_model(key: Array) -> NoisyLine:
    """A model for `line_data`."""
    return NoisyLine(jax.random.normal(key, (2,)))


class FallingModel(eqx.Module):
    """A model whose weight falls by the learning rate every step, into a pit at 0.5.

    Attributes:
        w: The weight; its gradient is 1 above the pit.
        gradient_only: If true, in the pit the loss is zero and only the gradient is not finite.
    """

    w: Array
    gradient_only: bool = eqx.field(static=True)

    def terms(self, batch: Any, *, key: Array) -> Terms:
        """Terms that ignore the batch."""
        pit = jnp.sqrt(jnp.maximum(self.w - 0.5, 0.0)) if self.gradient_only else jnp.nan
        return Terms(jnp.zeros(1), jnp.where(self.w < 0.5, pit, self.w), {})


def assert_same_channels(encoder: Any, plain: Any, once: Any) -> None:
    """Check that two forms of one batch give equal channels and gradients, up to rounding."""
    shape = eqx.filter_eval_shape(encoder, plain).mean.shape
    push = jnp.asarray(np.random.default_rng(1).normal(size=shape), jnp.float32)

    @eqx.filter_jit
    @eqx.filter_grad(has_aux=True)
    def gradient(encoder: Any, x: Any) -> Any:
        channel = encoder(x)
        pulled = (channel.mean * push).mean() + channel.mean_kl_nats().sum()
        return pulled, (channel.mean, channel.log_variance)

    found = (jax.tree.leaves(gradient(encoder, x)) for x in (once, plain))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
