"""Distance of learned schemes from the exact optimum, in bits.

    python benchmarks/optimality.py paper random known gaussian large

prints one table for each word. The gap at a beta is the objective `beta * sum_i I(U_i; X_i) -
I(U; Y)` of the learned model minus that of the exact optimum, where I(U_i; X_i) is the information
that the channels actually transmit. I(U; Y) is given twice: for the best possible predictor for the
learned channels ("true"), and for the learned predictor ("learned").
"""

import argparse
import math
import resource
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from distributed_ib.data.batches import FreshBatches
from distributed_ib.information.bounds import information_bounds
from distributed_ib.information.gaussian_decoder import decoded_information_bits
from distributed_ib.model.bottleneck import DistributedBottleneck
from distributed_ib.model.encoders import SeparateEncoder
from distributed_ib.model.gaussian_predictor import GaussianPredictor
from distributed_ib.optimum._descent import descend
from distributed_ib.optimum._discrete_channels import subset_channels
from distributed_ib.optimum._table_terms import channel_terms
from distributed_ib.optimum.candidates import subsets_of
from distributed_ib.optimum.envelope import lower_envelope
from distributed_ib.optimum.exact_optimum import (
    OptimalFrontier,
    joint_from_samples,
    optimal_frontier,
)
from distributed_ib.optimum.gaussian_optimum import optimal_gaussian_frontier
from distributed_ib.optimum.refine import refine
from distributed_ib.optimum.snapshot_terms import snapshot_channels, snapshot_terms
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.studies.boolean import (
    BooleanStudy,
    Circuit,
    circuit_from_expression,
    paper_circuit,
    random_circuit,
)
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

FloatArray = NDArray[np.float64]

RANDOM = [(n, seed) for n in (4, 5, 6, 7, 8) for seed in (0, 1)]
KNOWN = {
    "Y = X1 XOR X2": "a ^ b",
    "Y = X1 (X2 idle)": "(a & b) | (a & ~b)",
    "AND": "a & b",
    "majority of three": "(a & b) | (a & c) | (b & c)",
}
N_SNAPSHOTS = 50


def report_circuit(circuit: Circuit, low: float, high: float, details: bool) -> None:
    """Print one line of gaps of a circuit, and with `details` one line for each beta."""
    began = time.process_time()
    x, y = circuit.truth_table()
    joint = joint_from_samples(x, y)
    beta, fine = np.geomspace(low, high, 32), np.geomspace(low, high, 121)
    frontier = optimal_frontier(joint, fine[::2], names=circuit.inputs)
    solved = time.process_time()
    scheme = BooleanStudy.of(circuit).fit()
    trained = time.process_time()
    subsets = subsets_of(scheme.components, [s.components for s in scheme.subsets()])
    candidates = refine(x, y, beta, subsets=subsets)
    refined = time.process_time()
    _, predictive = channel_terms(joint, candidates.channels)

    def gap(objective: FloatArray) -> FloatArray:
        return objective - np.minimum(frontier.objective_at(fine), 0.0)

    sweeps = {
        name: np.where(fine <= scheme.snapshots.beta[-1], objective, np.nan)
        for name, objective in _sweep_objectives(circuit, scheme, fine).items()
    }
    found = {
        **{name: gap(objective) for name, objective in sweeps.items()},
        "refined, true": gap(candidates.envelope(fine, predictive).objective_bits),
        "refined, learned": gap(candidates.envelope(fine).objective_bits),
    }
    if details:
        print("| beta | optimum | " + " | ".join(found) + " |")
        for i in range(0, len(fine), 6):
            cells = " | ".join(f"{values[i]:.4f}" for values in found.values())
            print(f"| {fine[i]:.4f} | {min(frontier.objective_at(fine[i]), 0):.4f} | {cells} |")
    worst = ", ".join(
        f"{name} {np.nanmax(values):.4f} (at {fine[np.nanargmax(values)]:.3f})"
        for name, values in found.items()
    )
    print(
        f"{circuit.name}: {circuit.n_inputs} inputs, largest gap: {worst}; CPU seconds: optimum "
        f"{solved - began:.0f}, sweep {trained - solved:.0f}, refinement {refined - trained:.0f}",
        flush=True,
    )


def _sweep_objectives(
    circuit: Circuit, scheme: ApproximationScheme, fine: FloatArray
) -> dict[str, FloatArray]:
    """Objective of a sweep on a fine grid: of the snapshot at each beta, and of the best one."""
    x, y = circuit.truth_table()
    snapshots = scheme.snapshots
    near = np.abs(np.log(snapshots.beta[:, None] / fine)).argmin(axis=0)
    terms = snapshot_terms(scheme, x, y)
    total, learned = terms.total_bits[0], terms.predictive_bits[0]
    few = np.unique(np.linspace(0, len(total) - 1, N_SNAPSHOTS).astype(int))
    near_few = np.abs(np.log(snapshots.beta[few][:, None] / fine)).argmin(axis=0)
    mean, log_variance = snapshot_channels(scheme, x)
    decoded, _ = decoded_information_bits(mean[few], log_variance[few], y)
    return {
        "sweep, learned": fine * total[near] - learned[near],
        "sweep, true": fine * total[few][near_few] - decoded[near_few],
        "best snapshot, true": lower_envelope(fine, total[few], decoded).objective_bits,
    }


def report_paper() -> None:
    report_circuit(paper_circuit(), 0.005, 0.4, details=True)


def report_random() -> None:
    for n_inputs, seed in RANDOM:
        report_circuit(random_circuit(n_inputs, seed), 0.005, 1.0, details=False)


def report_known() -> None:
    """Circuits whose optimum is known analytically."""
    for name, expression in KNOWN.items():
        circuit = circuit_from_expression(expression)
        x, y = circuit.truth_table()
        joint = joint_from_samples(x, y)
        beta = np.array([0.05, 0.2, 0.45, 0.55, 0.9, 1.1])
        frontier: OptimalFrontier = optimal_frontier(joint, beta)
        subsets = np.array([row for row in np.ndindex(*[2] * x.shape[1]) if any(row)], dtype=bool)
        candidates = refine(x, y, beta, subsets=subsets)
        _, predictive = channel_terms(joint, candidates.channels)
        best = candidates.envelope(beta, predictive)
        gap = best.objective_bits - np.minimum(frontier.objective_bits, 0.0)
        print(f"{name}: beta {beta.tolist()}")
        print(f"  optimal bits {frontier.total_bits.round(3).tolist()}")
        print(f"  learned bits {best.total_bits.round(3).tolist()}")
        print(f"  gap {gap.round(4).tolist()}", flush=True)


def report_large() -> None:
    """The exact solver at its limit: 2^20 cells."""
    circuit = random_circuit(19, 0)
    x, y = circuit.truth_table()
    joint = joint_from_samples(x, y)
    outcome_first = np.moveaxis(joint, -1, 0)[None]
    ajar = subset_channels([2] * 19, np.ones(19, dtype=bool)).astype(np.float64)
    start = [table.T[None] for table in ajar]
    n_rounds = 20
    began = time.perf_counter(), time.process_time()
    done = descend(outcome_first, start, np.array([0.05]), max_rounds=n_rounds)
    seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{joint.size:,} cells: {seconds[0] / n_rounds:.2f} s ({seconds[1] / n_rounds:.2f} CPU s) "
        f"a round of one descent with every component open, {megabytes:.0f} MB at most; objective "
        f"{done.objective_nats[0] / np.log(2):.4f} bit after {n_rounds} rounds"
    )


SLOPES, NOISE_STD = np.array([1.0, 0.7, 0.4, 0.2]), 0.5


def report_gaussian() -> None:
    """Y = sum a_i X_i + noise, whose optimum is known in closed form."""
    began = time.process_time()
    deviation = float(np.sqrt(np.sum(SLOPES**2) + NOISE_STD**2))

    def draw(key: Array, n: int = 512) -> tuple[Array, Array]:
        x_key, noise_key = jax.random.split(key)
        x = jax.random.normal(x_key, (n, len(SLOPES)))
        noise = NOISE_STD * jax.random.normal(noise_key, (n,))
        return x[..., None], (x @ jnp.asarray(SLOPES, jnp.float32) + noise) / deviation

    def make_model(key: Array) -> DistributedBottleneck:
        encoder_key, predictor_key = jax.random.split(key)
        m = len(SLOPES)
        encoder = SeparateEncoder(m, input_dim=1, hidden=(16,), embedding_dim=1, key=encoder_key)
        return DistributedBottleneck(
            encoder, GaussianPredictor(m, hidden=(32,), activation="tanh", key=predictor_key)
        )

    held = jax.tree.map(np.asarray, draw(jax.random.key(1), 16_384))
    result = sweep(
        make_model,
        FreshBatches(draw),
        BetaSchedule(0.005, 1.0, n_steps=8_000, n_pretraining_steps=1_000),
        learning_rate=2e-3,
        validation=held,
        n_records=100,
    )
    snapshots = result.snapshots
    optimum = optimal_gaussian_frontier(SLOPES, 1.0, NOISE_STD, snapshots.beta)
    error = result.annealing.prediction_error_nats[0, snapshots.record, 1]
    known = (0.5 * np.log(2 * np.pi * math.e * held[1].var()) - error) / np.log(2.0)
    print("| beta | optimum | bits, optimal | bits, learned (bounds) | gap, learned | gap, true |")
    for i in range(0, len(snapshots.beta), 9):
        params = jax.tree.map(lambda leaf, i=i: leaf[i, 0], snapshots.params)
        channel = eqx.combine(params, snapshots.static).encoder(jnp.asarray(held[0]))
        mean, spread = (np.asarray(v)[..., 0] for v in (channel.mean, channel.log_variance))
        few = slice(0, 4096)
        bounds = information_bounds(
            mean[few].T[..., None], spread[few].T[..., None], key=jax.random.key(2)
        )
        low, high = float(bounds.lower_bits.sum()), float(bounds.upper_bits.sum())
        # Residuals of a linear regression on one draw of u: exact if the encoders are linear.
        u = mean + np.exp(0.5 * spread) * np.random.default_rng(0).normal(size=mean.shape)
        columns = np.column_stack([u, np.ones(len(u))])
        rest = held[1] - columns @ np.linalg.lstsq(columns, held[1], rcond=None)[0]
        decoded = 0.5 * np.log2(held[1].var() / rest.var())
        beta, best = snapshots.beta[i], optimum.objective_bits[i]
        gaps = [beta * 0.5 * (low + high) - bits - best for bits in (known[i], decoded)]
        print(
            f"| {beta:.3f} | {best:.4f} | {optimum.total_bits[i]:.3f} | {low:.3f} to {high:.3f} | "
            f"{gaps[0]:.4f} | {gaps[1]:.4f} |"
        )
    print(f"Gaussian case: {time.process_time() - began:.0f} CPU s", flush=True)


REPORTS: dict[str, Callable[[], None]] = {
    "paper": report_paper,
    "random": report_random,
    "known": report_known,
    "gaussian": report_gaussian,
    "large": report_large,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reports", nargs="*", choices=REPORTS, default=["paper"])
    for name in parser.parse_args().reports:
        REPORTS[name]()


if __name__ == "__main__":
    main()
