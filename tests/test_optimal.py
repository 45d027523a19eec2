import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from distributed_ib.errors import UserError
from distributed_ib.optimum import _descent as optimal_descent
from distributed_ib.optimum._descent import MonotonicityError, descend
from distributed_ib.optimum.exact_optimum import (
    OptimalFrontier,
    joint_from_samples,
    joint_from_truth_table,
    optimal_frontier,
)
from distributed_ib.optimum.gaussian_optimum import optimal_gaussian_frontier

# Best objectives (bits) known for the paper's circuit, rounded; upper bounds of the optimum.
KNOWN_BITS = {
    0.0190: -0.5681,
    0.0336: -0.4652,
    0.0492: -0.3760,
    0.0871: -0.1864,
    0.1054: -0.1585,
    0.1543: -0.1121,
    0.2259: -0.0537,
    0.40: 0.0,
}


def entropy_bits(p: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    return -np.sum(p * np.log2(np.maximum(p, 1e-300)), axis=axis)


def paper_circuit() -> np.ndarray:
    """Truth table of the ten-input circuit of the paper's Fig. 2."""
    nodes = list(np.indices((2,) * 10))
    for gate, a, b in [
        (np.bitwise_or, 1, 0),
        (np.bitwise_xor, 8, 7),
        (np.bitwise_and, 4, 3),
        (np.bitwise_or, 11, 5),
        (np.bitwise_xor, 6, 12),
        (np.bitwise_xor, 13, 9),
        (np.bitwise_or, 14, 10),
        (np.bitwise_and, 15, 2),
        (np.bitwise_and, 17, 16),
    ]:
        nodes.append(gate(nodes[a], nodes[b]))
    return nodes[-1]


def objective_of(joint: np.ndarray, channels: list[np.ndarray], beta: float) -> float:
    """The objective in bits of channels p(u|x) `[x, u]`, computed from its definition."""
    table, total = joint, 0.0
    for i, channel in enumerate(channels):
        p_x = joint.sum(axis=tuple(a for a in range(joint.ndim) if a != i))
        noise = np.sum(p_x * entropy_bits(channel, axis=1))
        total += float(entropy_bits(p_x @ channel) - noise)
        table = np.moveaxis(np.tensordot(channel, table, axes=(0, i)), 0, i)
    outcome = table.sum(axis=tuple(range(joint.ndim - 1)))
    predictive = entropy_bits(outcome) + entropy_bits(table.sum(axis=-1)) - entropy_bits(table)
    return float(beta * total - predictive)


def best_on_a_grid(truth_table: np.ndarray, beta: np.ndarray, fineness: int) -> np.ndarray:
    """The least objective in bits over all binary channels of a two-input function, by brute force.

    Every pair of channels on a grid is tried, then ever finer grids around the best.
    """

    def objectives(flips: np.ndarray) -> np.ndarray:  # [g, 2, 2]: p(u_i = 1 | x_i) -> [beta, g]
        q = np.stack([1 - flips, flips], axis=-1)  # [g, i, x, u]
        rate = entropy_bits(q.mean(axis=2), axis=2) - entropy_bits(q, axis=3).mean(axis=2)
        on = np.einsum("gau,gbv,ab->guv", q[:, 0], q[:, 1], truth_table / 4)
        every = np.einsum("gau,gbv->guv", q[:, 0], q[:, 1]) / 4
        cells = np.stack([on, every - on])
        given_u = entropy_bits(cells, axis=(0, 2, 3)) - entropy_bits(every, axis=(1, 2))
        outcome = np.array([truth_table.mean(), 1 - truth_table.mean()])
        return beta[:, None] * rate.sum(axis=1) - (entropy_bits(outcome) - given_u)

    levels = np.linspace(0, 1, fineness)
    pairs = np.array([(a, b) for a in levels for b in levels if a <= b])  # u may be relabelled
    index = np.indices((len(pairs),) * 2).reshape(2, -1).T
    whole_grid = pairs[index]
    values = objectives(whole_grid)
    steps = np.array(list(itertools.product((-1, 0, 1), repeat=4))).reshape(-1, 2, 2)
    best = []
    for b in range(len(beta)):
        candidates = []
        for start in whole_grid[np.argsort(values[b])[:2]]:
            centre, width = start, 1 / (fineness - 1)
            for _ in range(28):
                near = np.clip(centre + width * steps, 0, 1)
                around = objectives(near)[b]
                centre, width = near[np.argmin(around)], width * 0.75
            candidates.append(around.min())
        best.append(min(candidates))
    return np.array(best)


@pytest.mark.parametrize("outputs", list(itertools.product([0, 1], repeat=4)))
def test_matches_a_brute_force_grid_on_every_two_input_function(
    outputs: tuple[int, ...],
) -> None:
    truth_table = np.array(outputs).reshape(2, 2)
    beta = np.array([0.05, 0.2, 0.3, 0.45, 0.6, 0.9])
    frontier = optimal_frontier(joint_from_truth_table(truth_table), beta)
    brute = best_on_a_grid(truth_table, beta, fineness=11)
    np.testing.assert_allclose(frontier.objective_bits, brute, atol=2e-6)


def test_xor_is_all_or_nothing_at_one_half() -> None:
    beta = np.array([0.1, 0.4, 0.499, 0.501, 0.6, 1.0])
    frontier = optimal_frontier(joint_from_truth_table([[0, 1], [1, 0]]), beta)
    open_ = beta < 0.5
    np.testing.assert_allclose(
        frontier.information_bits, np.repeat(open_[:, None], 2, 1), atol=1e-6
    )
    np.testing.assert_allclose(frontier.objective_bits, np.minimum(2 * beta - 1, 0), atol=1e-9)


def test_a_copy_of_one_input_ends_at_one() -> None:
    beta = np.array([0.01, 0.5, 0.99, 1.01, 3.0])
    frontier = optimal_frontier(joint_from_truth_table([[0, 0], [1, 1]]), beta)
    np.testing.assert_allclose(frontier.objective_bits, np.minimum(beta - 1, 0), atol=1e-8)
    assert frontier.subsets().tolist() == [[True, False]] * 3 + [[False, False]] * 2


def test_and_is_fully_open_until_close_to_its_end() -> None:
    # Two bits yield H(Y) = 0.811 bits, which alone would pay until beta = 0.4056. Near that beta
    # a rare hint that an input is 0 pays more: it yields up to log2(4/3) = 0.415 bits per bit.
    entropy = float(entropy_bits(np.array([0.25, 0.75])))
    beta = np.array([0.01, 0.2, 0.4, 0.4066, 0.41, 0.414, 0.45, 0.9])
    truth_table = np.array([[0, 0], [0, 1]])
    frontier = optimal_frontier(joint_from_truth_table(truth_table), beta)
    np.testing.assert_allclose(frontier.total_bits[:3], 2.0, atol=1e-4)
    np.testing.assert_allclose(frontier.objective_bits[:3], 2 * beta[:3] - entropy, atol=1e-7)
    assert np.all((frontier.total_bits[3:6] > 0) & (frontier.total_bits[3:6] < 0.5))
    np.testing.assert_allclose(frontier.total_bits[6:], 0.0, atol=1e-6)
    brute = best_on_a_grid(truth_table, beta, fineness=13)
    assert np.all(frontier.objective_bits <= brute + 1e-7)
    # At 0.414, just below the beta at which the last hint stops paying, grid descents stall.
    resolved = beta != 0.414
    np.testing.assert_allclose(frontier.objective_bits[resolved], brute[resolved], atol=1e-7)
    assert frontier.objective_bits[~resolved] < -2e-5


def test_majority_of_three_matches_a_grid() -> None:
    truth_table = (np.indices((2, 2, 2)).sum(axis=0) >= 2).astype(int)
    joint = joint_from_truth_table(truth_table)
    beta = np.array([0.02, 0.15, 0.332, 0.335, 0.8])  # it ends at 1/3: three bits for one
    frontier = optimal_frontier(joint, beta)
    # All inputs alike, channels symmetric (flip with probability e), 0 to 3 of them in use.
    flip = np.linspace(0, 0.5, 401)[:-1]
    rate = 1 - entropy_bits(np.stack([flip, 1 - flip], -1), axis=-1)
    best = np.zeros(len(beta))
    for used in (1, 2, 3):
        for e, bits in zip(flip, rate, strict=True):
            q = np.array([[1 - e, e], [e, 1 - e]])
            channels = [q if i < used else np.full((2, 2), 0.5) for i in range(3)]
            predictive = -objective_of(joint, channels, 0.0)
            best = np.minimum(best, beta * used * bits - predictive)
    assert np.all(frontier.objective_bits <= best + 1e-9)
    np.testing.assert_allclose(frontier.objective_bits, np.minimum(3 * beta - 1, 0), atol=1e-7)


def check_paper_circuit(frontier: OptimalFrontier) -> None:
    for beta, known in KNOWN_BITS.items():
        for row in np.flatnonzero(frontier.beta == beta):
            rounding = 5e-5 * (1 + frontier.total_bits[row])  # of the known value and of its beta
            assert frontier.objective_bits[row] <= known + rounding
    rising = np.argsort(frontier.beta)
    assert np.all(np.diff(frontier.total_bits[rising]) <= 1e-4)  # larger beta, fewer bits
    assert np.all(np.diff(frontier.predictive_bits[rising]) <= 1e-4)


def test_paper_circuit_reaches_the_known_objectives() -> None:
    joint = joint_from_truth_table(paper_circuit())
    assert joint[..., 1].sum() == 224 / 1024
    frontier = optimal_frontier(joint, [0.0336, 0.0492, 0.1054, 0.1543, 0.2259])
    check_paper_circuit(frontier)
    subsets = [tuple(np.flatnonzero(row).tolist()) for row in frontier.subsets()]
    assert subsets == [(0, 1, 2, 5, 7, 8, 9), (2, 5, 7, 8, 9), (2,), (2,), (2,)]


@pytest.mark.nightly
def test_paper_circuit_at_sixty_betas_takes_less_than_thirty_seconds() -> None:
    others = np.geomspace(0.002, 0.5, 60 - len(KNOWN_BITS))
    beta = np.concatenate([list(KNOWN_BITS), others])
    started = time.process_time()
    frontier = optimal_frontier(joint_from_truth_table(paper_circuit()), beta)
    assert time.process_time() - started < 30
    check_paper_circuit(frontier)
    thorough = optimal_frontier(
        joint_from_truth_table(paper_circuit()), beta, n_subsets=40, n_random=40, seed=1
    )
    assert np.all(frontier.objective_bits <= thorough.objective_bits + 1e-6)


def random_joint(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(int(np.prod(shape)), 0.3)).reshape(shape)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 2), (4, 3, 3), (2, 2, 2, 2, 3), (6, 7, 2)])
def test_reported_terms_are_those_of_the_returned_channels(shape: tuple[int, ...]) -> None:
    shape = (*shape, 2) if len(shape) == 1 else shape
    joint = random_joint(1, shape)
    frontier = optimal_frontier(joint, [0.03, 0.2, 0.5])
    for row, beta in enumerate(frontier.beta):
        channels = [channel[row] for channel in frontier.channels]
        assert [channel.shape for channel in channels] == [(n, n) for n in shape[:-1]]
        for channel in channels:
            np.testing.assert_allclose(channel.sum(axis=1), 1.0, atol=1e-12)
        assert frontier.objective_bits[row] == pytest.approx(
            objective_of(joint, channels, beta), abs=1e-7
        )
    np.testing.assert_allclose(
        frontier.objective_bits, frontier.beta * frontier.total_bits - frontier.predictive_bits
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(2, 2, 2), (3, 2, 2), (2, 2, 2, 2, 2, 2, 2), (7, 6, 3), (4, 5, 6, 2)]),
    st.floats(0.01, 1.5),
)
def test_the_objective_never_rises(seed: int, shape: tuple[int, ...], beta: float) -> None:
    joint = random_joint(seed, shape)
    rng = np.random.default_rng(seed)
    channels = [rng.dirichlet(np.ones(n), size=n).T for n in shape[:-1]]
    values = [objective_of(joint, [q.T for q in channels], beta)]
    for _ in range(12):
        table = np.moveaxis(joint, -1, 0)[None]
        end = descend(table, [q[None] for q in channels], np.array([beta]), max_rounds=1)
        channels = [q[0] for q in end.channels]
        values.append(objective_of(joint, [q.T for q in channels], beta))
        assert values[-1] == pytest.approx(float(end.objective_nats[0]) / np.log(2), abs=1e-9)
    assert np.all(np.diff(values) <= 1e-12)


def test_a_rise_of_the_objective_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(
        state: optimal_descent._State, component: int, gain: np.ndarray
    ) -> np.ndarray:  # ignores its arguments
        return np.full_like(gain, 0.5)

    monkeypatch.setattr(optimal_descent._State, "_best_channel", worse)
    with pytest.raises(MonotonicityError, match="rose by"):
        optimal_frontier(joint_from_truth_table([0, 1]), 0.5)


def test_the_optimum_is_concave_in_beta_and_its_lines_touch_it() -> None:
    beta = np.linspace(0.02, 0.6, 25)
    frontier = optimal_frontier(random_joint(3, (2, 2, 2, 2, 2)), beta)
    assert np.all(np.diff(frontier.objective_bits, 2) <= 1e-7)
    np.testing.assert_allclose(frontier.objective_at(beta), frontier.objective_bits, atol=1e-7)


def test_permuting_components_permutes_the_allocation() -> None:
    joint = random_joint(4, (2, 3, 2, 2))
    beta = [0.02, 0.1, 0.3]
    straight = optimal_frontier(joint, beta)
    turned = optimal_frontier(joint.transpose(2, 0, 1, 3), beta)
    np.testing.assert_allclose(turned.objective_bits, straight.objective_bits, atol=1e-8)
    np.testing.assert_allclose(
        turned.information_bits, straight.information_bits[:, [2, 0, 1]], atol=1e-3
    )


def test_of_two_equal_components_one_is_enough() -> None:
    joint = joint_from_samples([[0, 0], [1, 1]], [0, 1])
    frontier = optimal_frontier(joint, [0.3])
    assert frontier.objective_bits[0] == pytest.approx(0.3 - 1.0, abs=1e-9)
    assert frontier.total_bits[0] == pytest.approx(1.0, abs=1e-6)


def test_values_that_mean_the_same_are_merged() -> None:
    # Y depends only on whether X = 2, so log2(3) bits of X are never needed.
    frontier = optimal_frontier(joint_from_truth_table([0, 0, 1]), [0.2])
    needed = float(entropy_bits(np.array([1 / 3, 2 / 3])))
    assert frontier.total_bits[0] == pytest.approx(needed, abs=1e-6)
    same, other = frontier.channels[0][0][0], frontier.channels[0][0][1]
    np.testing.assert_allclose(same, other, atol=1e-6)


def test_more_inputs_than_can_be_enumerated() -> None:
    # Y is the XOR of the last two of 13 inputs: found although single inputs are uninformative.
    index = np.indices((2,) * 13)
    frontier = optimal_frontier(
        joint_from_truth_table(index[11] ^ index[12]), [0.3], n_subsets=2, n_random=0
    )
    assert frontier.objective_bits[0] == pytest.approx(2 * 0.3 - 1, abs=1e-8)
    assert np.flatnonzero(frontier.subsets()[0]).tolist() == [11, 12]


def test_order_of_beta_is_kept_and_results_repeat() -> None:
    joint = random_joint(5, (2, 2, 3, 2))
    first = optimal_frontier(joint, [0.4, 0.01, 0.1], names=["a", "b", "c"])
    again = optimal_frontier(joint, [0.4, 0.01, 0.1])
    assert first.beta.tolist() == [0.4, 0.01, 0.1]
    assert np.all(np.diff(first.total_bits[[1, 2, 0]]) <= 0)
    np.testing.assert_array_equal(first.objective_bits, again.objective_bits)
    dataset = first.to_xarray()
    assert dataset["information_bits"].sel(component="b").dims == ("beta",)
    assert float(dataset["objective_bits"].sel(beta=0.1)) == first.objective_bits[2]


def test_rows_of_a_truth_table_are_samples() -> None:
    table = np.array([[0, 2, 1], [1, 1, 0]])
    rows = np.array(list(np.ndindex(2, 3)))
    np.testing.assert_allclose(
        joint_from_samples(rows, table.reshape(-1)), joint_from_truth_table(table)
    )
    weighted = joint_from_samples([[0], [1]], [0, 1], weights=[1.0, 3.0])
    assert weighted[1, 1] == 0.75


@pytest.mark.parametrize("seed", range(2))
def test_gaussian_form_matches_direct_minimisation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    slopes, spread = rng.normal(size=4), rng.uniform(0.3, 2, size=4)
    noise = float(rng.uniform(0.1, 1))
    beta = np.array([0.01, 0.1, 0.3, 0.6, 0.95])
    frontier = optimal_gaussian_frontier(slopes, spread, noise, beta)
    weight = (slopes * spread) ** 2

    for row, strength in enumerate(beta):

        def objective_bits(rate_bits: np.ndarray, strength: float = strength) -> float:
            left_over = noise**2 + np.sum(weight * 2 ** (-2 * rate_bits))
            predictive = 0.5 * np.log2((noise**2 + weight.sum()) / left_over)
            return float(strength * rate_bits.sum() - predictive)

        starts = rng.uniform(0, 5, size=(2, 4))
        found = [
            minimize(
                objective_bits, start, bounds=[(0, 30)] * 4, options={"ftol": 1e-15, "gtol": 1e-10}
            )
            for start in starts
        ]
        best = min(found, key=lambda result: result.fun)
        assert frontier.objective_bits[row] == pytest.approx(best.fun, abs=1e-6)
        assert frontier.objective_bits[row] <= best.fun + 1e-12
        assert objective_bits(frontier.information_bits[row]) == pytest.approx(
            frontier.objective_bits[row], abs=1e-12
        )


def test_gaussian_water_level_and_ends() -> None:
    frontier = optimal_gaussian_frontier([2.0, 1.0, 0.0], 1.0, 0.5, [1e-4, 0.1, 1.0, 5.0])
    left_over = 0.25 + frontier.distortion.sum(axis=1)
    level = np.minimum([4.0, 1.0, 0.0], frontier.beta[:, None] * left_over[:, None])
    np.testing.assert_allclose(frontier.distortion, level, rtol=1e-12)
    assert np.all(frontier.information_bits[:, 2] == 0)
    assert np.all(frontier.total_bits[2:] == 0)
    assert frontier.predictive_bits[0] == pytest.approx(0.5 * np.log2(5.25 / 0.25), abs=1e-3)


@pytest.mark.parametrize(
    ("joint", "beta", "says"),
    [
        ([1.0, 2.0], 0.1, "axes"),
        ([[0.5, -0.1], [0.3, 0.3]], 0.1, "none negative"),
        ([[0.0, 0.0]], 0.1, "finite probabilities"),
        ([[0.5, 0.5]], 0.0, "positive"),
        ([[0.5, 0.5]], [[0.1]], "list"),
        ([[0.5, 0.5]], np.inf, "finite"),
    ],
)
def test_unusable_input_is_refused(joint: list, beta: float, says: str) -> None:
    with pytest.raises(UserError, match=says):
        optimal_frontier(joint, beta)


def test_unusable_tables_names_and_gaussians_are_refused() -> None:
    with pytest.raises(UserError, match="whole numbers"):
        joint_from_truth_table([0.5, 1])
    with pytest.raises(UserError, match="whole numbers"):
        joint_from_samples([[0], [1]], [0, -1])
    with pytest.raises(UserError, match="must have shape"):
        joint_from_samples([[0], [1]], [0, 1, 1])
    with pytest.raises(UserError, match="Weights"):
        joint_from_samples([[0], [1]], [0, 1], weights=[0, 0])
    with pytest.raises(UserError, match="2 names for 1"):
        optimal_frontier([[0.5, 0.0], [0.0, 0.5]], 0.1, names=["a", "b"])
    with pytest.raises(UserError, match="noise"):
        optimal_gaussian_frontier([1.0], 1.0, 0.0, 0.1)
    with pytest.raises(UserError, match="positive"):
        optimal_gaussian_frontier([1.0], 1.0, 1.0, -0.1)
