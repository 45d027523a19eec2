"""Variants of Gaussian channels that were tried to reach the optimum on the paper's circuit.

    python benchmarks/optimality_tried.py [variant ...]

Each variant is one sweep of the preset "quick" that charges a rate other than the KL to N(0, 1), or
in which beta falls. Prints the largest gaps to the exact optimum for beta from 0.005 to 0.4, in
true bits: of the model at its own beta, and of the best snapshot at every beta.
"""

import sys
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from distributed_ib.data.batches import ArrayBatches
from distributed_ib.information.exact_channel import exact_information
from distributed_ib.model.bottleneck import Terms
from distributed_ib.model.channel import GaussianChannel
from distributed_ib.model.encoders import BinaryEncoder
from distributed_ib.model.predictors import BernoulliPredictor
from distributed_ib.optimum.envelope import lower_envelope
from distributed_ib.optimum.exact_optimum import joint_from_samples, optimal_frontier
from distributed_ib.optimum.snapshot_terms import snapshot_predictive_bits
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean import BooleanStudy, paper_circuit
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

STUDY = BooleanStudy()
SETTINGS, SCHEDULE = STUDY.train, STUDY.train.schedule()
LOW, HIGH = SETTINGS.beta
VARIANTS = (
    "kl rising",
    "learned-prior rising",
    "mixture-prior rising",
    "exact rising",
    "exact falling",
    "blend rising",
    "mixture-prior falling",
)
N_NODES = 64


class BetaBatches(eqx.Module):
    """Batches that also contain the finished fraction of the sweep, from 0 to 1."""

    rows: ArrayBatches
    max_steps: None = None
    repeat_axis: None = None

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Any:
        """The rows, and the step at which the stretch begins."""
        return self.rows.prepare(first_step, n_steps, n_repeats), np.float32(first_step)

    def pick(self, prepared: Any, offset: Array) -> Any:
        """The rows, and the finished fraction of the sweep at this step."""
        arrays, first_step = prepared
        risen = first_step + offset - SCHEDULE.n_pretraining_steps
        return arrays, jnp.clip(risen / SETTINGS.n_steps, 0.0, 1.0)

    def draw(self, picked: Any, key: Array) -> Any:
        """A batch of rows, and the finished fraction of the sweep."""
        arrays, fraction = picked
        return self.rows.draw(arrays, key), fraction


class TrialModel(eqx.Module):
    """The circuit's model with another rate; its `kl_nats` are that rate times beta."""

    encoder: BinaryEncoder
    predictor: BernoulliPredictor
    prior_location: Array
    prior_log_variance: Array
    variant: str = eqx.field(static=True)

    def terms(self, batch: Any, *, key: Array) -> Terms:
        """Terms of the objective, with the charged rate multiplied by beta."""
        (x, y), fraction = batch
        channel = self.encoder(x)
        u = channel.sample(key=key)
        outputs = self.predictor(u.reshape(len(x), -1))
        rate = self._rate(channel, u, fraction)
        return Terms(
            kl_nats=beta_at(self.variant, fraction) * rate,
            prediction_error_nats=self.predictor.loss_nats(outputs, y).mean(),
            scores={},
        )

    def _rate(self, channel: GaussianChannel, u: Array, fraction: Array) -> Array:
        kind = self.variant.split()[0]
        mean, log_variance = self.encoder.mean[:, 0], self.encoder.log_variance[:, 0]
        kl = channel.mean_kl_nats()
        if kind == "kl":
            return kl
        if kind == "learned-prior":
            relative = (mean**2 + jnp.exp(log_variance)) * jnp.exp(-self.prior_log_variance)
            return 0.5 * (relative - 1.0 + self.prior_log_variance - log_variance)
        if kind == "mixture-prior":
            centres = jnp.stack([self.prior_location, -self.prior_location])
            away = (u[None, :, :, 0] - centres[:, None]) ** 2 * jnp.exp(-self.prior_log_variance)
            log_prior = jax.nn.logsumexp(-0.5 * away, axis=0) - jnp.log(2.0)
            log_prior = log_prior - 0.5 * self.prior_log_variance
            own = (u - channel.mean)[..., 0] ** 2 * jnp.exp(-log_variance)
            return jnp.mean(-0.5 * own - 0.5 * log_variance - log_prior, axis=0)
        exact = exact_nats(mean * jnp.exp(-0.5 * log_variance))
        return exact if kind == "exact" else (1 - fraction) * kl + fraction * exact


def exact_nats(separation: Array) -> Array:
    """I(U;X) in nats for means +-s and unit noise, by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    exponent = -2.0 * separation[:, None] * (separation[:, None] + nodes.astype(np.float32))
    lost = jax.nn.softplus(exponent) @ jnp.asarray(weights / weights.sum(), jnp.float32)
    return jnp.log(2.0) - lost


def beta_at(variant: str, fraction: Any) -> Any:
    """Beta after a fraction of the sweep."""
    risen = 1.0 - fraction if variant.endswith("falling") else fraction
    return LOW * jnp.exp(risen * jnp.log(HIGH / LOW))


def run(variant: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beta, true total bits and predictive bits of every snapshot of a variant."""
    circuit = paper_circuit()
    m = circuit.n_inputs

    def make_model(key: Array) -> TrialModel:
        predictor = BernoulliPredictor(m, hidden=STUDY.hidden, activation="tanh", key=key)
        return TrialModel(BinaryEncoder(m), predictor, jnp.ones(m), jnp.zeros(m), variant)

    result = sweep(
        make_model,
        BetaBatches(ArrayBatches(circuit.truth_table(), SETTINGS.batch_size)),
        BetaSchedule(0.999999, 1.0, SETTINGS.n_steps, SCHEDULE.n_pretraining_steps),
        learning_rate=SETTINGS.learning_rate,
    )
    snapshots, records = result.snapshots, result.annealing
    done = (records.step - SCHEDULE.n_pretraining_steps) / SETTINGS.n_steps
    beta = np.asarray(beta_at(variant, done[snapshots.record]), np.float64)
    encoder = snapshots.params.encoder
    mean = np.asarray(encoder.mean)[:, 0]  # [snapshot, component, embedding]
    means = np.stack([-mean, mean], axis=2)
    log_variance = np.asarray(encoder.log_variance)[:, 0, :, None, :]
    total = exact_information(means, log_variance).information_bits.sum(axis=1)
    scheme = ApproximationScheme.from_sweep(
        result, circuit.inputs, baseline_entropy_bits=circuit.output_entropy_bits()
    )
    predictive, _ = snapshot_predictive_bits(scheme, *circuit.truth_table())
    return beta, total, predictive[0]


def main() -> None:
    x, y = paper_circuit().truth_table()
    fine = np.geomspace(0.005, 0.4, 60)
    frontier = optimal_frontier(joint_from_samples(x, y), fine)
    for variant in sys.argv[1:] or VARIANTS:
        began = time.process_time()
        beta, total, predictive = run(variant)
        inside = (beta >= fine[0]) & (beta <= fine[-1])
        own = (beta * total - predictive - np.minimum(frontier.objective_at(beta), 0.0))[inside]
        best = lower_envelope(fine, total, predictive).objective_bits
        envelope = best - np.minimum(frontier.objective_at(fine), 0.0)
        print(
            f"| {variant} | {own.max():.3f} at {beta[inside][own.argmax()]:.3f} | "
            f"{envelope.max():.3f} at {fine[envelope.argmax()]:.3f} | "
            f"{time.process_time() - began:.0f} CPU s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
