"""Search for the best of many local optima of the Distributed IB objective, at every beta.

The objective has many local optima. Descents therefore have several kinds of starts: hard subsets
(chosen components open, the rest shut), random channels, and the solutions found at the
neighbouring beta below (beta rising) and above (beta falling), repeated until no beta improves.

Two facts keep the cost low. A shut component stays shut, so a descent needs only the table of its
open components. And a solution found at one beta is a candidate at all others, with the objective
`beta * information - predictive`, without any descent.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from distributed_ib.optimum._descent import (
    FloatArray,
    channel_information_nats,
    descend,
    entropy_nats,
)

IntArray = NDArray[np.intp]

_SHUT_NATS = 1e-9  # a channel that conveys less is shut permanently
_IMPROVED_NATS = 1e-9  # a smaller gain does not trigger another exchange
_CLOSE_NATS = 1e-3  # a start this close to the best so far is worth many rounds
_REOPEN = 0.05  # how far shut channels are opened before a neighbour's solution is tried
_MAX_EXHAUSTIVE = 4096  # with more subsets, the search is greedy
_BATCH_CELLS = 2**18  # table cells of one batch of descents: about the size of a cache
_KEPT_CELLS = 2**14  # marginal tables up to this size are kept


@dataclass
class Pool:
    """Descents in progress, as arrays over descents.

    Attributes:
        beta_index: Index of the beta of each descent, `[descent]`.
        channels: For each component p(u|x), `[descent, u, x]`.
        objective_nats: Objective, `[descent]`; infinite before the first round.
        information_nats: I(U_i; X_i), `[descent, component]`.
        predictive_nats: I(U; Y), `[descent]`.
    """

    beta_index: IntArray
    channels: list[FloatArray]
    objective_nats: FloatArray
    information_nats: FloatArray
    predictive_nats: FloatArray

    def take(self, rows: IntArray) -> "Pool":
        """The descents in `rows`, copied."""
        return Pool(
            self.beta_index[rows],
            [channel[rows] for channel in self.channels],
            self.objective_nats[rows],
            self.information_nats[rows],
            self.predictive_nats[rows],
        )


def new_pool(beta_index: IntArray, channels: list[FloatArray]) -> Pool:
    """A pool of descents before their first round."""
    count = len(beta_index)
    return Pool(
        np.asarray(beta_index, dtype=np.intp),
        channels,
        np.full(count, np.inf),
        np.full((count, len(channels)), np.inf),
        np.zeros(count),
    )


def join(pools: Sequence[Pool]) -> Pool:
    """The descents of several pools in one."""
    return Pool(
        np.concatenate([pool.beta_index for pool in pools]),
        [np.concatenate(parts) for parts in zip(*[p.channels for p in pools], strict=True)],
        np.concatenate([pool.objective_nats for pool in pools]),
        np.concatenate([pool.information_nats for pool in pools]),
        np.concatenate([pool.predictive_nats for pool in pools]),
    )


@dataclass
class Problem:
    """A joint table p(y, x_1, .., x_m) and the values of beta to solve for."""

    joint: FloatArray
    beta: FloatArray
    _kept: dict[tuple[int, ...], FloatArray] = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each component."""
        return self.joint.shape[1:]

    def table(self, subset: tuple[int, ...]) -> FloatArray:
        """The marginal p(y, x_S), `[y, x_S..]`."""
        if subset not in self._kept:
            away = tuple(i + 1 for i in range(len(self.sizes)) if i not in subset)
            table = np.ascontiguousarray(self.joint.sum(axis=away))
            if table.size > _KEPT_CELLS:
                return table
            self._kept[subset] = table
        return self._kept[subset]

    def component_entropy_nats(self) -> FloatArray:
        """H(X_i), `[component]`."""
        singles = [self.table((i,)).sum(axis=0) for i in range(len(self.sizes))]
        return np.array([float(entropy_nats(p)) for p in singles])


def run(problem: Problem, pool: Pool, *, max_rounds: int, tolerance_nats: float) -> None:
    """Run all descents of a pool in place until they converge or reach `max_rounds`.

    Components whose information has vanished are shut, and each descent continues with the table of
    its open components only.
    """
    left = np.arange(len(pool.beta_index))
    for i in range(len(problem.sizes)):
        marginal = problem.table((i,)).sum(axis=0)[None]
        pool.information_nats[:, i] = channel_information_nats(pool.channels[i], marginal)
    stage, done = 10, 0
    while done < max_rounds and len(left):
        stage = min(stage, max_rounds - done)
        finished = np.zeros(len(left), dtype=bool)
        for rows, subsets in _batches(problem, pool, left):
            finished[rows] = _stage(problem, pool, left[rows], subsets, stage, tolerance_nats)
        left = left[~finished]
        done += stage
        stage = min(2 * stage, 80)


def _batches(
    problem: Problem, pool: Pool, left: IntArray
) -> Iterator[tuple[IntArray, list[tuple[int, ...]]]]:
    """Batches of rows of `left` with tables of one shape, and the open components of each."""
    open_now = pool.information_nats[left] > _SHUT_NATS
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    subsets = [tuple(int(i) for i in np.flatnonzero(row)) for row in open_now]
    for row, subset in enumerate(subsets):
        groups[tuple(problem.sizes[i] for i in subset)].append(row)
    for shape, rows in groups.items():
        cells = len(problem.joint) * math.prod(shape)
        width = max(1, _BATCH_CELLS // cells)
        rows.sort(key=lambda row: subsets[row])
        for low in range(0, len(rows), width):
            chosen = rows[low : low + width]
            yield np.array(chosen, dtype=np.intp), [subsets[row] for row in chosen]


def _stage(
    problem: Problem,
    pool: Pool,
    rows: IntArray,
    subsets: list[tuple[int, ...]],
    rounds: int,
    tolerance_nats: float,
) -> NDArray[np.bool_]:
    """Run some rounds of descents whose open components have tables of one shape."""
    same = len(set(subsets)) == 1
    joint = np.stack([problem.table(s) for s in ([subsets[0]] if same else subsets)])
    members = np.array(subsets, dtype=np.intp).reshape(len(rows), -1)  # [descent, open component]
    starts = [
        np.stack([pool.channels[i][row] for i, row in zip(column, rows, strict=True)])
        for column in members.T
    ]
    beta = problem.beta[pool.beta_index[rows]]
    end = descend(joint, starts, beta, max_rounds=rounds, tolerance_nats=tolerance_nats)
    for i, channel in enumerate(pool.channels):  # shut channels map every x to the same symbol
        channel[rows] = np.eye(channel.shape[1])[0][:, None]
        for slot in range(members.shape[1]):
            mine = members[:, slot] == i
            if mine.any():  # numbers of values differ between components
                channel[rows[mine]] = end.channels[slot][mine]
    pool.information_nats[rows] = 0.0
    for slot in range(members.shape[1]):
        pool.information_nats[rows, members[:, slot]] = end.information_nats[:, slot]
    pool.objective_nats[rows] = end.objective_nats
    pool.predictive_nats[rows] = end.predictive_nats
    return end.converged


def hard_starts(problem: Problem, per_beta: int) -> Pool:
    """For each beta, the subsets that are best if their components are conveyed unchanged.

    All subsets are tried if there are at most 4096, otherwise those reached by adding and removing
    components greedily. Shut components start exactly shut.
    """
    subsets, predictive = _subset_information(problem)
    mask = np.zeros((len(subsets), len(problem.sizes)), dtype=bool)
    for row, subset in enumerate(subsets):
        mask[row, list(subset)] = True
    rate = mask @ problem.component_entropy_nats()
    objective = problem.beta[:, None] * rate - predictive  # [beta, subset]
    best = np.argsort(objective, axis=1, kind="stable")[:, :per_beta]
    everything = np.full((len(problem.beta), 1), int(np.argmax(mask.sum(axis=1))))
    chosen = np.concatenate([best, everything], axis=1)
    beta_index = np.repeat(np.arange(len(problem.beta)), chosen.shape[1])
    opened = mask[chosen.ravel()]
    channels = []
    for i, size in enumerate(problem.sizes):
        shut = np.eye(size)[0][:, None] * np.ones(size)
        channels.append(np.where(opened[:, i, None, None], np.eye(size), shut))
    return new_pool(beta_index, channels)


def _subset_information(problem: Problem) -> tuple[list[tuple[int, ...]], FloatArray]:
    """Subsets and their I(X_S; Y) in nats."""
    count = len(problem.sizes)
    found: dict[tuple[int, ...], float] = {}

    def record(subset: tuple[int, ...], table: FloatArray) -> float:
        if subset not in found:
            flat = table.reshape(len(table), -1)
            joint_entropy = float(entropy_nats(flat))
            cells, outcome = float(entropy_nats(flat.sum(0))), float(entropy_nats(flat.sum(1)))
            found[subset] = cells + outcome - joint_entropy
        return found[subset]

    def remove_each(subset: tuple[int, ...], table: FloatArray, below: int) -> None:
        record(subset, table)
        for slot in range(below):  # removing from right to left reaches each subset once
            smaller = subset[:slot] + subset[slot + 1 :]
            remove_each(smaller, table.sum(axis=slot + 1), slot)

    everything = tuple(range(count))
    if 2**count <= _MAX_EXHAUSTIVE:
        remove_each(everything, problem.joint, count)
    else:
        _greedy(problem, everything, record)
    subsets = list(found)
    return subsets, np.array([found[subset] for subset in subsets])


def _greedy(
    problem: Problem,
    everything: tuple[int, ...],
    record: Callable[[tuple[int, ...], FloatArray], float],
) -> None:
    """Record the subsets reached by greedy removal from all components and addition to none."""
    subset, table = everything, problem.joint
    record(subset, table)
    while subset:
        smaller = [table.sum(axis=slot + 1) for slot in range(len(subset))]
        names = [subset[:slot] + subset[slot + 1 :] for slot in range(len(subset))]
        values = [record(name, part) for name, part in zip(names, smaller, strict=True)]
        best = int(np.argmax(values))
        subset, table = names[best], smaller[best]
    while len(subset) < len(everything):
        names = [tuple(sorted({*subset, i})) for i in everything if i not in subset]
        values = [record(name, problem.table(name)) for name in names]
        subset = names[int(np.argmax(values))]


def random_starts(problem: Problem, per_beta: int, rng: np.random.Generator) -> Pool:
    """Random channels, from nearly shut to nearly deterministic."""
    beta_index = np.repeat(np.arange(len(problem.beta)), per_beta)
    count = len(beta_index)
    channels = []
    for size in problem.sizes:
        logits = rng.normal(size=(count, size, size)) * rng.uniform(0.5, 4.0, size=(count, 1, 1))
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        channels.append(weights / weights.sum(axis=1, keepdims=True))
    return new_pool(beta_index, channels)


def best_per_beta(pool: Pool, count: int) -> Pool:
    """The `count` best descents of each beta that differ in objective, best first."""
    order = np.lexsort((pool.objective_nats, pool.beta_index))
    kept: list[int] = []
    taken, last_beta, last_value = 0, -1, np.inf
    for row in order:
        beta, value = int(pool.beta_index[row]), float(pool.objective_nats[row])
        if beta != last_beta:
            taken, last_beta, last_value = 0, beta, -np.inf
        if taken < count and value > last_value + 1e-7:
            kept.append(int(row))
            taken, last_value = taken + 1, value
    return pool.take(np.array(kept, dtype=np.intp))


def reopened(pool: Pool, rng: np.random.Generator, hint: int | None = None) -> Pool:
    """The same solutions with every channel slightly more open, as new starts.

    A shut component would never open again, and an unused symbol would never return. Channels in
    use are therefore mixed with a random channel. Shut channels are opened in one of two ways, of
    which only one may pay: all values are distinguished faintly or, with `hint`, one value (the
    hint-th after a random one) is occasionally announced.
    """
    channels = []
    for i, channel in enumerate(pool.channels):
        count, size, _ = channel.shape
        noise = rng.dirichlet(np.ones(size), size=(count, size)).swapaxes(1, 2)  # sums to 1 over u
        ajar = (1.0 - _REOPEN) * np.full((count, size, size), 1.0 / size) + _REOPEN * np.eye(size)
        if hint is not None and size > 1:
            value = (rng.integers(size, size=count) + hint) % size
            ajar = np.tile(np.eye(size)[0][:, None], (count, 1, size))
            ajar[np.arange(count), :2, value] = (1.0 - _REOPEN, _REOPEN)
        mixed = (1.0 - _REOPEN / 5) * channel + _REOPEN / 5 * noise
        shut = pool.information_nats[:, i, None, None] <= _SHUT_NATS
        channels.append(np.where(shut, ajar, mixed))
    return new_pool(pool.beta_index, channels)


def exchange(
    problem: Problem,
    best: Pool,
    rng: np.random.Generator,
    *,
    max_rounds: int,
    tolerance_nats: float,
    max_sweeps: int,
) -> Pool:
    """Repeat warm starts from neighbouring beta, below and above, until no beta improves.

    Args:
        problem: The table and the values of beta.
        best: One solution per beta, in ascending order of beta.
        rng: Random generator for reopening.
        max_rounds: Maximum rounds of a descent; a tenth for those not close to the best by then.
        tolerance_nats: Gain per round below which a descent has converged.
        max_sweeps: Maximum number of exchanges.

    Returns:
        One solution per beta, never worse than that of `best`.
    """
    count = len(problem.beta)
    changed = np.ones(count, dtype=bool)
    for _ in range(max_sweeps):
        source, target = _offers(problem, best, changed)
        if not len(source):
            break
        offered = best.take(source)
        offered.beta_index = target
        opened = [reopened(offered, rng, hint) for hint in (None, 0, 1)]
        trial = join([offered, *opened])
        run(problem, trial, max_rounds=max_rounds // 10, tolerance_nats=tolerance_nats)
        # A descent is slow where a channel is about to close: a start that is close may still win.
        behind = trial.objective_nats - best.objective_nats[trial.beta_index]
        trial = trial.take(np.flatnonzero(behind < _CLOSE_NATS))
        run(problem, trial, max_rounds=max_rounds, tolerance_nats=tolerance_nats)
        merged = best_per_beta(join([best, trial]), 1)
        changed = merged.objective_nats < best.objective_nats - _IMPROVED_NATS
        best = merged
    return best


def _offers(problem: Problem, best: Pool, changed: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Pairs of solution and beta to try: changed neighbours, and any that is already better."""
    count = len(problem.beta)
    pairs = {(i, i) for i in np.flatnonzero(changed)}
    for i in np.flatnonzero(changed):
        pairs |= {(i, j) for j in (i - 1, i + 1) if 0 <= j < count}
    rate = best.information_nats.sum(axis=1)
    lines = problem.beta[:, None] * rate - best.predictive_nats  # [beta, solution]
    winner = np.argmin(lines, axis=1)
    better = lines[np.arange(count), winner] < best.objective_nats - _IMPROVED_NATS
    pairs |= {(winner[j], j) for j in np.flatnonzero(better)}
    ordered = sorted((int(i), int(j)) for i, j in pairs)
    if not ordered:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    source, target = np.array(ordered, dtype=np.intp).T
    return source, target
