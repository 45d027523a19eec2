"""What subsets of the components tell about Y, measured by models trained for each subset."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray
from numpy.typing import NDArray

from distributed_ib._units import nats_to_bits
from distributed_ib.data.batches import Batch, BatchSource, Prepared, RepeatAxis, Step, in_program
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.data.problem import Problem, RowIndex
from distributed_ib.errors import UserError
from distributed_ib.model.bottleneck import Terms
from distributed_ib.scheme._marginal import Marginal
from distributed_ib.scheme._paired import Mean, mean_with_error
from distributed_ib.scheme._row_losses import row_losses
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.schedule import BetaSchedule
from distributed_ib.training.sweep import sweep

FloatArray = NDArray[np.float64]
Subset = frozenset[int]

# Every row is predicted by models trained on the other two thirds.
N_FOLDS = 3
# At most this many rows are used.
MOST_ROWS = 4000
N_DRAWS = 16
N_PRETRAINING_STEPS, N_RISING_STEPS = 800, 400
N_SUBSET_STEPS = N_PRETRAINING_STEPS + N_RISING_STEPS
"""Training steps of the models of subsets."""
# Ranges of beta of two starts: a weak bottleneck finds interactions, and a strong one does not
# memorise the rows of a small table. Each start is compared at `N_PLACES` snapshots.
BETAS, N_PLACES = ((2e-3, 4e-2), (4e-2, 0.4)), 4
# A first learning rate above the usual one lets these small models learn interactions.
FIRST_RATE, LAST_RATE = 3.0, 0.1


@dataclass(frozen=True, eq=False)
class SubsetKnowledge:
    """What subsets of components tell about Y, row by row.

    Attributes:
        gains_bits: For each subset, how much better its models predict each row than the marginal
            does, `[n]`, in bits.
        weight: Weight of each row, `[n]`; None if all are equal.
        groups: Group label of each row, `[n]`; None if there are no groups.
    """

    gains_bits: Mapping[Subset, FloatArray]
    weight: FloatArray | None = None
    groups: NDArray[np.int64] | None = None

    def known(self, subset: Collection[int]) -> Mean:
        """Bits of Y known from a subset, with their standard error."""
        return self._mean(self.gains_bits[frozenset(subset)])

    def gained(self, subset: Collection[int], beyond: Collection[int]) -> Mean:
        """Bits known from a subset beyond those known from another, paired by row."""
        both = self.gains_bits[frozenset(subset)], self.gains_bits[frozenset(beyond)]
        return self._mean(both[0] - both[1])

    @property
    def n_independent(self) -> int:
        """Number of independent rows, or groups of rows."""
        if self.groups is not None:
            return len(np.unique(self.groups))
        return len(next(iter(self.gains_bits.values())))

    def _mean(self, values: FloatArray) -> Mean:
        return mean_with_error(values, self.weight, self.groups)


@dataclass(frozen=True)
class SubsetTraining:
    """How the models of subsets are trained.

    Attributes:
        batch_size: Rows in a batch.
        learning_rate: Adam's step size; it is three times as large at first, a tenth at the end.
        weight_decay: Share of each weight that a step at learning rate 1 removes.
    """

    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.3


def subset_knowledge(
    problem: Problem,
    make_model: Callable[[PRNGKeyArray], Any],
    subsets: Sequence[Subset],
    training: SubsetTraining,
    *,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> SubsetKnowledge:
    """Train models that see only some components, and measure them on held-out rows.

    All subsets and folds are trained side by side while the bottleneck strength rises. The model
    of a subset has the size of the full model; the embeddings of the other components are zero.
    For each fold, the bottleneck strength is chosen on the rows of the other folds.

    Args:
        problem: The rows; at most `MOST_ROWS` of them are used.
        make_model: Makes a model with an `encoder` and a `predictor` from a random key.
        subsets: Subsets of component numbers.
        training: How to train.
        seed: Seed of all random draws.
        progress: Called during the training.

    Raises:
        UserError: If there are too few rows or groups for folds.
    """
    random = np.random.default_rng([seed, 3])
    used = np.arange(problem.n_rows)
    if len(used) > MOST_ROWS:
        used = np.sort(random.choice(used, MOST_ROWS, replace=False))
    folds = problem.folds(used, N_FOLDS, seed)
    masks = np.array([_mask(subset, len(problem.names)) for subset in subsets], np.float32)
    layout = [
        (start, fold, s)
        for start in range(len(BETAS))
        for fold in range(len(folds))
        for s in range(len(subsets))
    ]
    source = problem.resampled_batches(
        [folds[fold][0] for _, fold, _ in layout], training.batch_size, seed
    )
    schedules = [
        BetaSchedule(*BETAS[start], n_steps=N_RISING_STEPS, n_pretraining_steps=N_PRETRAINING_STEPS)
        for start, _, _ in layout
    ]
    result = sweep(
        lambda key: _SubsetModel(make_model(key)),
        _SubsetBatches(source, jnp.asarray(masks[[s for _, _, s in layout]])),
        schedules,
        seed=seed,
        n_seeds=len(layout),
        learning_rate=training.learning_rate,
        first_learning_rate=FIRST_RATE * training.learning_rate,
        last_learning_rate=LAST_RATE * training.learning_rate,
        weight_decay=training.weight_decay,
        n_records=N_PLACES,
        n_snapshots=N_PLACES,
        progress=progress,
    )
    if result.status == "interrupted":
        raise KeyboardInterrupt
    if result.status != "finished":
        raise UserError(f"the training of models of subsets {result.message}.")
    found = np.full((len(BETAS) * N_PLACES, len(subsets), problem.n_rows), np.nan)
    for number, (start, fold, _) in enumerate(layout[:: len(subsets)]):
        first, held_out = number * len(subsets), folds[fold][1]
        for place in range(N_PLACES):
            models = [
                _seeing(result.snapshots.model(place, first + s).whole, masks[s])
                for s in range(len(subsets))
            ]
            gains = _gains(problem, models, used, held_out)
            found[start * N_PLACES + place][:, held_out] = gains
    chosen = _cross_fitted(found, [inside for _, inside in folds], problem.weight)
    groups = problem.row_groups
    return SubsetKnowledge(
        {subset: gains[used] for subset, gains in zip(subsets, chosen, strict=True)},
        None if problem.weight is None else problem.weight[used],
        None if groups is None else groups[used],
    )


def _cross_fitted(
    gains: FloatArray, folds: Sequence[RowIndex], weight: FloatArray | None
) -> FloatArray:
    """Gains `[subset, n]` at the place chosen on the other folds, from `[place, subset, n]`."""
    counted = gains if weight is None else gains * weight
    totals = np.stack([counted[:, :, rows].sum(axis=2) for rows in folds])
    chosen = np.full(gains.shape[1:], np.nan)
    for fold, rows in enumerate(folds):
        best = (totals.sum(axis=0) - totals[fold]).argmax(axis=0)
        for subset, place in enumerate(best):
            chosen[subset, rows] = gains[place, subset, rows]
    return chosen


def _mask(subset: Subset, n_components: int) -> list[float]:
    return [float(k in subset) for k in range(n_components)]


def _gains(
    problem: Problem, models: Sequence[Any], used: RowIndex, held_out: RowIndex
) -> FloatArray:
    """How much better each model predicts held-out rows than the marginal, `[model, n]`."""
    train = problem.rows(np.setdiff1d(used, held_out))
    marginal = Marginal(models[0].predictor.inner, np.asarray(train.y), train.weight)
    x, y, _ = problem.rows(held_out)
    losses = row_losses(models, x.rows() if lists_values(x) else x, y, n_samples=N_DRAWS)
    return np.asarray(nats_to_bits(marginal.losses_nats(y) - losses.averaged))


class _SubsetModel(eqx.Module):
    """A model that sees the components that the mask of its batch ((x, mask), y) selects."""

    whole: Any

    def terms(self, batch: Batch, *, key: PRNGKeyArray) -> Terms:
        (x, mask), y = batch
        channel = self.whole.encoder(x)
        u = channel.sample(key=key) * mask[None, :, None]
        outputs = self.whole.predictor(u.reshape(u.shape[0], -1))
        loss = self.whole.predictor.loss_nats(outputs, y)
        return Terms(channel.mean_kl_nats() * mask, loss.mean(), {})


class _SubsetBatches(eqx.Module):
    """Batches of another source, with the mask of components that each repeat sees."""

    source: BatchSource
    masks: Float[Array, "repeat component"]

    @property
    def max_steps(self) -> int | None:
        return self.source.max_steps

    @property
    def repeat_axis(self) -> RepeatAxis:
        return (self.source.repeat_axis, 0)

    def prepare(self, first_step: int, n_steps: int, n_repeats: int) -> Prepared:
        return self.source.prepare(first_step, n_steps, n_repeats), self.masks

    def pick(self, prepared: Prepared, offset: Step) -> Prepared:
        inner, masks = prepared
        return self.source.pick(inner, offset), masks

    def draw(self, picked: Prepared, key: PRNGKeyArray) -> Batch:
        inner, mask = picked
        x, y = self.source.draw(inner, key)
        return (x, mask), y

    def in_program(self) -> "_SubsetBatches":
        return _SubsetBatches(in_program(self.source), self.masks)


class _SeeingPredictor(eqx.Module):
    """A predictor for which the embeddings of some components are zero."""

    inner: Any
    mask: Float[Array, " input"]

    def __call__(self, u: Float[Array, "batch input"]) -> Array:
        return jnp.asarray(self.inner(u * self.mask[None]))

    def loss_nats(self, outputs: Array, y: Array) -> Array:
        return jnp.asarray(self.inner.loss_nats(outputs, y))

    def scores(self, outputs: Array, y: Array) -> dict[str, Array]:
        return {}


def _seeing(model: Any, mask: NDArray[np.float32]) -> Any:
    """The model with a predictor that sees only some components."""
    n_each = model.predictor.input_dim // len(mask)
    predictor = _SeeingPredictor(model.predictor, jnp.repeat(jnp.asarray(mask), n_each))
    return eqx.tree_at(lambda m: m.predictor, model, predictor)
