"""Measure all evidence of a scheme."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray
from numpy.typing import NDArray

from distributed_ib.data.component_values import ComponentValues
from distributed_ib.data.distinct_values import lists_values
from distributed_ib.data.problem import Division, Problem, RowIndex, Split
from distributed_ib.errors import UserError
from distributed_ib.evidence.dependence import Rows, component_p_values, joint_p_value
from distributed_ib.evidence.evidence import Evidence, EvidenceAt
from distributed_ib.evidence.false_discovery import q_values
from distributed_ib.evidence.held_out import held_out_p_value, joined_p_value
from distributed_ib.evidence.interval import LEVEL, Interval
from distributed_ib.evidence.redundancy import (
    ComponentKnowledge,
    redundancy,
    strongly_correlated,
    subsets_to_measure,
)
from distributed_ib.evidence.references import Reference, reference_scores
from distributed_ib.evidence.stability import (
    AtEqualBits,
    at_equal_bits,
    bits_where_chosen,
    last_components,
)
from distributed_ib.evidence.subset_knowledge import SubsetTraining, subset_knowledge
from distributed_ib.model.contrastive_predictor import ContrastivePredictor
from distributed_ib.scheme._choosing import nearest_place
from distributed_ib.scheme._marginal import Marginal
from distributed_ib.scheme._measured_rows import MeasuredRows
from distributed_ib.scheme._noise import mean_over_noise, read_probabilities
from distributed_ib.scheme._paired import Mean, mean_with_error
from distributed_ib.scheme.approximation_scheme import ApproximationScheme
from distributed_ib.training.progress import ProgressCallback
from distributed_ib.training.train_settings import TrainSettings

MakeModel = Callable[[PRNGKeyArray], Any]

# A component is in use in a resample if it conveys more than this.
THRESHOLD_BITS = 0.1
MOST_TEST_ROWS = 2000
# The full weight decay of a sweep would keep these small models from learning interactions.
DECAY_OF_SUBSETS = 0.4


@dataclass(frozen=True, eq=False)
class _Context:
    """Inputs that all measurements share."""

    scheme: ApproximationScheme
    split: Split
    division: Division
    train: TrainSettings
    seed: int

    @property
    def problem(self) -> Problem:
        return self.split.problem

    @property
    def development(self) -> RowIndex:
        """Training and validation rows."""
        return np.unique(np.concatenate([*self.division.train, *self.division.validation]))

    @property
    def groups(self) -> NDArray[np.int64] | None:
        return self.problem.row_groups

    @cached_property
    def bits(self) -> NDArray[np.float64]:
        """Bits of components, `[step, resample, component]`, averaged over a resample's seeds."""
        bits = self.scheme.conveyed_bits().transpose("step", "seed", "component").values
        n_seeds = self.train.n_seeds if self.train.n_resamples else 1
        return np.asarray(bits.reshape(len(bits), -1, n_seeds, bits.shape[2]).mean(axis=2))

    def of(self, values: NDArray[Any] | None, rows: RowIndex) -> Any:
        return None if values is None else values[rows]

    def models(self, beta: float) -> list[Any]:
        """All models that predict together at a bottleneck strength."""
        return self.scheme.models(nearest_place(self.scheme.snapshots.beta, beta))


def measure_evidence(
    scheme: ApproximationScheme,
    split: Split,
    make_model: MakeModel,
    train: TrainSettings,
    *,
    level: float = LEVEL,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Evidence | None:
    """Measure the statistical evidence for the findings of a scheme.

    Args:
        scheme: The scheme.
        split: Its rows.
        make_model: Makes a model from a random key, for the models of subsets.
        train: How the scheme was trained.
        level: Coverage of all intervals.
        seed: Seed of all random draws.
        progress: Called while models of subsets are trained.

    Returns:
        The evidence; None if it cannot be measured: without models or held-out rows, or if rows
        are generated on the fly or are the complete distribution.
    """
    problem = split.problem
    if problem.source is not None or problem.complete or not len(scheme.snapshots.record):
        return None
    context = _Context(scheme, split, split.divided(train.n_resamples), train, seed)
    if not len(context.division.test):
        return None
    components = problem.component_values()
    if components is None:
        return None
    rows = Rows(components, problem.outcome, problem.weight, context.groups)
    tests = [joint_p_value(rows.take(context.development), seed=seed), _held_out_p_value(context)]
    p_values = component_p_values(rows, seed=seed)
    evidence = Evidence(
        names=problem.names,
        p_value=joined_p_value([p for p in tests if p is not None]),
        p_values=tuple(map(float, p_values)),
        q_values=tuple(map(float, q_values(p_values))),
        best=_at(context, "best", level),
        simplest=_at(context, "simplest", level),
        n_resamples=train.n_resamples,
        n_rows=len(context.division.test),
        at_equal_bits=_at_equal_bits(context, level),
        last=_last(context),
        correlated=tuple(strongly_correlated(components, problem.names)),
        level=level,
    )
    evidence = replace(evidence, references=tuple(_references(context, components, level)))
    if evidence.verdict == "no evidence":
        return evidence
    knowledge = _knowledge(evidence, context, make_model, progress)
    return replace(evidence, knowledge=tuple(knowledge))


def _held_out_p_value(context: _Context) -> float | None:
    """p-value of the best models that convey information; None if they have no classes.

    Models that convey nothing predict the same for all rows, which is no evidence either way.
    """
    data, test = context.scheme.to_xarray(), context.division.test
    record = context.scheme.snapshots.record
    conveyed = data["kl_bits"].mean("seed").sum("component").values[record]
    if "excess_loss_bits" in data:
        loss = data["excess_loss_bits"].values[record]
    else:
        split = context.scheme.choosing_split
        loss = data["prediction_error_bits"].sel(split=split).mean("seed").values[record]
    is_open = conveyed > THRESHOLD_BITS
    place = int(np.argmin(np.where(is_open, loss, np.inf))) if is_open.any() else 0
    models = context.scheme.models(place)
    predictor = _predictor(models)
    if isinstance(predictor, ContrastivePredictor) or not hasattr(predictor, "probabilities"):
        return None
    if len(test) > MOST_TEST_ROWS:
        test = np.sort(
            np.random.default_rng([context.seed, 7]).choice(test, MOST_TEST_ROWS, replace=False)
        )
    x, y, _ = context.problem.rows(test)
    probabilities = mean_over_noise(
        models,
        x.rows() if lists_values(x) else x,
        read_probabilities,
        n_samples=context.train.n_draws,
        seed=0,
    )
    codes = np.asarray(y).reshape(len(test), -1).astype(np.int64)
    entries = probabilities if probabilities.ndim == 3 else probabilities[:, None]
    if codes.shape[1] != entries.shape[1]:
        return None
    logs = np.log(np.maximum(entries, 1e-300))
    likelihood = np.sum([logs[:, k][:, codes[:, k]] for k in range(codes.shape[1])], axis=0)
    return held_out_p_value(
        likelihood,
        context.of(context.groups, test),
        context.of(context.problem.weight, test),
        seed=context.seed,
    )


def _predictor(models: Sequence[Any]) -> Any:
    """The predictor of some models; None if they are custom models without this part."""
    return getattr(models[0], "predictor", None)


def _at(context: _Context, name: str, level: float) -> EvidenceAt:
    """The numbers of "best" or "simplest"."""
    scheme = context.scheme
    beta = scheme.best_beta if name == "best" else scheme.simplest_beta
    all_beta = scheme.to_xarray()["beta"].values
    step = nearest_place(all_beta, beta)
    found = context.bits[step]
    single, averaged = _known(context, step, beta)
    n = _independent(context)
    return EvidenceAt(
        beta=float(all_beta[step]),
        known=Interval.of(single, level, n),
        averaged=Interval.of(averaged, level, n),
        bits=tuple(
            bits_where_chosen(context.bits, step, _chosen_share(context, name, step), level)
            if context.train.n_resamples
            else [Interval(float(value)) for value in found.mean(axis=0)]
        ),
        selected=tuple((found > THRESHOLD_BITS).mean(axis=0)) if context.train.n_resamples else (),
    )


def _chosen_share(context: _Context, name: str, step: int) -> NDArray[np.float64]:
    """Share of bootstraps that choose each step; `step` alone if the scheme has no bootstraps."""
    data = context.scheme.to_xarray()
    if f"{name}_share" in data:
        return np.asarray(data[f"{name}_share"].values)
    return (np.arange(data.sizes["step"]) == step).astype(np.float64)


def _independent(context: _Context) -> int:
    """Number of independent test rows, or groups of them."""
    groups = context.of(context.groups, context.division.test)
    return len(context.division.test) if groups is None else len(np.unique(groups))


def _known(context: _Context, step: int, beta: float) -> tuple[Mean, Mean]:
    """Bits known on test rows: from one draw of the noise, and from averaged predictions."""
    data = context.scheme.to_xarray()
    if context.scheme.is_ladder:
        names = ("known", "averaged_known")
        return tuple(  # type: ignore[return-value]
            Mean(*(float(data[f"{name}{part}_bits"].values[step]) for part in ("", "_error")))
            for name in names
        )
    models = context.models(beta)
    predictor = _predictor(models)
    _, y, weight = context.problem.rows(context.split.train)
    unknown = Mean(float("nan"), float("nan"))
    try:
        marginal = Marginal(predictor, np.asarray(y), weight)
        rows = MeasuredRows.of(context.split, context.division.test, marginal)
    except UserError:  # a predictor of the study's own
        return unknown, unknown
    losses = rows.losses(models, context.train.n_draws)
    gains = [rows.marginal - losses.single_draw.mean(axis=0), rows.marginal - losses.of_all]
    single, averaged = (
        mean_with_error(gain / np.log(2), rows.weight, rows.groups) for gain in gains
    )
    return single, averaged


def _at_equal_bits(context: _Context, level: float) -> tuple[AtEqualBits, ...]:
    if not context.train.n_resamples:
        return ()
    return tuple(at_equal_bits(context.bits, level))


def _last(context: _Context) -> tuple[Any, ...]:
    if not context.train.n_resamples:
        return ()
    return tuple(last_components(context.bits, context.problem.names, THRESHOLD_BITS))


def _knowledge(
    evidence: Evidence,
    context: _Context,
    make_model: MakeModel,
    progress: ProgressCallback | None,
) -> list[ComponentKnowledge]:
    predictor = _predictor(context.scheme.models(0))
    if isinstance(predictor, ContrastivePredictor) or not hasattr(predictor, "input_dim"):
        return []
    names, bits = evidence.names, [one.value for one in evidence.best.bits]
    supported = [names.index(name) for name in evidence.supported]
    order = sorted(supported, key=lambda k: (-bits[k], evidence.p_values[k]))
    if not order:
        return []
    train = context.train
    try:
        found = subset_knowledge(
            context.problem,
            make_model,
            subsets_to_measure(order),
            SubsetTraining(
                batch_size=train.batch_size,
                learning_rate=train.learning_rate,
                weight_decay=DECAY_OF_SUBSETS * train.weight_decay,
            ),
            seed=context.seed,
            progress=progress,
        )
    except UserError:  # no marginal of such a predictor, or too few groups
        return []
    return redundancy(found, order, names, evidence.level)


def _references(
    context: _Context, components: Sequence[ComponentValues], level: float
) -> list[Reference]:
    return reference_scores(
        components,
        context.problem.outcome,
        context.development,
        context.division.test,
        weight=context.problem.weight,
        groups=context.groups,
        level=level,
        seed=context.seed,
    )
