"""Refinement: channels trained at fixed beta until they are nearly optimal.

A sweep shows in one run which components matter and in what order, but it is not optimal: the model
lags behind beta, the KL charges more than is conveyed, and a Gaussian channel of a binary component
can't be optimal. Here, components with few values have discrete channels (`DiscreteChannels`),
their exact information is charged, and beta is fixed. As the objective has many local optima,
training starts at every beta from several subsets of components, those that the sweep used; the
best of all candidates is kept (`Candidates.envelope`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from distributed_ib._checks import whole_number
from distributed_ib._units import nats_to_bits
from distributed_ib.errors import UserError
from distributed_ib.information.entropy import entropy_bits
from distributed_ib.model.predictors import BernoulliPredictor, CategoricalPredictor
from distributed_ib.optimum._descent import channel_information_nats
from distributed_ib.optimum._discrete_channels import subset_channels
from distributed_ib.optimum._refine_loop import (
    Rates,
    RefineState,
    Samples,
    mean_error_nats,
    start_state,
    train,
)
from distributed_ib.optimum.candidates import Candidates, joined

FloatArray = NDArray[np.float64]

MAX_VALUES = 64
"""Most values of a component; the cost of a step grows with their number."""

_JUMP_BITS = 0.5
_SCREENING_ROWS, _FINAL_ROWS = 2**12, 2**15  # number of predictions over which errors are averaged


@dataclass(frozen=True)
class RefineSettings:
    """Settings for the training of candidates.

    Attributes:
        n_steps: Steps for the candidates that are kept.
        n_screening_steps: Steps for all candidates, before the worse are dropped.
        n_kept: Number of candidates kept at each beta.
        n_jumps: Maximum number of additional bottleneck strengths, placed where the best candidate
            changes by more than half a bit from one beta to the next.
        n_pretraining_steps: Steps of the predictor before the channels move.
        rows_per_component: Rows of data per step, for each component.
        learning_rate: Adam's learning rate for the predictor.
        channel_rate: Fraction by which channels move in a step towards the optimum for the current
            predictor.
        memory: Decay factor per step, at least 0 and below 1, of the averages of past predictions.
            If it is small, noise closes channels of little use.
        hidden: Widths of the predictor's hidden layers.
        activation: "tanh" or "relu".

    Raises:
        UserError: If a number is out of range.
    """

    n_steps: int = 1500
    n_screening_steps: int = 300
    n_kept: int = 2
    n_jumps: int = 4
    n_pretraining_steps: int = 2000
    rows_per_component: int = 8
    learning_rate: float = 3e-3
    channel_rate: float = 0.1
    memory: float = 0.97
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "tanh"

    def __post_init__(self) -> None:
        """Check that all numbers are in range."""
        for name in ("n_steps", "n_kept", "rows_per_component"):
            whole_number(name, getattr(self, name), 1)
        for name in ("n_screening_steps", "n_pretraining_steps", "n_jumps"):
            whole_number(name, getattr(self, name), 0)
        for name in ("learning_rate", "channel_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f"{name} must be above 0 and at most 1.")
        if not 0 <= self.memory < 1:
            raise UserError("memory must be at least 0 and below 1.")


def refine(
    x: ArrayLike,
    y: ArrayLike,
    beta: ArrayLike,
    *,
    subsets: ArrayLike | None = None,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    settings: RefineSettings | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Candidates:
    """Learn nearly optimal channels at fixed beta, from data, for components with few values.

    At every step, the predictor learns by cross-entropy from symbols drawn from the channels, and
    the channels move a little towards `p(u_i) exp(E[log r(y|u) | u_i, x_i] / beta)`, the optimum
    for the current predictor; the expectation is over recent rows.

    Args:
        x: Values of the components, integers from 0 and below `MAX_VALUES`, `[n, component]`.
        y: Classes of Y, integers from 0, `[n]`.
        beta: Positive bottleneck strengths, `[b]` or a number.
        subsets: Components that are open at each start, `[start, component]`, such as the subsets
            that a sweep used; by default one start with all components.
        validation: Held-out x and y on which the error is measured.
        settings: How to train.
        seed: Seed of all random draws.
        progress: Called with a line of text during the training.

    Returns:
        The candidates, `settings.n_kept` (or as many as there are starts) at every beta, and at a
        few additional beta where the best candidate changes.

    Raises:
        UserError: If shapes disagree, values are not integers from 0 or too many, or beta is not
            positive.

    Example:
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> brief = RefineSettings(n_steps=200, n_screening_steps=0, n_pretraining_steps=300,
        ...                        learning_rate=0.01, hidden=(16,))
        >>> found = refine(x, x[:, 0] ^ x[:, 1], [0.2], settings=brief)  # 1 bit for 2
        >>> found.information_bits.round(2).tolist()
        [[1.0, 1.0]]
    """
    return _Refinement(x, y, beta, subsets, validation, settings or RefineSettings(), seed).run(
        progress or (lambda _: None)
    )


class _Refinement:
    """One refinement in progress."""

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        beta: ArrayLike,
        subsets: ArrayLike | None,
        validation: tuple[ArrayLike, ArrayLike] | None,
        settings: RefineSettings,
        seed: int,
    ) -> None:
        self.settings, self.key = settings, jax.random.key(whole_number("seed", seed, 0, 2**32 - 1))
        rows, labels = _checked_rows(x, y, "the data")
        held_x, held_y = (
            (rows, labels)
            if validation is None
            else _checked_rows(*validation, "the validation data")
        )
        if held_x.shape[1] != rows.shape[1]:
            raise UserError(
                f"the validation data have {held_x.shape[1]} components, but the data have "
                f"{rows.shape[1]}."
            )
        both = np.concatenate([rows, held_x])
        self.sizes = tuple(int(size) for size in both.max(axis=0) + 1)
        self.n_classes = int(max(labels.max(), held_y.max()) + 1)
        self.beta = np.atleast_1d(np.asarray(beta, dtype=np.float64))
        if self.beta.ndim != 1 or not np.all((self.beta > 0) & np.isfinite(self.beta)):
            raise UserError("beta must be a number or a list of numbers, all positive and finite.")
        given = np.ones((1, len(self.sizes))) if subsets is None else np.atleast_2d(subsets)
        self.subsets = np.unique(np.asarray(given, dtype=bool), axis=0)[::-1]
        self.samples = _samples(rows, labels, max(self.sizes))
        self.held = (jnp.asarray(held_x), jnp.asarray(held_y))
        self.baseline_bits = float(entropy_bits(np.bincount(held_y) / len(held_y)))

    def run(self, progress: Callable[[str], None]) -> Candidates:
        progress(f"refinement: pre-training (subsets: {len(self.subsets)})")
        starts, static = self._pretrained()
        progress(f"refinement: training at fixed beta (values of beta: {len(self.beta)})")
        found = self._trained_at(self.beta, starts, static, stage=1)
        between = self._jumps(found)
        if len(between):
            progress(
                "refinement: training again where the best subset changes (values of beta: "
                f"{len(between)})"
            )
            found = joined(found, self._trained_at(between, starts, static, stage=5))
        return found

    def _trained_at(
        self, beta: FloatArray, starts: RefineState, static: Any, stage: int
    ) -> Candidates:
        """The best candidates at each bottleneck strength, over all starts."""
        n_starts = len(self.subsets)
        start = np.tile(np.arange(n_starts), len(beta))
        strength = np.repeat(beta, n_starts)
        states = jax.tree.map(lambda leaf: np.asarray(leaf)[start], starts)
        kept = min(self.settings.n_kept, n_starts)
        if kept < n_starts and self.settings.n_screening_steps:
            n_steps = self.settings.n_screening_steps
            screened = self._train(states, static, strength, n_steps, stage)
            chosen = self._best(screened, static, strength, kept)
            states = jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], screened)
            start, strength = start[chosen], strength[chosen]
        states = self._train(states, static, strength, self.settings.n_steps, stage + 1)
        return self._candidates(states, static, start, strength)

    def _jumps(self, found: Candidates) -> FloatArray:
        """Betas at which the best candidate changes much, where another may be better."""
        best = found.envelope(np.sort(self.beta))
        totals = best.total_bits
        dropped = totals[:-1] - totals[1:]
        largest = np.argsort(-dropped)[: self.settings.n_jumps]
        chosen = largest[dropped[largest] > _JUMP_BITS]
        gained = best.predictive_bits[chosen] - best.predictive_bits[chosen + 1]
        return np.sort(gained / dropped[chosen])  # where both candidates have the same objective

    def _pretrained(self) -> tuple[RefineState, Any]:
        """A pretrained predictor for each subset, with its channels at their start."""
        tables = jnp.asarray(subset_channels(self.sizes, self.subsets))
        keys = jax.random.split(jax.random.fold_in(self.key, 0), len(self.subsets))
        predictors = eqx.filter_vmap(self._predictor)(keys)
        states = eqx.filter_vmap(start_state)(tables, predictors)
        static = eqx.filter(predictors, eqx.is_inexact_array, inverse=True)
        strength = np.ones(len(self.subsets))
        n_steps = self.settings.n_pretraining_steps
        states = self._train(states, static, strength, n_steps, 3, channel_rate=0.0)
        # Adam's moments and the running sums belong to the earlier stage.
        fresh = eqx.filter_vmap(start_state)(tables, eqx.combine(states.params, static))
        return fresh, static

    def _predictor(self, key: jax.Array) -> BernoulliPredictor | CategoricalPredictor:
        width = len(self.sizes) * max(self.sizes)
        hidden, activation = self.settings.hidden, self.settings.activation
        if self.n_classes <= 2:
            return BernoulliPredictor(width, hidden=hidden, activation=activation, key=key)
        return CategoricalPredictor(
            width, n_classes=self.n_classes, hidden=hidden, activation=activation, key=key
        )

    def _train(
        self,
        states: RefineState,
        static: Any,
        strength: FloatArray,
        n_steps: int,
        stage: int,
        channel_rate: float | None = None,
    ) -> RefineState:
        rate = self.settings.channel_rate if channel_rate is None else channel_rate
        rates = Rates(
            learning_rate=jnp.float32(self.settings.learning_rate),
            channel_rate=jnp.float32(rate),
            memory=jnp.float32(self.settings.memory),
            n_steps=jnp.int32(n_steps),
        )
        return train(
            states,
            static,
            self.samples,
            strength,
            jax.random.fold_in(self.key, stage),
            rates,
            rows_per_component=self.settings.rows_per_component,
        )

    def _best(
        self, states: RefineState, static: Any, strength: FloatArray, kept: int
    ) -> NDArray[np.intp]:
        """The candidates with the lowest objective, `kept` at each beta."""
        error = self._error_nats(states, static, _SCREENING_ROWS)
        objective = strength * self._information_nats(self._tables(states)).sum(axis=1) + error
        order = np.argsort(objective.reshape(-1, len(self.subsets)), axis=1)[:, :kept]
        offset = np.arange(len(order))[:, None] * len(self.subsets)
        return (offset + np.sort(order, axis=1)).reshape(-1)

    def _error_nats(self, states: RefineState, static: Any, n_rows: int) -> FloatArray:
        x, y = self.held
        n_draws = -(-n_rows // len(x))
        key = jax.random.fold_in(self.key, 4)
        return mean_error_nats(states, static, x, y, key, n_draws)

    def _tables(self, states: RefineState) -> list[FloatArray]:
        """p(u_i|x_i) of each component without padding, `[candidate, x_i, u_i]`."""
        padded = np.exp(np.asarray(states.channels.log_probabilities, np.float64))
        tables = [padded[:, i, :size, :size] for i, size in enumerate(self.sizes)]
        return [table / table.sum(axis=2, keepdims=True) for table in tables]

    def _information_nats(self, tables: Sequence[FloatArray]) -> FloatArray:
        """I(U_i; X_i), `[candidate, component]`."""
        frequencies = np.asarray(self.samples.value_probabilities, np.float64)
        return np.stack(
            [
                channel_information_nats(table.swapaxes(1, 2), frequency[None, : table.shape[1]])
                for table, frequency in zip(tables, frequencies, strict=True)
            ],
            axis=1,
        )

    def _candidates(
        self, states: RefineState, static: Any, start: NDArray[np.intp], strength: FloatArray
    ) -> Candidates:
        tables = self._tables(states)
        error = self._error_nats(states, static, _FINAL_ROWS)
        return Candidates(
            beta=strength,
            start=start,
            channels=tuple(tables),
            information_bits=np.asarray(nats_to_bits(self._information_nats(tables))),
            prediction_error_bits=np.asarray(nats_to_bits(error)),
            baseline_bits=self.baseline_bits,
            params=states.params,
            static=static,
        )


def _samples(x: NDArray[np.int32], y: NDArray[np.int32], n_symbols: int) -> Samples:
    counts = np.stack([np.bincount(column, minlength=n_symbols) for column in x.T])
    # Values that never occur have a tiny weight, so that its logarithm is finite.
    frequency = np.maximum(counts / len(x), 1e-12)
    return Samples(jnp.asarray(x), jnp.asarray(y), jnp.asarray(frequency, jnp.float32))


def _checked_rows(
    x: ArrayLike, y: ArrayLike, what: str
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rows, labels = np.asarray(x), np.asarray(y)
    if rows.ndim != 2 or rows.size == 0 or labels.shape != rows.shape[:1]:
        raise UserError(
            f"{what} must be x of shape [n, component] and y of shape [n], got {list(rows.shape)} "
            f"and {list(labels.shape)}."
        )
    for name, values in (("x", rows), ("y", labels)):
        if values.dtype.kind not in "biuf" or not np.all((values >= 0) & (values % 1 == 0)):
            raise UserError(f"{what}: {name} must hold whole numbers from 0; encode values first.")
    if rows.max() >= MAX_VALUES:
        raise UserError(
            f"{what}: a component has {int(rows.max()) + 1} values, but a refinement supports at "
            f"most {MAX_VALUES}; group the values first."
        )
    return rows.astype(np.int32), labels.astype(np.int32)
